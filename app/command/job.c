/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/job.h"
#include "app/control/person.h"

#include "app/command/command.h"
#include "app/command/progress.h"
#include "app/control/control.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

typedef struct Following {
        Progress progress;
        json_t *last; /* the line that is not progress */
} Following;

static void show(void *context, const JobProgress *p)
{
        progress_show(context, p->phase, p->done, p->total);
}

/* A line of the service: progress, or the end. */
static bool take_line(void *context, const char *text)
{
        Following *f = context;
        json_t *line = json_loads(text, 0, NULL), *p = json_object_get(line, "progress");
        const char *phase = json_string_value(json_object_get(p, "phase"));

        if (!p) {
                f->last = line;
                return false;
        }
        progress_show(&f->progress, phase ? phase : "",
                      (uint64_t)json_integer_value(json_object_get(p, "done")),
                      (uint64_t)json_integer_value(json_object_get(p, "total")));
        json_decref(line);
        return true;
}

/* Return: 0 with the exit status, -ENOENT or -ECONNREFUSED: no service runs, -errno. */
static int ask_service(const Config *c, const char *kind, json_t *arguments, json_t **ret_result,
                       int *ret_status)
{
        json_t *request = json_pack("{s:s, s:s, s:O}", "do", "job", "kind", kind, "arguments", arguments);
        char *text = json_dumps(request, JSON_COMPACT);
        const char *error;
        Following f = { 0 };
        int r;

        progress_init(&f.progress);
        r = control_follow(c, text, take_line, &f);
        progress_end(&f.progress);
        free(text);
        json_decref(request);
        if (r)
                return r;
        *ret_status = (int)json_integer_value(json_object_get(f.last, "exit"));
        if (json_is_true(json_object_get(f.last, "ok"))) {
                *ret_result = json_incref(json_object_get(f.last, "result"));
        } else {
                error = json_string_value(json_object_get(f.last, "error"));
                if (!*ret_status)
                        *ret_status = EXIT_OBJECT;
                command_fail(*ret_status, "%s", error ? error : "the service gave no answer");
        }
        json_decref(f.last);
        return 0;
}

/* No service runs. Return: the exit status; *ret_busy: between our question and this one has started. */
static int do_it_here(const char *config_path, const char *kind, json_t *arguments, json_t **ret_result,
                      bool *ret_busy)
{
        Wiring w;
        Diag diag = DIAG_INIT;
        Progress progress;
        const char *act;
        int status = EXIT_OBJECT, r = wiring_open(&w, config_path, &diag);

        *ret_busy = r == WIRING_E_BUSY;
        progress_init(&progress);
        if (r == 0)
                r = job_run_here(&w, job_kind_find(job_kinds, kind), arguments, person_name(), show,
                                 &progress, ret_result, &status, &diag);
        else
                status = wiring_exit_status(r);
        progress_end(&progress);
        act = job_kind_act(job_kind_find(job_kinds, kind), arguments);
        if (w.open && !*ret_busy && act)
                /* What could not be opened, a state that cannot be read, leaves the log to us. */
                command_act(w.acts.open ? &w.acts : NULL, w.first, act,
                            json_pack("{s:O}", "arguments", arguments), r == 0);
        if (r && !*ret_busy)
                command_fail_diag(status, &diag);
        wiring_close(&w);
        diag_deinit(&diag);
        return status;
}

int command_job(const char *config_path, const char *kind, json_t *arguments, json_t **ret_result)
{
        _cleanup_(config_unrefp) Config *c = NULL;
        int status = EXIT_OBJECT, r;
        bool busy = false;

        *ret_result = NULL;
        c = command_config_load(config_path, &status);
        if (c) {
                r = ask_service(c, kind, arguments, ret_result, &status);
                if (control_is_absent(r)) {
                        status = do_it_here(config_path, kind, arguments, ret_result, &busy);
                        r = busy ? ask_service(c, kind, arguments, ret_result, &status) : 0;
                }
                if (r)
                        status = command_unanswered(c, r);
        }
        json_decref(arguments);
        return status;
}
