/* SPDX-License-Identifier: Apache-2.0 */

#include "app/compare/compare.h"
#include "app/compare/last.h"
#include "app/job/kinds.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/steps/catalogue.h"
#include "report/compare-html.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Details of COMPARE_DETAILS objects, each attribute with two values of COMPARE_TEXT_MAX. */
#define HTML_MAX ((size_t)64 << 20)

static bool show(void *context, const char *phase, uint64_t done, uint64_t total)
{
        job_progress(context, phase, done, total);
        return job_is_cancelled(context);
}

static int job_result(int r)
{
        switch (r) {
        case COMPARE_E_CANCELLED:
                return JOB_E_CANCELLED;
        case COMPARE_E_UNREACHABLE:
        case COMPARE_E_REFUSED:
                return JOB_E_UNREACHABLE;
        case COMPARE_E_NO_CONTAINER:
                return JOB_E_USAGE;
        default:
                return r;
        }
}

static json_t *numbers_of(const Job *job, const CompareResult *n, const Config *config, const char *ou,
                          uint64_t sample)
{
        char at[WALL_TEXT_MAX];

        return json_pack("{s:s, s:s, s:s?, s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:s?, s:I, "
                         "s:I, s:I, s:I}",
                         "at", wall_format(clock_wall(job->wiring->clock), at), "rules",
                         rules_version(config->run.rules), "ou", ou, "sample", (json_int_t)sample, "percent",
                         compare_percent(n), "objects", (json_int_t)n->n_objects, "equal",
                         (json_int_t)n->n_equal, "different", (json_int_t)n->n_different, "onlyHere",
                         (json_int_t)n->n_only_here, "onlyThere", (json_int_t)n->n_only_there, "notExported",
                         (json_int_t)n->n_not_exported, "failed", (json_int_t)n->n_failed, "tenantObjects",
                         (json_int_t)n->n_cloud, "references", n->references, "anchorFits", n->anchor_fits,
                         "anchorsOurs", (json_int_t)n->n_anchor_ours, "anchorsTheirs",
                         (json_int_t)n->n_anchor_theirs, "tookMilliseconds", (json_int_t)n->took_ms,
                         "readingMilliseconds", (json_int_t)n->reading_ms);
}

/* Return: 0 with the path, -errno. */
static int write_html(const Config *config, const json_t *result, Wall now, Arena *a, const char **ret_path)
{
        const char *folder = arena_printf(a, "%s/html", config->reports.path);
        char at[WALL_TEXT_MAX], name[WALL_TEXT_MAX];
        size_t n = 0;
        Str html;
        int r;

        /* "20261122T083115Z": as the reports of runs are named. */
        wall_format(now, at);
        for (const char *p = at; *p && *p != '.'; p++)
                if (*p != '-' && *p != ':')
                        name[n++] = *p;
        name[n] = 0;
        if ((mkdir(config->reports.path, 0750) && errno != EEXIST) ||
            (mkdir(folder, 0750) && errno != EEXIST))
                return error_origin(-errno);
        *ret_path = arena_printf(a, "%s/compare-%sZ.htm", folder, name);
        str_init(&html, HTML_MAX);
        compare_html(result, &html);
        r = str_write_file(*ret_path, html.data, html.n, 0640);
        str_deinit(&html);
        return r;
}

/* What the steps and `promote` go by: a comparison of everything. */
static int keep(Job *job, const json_t *numbers, const CompareResult *n)
{
        Wiring *w = job->wiring;
        int r = compare_last_write(w->queue, numbers, clock_wall(w->clock));

        if (r == 0)
                w->shared.anchor_fits = n->anchor_fits;
        return r;
}

static int finish(Job *job, const CompareResult *n, const Config *config, const char *ou, uint64_t sample,
                  Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        json_t *numbers = numbers_of(job, n, config, ou, sample);
        const char *path = NULL;
        int r = !ou && !sample ? keep(job, numbers, n) : 0;

        job->result = json_deep_copy(numbers);
        json_decref(numbers);
        if (r) {
                diag_set(diag, "the result could not be stored: %s", queue_why(r));
                return JOB_E_FAILED;
        }
        json_object_set(job->result, "attributes", n->attributes);
        json_object_set(job->result, "failures", n->failures);
        json_object_set(job->result, "details", n->details);
        r = write_html(config, job->result, clock_wall(job->wiring->clock), a, &path);
        if (r)
                log_warning(&job->wiring->log, "the HTML report of a comparison could not be written",
                            LOG_STR("path", path), LOG_STR("why", strerror(-r)));
        else
                json_object_set_new(job->result, "report", json_string(path));
        /* The numbers and the table are for a terminal; the objects are in the report. */
        if (!json_is_true(json_object_get(job->arguments, "details")))
                json_object_del(job->result, "details");
        job->status = compare_percent(n) < 100 || n->anchor_fits ? EXIT_OBJECT : EXIT_DONE;
        return 0;
}

static int run(Job *job, const Config *config, const char *ou, uint64_t sample, CompareResult *n, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Wiring *w = job->wiring;
        Connectors *all = &w->connectors;
        CompareSource *sources = arena_new_array(a, CompareSource, all->n + 1);
        Compare compare = {
                .space = queue_space(w->queue),
                .config = config,
                .sources = sources,
                .target = w->target,
                .graph = w->graph,
                .clock = w->clock,
                .ou = ou,
                .sample = sample,
                .progress = show,
                .context = job,
                .asker = &job->asker,
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < all->n; i++) {
                Connector *c = &all->items[i];
                CompareSource *s = &sources[compare.n_sources];

                if (ou && connectors_of_dn(all, ou) != c)
                        continue;
                *s = (CompareSource){ .config = connector_in_force(c, config), .number = c->number };
                r = wiring_source(w, c, &s->lister);
                if (r == 0)
                        r = wiring_source(w, c, &s->reader);
                compare.n_sources++;
                if (r == 0 && !connector_is_named(all, c, s->reader)) {
                        diag_set(diag, "%s: the names of the domain could not be read", c->name);
                        r = COMPARE_E_UNREACHABLE;
                }
        }
        compare.connectors = connectors_for_run(all, config, a, &compare.n_connectors);
        if (r == 0)
                r = compare_run(&compare, n, diag);
        for (size_t i = 0; i < compare.n_sources; i++) {
                source_free(sources[i].lister);
                source_free(sources[i].reader);
        }
        return r;
}

static int work(Job *job, Diag *diag)
{
        _cleanup_(config_unrefp) Config *config = snapshot_get(&job->wiring->snapshot);
        const char *ou = json_string_value(json_object_get(job->arguments, "ou"));
        json_int_t sample = json_integer_value(json_object_get(job->arguments, "sample"));
        CompareResult n = { 0 };
        int r;

        if (sample < 0) {
                diag_set(diag, "compare: \"sample\" is negative");
                return JOB_E_USAGE;
        }
        r = run(job, config, ou, (uint64_t)sample, &n, diag);
        r = r ? job_result(r) : finish(job, &n, config, ou, (uint64_t)sample, diag);
        compare_result_deinit(&n);
        return r;
}

const JobKind job_compare = { .name = "compare", .work = work };
