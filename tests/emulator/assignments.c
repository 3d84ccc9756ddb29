/* SPDX-License-Identifier: Apache-2.0 */

/* Directory roles: who holds one. Assignments are planted by `POST objects`, {"roleAssignments":[{}]};
 * with "eligible": true it may be activated, and is no assignment now. */

#include <strings.h>

#include "emulator.h"
#include "mem.h"
#include "query.h"
#include "route.h"

/* principalId eq 'GUID', the only filter that is needed here. The id is left in ret (37 bytes). */
static bool parse_filter(const char *text, char *ret)
{
        static const char head[] = "principalId eq '";
        size_t n = sizeof(head) - 1;

        if (strncasecmp(text, head, n) || strlen(text) != n + 37 || text[n + 36] != '\'')
                return false;
        memcpy(ret, text + n, 36);
        ret[36] = 0;
        return true;
}

static void list(Emulator *emulator, Call *call, const char *name, bool eligible, Answer *answer)
{
        const char *filter = call_option(call, "filter"), *expand = call_option(call, "expand");
        Text *t = &answer->body;
        char principal[37] = "";

        if ((filter && !parse_filter(filter, principal)) ||
            (expand && strcasecmp(expand, "roleDefinition"))) {
                answer_error(answer, 400, "Request_UnsupportedQuery", "Unsupported Query.");
                return;
        }
        answer->status = 200;
        text_puts(t, "{\"@odata.context\":\"");
        query_base(t, call);
        text_printf(t, "/v1.0/$metadata#roleManagement/directory/%s\",\"value\":[", name);
        for (size_t i = 0; i < json_array_size(emulator->assignments); ++i) {
                const json_t *a = json_array_get(emulator->assignments, i);
                const char *id = json_string_value(json_object_get(a, "principalId"));
                const char *role = json_string_value(json_object_get(a, "role"));

                if (!id || !role || json_is_true(json_object_get(a, "eligible")) != eligible ||
                    (filter && strcasecmp(id, principal)))
                        continue;
                text_comma(t);
                text_printf(t, "{\"id\":\"%zu\",\"principalId\":\"%s\",\"directoryScopeId\":\"/\"", i, id);
                if (expand) {
                        text_key(t, "roleDefinition");
                        text_puts(t, "{\"displayName\":");
                        text_json(t, role);
                        text_puts(t, "}");
                }
                text_puts(t, "}");
        }
        text_puts(t, "]}");
}

void assignments_list(Emulator *emulator, Call *call, Answer *answer)
{
        list(emulator, call, "roleAssignments", false, answer);
}

void eligibilities_list(Emulator *emulator, Call *call, Answer *answer)
{
        list(emulator, call, "roleEligibilityScheduleInstances", true, answer);
}
