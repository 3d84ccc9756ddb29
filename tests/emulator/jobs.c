/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Service principals and their synchronization jobs, as far as Cloud Sync is found by them. Planted by
 * `POST objects`, {"synchronizationJobs":[{"principalId","id","templateId","status"}]}: each principal is one
 * of the Cloud Sync application template, and each job has the same two rules.
 */

#include <strings.h>

#include "emulator.h"
#include "mem.h"
#include "provision.h"
#include "query.h"
#include "route.h"

#define TEMPLATE "1a4721b3-e57f-4451-ae87-ef078703ec94"

static void begin(const Call *call, const char *context, Answer *answer)
{
        answer->status = 200;
        text_puts(&answer->body, "{\"@odata.context\":\"");
        query_base(&answer->body, call);
        text_printf(&answer->body, "/v1.0/$metadata#%s\",\"value\":[", context);
}

static const char *member(const json_t *job, const char *name)
{
        const char *s = json_string_value(json_object_get(job, name));

        return s ? s : "";
}

static bool is_listed(const Emulator *emulator, size_t n, const char *principal)
{
        for (size_t i = 0; i < n; ++i)
                if (!strcasecmp(member(json_array_get(emulator->jobs, i), "principalId"), principal))
                        return true;
        return false;
}

bool jobs_have(const Emulator *emulator, const Call *call, Answer *answer)
{
        const char *principal = call->segments[SEGMENT_ID].text, *id = call->segments[5].text;

        for (size_t i = 0; i < json_array_size(emulator->jobs); ++i) {
                const json_t *job = json_array_get(emulator->jobs, i);

                if (!strcasecmp(member(job, "principalId"), principal) && !strcasecmp(member(job, "id"), id))
                        return true;
        }
        answer_not_found(answer, id);
        return false;
}

void jobs_schema(Emulator *emulator, Call *call, Answer *answer)
{
        static const struct {
                const char *id, *name, *type;
        } rules[] = {
                { PROVISION_USER_RULE, "User rule", "user" },
                { PROVISION_GROUP_RULE, "Group rule", "group" },
        };

        if (!jobs_have(emulator, call, answer))
                return;
        answer->status = 200;
        text_puts(&answer->body, "{\"id\":");
        text_json(&answer->body, call->segments[5].text);
        text_puts(&answer->body, ",\"synchronizationRules\":[");
        for (size_t i = 0; i < ARRAY_LENGTH(rules); ++i) {
                text_comma(&answer->body);
                text_printf(&answer->body,
                            "{\"id\":\"%s\",\"name\":\"%s\",\"sourceDirectoryName\":\"Active Directory\","
                            "\"targetDirectoryName\":\"Azure Active Directory\",\"objectMappings\":[{"
                            "\"enabled\":true,\"sourceObjectName\":\"%s\",\"targetObjectName\":\"%s\"}]}",
                            rules[i].id, rules[i].name, rules[i].type, rules[i].type);
        }
        text_puts(&answer->body, "]}");
}

void principals_list(Emulator *emulator, Call *call, Answer *answer)
{
        const char *filter = call_option(call, "filter");

        if (filter && !strcasecmp(filter, "appId eq '" TEMPLATE "'")) {
                begin(call, "servicePrincipals(id,applicationTemplateId)", answer);
                text_puts(&answer->body, "]}");
                return;
        }
        if (!filter || strcasecmp(filter, "applicationTemplateId eq '" TEMPLATE "'")) {
                answer_error(answer, 400, "Request_UnsupportedQuery", "Unsupported Query.");
                return;
        }
        begin(call, "servicePrincipals(id,applicationTemplateId)", answer);
        for (size_t i = 0; i < json_array_size(emulator->jobs); ++i) {
                const char *principal = member(json_array_get(emulator->jobs, i), "principalId");

                if (is_listed(emulator, i, principal))
                        continue;
                text_comma(&answer->body);
                text_puts(&answer->body, "{\"id\":");
                text_json(&answer->body, principal);
                text_puts(&answer->body, ",\"applicationTemplateId\":\"" TEMPLATE "\"}");
        }
        text_puts(&answer->body, "]}");
}

void jobs_list(Emulator *emulator, Call *call, Answer *answer)
{
        const char *id = call->segments[SEGMENT_ID].text;

        begin(call, "servicePrincipals/synchronization/jobs", answer);
        for (size_t i = 0; i < json_array_size(emulator->jobs); ++i) {
                const json_t *job = json_array_get(emulator->jobs, i);

                if (strcasecmp(member(job, "principalId"), id))
                        continue;
                text_comma(&answer->body);
                text_puts(&answer->body, "{\"id\":");
                text_json(&answer->body, member(job, "id"));
                text_puts(&answer->body, ",\"templateId\":");
                text_json(&answer->body, member(job, "templateId"));
                text_puts(&answer->body, ",\"status\":{\"code\":");
                text_json(&answer->body, member(job, "status"));
                text_puts(&answer->body, "}}");
        }
        text_puts(&answer->body, "]}");
}
