/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/reporter.h"

#include "app/flow/age.h"
#include "app/flow/forget.h"
#include "app/flow/revert.h"
#include "base/error.h"
#include "base/folder.h"
#include "base/str.h"
#include "base/thread.h"
#include "base/wait.h"
#include "report/rendered.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define PAGE 256

#define CARE_US ((int64_t)3600 * 1000000)

/* An HTML report holds a few kilobytes per attribute; one of 64 MiB is somebody's attack. */
#define HTML_MAX ((size_t)64 << 20)

bool reporter_find_previous(const Config *config, ReportStore *store, const Outcome *o, Arena *a,
                            HtmlPrevious *ret_previous)
{
        const ReportFilter filter = {
                .object = &o->change.id,
                .result = -1,
                .disposition = -1,
                .until = o->finished,
        };
        ReportRow *rows;
        size_t n;

        if (report_store_list(store, &filter, 0, 2, a, &rows, &n))
                return false;
        for (size_t i = 0; i < n; i++) {
                Outcome other = { .finished = rows[i].finished };
                const char *file;

                if (str_is(rows[i].run_id, o->run_id))
                        continue;
                snprintf(other.run_id, sizeof(other.run_id), "%s", rows[i].run_id);
                file = html_file_name(a, &other);
                if (access(arena_printf(a, "%s/html/%s", config->reports.path, file), F_OK))
                        file = NULL;
                *ret_previous = (HtmlPrevious){
                        .run_id = arena_strdup(a, rows[i].run_id),
                        .finished = rows[i].finished,
                        .file = file,
                };
                return true;
        }
        return false;
}

int reporter_write_html(const Config *config, const Outcome *o, const HtmlPrevious *previous, Arena *a,
                        const char **ret_path)
{
        const char *folder = arena_printf(a, "%s/html", config->reports.path), *name = html_file_name(a, o);
        const char *path = arena_printf(a, "%s/%s", folder, name);
        Str html;
        int r = folder_make(config->reports.path, 0750);

        if (r == 0)
                r = folder_make(folder, 0750);
        if (r)
                return error_origin(r);
        str_init(&html, HTML_MAX);
        html_report_after(o, previous, &html);
        r = str_write_file(path, html.data, html.n, 0640);
        str_deinit(&html);
        if (r == 0)
                r = folder_give_file(folder, name);
        if (r)
                return error_trace(r);
        *ret_path = path;
        return 0;
}

static bool wants_html(const Config *config, const Outcome *o)
{
        return config->reports.html == HTML_ALWAYS ||
               (config->reports.html == HTML_FAILURES && o->result == RESULT_FAILURE);
}

static void write_files(const Config *config, ReportStore *store, const OutcomeRow *rows, size_t n,
                        const Log *log)
{
        /* Short of disk, it is rendered when somebody asks. */
        if (config->reports.html == HTML_ON_DEMAND || report_store_is_thin(store))
                return;
        for (size_t i = 0; i < n; i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                HtmlPrevious previous;
                const char *path;
                Outcome o;
                int r;

                if (outcome_unpack(a, rows[i].data, rows[i].n, &o) || !wants_html(config, &o))
                        continue;
                r = reporter_write_html(
                        config, &o,
                        reporter_find_previous(config, store, &o, a, &previous) ? &previous : NULL, a, &path);
                if (r)
                        log_warning(log, "an HTML report could not be written; its record is kept",
                                    LOG_STR("dn", o.source.dn), LOG_STR("run", o.run_id),
                                    LOG_STR("why", strerror(-r)));
        }
}

/* Return: 0, REPORT_E_FULL, -errno. */
static int write_acts(Acts *acts, const OutcomeRow *rows, size_t n)
{
        Arena *a = arena_new(0);
        int r;

        for (size_t i = 0; i < n; i++) {
                Outcome o;

                if (outcome_unpack(a, rows[i].data, rows[i].n, &o) == 0)
                        acts_write(acts, rows[i].sequence, &o);
                arena_reset(a);
        }
        arena_free(a);
        r = acts_flush(acts);
        return r == AUDIT_E_FULL ? REPORT_E_FULL : r;
}

static void tell_all(ReporterTell tell, const OutcomeRow *rows, size_t n)
{
        Arena *a = tell.fn ? arena_new(0) : NULL;

        for (size_t i = 0; tell.fn && i < n; i++) {
                Outcome o;

                if (outcome_unpack(a, rows[i].data, rows[i].n, &o) == 0)
                        tell.fn(tell.context, &o);
                arena_reset(a);
        }
        arena_free(a);
}

/* One page. Return: 0, QUEUE_E_EMPTY when there is nothing, REPORT_E_FULL, -errno. */
static int report_page(Queue *queue, ReportStore *store, Acts *acts, ReporterTell tell, const Config *config,
                       const Log *log)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const void *data[PAGE];
        size_t lengths[PAGE];
        OutcomeRow *rows;
        size_t n;
        int r = queue_outcomes(queue, 0, PAGE, a, &rows, &n);

        if (r)
                return error_fold(r);
        if (n == 0)
                return QUEUE_E_EMPTY;
        for (size_t i = 0; i < n; i++) {
                data[i] = rows[i].data;
                lengths[i] = rows[i].n;
        }
        r = report_store_add(store, data, lengths, n);
        if (r)
                return r;
        r = write_acts(acts, rows, n);
        if (r)
                return r;
        write_files(config, store, rows, n, log);
        tell_all(tell, rows, n);
        return error_fold(queue_outcomes_done(queue, rows[n - 1].sequence));
}

int reporter_flush(Queue *queue, ReportStore *store, Acts *acts, ReporterTell tell, const Config *config,
                   const Log *log)
{
        int r;

        if (!store)
                return REPORT_E_FULL;
        do
                r = report_page(queue, store, acts, tell, config, log);
        while (r == 0);
        return r == QUEUE_E_EMPTY ? 0 : r;
}

/* What was said, into the store; what does not fit now, later. */
static void report_said(Reporter *r, ReportStore *store)
{
        Said said[REPORTER_SAID];
        size_t n;

        if (!store)
                return;
        pthread_mutex_lock(&r->lock);
        n = r->n_said;
        memcpy(said, r->said, n * sizeof(*said));
        r->n_said = 0;
        pthread_mutex_unlock(&r->lock);
        for (size_t i = 0; i < n; i++) {
                const void *data = said[i].data;

                if (report_store_add(store, &data, &said[i].n, 1))
                        log_warning(r->log, "a report could not be written");
                free(said[i].data);
        }
}

static void wait_ms(Reporter *r, int64_t ms, bool for_news)
{
        Mono until = wait_in(ms * 1000);

        pthread_mutex_lock(&r->lock);
        while (!r->stopping && !(for_news && r->awake) && wait_until(&r->news, &r->lock, until))
                ;
        if (for_news)
                r->awake = false;
        pthread_mutex_unlock(&r->lock);
}

static bool is_stopping(Reporter *r)
{
        bool stopping;

        pthread_mutex_lock(&r->lock);
        stopping = r->stopping;
        pthread_mutex_unlock(&r->lock);
        return stopping;
}

/* The store; opened now if the disk was full at the start. NULL: it still is, or `ret_why` (-errno). */
static ReportStore *store_of(Reporter *r, const Config *config, int *ret_why)
{
        ReportStore *store = *r->store;

        *ret_why = store ? 0 : report_store_new(&store, config->reports.path, true, NULL);
        if (*ret_why)
                return NULL;
        *r->store = store; /* whole: the console's threads read it from now on */
        return store;
}

/* What waits, into reports. Return: 0, REPORT_E_FULL, -errno. */
static int report_all(Reporter *r, const Config *config)
{
        int why;
        ReportStore *store = store_of(r, config, &why);

        report_said(r, store);
        return store ? reporter_flush(r->queue, store, r->acts, r->tell, config, r->log) : why;
}

/* Who was deleted long ago. What is not written now is looked at again in an hour. */
static void forget(Reporter *r, const Config *config, Wall age)
{
        int n = forget_gone(r->queue, r->brakes, wall_add(age, -config->state.gone_us / 1000),
                            clock_wall(r->clock));

        if (n < 0)
                log_error(r->log, "what is known of deleted objects cannot be removed", LOG_INT("code", n));
        if (n > 0)
                log_info(r->log, "objects that were deleted long ago are forgotten", LOG_INT("objects", n));
}

/* What is old goes, each by its own time: what exports have replaced, who was deleted, reports, the audit
 * log. */
static void retain(Reporter *r, const Config *config, Wall age)
{
        const Wall before = wall_add(age, -config->state.journal_us / 1000);
        const int keep_days = (int)(config->reports.keep_us / 86400000000);
        const int64_t max = config->reports.max_size;
        int64_t left;
        int pruned;

        do
                pruned = revert_prune(r->queue, before, clock_wall(r->clock));
        while (pruned > 0);
        if (pruned < 0)
                log_error(r->log, "old entries of the journal cannot be removed", LOG_INT("code", pruned));
        forget(r, config, age);
        report_store_retain(*r->store, age, keep_days, max);
        /* What is rendered has the room that the records leave. */
        left = max - report_store_bytes(*r->store);
        if (rendered_retain(config->reports.path, age, keep_days, !max ? -1 : left > 0 ? left : 0))
                log_warning(r->log, "old HTML files cannot be removed",
                            LOG_STR("folder", config->reports.path));
        acts_care(r->acts, age);
}

/* Once an hour. */
static void care(Reporter *r, const Config *config, Age *age)
{
        Mono mono = clock_mono(r->clock);
        Wall now = clock_wall(r->clock);

        if (!*r->store || (age->at.ms && mono.us - age->looked.us < CARE_US))
                return;
        if (!age->at.ms)
                age_begin(age, config->reports.path, report_store_newest(*r->store), now, mono);
        retain(r, config, age_pass(age, now, mono));
        /* Without room for it, what is old goes later after a restart, and no harm is done. */
        age_keep(age, config->reports.path);
}

/*
 * Short of disk, reports go first, and nothing waits for that: what comes is stored thin and not rendered,
 * and room is made by what is rendered, then by what is old and went well. A disk much larger than reports
 * may ever become is not short before they could fill it.
 */
static void make_room(Reporter *r, const Config *config, bool *was_short)
{
        struct statvfs disk;
        int64_t wanted, left, rendered = 0, freed = 0;
        bool is_short;

        if (!*r->store || statvfs(config->reports.path, &disk))
                return;
        left = (int64_t)(disk.f_bavail * disk.f_frsize);
        wanted = (int64_t)((double)(disk.f_blocks * disk.f_frsize) * config->reports.min_free);
        if (config->reports.max_size && wanted > config->reports.max_size)
                wanted = config->reports.max_size;
        is_short = left < wanted;
        report_store_set_thin(*r->store, is_short);
        if (is_short)
                rendered_free_room(config->reports.path, wanted - left, &rendered);
        if (is_short && wanted - left > rendered)
                report_store_free_room(*r->store, wanted - left - rendered, &freed);
        freed += rendered;
        if (is_short && (!*was_short || freed))
                log_warning(r->log, "the disk is short; reports make room", LOG_INT("left_mib", left >> 20),
                            LOG_INT("wanted_mib", wanted >> 20), LOG_INT("freed_mib", freed >> 20));
        else if (!is_short && *was_short)
                log_info(r->log, "the disk has room again; reports are whole");
        *was_short = is_short;
}

/* Once when it begins, and once when it is over. */
static void tell_people(Reporter *r, const Config *config, int result)
{
        _cleanup_(arena_freep) Arena *a = result ? arena_new(0) : NULL;
        Wall now = clock_wall(r->clock);

        if (result)
                alarms_raise(
                        r->alarms, REPORTER_ALARM, "files",
                        arena_printf(a,
                                     "reports and the audit log cannot be written in %s: %s; they wait in "
                                     "the state, and fill it",
                                     config->reports.path,
                                     result == REPORT_E_FULL ? "no room on disk" : strerror(-result)),
                        now);
        else
                alarms_clear(r->alarms, REPORTER_ALARM, "files", "reports are written again", now);
}

static void *reporter_thread(void *context)
{
        Reporter *r = context;
        Age age = { 0 };
        bool is_short = false;

        while (!is_stopping(r)) {
                _cleanup_(config_unrefp) Config *config = NULL;

                /* What other nodes have done is found by looking: somebody may wait for it. */
                wait_ms(r, r->tell.fn ? 100 : 1000, true);
                /* Each turn costs a flush of the day's file and a commit: a quarter of a second of reports
                 * shares them. */
                wait_ms(r, 250, false);
                config = snapshot_get(r->snapshot);
                make_room(r, config, &is_short);
                tell_people(r, config, report_all(r, config));
                care(r, config, &age);
        }
        return NULL;
}

int reporter_start(Reporter *r, Queue *queue, _Atomic(ReportStore *) *store, Acts *acts, ReporterTell tell,
                   Snapshot *snapshot, BrakeStore *brakes, Alarms *alarms, const Clock *clock, const Log *log)
{
        int e;

        *r = (Reporter){ .queue = queue,
                         .store = store,
                         .acts = acts,
                         .tell = tell,
                         .snapshot = snapshot,
                         .brakes = brakes,
                         .alarms = alarms,
                         .clock = clock,
                         .log = log };
        pthread_mutex_init(&r->lock, NULL);
        wait_init(&r->news);
        e = thread_start(&r->thread, reporter_thread, r, "reporter");
        r->started = e == 0;
        return e;
}

void reporter_wake(Reporter *r)
{
        pthread_mutex_lock(&r->lock);
        r->awake = true;
        pthread_cond_signal(&r->news);
        pthread_mutex_unlock(&r->lock);
}

void reporter_say(Reporter *r, const Outcome *o)
{
        PackWriter w;
        const uint8_t *data;
        uint8_t *copy;
        size_t n;

        pack_init(&w);
        outcome_pack(&w, o);
        data = pack_data(&w, &n);
        copy = malloc(n);
        if (!copy)
                error_oom(n);
        memcpy(copy, data, n);
        pack_deinit(&w);
        pthread_mutex_lock(&r->lock);
        if (r->n_said < REPORTER_SAID)
                r->said[r->n_said++] = (Said){ .data = TAKE(copy), .n = n };
        r->awake = true;
        pthread_cond_signal(&r->news);
        pthread_mutex_unlock(&r->lock);
        free(copy);
}

void reporter_stop(Reporter *r)
{
        _cleanup_(config_unrefp) Config *config = NULL;

        if (!r->started)
                return;
        pthread_mutex_lock(&r->lock);
        r->stopping = true;
        pthread_cond_signal(&r->news);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->thread, NULL);
        r->started = false;
        config = snapshot_get(r->snapshot);
        report_all(r, config);
        for (size_t i = 0; i < r->n_said; i++)
                free(r->said[i].data);
        pthread_cond_destroy(&r->news);
        pthread_mutex_destroy(&r->lock);
}
