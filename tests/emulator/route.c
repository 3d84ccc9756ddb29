/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "answer.h"
#include "mem.h"
#include "roles.h"
#include "route.h"

#define DIR_READ  (ROLE_DIRECTORY_READ | ROLE_DIRECTORY_WRITE)
#define USER_READ (ROLE_USER_READ | ROLE_USER_WRITE | DIR_READ)
/* user_update() looks at the narrow ones again, since each opens some properties only */
#define USER_UPDATE                                                                                          \
        (ROLE_USER_WRITE | ROLE_DIRECTORY_WRITE | ROLE_USER_UPDATE | ROLE_USER_ENABLE | ROLE_USER_PASSWORD | \
         ROLE_USER_PHONE | ROLE_USER_MAIL | ROLE_USER_IDENTITIES)
#define USER_WRITE   (ROLE_USER_WRITE | ROLE_DIRECTORY_WRITE)
#define USER_MAKE    (USER_WRITE | ROLE_USER_CREATE)
#define USER_ERASE   (USER_WRITE | ROLE_USER_RESTORE)
#define USER_REVOKE  (USER_WRITE | ROLE_USER_REVOKE)
#define GROUP_READ   (ROLE_GROUP_READ | ROLE_GROUP_WRITE | ROLE_MEMBER_READ | ROLE_MEMBER_WRITE | DIR_READ)
#define GROUP_WRITE  (ROLE_GROUP_WRITE | ROLE_DIRECTORY_WRITE)
#define MEMBER_WRITE (ROLE_MEMBER_WRITE | ROLE_GROUP_WRITE | ROLE_DIRECTORY_WRITE)
#define GROUP_MAKE   (GROUP_WRITE | ROLE_GROUP_CREATE)
/* group_update() looks again: who may change members may not change the rest, Group.Create is for upserts */
#define GROUP_CHANGE  (MEMBER_WRITE | ROLE_GROUP_CREATE)
#define ORG_READ      (ROLE_ORGANIZATION_READ | ROLE_ORGANIZATION_WRITE | DIR_READ)
#define DOMAINS_READ  (ROLE_DOMAIN_READ | ROLE_DOMAIN_WRITE | DIR_READ)
#define DELETED_READ  (USER_READ | ROLE_USER_RESTORE | ROLE_GROUP_READ | ROLE_GROUP_WRITE)
#define DELETED_WRITE (USER_WRITE | ROLE_USER_RESTORE | ROLE_GROUP_WRITE)
#define AUDIT_READ    ROLE_AUDIT_READ /* audits_list() looks for another one beside it */
#define ROLES_READ    (ROLE_ROLE_READ | ROLE_ROLE_WRITE | DIR_READ)
#define APPS_READ     (ROLE_APP_READ | DIR_READ)
#define JOBS_READ     (ROLE_SYNC_READ | ROLE_SYNC_WRITE)
#define JOBS_WRITE    ROLE_SYNC_WRITE
#define ANY           UINT64_MAX

#define ROW(m, p, h, u, r)                                                              \
        {                                                                               \
                .method = METHOD_##m, .pattern = p, .handle = h, .units = u, .roles = r \
        }

/* clang-format off */
static const Route routes[] = {
        ROW(GET,    "users",                                         user_list,             2, USER_READ),
        ROW(GET,    "users/$count",                                  user_count,            1, USER_READ),
        ROW(POST,   "users",                                         user_create,           1, USER_MAKE),
        ROW(GET,    "users/delta",                                   user_delta,            2, USER_READ),
        ROW(GET,    "users/{}",                                      user_get,              2, USER_READ),
        ROW(PATCH,  "users/{}",                                      user_update,           1, USER_UPDATE),
        ROW(DELETE, "users/{}",                                      user_delete,           1, USER_ERASE),
        ROW(GET,    "users/{}/manager",                              manager_get,           1, USER_READ),
        ROW(GET,    "users/{}/manager/$ref",                         manager_get_ref,       1, USER_READ),
        ROW(PUT,    "users/{}/manager/$ref",                         manager_set,           1, USER_WRITE),
        ROW(DELETE, "users/{}/manager/$ref",                         manager_clear,         1, USER_WRITE),
        ROW(GET,    "users/{}/directReports",                        reports_list,          1, USER_READ),
        ROW(GET,    "users/{}/memberOf",                             member_of_list,        2, USER_READ),
        ROW(GET,    "users/{}/memberOf/microsoft.graph.group",       member_of_list,        2, USER_READ),
        ROW(POST,   "users/{}/revokeSignInSessions",                 user_revoke,           1, USER_REVOKE),
        ROW(POST,   "users/{}/microsoft.graph.revokeSignInSessions", user_revoke,           1, USER_REVOKE),

        ROW(GET,    "groups",                                        group_list,            1, GROUP_READ),
        ROW(GET,    "groups/$count",                                 group_count,           1, GROUP_READ),
        ROW(POST,   "groups",                                        group_create,          1, GROUP_MAKE),
        ROW(GET,    "groups/delta",                                  group_delta,           1, GROUP_READ),
        ROW(GET,    "groups/{}",                                     group_get,             1, GROUP_READ),
        ROW(PATCH,  "groups/{}",                                     group_update,          1, GROUP_CHANGE),
        ROW(DELETE, "groups/{}",                                     group_delete,          1, GROUP_WRITE),
        ROW(GET,    "groups/{}/members",                             members_list,          3, GROUP_READ),
        ROW(GET,    "groups/{}/members/$count",                      members_count,         1, GROUP_READ),
        ROW(GET,    "groups/{}/members/$ref",                        members_list_ref,      3, GROUP_READ),
        ROW(GET,    "groups/{}/members/microsoft.graph.user",        members_list,          3, GROUP_READ),
        ROW(GET,    "groups/{}/members/microsoft.graph.group",       members_list,          3, GROUP_READ),
        ROW(POST,   "groups/{}/members/$ref",                        members_add,           1, MEMBER_WRITE),
        ROW(DELETE, "groups/{}/members/{}/$ref",                     members_remove,        1, MEMBER_WRITE),
        ROW(DELETE, "groups/{}/members/{}",                          members_delete_object, 1, ANY),
        ROW(GET,    "groups/{}/memberOf",                            member_of_list,        2, GROUP_READ),
        ROW(GET,    "groups/{}/owners",                              owners_list,           1, GROUP_READ),
        ROW(POST,   "groups/{}/owners/$ref",                         owners_add,            1, GROUP_WRITE),
        ROW(DELETE, "groups/{}/owners/{}/$ref",                      owners_remove,         1, GROUP_WRITE),

        ROW(GET,    "organization",                                  organization_list,     1, ORG_READ),
        ROW(GET,    "organization/{}",                               organization_get,      1, ORG_READ),
        ROW(GET,    "domains",                                       domain_list,           1, DOMAINS_READ),
        ROW(GET,    "domains/{}",                                    domain_get,            1, DOMAINS_READ),
        ROW(GET,    "directory/deletedItems/microsoft.graph.user",   deleted_list,          1, DELETED_READ),
        ROW(GET,    "directory/deletedItems/microsoft.graph.group",  deleted_list,          1, DELETED_READ),
        ROW(GET,    "directory/deletedItems/{}",                     deleted_get,           1, DELETED_READ),
        ROW(DELETE, "directory/deletedItems/{}",                     deleted_purge,         1, DELETED_WRITE),
        ROW(POST,   "directory/deletedItems/{}/restore",             deleted_restore,       1, DELETED_WRITE),
        ROW(GET,    "directoryObjects/{}",                           object_get,            1, DIR_READ),
        ROW(POST,   "directoryObjects/getByIds",                     objects_by_ids,        5, DIR_READ),
        ROW(GET,    "auditLogs/directoryAudits",                     audits_list,           1, AUDIT_READ),
        ROW(GET,    "roleManagement/directory/roleAssignments",      assignments_list,      1, ROLES_READ),
        ROW(GET,    "roleManagement/directory/roleEligibilityScheduleInstances", eligibilities_list, 1, ROLES_READ),
        ROW(GET,    "servicePrincipals",                             principals_list,       1, APPS_READ),
        ROW(GET,    "servicePrincipals/{}/synchronization/jobs",     jobs_list,             1, JOBS_READ),
        ROW(GET,    "servicePrincipals/{}/synchronization/jobs/{}/schema", jobs_schema,     1, JOBS_READ),
        ROW(POST,   "servicePrincipals/{}/synchronization/jobs/{}/provisionOnDemand", provision_on_demand, 1, JOBS_WRITE),
        ROW(POST,   "$batch",                                        batch_run,             0, ANY),
};
/* clang-format on */

/* How many segments fit: all of them and no more, then the route is it. */
static bool pattern_match(const char *pattern, const Call *call, size_t *n_matched)
{
        size_t i = 1;

        for (*n_matched = 0; *pattern; ++i) {
                size_t n = strcspn(pattern, "/");
                const Segment *s = &call->segments[i];
                bool any = n == 2 && *pattern == '{';

                if (i >= call->n_segments)
                        return false;
                if (!any && (s->key || strlen(s->text) != n || strncasecmp(s->text, pattern, n)))
                        return false;
                /* a name with a dollar sign is never an id, unless it was written in brackets: users('$x@y')
                 */
                if (any && !s->key && *s->text == '$' && !strchr(s->text, '@'))
                        return false;
                *n_matched = i;
                pattern += n + (pattern[n] == '/');
        }
        return i == call->n_segments;
}

const Route *route_find(const Call *call, Answer *answer)
{
        size_t best = 0, n;
        bool path = false;

        if (!call_is(call, 0, "v1.0")) {
                answer_error(answer, 400, "BadRequest", "Invalid version: %s",
                             call->n_segments ? call->segments[0].text : "");
                return NULL;
        }
        for (size_t i = 0; i < ARRAY_LENGTH(routes); ++i) {
                bool match = pattern_match(routes[i].pattern, call, &n);

                if (match && routes[i].method == call->method)
                        return &routes[i];
                path |= match;
                best = n > best ? n : best;
        }
        if (path)
                answer_error(answer, 405, "Request_BadRequest",
                             "Specified HTTP method is not allowed for the request target.");
        else
                answer_error(answer, 400, "BadRequest", "Resource not found for the segment '%s'.",
                             best + 1 < call->n_segments ? call->segments[best + 1].text
                             : call->n_segments > 1      ? call->segments[call->n_segments - 1].text
                                                         : "");
        return NULL;
}

unsigned int route_units(const Route *route, const Call *call)
{
        int units = (int)route->units;
        const char *top = call_option(call, "top");

        if (!units)
                return 0;
        if (call_option(call, "expand"))
                units += 1;
        if (call_option(call, "select"))
                units -= 1;
        if (top && strtol(top, NULL, 10) < 20)
                units -= 1;
        return units < 1 ? 1 : (unsigned int)units;
}
