/* SPDX-License-Identifier: Apache-2.0 */

/* The scheduler flag for people: a remote PowerShell may take half a minute, so it is a job. */

#include "app/job/kinds.h"
#include "base/str.h"

static int failed(int r, Diag *diag)
{
        if (!diag_any(diag))
                diag_set(diag, "the scheduler flag cannot be reached");
        return r < 0 ? r : r == SCHEDULER_E_UNREACHABLE ? JOB_E_UNREACHABLE : JOB_E_FAILED;
}

static int work(Job *job, Diag *diag)
{
        const json_t *enabled = json_object_get(job->arguments, "SyncCycleEnabled");
        Gate *g = &job->wiring->gate;
        Str text;
        int r;

        if (enabled && !json_is_boolean(enabled)) {
                diag_set(diag, "scheduler: \"SyncCycleEnabled\" is neither true nor false");
                return JOB_E_USAGE;
        }
        r = enabled ? gate_set(g, json_is_true(enabled), diag) : 0;
        if (r)
                return failed(r, diag);
        str_init(&text, SCHEDULER_JSON_MAX * 2);
        r = gate_show(g, &text, diag);
        if (r == 0)
                job->result = json_loadb(text.data, text.n, 0, NULL);
        str_deinit(&text);
        return r ? failed(r, diag) : 0;
}

static const char *act(const json_t *arguments)
{
        return json_object_get(arguments, "SyncCycleEnabled") ? "scheduler" : NULL;
}

const JobKind job_scheduler = { .name = "scheduler", .act = act, .work = work };
