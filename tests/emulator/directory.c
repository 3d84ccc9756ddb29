/* SPDX-License-Identifier: Apache-2.0 */

/* The tenant itself (organization, domains), deleted objects, and objects of any type */

#include <strings.h>

#include "mem.h"
#include "query.h"
#include "route.h"
#include "write.h"

static void write_context(Text *t, const Call *call, const char *what)
{
        text_puts(t, "{\"@odata.context\":\"");
        query_base(t, call);
        text_printf(t, "/v1.0/$metadata#%s\"", what);
}

static bool domain_is(const json_t *list, const char *name)
{
        for (size_t i = 0; i < json_array_size(list); ++i) {
                if (!strcasecmp(json_string_value(json_array_get(list, i)), name))
                        return true;
        }
        return false;
}

/* The first verified domain is the initial one; the second, when there is one, the default. */
static json_t *verified_domains(const Emulator *emulator)
{
        json_t *list = json_array();
        size_t n = json_array_size(emulator->domains);

        for (size_t i = 0; i < n; ++i) {
                const char *name = json_string_value(json_array_get(emulator->domains, i));

                json_array_append_new(
                        list,
                        json_pack("{s:s, s:b, s:b, s:s, s:s}", "capabilities",
                                  "Email, OfficeCommunicationsOnline", "isDefault", n == 1 || i == 1,
                                  "isInitial", i == 0, "name", name, "type",
                                  domain_is(emulator->options->federated, name) ? "Federated" : "Managed"));
        }
        return list;
}

static json_t *organization(const Emulator *emulator)
{
        json_t *o = json_pack("{s:s, s:s, s:n, s:n, s:s, s:o, s:[], s:[], s:[], s:s}", "id",
                              emulator->options->tenant, "displayName", emulator->options->tenant_name,
                              "onPremisesSyncEnabled", "onPremisesLastSyncDateTime", "tenantType", "AAD",
                              "verifiedDomains", verified_domains(emulator), "assignedPlans",
                              "businessPhones", "technicalNotificationMails", "countryLetterCode", "DE");

        json_object_update(o, emulator->organization);
        return o;
}

/* $select of objects that have no schema here: names that are not there are refused, id stays as in Graph's
 * answer */
static bool select_members(const Call *call, json_t *object, const char *type, Answer *answer)
{
        const char *list = call_option(call, "select");
        _cleanup_(mem_json_freep) json_t *chosen = json_object();

        if (!list)
                return true;
        while (*list) {
                size_t n = strcspn(list, ",");
                _cleanup_(mem_freep) char *name = mem_part(list, n);
                json_t *v = json_object_get(object, name);

                if (!v) {
                        answer_error(answer, 400, "BadRequest",
                                     "Parsing OData Select and Expand failed: Could not find a property "
                                     "named '%s' on type "
                                     "'microsoft.graph.%s'.",
                                     name, type);
                        return false;
                }
                json_object_set(chosen, name, v);
                list += n + (list[n] == ',');
        }
        json_object_clear(object);
        json_object_update(object, chosen);
        return true;
}

static void answer_json(const Call *call, json_t *object, const char *type, const char *context, bool list,
                        Answer *answer)
{
        const char *key;
        json_t *v;

        if (!select_members(call, object, type, answer))
                return;
        answer->status = 200;
        write_context(&answer->body, call, context);
        if (list) {
                text_key(&answer->body, "value");
                text_puts(&answer->body, "[");
                text_value(&answer->body, object);
                text_puts(&answer->body, "]}");
                return;
        }
        json_object_foreach(object, key, v)
        {
                text_key(&answer->body, key);
                text_value(&answer->body, v);
        }
        text_puts(&answer->body, "}");
}

void organization_list(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(mem_json_freep) json_t *o = organization(emulator);

        answer_json(call, o, "organization", "organization", true, answer);
}

void organization_get(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(mem_json_freep) json_t *o = organization(emulator);
        const char *id = call->segments[SEGMENT_ID].text;

        if (strcasecmp(id, emulator->options->tenant))
                answer_not_found(answer, id);
        else
                answer_json(call, o, "organization", "organization/$entity", false, answer);
}

static json_t *domain(const Emulator *emulator, size_t i)
{
        const char *name = json_string_value(json_array_get(emulator->domains, i));

        return json_pack("{s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:n, s:[ss]}", "id", name, "authenticationType",
                         domain_is(emulator->options->federated, name) ? "Federated" : "Managed",
                         "isAdminManaged", 1, "isDefault", json_array_size(emulator->domains) == 1 || i == 1,
                         "isInitial", i == 0, "isRoot", 1, "isVerified", 1, "availabilityStatus",
                         "supportedServices", "Email", "OfficeCommunicationsOnline");
}

void domain_list(Emulator *emulator, Call *call, Answer *answer)
{
        Text *t = &answer->body;

        answer->status = 200;
        write_context(t, call, "domains");
        text_key(t, "value");
        text_puts(t, "[");
        for (size_t i = 0; i < json_array_size(emulator->domains); ++i) {
                _cleanup_(mem_json_freep) json_t *d = domain(emulator, i);

                if (!select_members(call, d, "domain", answer))
                        return;
                text_comma(t);
                text_value(t, d);
        }
        text_puts(t, "]}");
}

void domain_get(Emulator *emulator, Call *call, Answer *answer)
{
        const char *name = call->segments[SEGMENT_ID].text;

        for (size_t i = 0; i < json_array_size(emulator->domains); ++i) {
                _cleanup_(mem_json_freep) json_t *d = NULL;

                if (strcasecmp(json_string_value(json_array_get(emulator->domains, i)), name))
                        continue;
                d = domain(emulator, i);
                answer_json(call, d, "domain", "domains/$entity", false, answer);
                return;
        }
        answer_not_found(answer, name);
}

/* Lists are small here: filters walk the list, no index knows the dead. */
void deleted_list(Emulator *emulator, Call *call, Answer *answer)
{
        bool user = call_is(call, 3, "microsoft.graph.user");
        const Schema *schema = user ? &schema_user : &schema_group;
        _cleanup_(query_deinit) Query query = { 0 };

        if (query_parse(&query, call, schema, answer))
                query_answer_list(&query, call, NULL, &emulator_view(emulator)->deleted, schema, schema->set,
                                  answer);
}

static Object *deleted_target(const Emulator *emulator, const Call *call, Answer *answer)
{
        const char *id = call->segments[3].text;
        const Store *store = call->method == METHOD_GET ? emulator_view(emulator) : &emulator->store;
        Object *object = store_find_deleted(store, NULL, id);

        if (!object)
                answer_not_found(answer, id);
        return object;
}

void deleted_get(Emulator *emulator, Call *call, Answer *answer)
{
        Object *object = deleted_target(emulator, call, answer);
        _cleanup_(query_deinit) Query query = { 0 };

        if (object && query_parse(&query, call, object->schema, answer))
                query_answer_one(&query, call, object, answer);
}

void deleted_purge(Emulator *emulator, Call *call, Answer *answer)
{
        Object *object = deleted_target(emulator, call, answer);

        if (!object)
                return;
        store_purge(&emulator->store, object);
        answer->changed = true;
        answer_no_content(answer);
}

/* A name or an anchor that somebody else has taken since stands in the way. */
void deleted_restore(Emulator *emulator, Call *call, Answer *answer)
{
        Object *object = deleted_target(emulator, call, answer);
        Query query = { 0 };

        if (!object)
                return;
        for (size_t i = 0; i < object->schema->n; ++i) {
                const json_t *v = object->values[i];
                _cleanup_(mem_json_freep) json_t *name = NULL;
                const Object *other;

                /* a deleted user's name carries the id, 32 digits, in front */
                if (object->schema == &schema_user && i == USER_userPrincipalName &&
                    json_string_length(v) > 32)
                        v = name = json_string(json_string_value(v) + 32);
                other = store_conflict(&emulator->store, object->schema, object, (int)i, v);
                if (other) {
                        write_refuse_conflict(object->schema->properties[i].name, other, answer);
                        return;
                }
        }
        store_restore(&emulator->store, object);
        answer->changed = true;
        query.schema = object->schema;
        query_answer_one(&query, call, object, answer);
}

void object_get(Emulator *emulator, Call *call, Answer *answer)
{
        const char *id = call->segments[SEGMENT_ID].text;
        Object *object = store_find(emulator_view(emulator), NULL, id);
        _cleanup_(query_deinit) Query query = { 0 };
        _cleanup_(text_deinit) Text context = { 0 };

        if (!object) {
                answer_not_found(answer, id);
                return;
        }
        if (!query_parse(&query, call, object->schema, answer))
                return;
        query_base(&context, call);
        text_puts(&context, "/v1.0/$metadata#directoryObjects/$entity");
        answer->status = 200;
        query_write(&answer->body, &query, object, context.data, true);
}

/* Graph takes at most 1000 ids. Ids that do not exist are left out of the answer. */
#define BY_IDS_MAX 1000

void objects_by_ids(Emulator *emulator, Call *call, Answer *answer)
{
        _cleanup_(mem_json_freep) json_t *body = write_body(call, answer);
        const json_t *ids = json_object_get(body, "ids"), *types = json_object_get(body, "types");
        _cleanup_(query_deinit) Query query = { 0 };
        _cleanup_(links_deinit) Links found = { 0 };

        if (!body || !query_parse(&query, call, NULL, answer))
                return;
        if (!json_is_array(ids) || json_array_size(ids) > BY_IDS_MAX) {
                answer_error(answer, 400, "Request_BadRequest",
                             "The property 'ids' is a list of at most %d ids.", BY_IDS_MAX);
                return;
        }
        for (size_t i = 0; i < json_array_size(ids); ++i) {
                const char *id = json_string_value(json_array_get(ids, i));
                Object *object = id ? store_find(emulator_view(emulator), NULL, id) : NULL;
                bool wanted = !json_array_size(types);

                for (size_t k = 0; object && k < json_array_size(types); ++k) {
                        const char *type = json_string_value(json_array_get(types, k));

                        wanted |= type && !strcasecmp(type, object->schema->name);
                        wanted |= type && !strcasecmp(type, "directoryObject");
                }
                if (object && wanted)
                        links_add(&found, object);
        }
        query.top = BY_IDS_MAX;
        query_answer_list(&query, call, NULL, &found, NULL, "directoryObjects", answer);
}
