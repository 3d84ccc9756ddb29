/* SPDX-License-Identifier: Apache-2.0 */

/* Blame: a failure of a source or target in the words of the catalogue, and what the queue must do about it.
 */

#include "engine/steps/internal.h"

#include "base/error.h"

static int fail(Run *run, int how, const char *code, const char *why)
{
        return why ? step_fail(run, how, code, "%s", why) : step_fail(run, how, code, NULL);
}

int run_source_failed(Run *run, int result)
{
        const char *why = diag_any(&run->diag) ? diag_text(&run->diag) : NULL;

        switch (result) {
        case SOURCE_E_NOT_FOUND:
                return fail(run, STEP_E_SKIP, "SourceObjectNotFound", NULL);
        case SOURCE_E_STALE:
                return fail(run, STEP_E_RETRY, "SourceStale", why);
        case SOURCE_E_UNREACHABLE:
                run->blame = BLAME_SOURCE;
                return fail(run, STEP_E_RETRY, "SourceUnreachable", why);
        case SOURCE_E_REFUSED:
                run->blame = BLAME_SOURCE;
                return fail(run, STEP_E_RETRY, "SourceRefused", why);
        case SOURCE_E_TOO_LARGE:
                return fail(run, STEP_E_PARK, "SourceValueTooLarge", why);
        default:
                return error_fold(result);
        }
}

/* A call that was held says until when in monotonic time; the queue stores wall time. */
static void retry_when(Run *run)
{
        Mono now = clock_mono(run->clock);

        if (run->call.retry_at.us > now.us)
                run->retry_at = wall_add(clock_wall(run->clock), (run->call.retry_at.us - now.us) / 1000 + 1);
}

int run_target_failed(Run *run, int result)
{
        const char *why = diag_any(&run->diag) ? diag_text(&run->diag) : run->call.error_text;

        switch (result) {
        case TARGET_E_THROTTLED:
                run->blame = BLAME_TARGET;
                retry_when(run);
                return fail(run, STEP_E_RETRY, "Throttled", why);
        case TARGET_E_OWNER_BUSY:
        case TARGET_E_OWNER_AWAY:
                run->blame = BLAME_OWNER;
                retry_when(run);
                return fail(run, STEP_E_RETRY,
                            result == TARGET_E_OWNER_AWAY ? "OwnerUnreachable" : "OwnerPending", why);
        case TARGET_E_TRANSIENT:
                run->strained = true;
                retry_when(run); /* a 503 may have named a time */
                return fail(run, STEP_E_RETRY, "TargetTransient", why);
        case TARGET_E_GARBAGE:
                run->strained = true;
                return fail(run, STEP_E_RETRY, "TargetGarbage", why);
        case TARGET_E_UNREACHABLE:
                run->blame = BLAME_TARGET;
                return fail(run, STEP_E_RETRY, "TargetUnreachable", why);
        case TARGET_E_REFUSED:
                run->blame = BLAME_TARGET;
                return fail(run, STEP_E_RETRY, "TargetRefused", why);
        case TARGET_E_AMBIGUOUS:
                return fail(run, STEP_E_PARK, "AmbiguousMatch", why);
        case TARGET_E_REJECTED:
                return fail(run, STEP_E_PARK, "RequestRefused", why);
        default:
                return error_fold(result);
        }
}
