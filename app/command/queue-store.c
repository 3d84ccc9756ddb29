/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/queue-store.h"

#include "app/command/command.h"
#include "app/command/job.h"
#include "app/command/progress.h"
#include "app/flow/owner.h"
#include "base/error.h"
#include "base/str.h"
#include "queue/check.h"

#include <errno.h>
#include <string.h>

/* -- check ----------------------------------------------------------------------------------------------- */

static bool show(void *context, uint64_t done, uint64_t total)
{
        progress_show(context, "checking rows", done, total);
        return false;
}

static void print_check(const char *folder, const CheckResult *n, const Diag *diag)
{
        char a[PROGRESS_NUMBER_MAX], b[PROGRESS_NUMBER_MAX], c[PROGRESS_NUMBER_MAX], d[PROGRESS_NUMBER_MAX];

        for (size_t i = 0; i < diag->n_items; i++)
                printf("%s\n", diag->items[i].text);
        if (diag->n_dropped)
                printf("and %zu more\n", diag->n_dropped);
        printf("%s: %s rows: %s changes, %s objects, %s links: %s\n", folder, progress_number(n->n_rows, a),
               progress_number(n->n_changes, b), progress_number(n->n_objects, c),
               progress_number(n->n_links, d),
               n->n_findings ? "something does not fit together" : "everything fits together");
}

int command_queue_check(const Config *c, const char *folder, bool json)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const char *where = folder ? folder : c->state.path;
        json_t *findings, *result;
        Progress progress;
        CheckResult n;
        int r;

        progress_init(&progress);
        r = queue_lmdb_check(where, show, &progress, &n, &diag);
        progress_end(&progress);
        if (r)
                return command_fail_diag(command_status(r), &diag);
        if (!json) {
                print_check(where, &n, &diag);
                return n.n_findings ? EXIT_OBJECT : EXIT_DONE;
        }
        findings = json_array();
        for (size_t i = 0; i < diag.n_items; i++)
                json_array_append_new(findings, json_string(diag.items[i].text));
        result =
                json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "folder", where, "rows",
                          (json_int_t)n.n_rows, "changes", (json_int_t)n.n_changes, "objects",
                          (json_int_t)n.n_objects, "outcomes", (json_int_t)n.n_outcomes, "links",
                          (json_int_t)n.n_links, "nFindings", (json_int_t)n.n_findings, "findings", findings);
        command_print_json(result);
        json_decref(result);
        return n.n_findings ? EXIT_OBJECT : EXIT_DONE;
}

/* -- backup and restore ---------------------------------------------------------------------------------- */

/* The service writes it, from a folder of its own: the path must mean the same there. */
int command_queue_backup(const char *config_path, const char *which, bool json)
{
        _cleanup_(cleanup_free) char *here = which[0] == '/' ? NULL : getcwd(NULL, 0), *folder = NULL;
        char bytes[PROGRESS_NUMBER_MAX];
        json_t *result = NULL;
        int status;

        if (which[0] != '/' && !here)
                return command_fail(EXIT_USAGE, "%s: %s", which, strerror(errno));
        if (asprintf(&folder, "%s%s%s", here ? here : "", here ? "/" : "", which) < 0)
                return command_fail(EXIT_OBJECT, "%s", strerror(ENOMEM));
        status = command_job(config_path, "backup", json_pack("{s:s}", "folder", folder), &result);
        if (result && json)
                command_print_json(result);
        else if (result)
                printf("%s: %s bytes\n", folder,
                       progress_number((uint64_t)json_integer_value(json_object_get(result, "bytes")),
                                       bytes));
        json_decref(result);
        return status;
}

/* What a promote has decided is in the copy, and wins over the file: a rehearsal would write to the tenant.
 */
static void print_restored(const char *folder, uint64_t n)
{
        _cleanup_(cleanup_free) char *before = NULL;
        char bytes[PROGRESS_NUMBER_MAX];

        if (asprintf(&before, "%s/data.mdb.before-restore", folder) < 0)
                error_oom(strlen(folder));
        printf("%s: %s bytes restored%s. The feed goes on from where the copy was. Only to try it, beside "
               "the "
               "installation that it is of: `sosync demote` before the start.\n",
               folder, progress_number(n, bytes),
               access(before, F_OK) ? "" : "; what was there is data.mdb.before-restore");
}

/* Another state is as large an act as there is. Its line is written as the service would. */
static void record(const Config *c, const char *copy, bool ok)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;

        if (owner_become(c->state.path, &diag) == 0)
                command_act(NULL, c, "restore", json_pack("{s:s}", "copy", copy), ok);
        else
                command_fail_diag(EXIT_OBJECT, &diag);
}

int command_queue_restore(const Config *c, const char *copy, bool json)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        json_t *result;
        uint64_t n = 0;
        int r;

        if (c->state.backend == STATE_JETSTREAM)
                return command_fail(
                        EXIT_USAGE,
                        "%s is a node's copy of the cluster's state, and would be made again from "
                        "that. Stop all nodes, then: sosync state copy --from lmdb:%s --to "
                        "jetstream: --replace",
                        c->state.path, copy);
        r = queue_lmdb_restore(c->state.path, copy, &n, &diag);
        if (r == QUEUE_E_GONE)
                command_fail(EXIT_OBJECT, "stop the service first");
        else
                record(c, copy, r == 0);
        if (r)
                return command_fail_diag(EXIT_OBJECT, &diag);
        if (!json) {
                print_restored(c->state.path, n);
                return EXIT_DONE;
        }
        result = json_pack("{s:s, s:I}", "folder", c->state.path, "bytes", (json_int_t)n);
        command_print_json(result);
        json_decref(result);
        return EXIT_DONE;
}
