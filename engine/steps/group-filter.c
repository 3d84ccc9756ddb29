/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Step 6: if group filtering is on, is the object a direct member of the filter group (or the group itself)?
 * One that is none any more, but whose cloud object is known, has its last word (ou.c).
 */

#include "engine/steps/internal.h"

int step_group_filter(Run *run)
{
        const char *type, *group = run_connector(run)->group_filter;
        const Dn *group_dn;
        bool member = false, may_be = false;
        int r;

        if (!group) {
                step_say(run, RESULT_SUCCESS, "Group filtering is not enabled.");
                return 0;
        }
        step_detail(run, "group", "%s", group);
        if (run->leaving) {
                step_say(run, RESULT_SUCCESS, "Not asked: the object is leaving scope.");
                return 0;
        }
        if (dn_parse(run->arena, group, &group_dn, NULL) == 0 && dn_is(group_dn, run->dn)) {
                step_say(run, RESULT_SUCCESS, "The object is the filter group itself.");
                return 0;
        }
        r = source_is_member(run->source, group, &run->key.id, &member, &run->diag);
        if (r == SOURCE_E_NOT_FOUND) {
                run->blame = BLAME_SOURCE;
                return step_fail(run, STEP_E_RETRY, "SourceRefused", "the filter group %s cannot be read",
                                 group);
        }
        if (r)
                return run_source_failed(run, r);
        r = member ? 0 : run_may_be_in_cloud(run, &may_be, &type);
        if (r)
                return r;
        if (may_be) {
                run->leaving = true;
                step_say(run, RESULT_WARNING,
                         "Not a member any more, but known in the cloud: only a disabled account is "
                         "exported.");
                return 0;
        }
        if (!member)
                return step_fail(run, STEP_E_SKIP, "GroupFilterNotMember", NULL);
        step_say(run, RESULT_SUCCESS, "The object is a direct member of the filter group.");
        return 0;
}
