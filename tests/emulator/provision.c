/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Provisioning on demand: Cloud Sync, asked for one object
 *
 * What it finds in Active Directory is planted by `POST objects`, {"directory":[{"dn","objectTypeName",
 * "cloudId","properties":{},"members":["dn"],"error":{"errorCode","errorMessage"}}]}: an object is carried to
 * its cloud object with these properties. Members are carried only as far as the request names them, at most
 * five (synchronization-synchronizationjob-provisionondemand; how-to-on-demand-provision). 5 requests in 10
 * seconds; a refused one does not count.
 */

#include <math.h>
#include <strings.h>

#include "emulator.h"
#include "mem.h"
#include "provision.h"
#include "route.h"
#include "write.h"

#define MEMBERS_MAX 5

static bool refuse(Answer *answer, const char *why)
{
        answer_error(answer, 400, "InvalidRequestBody", "%s", why);
        return false;
}

/* An object with these members and no others; the first `n_needed` must be there. */
static bool check_members(const json_t *o, const char *const *names, size_t n_needed, Answer *answer)
{
        const char *key;
        json_t *v;

        if (!json_is_object(o))
                return refuse(answer, "A JSON object is expected.");
        json_object_foreach((json_t *)(uintptr_t)o, key, v)
        {
                size_t i = 0;

                while (names[i] && strcmp(names[i], key))
                        i++;
                if (!names[i] && strcmp(key, "@odata.type")) {
                        answer_error(answer, 400, "InvalidRequestBody",
                                     "The property '%s' does not exist on the type.", key);
                        return false;
                }
        }
        for (size_t i = 0; i < n_needed; i++)
                if (!json_object_get(o, names[i])) {
                        answer_error(answer, 400, "InvalidRequestBody", "The property '%s' is missing.",
                                     names[i]);
                        return false;
                }
        return true;
}

static bool is_text(const json_t *o, const char *name)
{
        const char *s = json_string_value(json_object_get(o, name));

        return s && *s;
}

static bool check_identity(const json_t *o, const char *const *names, Answer *answer)
{
        const char *type;

        if (!check_members(o, names, 2, answer))
                return false;
        type = json_string_value(json_object_get(o, "objectTypeName"));
        if (!is_text(o, "objectId") || !type || (strcasecmp(type, "user") && strcasecmp(type, "group")))
                return refuse(answer, "objectId must be a text, and objectTypeName user or group.");
        return true;
}

static bool check_links(const json_t *subject, Answer *answer)
{
        static const char *const links_names[] = { "members", NULL };
        static const char *const member_names[] = { "objectId", "objectTypeName", NULL };
        const json_t *links = json_object_get(subject, "links"), *members;

        if (!links || json_is_null(links))
                return true;
        if (!check_members(links, links_names, 1, answer))
                return false;
        members = json_object_get(links, "members");
        if (!json_is_array(members) ||
            strcasecmp(json_string_value(json_object_get(subject, "objectTypeName")), "group"))
                return refuse(answer, "Links are lists of members of a group.");
        if (json_array_size(members) > MEMBERS_MAX)
                return refuse(answer, "At most 5 members can be provisioned on demand.");
        for (size_t i = 0; i < json_array_size(members); i++)
                if (!check_identity(json_array_get(members, i), member_names, answer))
                        return false;
        return true;
}

/* The one subject of the one set of parameters. NULL: refused. */
static const json_t *subject_of(const json_t *body, const char **ret_rule, Answer *answer)
{
        static const char *const body_names[] = { "parameters", NULL };
        static const char *const parameter_names[] = { "subjects", "ruleId", NULL };
        static const char *const subject_names[] = { "objectId", "objectTypeName", "links", NULL };
        const json_t *parameters = json_object_get(body, "parameters"), *parameter, *subjects, *subject;

        if (!check_members(body, body_names, 1, answer))
                return NULL;
        parameter = json_array_get(parameters, 0);
        if (json_array_size(parameters) != 1 || !check_members(parameter, parameter_names, 2, answer)) {
                refuse(answer, "Exactly one set of parameters is expected.");
                return NULL;
        }
        subjects = json_object_get(parameter, "subjects");
        subject = json_array_get(subjects, 0);
        if (json_array_size(subjects) != 1) {
                refuse(answer, "Exactly one subject is expected.");
                return NULL;
        }
        *ret_rule = json_string_value(json_object_get(parameter, "ruleId"));
        return check_identity(subject, subject_names, answer) && check_links(subject, answer) ? subject
                                                                                              : NULL;
}

/* -- the limit ----------------------------------------------------------------------------------------- */

static bool take(Emulator *emulator, const Call *call, Answer *answer)
{
        int64_t window_us = (int64_t)(10e6 / emulator->limits.scale);
        int64_t *first = &emulator->provisioned_us[emulator->n_provisioned % PROVISION_REQUESTS];
        int64_t wait_us = *first + window_us - call->now_us;

        if (emulator->n_provisioned >= PROVISION_REQUESTS && wait_us > 0) {
                answer_error(answer, 429, "TooManyRequests",
                             "Provisioning on demand is limited to 5 requests per 10 seconds.");
                answer->throttled = true;
                answer_header(answer, "Retry-After", "%lld", (long long)ceil((double)wait_us / 1e6));
                return false;
        }
        *first = call->now_us;
        emulator->n_provisioned++;
        return true;
}

/* -- its effect ---------------------------------------------------------------------------------------- */

static const json_t *planted(const Emulator *emulator, const char *dn)
{
        for (size_t i = 0; i < json_array_size(emulator->planted); i++) {
                const json_t *o = json_array_get(emulator->planted, i);

                if (dn && !strcasecmp(dn, json_string_value(json_object_get(o, "dn"))))
                        return o;
        }
        return NULL;
}

static Object *cloud_of(const Emulator *emulator, const json_t *entry)
{
        const char *id = json_string_value(json_object_get(entry, "cloudId"));

        return id ? store_find(&emulator->store, NULL, id) : NULL;
}

static bool is_member(const json_t *entry, const char *dn)
{
        const json_t *members = json_object_get(entry, "members");

        for (size_t i = 0; i < json_array_size(members); i++)
                if (!strcasecmp(dn, json_string_value(json_array_get(members, i))))
                        return true;
        return false;
}

static void carry(Emulator *emulator, const json_t *subject, const json_t *entry, Object *object,
                  Answer *answer)
{
        const json_t *links = json_object_get(json_object_get(subject, "links"), "members");

        write_apply(emulator, object, json_object_get(entry, "properties"), answer);
        for (size_t i = 0; i < json_array_size(links); i++) {
                const char *dn = json_string_value(json_object_get(json_array_get(links, i), "objectId"));
                Object *member = cloud_of(emulator, planted(emulator, dn));

                if (!member)
                        continue;
                answer->changed |= is_member(entry, dn)
                                           ? store_add_member(&emulator->store, object, member)
                                           : store_remove_member(&emulator->store, object, member);
        }
}

/* Both values are texts of JSON. */
static void say(Answer *answer, const char *result, const json_t *error, const char *export_step)
{
        _cleanup_(mem_json_freep) json_t *key = NULL, *value = NULL;
        char *text;

        key = json_pack("{s:s,s:O?}", "result", result, "details", error);
        if (!error)
                json_object_set_new(key, "details", json_object());
        value = json_pack("{s:[{s:s,s:s,s:s,s:s},{s:s,s:s,s:s,s:s}]}", "provisioningSteps", "name",
                          "EntryImportUpdate", "type", "Import", "status", "Success", "description",
                          "Received the object from Active Directory", "name", export_step, "type", "Export",
                          "status", result, "description", "Processed the object");
        answer->status = 200;
        text_puts(&answer->body, "{\"@odata.context\":\"https://syncfabric.windowsazure.com/api/"
                                 "$metadata#microsoft.synchronization.stringKeyStringValuePair\",\"key\":");
        text = mem_need(json_dumps(key, JSON_COMPACT));
        text_json(&answer->body, text);
        free(text);
        text_puts(&answer->body, ",\"value\":");
        text = mem_need(json_dumps(value, JSON_COMPACT));
        text_json(&answer->body, text);
        free(text);
        text_puts(&answer->body, "}");
}

void provision_on_demand(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(mem_json_freep) json_t *body = NULL, *lost = NULL;
        const json_t *subject, *entry, *error;
        const char *rule, *type;
        Object *object;

        if (!take(emulator, call, answer))
                return;
        body = write_body(call, answer);
        if (!body || !jobs_have(emulator, call, answer))
                return;
        subject = subject_of(body, &rule, answer);
        if (!subject)
                return;
        type = json_string_value(json_object_get(subject, "objectTypeName"));
        if (!rule || strcmp(rule, strcasecmp(type, "group") ? PROVISION_USER_RULE : PROVISION_GROUP_RULE)) {
                refuse(answer, "The ruleId is none of the job's schema for this type of object.");
                return;
        }
        entry = planted(emulator, json_string_value(json_object_get(subject, "objectId")));
        object = cloud_of(emulator, entry);
        if (!object) {
                lost = json_pack("{s:s,s:s}", "errorCode", "EntryNotFound", "errorMessage",
                                 "The object was not found in Active Directory.");
                say(answer, "Failure", lost, "EntryExportUpdate");
                return;
        }
        error = json_object_get(entry, "error");
        if (error) {
                say(answer, "Failure", error, "EntryExportUpdate");
                return;
        }
        carry(emulator, subject, entry, object, answer);
        say(answer, "Success", NULL, "EntryExportUpdate");
}

bool provision_plant(Emulator *emulator, const json_t *list)
{
        for (size_t i = 0; i < json_array_size(list); i++) {
                json_t *o = json_array_get(list, i);
                const char *dn = json_string_value(json_object_get(o, "dn"));
                const json_t *old = planted(emulator, dn);

                if (!dn)
                        return false;
                for (size_t k = 0; k < json_array_size(json_object_get(o, "members")); k++)
                        if (!json_is_string(json_array_get(json_object_get(o, "members"), k)))
                                return false;
                for (size_t k = 0; old && k < json_array_size(emulator->planted); k++)
                        if (json_array_get(emulator->planted, k) == old) {
                                json_array_remove(emulator->planted, k);
                                break;
                        }
                json_array_append(emulator->planted, o);
        }
        return true;
}
