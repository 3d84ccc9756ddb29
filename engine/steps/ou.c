/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Step 3: is the object's organizational unit in scope?
 *
 * The last word: an object that leaves scope, but whose cloud object is known, goes on with one question
 * only: is it disabled in AD? Then it is disabled in the cloud too. A leaver who is disabled and moved to an
 * unwatched OU in one go must not keep a working account.
 */

#include "engine/steps/internal.h"

int step_ou(Run *run)
{
        ScopeAnswer answer;
        const char *type;
        bool may_be;
        int r;

        if (run->entry.deleted || run->change.kind == CHANGE_GONE)
                return run_judge_gone(run);

        answer = scope_judge(run_connector(run)->scope, run->dn);
        if (answer.rule)
                step_detail(run, answer.in ? "included by" : "excluded by", "%s", answer.rule);
        if (answer.in) {
                step_say(run, RESULT_SUCCESS, "The organizational unit is in scope.");
                return 0;
        }
        r = run_may_be_in_cloud(run, &may_be, &type);
        if (r)
                return r;
        if (may_be) {
                run->leaving = true;
                step_say(run, RESULT_WARNING,
                         "Not in scope any more, but known in the cloud: only a disabled account is "
                         "exported.");
                return 0;
        }
        return step_fail(run, STEP_E_SKIP, "OrganizationalUnitNotInScope", "%s is not in sync scope",
                         dn_parent_text(run->arena, run->dn));
}
