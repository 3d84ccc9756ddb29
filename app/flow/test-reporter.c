/* SPDX-License-Identifier: Apache-2.0 */

/* What the reporter's thread does by itself: what is old goes, and what a wrong clock calls old stays. */

#include "app/flow/reporter.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/space/journal.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_MS ((int64_t)86400000)

static const Wall noon = { 1795348800000 }; /* 2026-11-22T12:00:00Z */

typedef struct Desk {
        Arena *arena;
        char folder[64];
        ClockFake clock;
        Config config;
        Snapshot snapshot;
        Queue *queue;
        _Atomic(ReportStore *) store;
        Acts acts;
        Log log;
        Reporter reporter;
        BrakeStore brakes;
        Alarms alarms;
        int64_t leap_us; /* between two looks */
} Desk;

static int setup(void **state)
{
        Desk *d = calloc(1, sizeof(*d));
        ReportStore *store;

        *state = d;
        d->arena = arena_new(0);
        snprintf(d->folder, sizeof(d->folder), "/tmp/sosync-test-reporter-XXXXXX");
        if (!mkdtemp(d->folder))
                return -1;
        d->config = (Config){ .refs = 1 };
        d->config.reports.path = arena_printf(d->arena, "%s/reports", d->folder);
        d->config.reports.keep_us = d->config.audit.keep_us = d->config.state.journal_us = 30 * DAY_MS * 1000;
        d->config.state.gone_us = 30 * DAY_MS * 1000;
        d->config.audit.path = arena_printf(d->arena, "%s/audit", d->folder);
        clock_fake_init(&d->clock, (Mono){ 1000000 }, noon);
        log_set_level(LOG_LEVEL_ERROR);
        snapshot_init(&d->snapshot, &d->config);
        if (queue_mem_new(&d->queue) || report_store_new(&store, d->config.reports.path, true, NULL))
                return -1;
        d->store = store;
        if (brake_store_init(&d->brakes, d->queue, noon))
                return -1;
        alarms_init(&d->alarms, NULL, NULL);
        return acts_open(&d->acts, &d->config, &d->clock.clock, &d->log, NULL);
}

static int teardown(void **state)
{
        Desk *d = *state;
        char command[128];

        acts_close(&d->acts);
        alarms_deinit(&d->alarms);
        brake_store_deinit(&d->brakes, noon);
        report_store_free(d->store);
        queue_free(d->queue);
        arena_free(d->arena);
        snprintf(command, sizeof(command), "rm -rf '%s'", d->folder);
        if (system(command))
                return -1;
        free(d);
        return 0;
}

/* A report, an entry of the journal and a line of the audit log of this time; and somebody was deleted. */
static void add_day(Desk *d, Wall at)
{
        Outcome o = { .finished = at, .sent = at };
        ObjectKey key = { .source = 1 };
        JournalEntry entry = { .at = at, .key.source = 1, .type = "user", .dn = "CN=Ada" };
        SpaceBatch batch;
        PackWriter w;
        const void *data;
        size_t n;

        snprintf(o.run_id, sizeof(o.run_id), "%016jx", (uintmax_t)at.ms);
        pack_init(&w);
        outcome_pack(&w, &o);
        data = pack_data(&w, &n);
        assert_int_equal(report_store_add(d->store, &data, &n, 1), 0);
        pack_deinit(&w);
        acts_write(&d->acts, d->acts.added + 1, &o);
        assert_int_equal(acts_flush(&d->acts), 0);
        space_batch_init(&batch, d->arena);
        space_write_journal(&batch, &entry);
        memcpy(&key.id, &at.ms, sizeof(at.ms));
        space_write_head(&batch, &key, &(Head){ .dn = "CN=Ada", .type = "user", .deleted = true, .gone = at },
                         0);
        assert_int_equal(
                queue_put(d->queue,
                          &(Intake){ .writes = batch.writes, .n_writes = batch.n_writes, .now = at }),
                0);
}

static size_t count_files(Desk *d, const char *folder, const char *suffix)
{
        DIR *dir = opendir(arena_printf(d->arena, "%s/%s", d->folder, folder));
        size_t n = 0;

        assert_non_null(dir);
        for (struct dirent *e = readdir(dir); e; e = readdir(dir))
                n += strlen(e->d_name) > strlen(suffix) &&
                     str_is(e->d_name + strlen(e->d_name) - strlen(suffix), suffix);
        closedir(dir);
        return n;
}

static int count_row(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        ++*(size_t *)context;
        return 0;
}

/* What is left of each, and all four agree. */
static size_t days_left(Desk *d)
{
        Space *s = queue_space(d->queue);
        size_t n = 0, n_gone = 0;

        assert_int_equal(s->ops->walk(s, SPACE_JOURNAL, NULL, 0, count_row, &n), 0);
        assert_int_equal(s->ops->walk(s, SPACE_HEAD, NULL, 0, count_row, &n_gone), 0);
        assert_int_equal(n_gone, n);
        assert_int_equal(count_files(d, "reports", ".log"), n);
        assert_int_equal(count_files(d, "audit", ".jsonl"), n);
        return n;
}

static void start(Desk *d)
{
        assert_int_equal(reporter_start(&d->reporter, d->queue, &d->store, &d->acts, (ReporterTell){ 0 },
                                        &d->snapshot, &d->brakes, &d->alarms, &d->clock.clock, &d->log),
                         0);
}

/* For a minute, and it is woken meanwhile. */
static bool await(Desk *d, bool (*is_so)(void *context), void *context)
{
        struct timespec pause = { .tv_nsec = 5000000 };

        for (int left = 12000; left; left--) {
                if (is_so(context))
                        return true;
                reporter_wake(&d->reporter);
                nanosleep(&pause, NULL);
        }
        return false;
}

static bool is_written_anew(void *age)
{
        struct stat st;

        return stat(age, &st) == 0 && st.st_nlink == 1;
}

/* Until it has looked after what is old: it keeps the time it went by, in a file that is written anew. */
static void await_care(Desk *d)
{
        char *age = arena_printf(d->arena, "%s/reports/age", d->folder);
        const char *before = arena_printf(d->arena, "%s.before", age);

        unlink(before);
        if (link(age, before))
                assert_int_equal(access(age, F_OK), -1);
        if (!d->reporter.started)
                start(d);
        else
                clock_fake_advance(&d->clock, d->leap_us);
        assert_true(await(d, is_written_anew, age));
}

/* The service starts, looks, and stops. */
static void once(Desk *d)
{
        await_care(d);
        reporter_stop(&d->reporter);
}

/* Forty days, one entry each. What is older than thirty goes, also when nothing is written for weeks. */
static void test_old(void **state)
{
        Desk *d = *state;

        for (int i = -40; i < 0; i++)
                add_day(d, wall_add(noon, i * DAY_MS));
        d->leap_us = 10 * DAY_MS * 1000;
        await_care(d);
        assert_int_equal(days_left(d), 30);
        await_care(d);
        await_care(d);
        assert_int_equal(days_left(d), 10);
        reporter_stop(&d->reporter);
}

/* The machine starts in 2036, and its clock is mended twenty seconds later. */
static void test_far_ahead(void **state)
{
        Desk *d = *state;

        for (int i = -10; i < 1; i++)
                add_day(d, wall_add(noon, i * DAY_MS));
        once(d);
        assert_int_equal(days_left(d), 11);
        clock_fake_init(&d->clock, (Mono){ 1000000 }, wall_add(noon, 3650 * DAY_MS));
        once(d);
        assert_int_equal(days_left(d), 11);
        add_day(d, clock_wall(&d->clock.clock));
        once(d);
        assert_int_equal(days_left(d), 12);
}

/* An HTML file of this day, with so many bytes. */
static void add_html(Desk *d, const char *day, size_t n)
{
        const char *folder = arena_printf(d->arena, "%s/html", d->config.reports.path);
        char *page = arena_alloc(d->arena, n);

        memset(page, 'x', n);
        assert_true(mkdir(folder, 0750) == 0 || access(folder, F_OK) == 0);
        assert_int_equal(str_write_file(arena_printf(d->arena, "%s/compare-%sT120000Z.htm", folder, day),
                                        page, n, 0640),
                         0);
}

/* HTML files are removed with their time, and before any record. */
static void test_html(void **state)
{
        Desk *d = *state;

        add_day(d, wall_add(noon, -DAY_MS));
        add_day(d, noon);
        add_html(d, "20261001", 1000);
        add_html(d, "20261120", 1 << 20);
        add_html(d, "20261121", 1 << 20);
        once(d);
        assert_int_equal(count_files(d, "reports/html", ".htm"), 2);
        d->config.reports.max_size = 3 << 19;
        once(d);
        assert_int_equal(count_files(d, "reports/html", ".htm"), 1);
        assert_int_equal(days_left(d), 2);
        /* No disk is ever free enough for this. */
        d->config.reports.max_size = 0;
        d->config.reports.min_free = 1;
        once(d);
        assert_int_equal(count_files(d, "reports/html", ".htm"), 0);
}

/* So many alarms, and what the first one says. */
typedef struct Alarmed {
        Desk *desk;
        size_t wanted;
        AlarmEvent *events;
} Alarmed;

static bool is_alarmed(void *context)
{
        Alarmed *w = context;
        size_t n = 0;

        alarms_list(&w->desk->alarms, w->desk->arena, &w->events, &n);
        return n == w->wanted;
}

static const char *await_alarms(Desk *d, size_t wanted)
{
        Alarmed w = { .desk = d, .wanted = wanted };

        if (!await(d, is_alarmed, &w))
                return "none of it";
        return wanted ? arena_printf(d->arena, "%s %s: %s", w.events[0].kind, w.events[0].name,
                                     w.events[0].text)
                      : "";
}

/* Nobody reads the log all day: what waits fills the state. */
static void test_what_cannot_be_written_is_an_alarm(void **state)
{
        Desk *d = *state;
        const char *path = d->config.reports.path;

        d->store = report_store_free(d->store);
        d->config.reports.path = arena_printf(d->arena, "%s/others", d->folder);
        assert_int_equal(str_write_file(d->config.reports.path, "a file", 6, 0600), 0);
        start(d);
        assert_string_equal(await_alarms(d, 1),
                            arena_printf(d->arena,
                                         "reports files: reports and the audit log cannot be written in "
                                         "%s: Not a directory; they wait in the state, and fill it",
                                         d->config.reports.path));
        unlink(d->config.reports.path);
        assert_string_equal(await_alarms(d, 0), "");
        reporter_stop(&d->reporter);
        d->config.reports.path = path;
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_old, setup, teardown),
                cmocka_unit_test_setup_teardown(test_far_ahead, setup, teardown),
                cmocka_unit_test_setup_teardown(test_html, setup, teardown),
                cmocka_unit_test_setup_teardown(test_what_cannot_be_written_is_an_alarm, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
