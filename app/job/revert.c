/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/revert.h"
#include "app/flow/revert-meant.h"
#include "app/job/kinds.h"
#include "base/str.h"
#include "engine/steps/catalogue.h"

#include <errno.h>
#include <string.h>

static bool show(void *context, const char *phase, uint64_t done, uint64_t total)
{
        job_progress(context, phase, done, total);
        return job_is_cancelled(context);
}

static int put_back(Job *job, Diag *diag)
{
        _cleanup_(config_unrefp) Config *config = snapshot_get(&job->wiring->snapshot);
        const json_t *o = job->arguments;
        Wiring *w = job->wiring;
        Revert rv = {
                .queue = w->queue,
                .target = w->target,
                .schema = config->run.schema,
                .clock = w->clock,
                .run = json_string_value(json_object_get(o, "run")),
                .rules = json_string_value(json_object_get(o, "rules")),
                .since = { json_integer_value(json_object_get(o, "since")) },
                .dry_run = json_is_true(json_object_get(o, "dryRun")),
                .by = job->by,
                .progress = show,
                .context = job,
                .asker = &job->asker,
        };
        RevertFigures f;
        int r;

        if (!rv.run && !rv.rules && !rv.since.ms) {
                diag_set(diag, "revert: what is meant: a run, rules, or a time?");
                return JOB_E_USAGE;
        }
        if (!rv.dry_run && staging_is_on(&w->shared.staging, config->staging)) {
                diag_set(diag,
                         "revert: staging is on, and nothing is written; --dry-run shows what would be");
                return JOB_E_FAILED;
        }
        r = revert_run(&rv, &f, diag);
        if (r == REVERT_E_FULL)
                diag_set(diag, "%s", QUEUE_FULL_TEXT);
        if (r)
                return r == REVERT_E_CANCELLED     ? JOB_E_CANCELLED
                       : r == REVERT_E_UNREACHABLE ? JOB_E_UNREACHABLE
                       : r == REVERT_E_UNCLEAR     ? JOB_E_USAGE
                       : r == REVERT_E_FULL        ? JOB_E_FAILED
                       : r == REVERT_E_NO_SUCH     ? JOB_E_FAILED
                                                   : r;
        if (!rv.dry_run)
                log_warning(&w->log, "what exports had replaced is put back", LOG_STR("run", rv.run),
                            LOG_STR("rules", rv.rules), LOG_STR("by", job->by),
                            LOG_INT("objects", (int64_t)f.n_objects),
                            LOG_INT("left", (int64_t)json_array_size(f.left)));
        job->status = json_array_size(f.left) ? EXIT_OBJECT : EXIT_DONE;
        job->result = json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "dryRun", rv.dry_run, "entries",
                                (json_int_t)f.n_entries, "objects", (json_int_t)f.n_objects, "values",
                                (json_int_t)f.n_values, "links", (json_int_t)f.n_links, "alreadyBack",
                                (json_int_t)f.n_back, "left", f.left, "created", f.created);
        return 0;
}

static int release(Job *job, Diag *diag)
{
        const char *dn = json_string_value(json_object_get(job->arguments, "dn"));
        int n = revert_release(job->wiring->queue, dn, clock_wall(job->wiring->clock));

        if (n == -EINVAL) {
                diag_set(diag, "revert: \"%s\" is not a distinguished name", dn);
                return JOB_E_USAGE;
        }
        if (n < 0)
                return n;
        log_warning(&job->wiring->log, "held objects were released", LOG_STR("by", job->by),
                    LOG_INT("objects", n));
        job->result = json_pack("{s:i}", "released", n);
        return 0;
}

static int work(Job *job, Diag *diag)
{
        const char *act = json_string_value(json_object_get(job->arguments, "do"));

        if (str_is(act, "release"))
                return release(job, diag);
        if (!str_is(act, "list"))
                return put_back(job, diag);
        job->result = revert_list(job->wiring->queue, 100000);
        return job->result ? 0 : -EIO;
}

static const char *act(const json_t *arguments)
{
        const char *what = json_string_value(json_object_get(arguments, "do"));

        if (str_is(what, "release"))
                return "revert-release";
        return str_is(what, "list") || json_is_true(json_object_get(arguments, "dryRun")) ? NULL : "revert";
}

const JobKind job_revert = { .name = "revert", .act = act, .work = work };
