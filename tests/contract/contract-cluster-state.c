/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Snapshots of a cluster's state, and copies to it and out of it, against a real nats-server: a log that has
 * lost its beginning, nodes that are new or were away, copies that were cut.
 */

#include "queue/bus.h"
#include "queue/check.h"
#include "queue/state-copy.h"
#include "tests/contract/contract-queue.h"
#include "tests/contract/nats.h"
#include "tests/scratch/scratch.h"

#include <errno.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
        N_FOLDERS = 4,
        N_ROWS = 200,
        SNAPSHOT = 64 << 10, /* bytes of log between two snapshots */
};

#define DEADLINE_S 60
#define EXIT_SKIP  77

typedef struct State {
        Arena *a;
        Wall now;
        char *folders[N_FOLDERS];
        Queue *q; /* the open one */
        char log[64];
        Diag diag;
} State;

static const char *const *urls(void)
{
        static const char *list[1];

        list[0] = nats_url();
        return list;
}

static BusOptions bus_options(void)
{
        return (BusOptions){ .urls = urls(), .n_urls = 1, .name = "test" };
}

static int setup(void **state)
{
        State *s = calloc(1, sizeof(*s));

        assert_non_null(s);
        s->a = arena_new(0);
        s->now = contract_start;
        for (int i = 0; i < N_FOLDERS; i++)
                s->folders[i] = contract_folder();
        snprintf(s->log, sizeof(s->log), "%s", strrchr(s->folders[0], '/') + 1);
        *state = s;
        return 0;
}

static int teardown(void **state)
{
        State *s = *state;

        queue_free(s->q);
        for (int i = 0; i < N_FOLDERS; i++) {
                scratch_remove(s->folders[i]);
                free(s->folders[i]);
        }
        diag_deinit(&s->diag);
        arena_free(s->a);
        free(s);
        return 0;
}

static int open_node(State *s, int folder)
{
        BusOptions bus = bus_options();
        char name[16];
        QueueJetstreamOptions options = {
                .path = s->folders[folder],
                .now = s->now,
                .log = s->log,
                .node = name,
                .bus = &bus,
                .lease_us = 6000000,
                .snapshot_bytes = SNAPSHOT,
        };

        snprintf(name, sizeof(name), "node-%d", folder);
        diag_deinit(&s->diag);
        s->diag = (Diag)DIAG_INIT;
        return queue_jetstream_new(&s->q, &options, &s->diag);
}

static void must_open(State *s, int folder)
{
        int r = open_node(s, folder);

        if (r)
                fail_msg("node %d: %d: %s", folder, r, diag_text(&s->diag));
}

static int open_lmdb(State *s, int folder)
{
        diag_deinit(&s->diag);
        s->diag = (Diag)DIAG_INIT;
        return queue_lmdb_new(&s->q, &(QueueLmdbOptions){ .path = s->folders[folder], .now = s->now },
                              &s->diag);
}

static void shut(State *s)
{
        s->q = queue_free(s->q);
}

static int copy_with(State *s, bool to_cluster, int folder, bool replace, BackupProgressFn progress,
                     void *context)
{
        BusOptions bus = bus_options();
        StateCopy c = {
                .folder = s->folders[folder],
                .bus = &bus,
                .log = s->log,
                .replace = replace,
                .now = s->now,
                .progress = progress,
                .context = context,
        };
        uint64_t n_bytes = 0;

        diag_deinit(&s->diag);
        s->diag = (Diag)DIAG_INIT;
        return to_cluster ? state_copy_to_cluster(&c, &n_bytes, &s->diag)
                          : state_copy_to_folder(&c, &n_bytes, &s->diag);
}

static void must_copy(State *s, bool to_cluster, int folder, bool replace)
{
        int r = copy_with(s, to_cluster, folder, replace, NULL, NULL);

        if (r)
                fail_msg("%d: %s", r, diag_text(&s->diag));
}

static void said(State *s, const char *text)
{
        if (!strstr(diag_text(&s->diag), text))
                fail_msg("\"%s\" has no \"%s\"", diag_text(&s->diag), text);
}

static void put(State *s, unsigned n, Lane lane)
{
        Change change = change_n(n, lane);

        change.seen = s->now;
        assert_int_equal(queue_put(s->q, &(Intake){ .changes = &change, .n_changes = 1, .now = s->now }), 0);
}

/* Of everything that a store holds, something. */
static void fill(State *s)
{
        SpaceBatch b;
        Outcome outcome;
        Lease lease;

        for (unsigned i = 1; i <= N_ROWS; i++)
                put(s, i, i % 7 ? LANE_NORMAL : LANE_URGENT);
        for (unsigned i = 0; i < 40; i++) {
                assert_int_equal(queue_lease(s->q, s->now, LANES_ALL, s->a, &lease), 0);
                outcome = outcome_of(&lease, "run");
                if (i % 4 == 0) {
                        assert_int_equal(queue_retry(s->q, &lease, (Wall){ s->now.ms + 3600000 }, "later",
                                                     &(Commit){ .now = s->now, .outcome = &outcome }),
                                         0);
                } else if (i % 4 == 1) {
                        assert_int_equal(queue_park(s->q, &lease, "a person must look",
                                                    &(Commit){ .now = s->now, .outcome = &outcome }),
                                         0);
                } else {
                        batch_row(&b, s->a, arena_printf(s->a, "memo-%u", i), "a text", 0);
                        assert_int_equal(
                                queue_ack(s->q, &lease,
                                          &(Commit){ .now = s->now, .outcome = &outcome, .batch = &b }),
                                0);
                }
        }
        assert_int_equal(
                queue_put(
                        s->q,
                        &(Intake){ .feed = "feed", .position = "a cookie", .n_position = 8, .now = s->now }),
                0);
}

static MDB_env *open_to_look(const char *folder, MDB_txn **ret_txn)
{
        MDB_env *env;

        assert_int_equal(mdb_env_create(&env), 0);
        assert_int_equal(mdb_env_set_maxdbs(env, 64), 0);
        assert_int_equal(mdb_env_open(env, folder, MDB_RDONLY, 0600), 0);
        assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, ret_txn), 0);
        return env;
}

/* All tables, with their rows; `meta` counts and names, and need not be the same. */
static char *dump(State *s, int folder)
{
        MDB_cursor *names, *rows;
        MDB_val name, key, val;
        MDB_dbi all, table;
        char *text = NULL;
        size_t n = 0;
        FILE *out = open_memstream(&text, &n);
        MDB_txn *txn;
        MDB_env *env = open_to_look(s->folders[folder], &txn);

        assert_non_null(out);
        assert_int_equal(mdb_dbi_open(txn, NULL, 0, &all), 0);
        assert_int_equal(mdb_cursor_open(txn, all, &names), 0);
        while (mdb_cursor_get(names, &name, &val, MDB_NEXT) == 0) {
                char *which = strndup(name.mv_data, name.mv_size);

                assert_int_equal(mdb_dbi_open(txn, which, 0, &table), 0);
                assert_int_equal(mdb_cursor_open(txn, table, &rows), 0);
                fprintf(out, "[%s]\n", which);
                while (strcmp(which, "meta") != 0 && mdb_cursor_get(rows, &key, &val, MDB_NEXT) == 0) {
                        for (size_t i = 0; i < key.mv_size; i++)
                                fprintf(out, "%02x", ((uint8_t *)key.mv_data)[i]);
                        fprintf(out, " ");
                        for (size_t i = 0; i < val.mv_size; i++)
                                fprintf(out, "%02x", ((uint8_t *)val.mv_data)[i]);
                        fprintf(out, "\n");
                }
                mdb_cursor_close(rows);
                free(which);
        }
        mdb_cursor_close(names);
        mdb_txn_abort(txn);
        mdb_env_close(env);
        fclose(out);
        return text;
}

static void check_clean(State *s, int folder)
{
        CheckResult result;

        diag_deinit(&s->diag);
        s->diag = (Diag)DIAG_INIT;
        assert_int_equal(queue_lmdb_check(s->folders[folder], NULL, NULL, &result, &s->diag), 0);
        if (result.n_findings)
                fail_msg("folder %d: %s", folder, diag_text(&s->diag));
        assert_true(result.n_changes > 0);
}

static void same(State *s, int a, int b)
{
        char *one = dump(s, a), *two = dump(s, b);

        assert_true(strlen(one) > 10000);
        if (strcmp(one, two) != 0)
                fail_msg("the rows of %d and %d are not the same", a, b);
        free(one);
        free(two);
}

/* All that stands in the queue, as people see it. */
static char *list(State *s)
{
        char *text = NULL;
        size_t n = 0, n_items;
        FILE *out = open_memstream(&text, &n);
        QueueItem *items;

        assert_non_null(out);
        assert_int_equal(queue_list(s->q, NULL, 10000, s->a, &items, &n_items), 0);
        for (size_t i = 0; i < n_items; i++)
                fprintf(out, "%02x%02x %d\n", items[i].change.id.bytes[14], items[i].change.id.bytes[15],
                        (int)items[i].state);
        fclose(out);
        return text;
}

/* What was copied there and back is the same rows, and there it is worked on. */
static void test_there_and_back(void **state)
{
        State *s = *state;
        const void *position;
        char *before, *there;
        const ObjectKey fresh = object_n(5000);
        Lease lease, other;
        size_t n;

        assert_int_equal(open_lmdb(s, 0), 0);
        fill(s);
        before = list(s);
        shut(s);
        check_clean(s, 0);
        must_copy(s, true, 0, false);
        must_copy(s, false, 1, false);
        check_clean(s, 1);
        same(s, 0, 1);

        must_open(s, 2);
        there = list(s);
        assert_string_equal(before, there);
        assert_int_equal(queue_position(s->q, "feed", s->a, &position, &n), 0);
        assert_int_equal(n, 8);
        assert_memory_equal(position, "a cookie", 8);
        /* New numbers are behind the old ones: a new change comes after those that waited. */
        put(s, 5000, LANE_NORMAL);
        assert_int_equal(queue_lease(s->q, s->now, LANES_ALL, s->a, &lease), 0);
        assert_false(guid_is(&lease.change.id, &fresh.id));
        assert_int_equal(queue_ack(s->q, &lease, &(Commit){ .now = s->now }), 0);
        shut(s);
        check_clean(s, 2);

        must_copy(s, false, 3, false);
        check_clean(s, 3);
        assert_int_equal(open_lmdb(s, 3), 0);
        put(s, 5001, LANE_NORMAL);
        assert_int_equal(queue_lease(s->q, s->now, LANES_ALL, s->a, &other), 0);
        assert_false(guid_is(&other.change.id, &lease.change.id));
        free(before);
        free(there);
}

/* A node's copy, whose servers have lost everything, becomes the state of all. */
static void test_from_a_node(void **state)
{
        State *s = *state;
        char *before, *there;

        must_open(s, 0);
        fill(s);
        before = list(s);
        shut(s);
        snprintf(s->log, sizeof(s->log), "%s", strrchr(s->folders[1], '/') + 1);
        must_copy(s, true, 0, false);
        must_open(s, 1);
        there = list(s);
        assert_string_equal(before, there);
        put(s, 6000, LANE_NORMAL);
        shut(s);
        check_clean(s, 1);
        free(before);
        free(there);
}

static bool has_memo(State *s, const char *name)
{
        const uint8_t *data;
        size_t n;
        int r = memo_read(queue_space(s->q), name, s->a, &data, &n, NULL);

        assert_true(r == 0 || r == SPACE_E_NONE);
        return r == 0;
}

/* What the node with the flag had told the others has the term of a role, and terms begin anew with the log:
 * it does not move. What is owed to the scheduler does. */
static void test_board_stays(void **state)
{
        State *s = *state;
        SpaceBatch b;

        must_open(s, 0);
        fill(s);
        batch_row(&b, s->a, MEMO_BOARD, "held", 0);
        memo_write(&b, "scheduler.journal", "owed", 4, 0);
        assert_int_equal(
                queue_put(s->q, &(Intake){ .writes = b.writes, .n_writes = b.n_writes, .now = s->now }), 0);
        shut(s);
        must_open(s, 0);
        assert_true(has_memo(s, MEMO_BOARD)); /* a restart is no move */
        shut(s);
        snprintf(s->log, sizeof(s->log), "%s", strrchr(s->folders[1], '/') + 1);
        must_copy(s, true, 0, false);
        must_open(s, 1);
        assert_false(has_memo(s, MEMO_BOARD));
        assert_true(has_memo(s, "scheduler.journal"));
        shut(s);
        check_clean(s, 1);
}

static void test_refusals(void **state)
{
        State *s = *state;

        assert_int_equal(copy_with(s, false, 0, false, NULL, NULL), -ENOENT);
        said(s, "there is no state");
        assert_int_equal(copy_with(s, true, 0, false, NULL, NULL), -ENOENT);
        said(s, "data.mdb");

        assert_int_equal(open_lmdb(s, 0), 0);
        fill(s);
        assert_int_equal(copy_with(s, true, 0, false, NULL, NULL), QUEUE_E_GONE);
        said(s, "in use by process");
        shut(s);
        must_copy(s, true, 0, false);
        assert_int_equal(copy_with(s, true, 0, false, NULL, NULL), -EEXIST);
        said(s, "--replace");
        assert_int_equal(copy_with(s, false, 0, false, NULL, NULL), -EEXIST);
        said(s, "--replace");

        must_open(s, 1);
        assert_int_equal(copy_with(s, true, 0, true, NULL, NULL), QUEUE_E_GONE);
        said(s, "node node-1 is running");
        put(s, 7000, LANE_NORMAL);
        shut(s);

        /* Another state: who has the old one begins with the new one. */
        must_copy(s, true, 0, true);
        must_open(s, 1);
        put(s, 7001, LANE_NORMAL);
        shut(s);
        must_copy(s, false, 0, true);
        assert_int_equal(open_lmdb(s, 0), 0);
}

static bool at_once(void *context, uint64_t done, uint64_t total)
{
        (void)context;
        (void)done;
        (void)total;
        return true;
}

static bool die(void *context, uint64_t done, uint64_t total)
{
        (void)context;
        (void)done;
        (void)total;
        kill(getpid(), SIGKILL);
        return true;
}

/* A process that is killed in the middle of it. */
static void killed_copy(State *s, bool to_cluster, int folder)
{
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                copy_with(s, to_cluster, folder, false, die, NULL);
                _exit(1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* A copy that was cut is no state, and says so; the same again makes it one. */
static void test_cut(void **state)
{
        State *s = *state;

        assert_int_equal(open_lmdb(s, 0), 0);
        fill(s);
        shut(s);
        killed_copy(s, true, 0);
        assert_int_equal(open_node(s, 1), QUEUE_E_STALE);
        said(s, "did not come to its end");
        assert_int_equal(copy_with(s, true, 0, false, at_once, NULL), QUEUE_E_CLOSED);
        assert_int_equal(open_node(s, 1), QUEUE_E_STALE);
        assert_int_equal(copy_with(s, false, 2, false, NULL, NULL), -ENOENT);
        must_copy(s, true, 0, false);

        scratch_remove(s->folders[2]);
        killed_copy(s, false, 2);
        assert_int_equal(open_lmdb(s, 2), QUEUE_E_STALE);
        said(s, "did not come to its end");
        must_copy(s, false, 2, false);
        same(s, 0, 2);
        assert_int_equal(open_lmdb(s, 2), 0);
}

/* -- a log that has lost its beginning ------------------------------------------------------------------- */

static BusStream look(State *s, const char *stream)
{
        _cleanup_(bus_freep) Bus *bus = NULL;
        BusOptions options = bus_options();
        BusStream have = { 0 };

        assert_int_equal(bus_new(&bus, &options, &s->diag), 0);
        bus_stream_look(bus, stream, &have);
        return have;
}

/* Changes and long rows, until the log begins behind this number. */
static void write_until_trimmed(State *s, uint64_t behind)
{
        time_t end = time(NULL) + DEADLINE_S;
        static unsigned n = 10000;

        while (look(s, s->log).first <= behind) {
                Change changes[50];

                for (size_t i = 0; i < N_ELEMENTS(changes); i++) {
                        changes[i] = change_n(n++ % 400 + 1000, LANE_NORMAL);
                        changes[i].seen = s->now;
                }
                for (int i = 0; i < 5; i++)
                        assert_int_equal(queue_put(s->q, &(Intake){ .changes = changes,
                                                                    .n_changes = N_ELEMENTS(changes),
                                                                    .now = s->now }),
                                         0);
                assert_true(time(NULL) < end);
        }
}

static void test_trimmed(void **state)
{
        State *s = *state;
        BusStream log, pieces;
        char *before, *now;

        /* It was there at the beginning, and then away. */
        must_open(s, 1);
        put(s, 1, LANE_URGENT);
        shut(s);

        must_open(s, 0);
        fill(s);
        write_until_trimmed(s, 100);
        before = list(s);
        shut(s);
        log = look(s, s->log);
        pieces = look(s, arena_printf(s->a, "%s-snapshots", s->log));
        printf("log: %llu to %llu, %llu bytes; snapshots: %llu bytes\n", (unsigned long long)log.first,
               (unsigned long long)log.last, (unsigned long long)log.n_bytes,
               (unsigned long long)pieces.n_bytes);

        for (int i = 1; i <= 2; i++) {
                must_open(s, i);
                now = list(s);
                assert_string_equal(before, now);
                free(now);
                put(s, 20000u, LANE_NORMAL);
                assert_int_equal(queue_drop(s->q, &(ObjectKey){ 0, object_n(20000).id }), 0);
                shut(s);
                check_clean(s, i);
        }
        /* It does not grow for ever: twice what lies between two snapshots, and the two. */
        must_open(s, 0);
        write_until_trimmed(s, look(s, s->log).last + 100);
        shut(s);
        log = look(s, s->log);
        pieces = look(s, arena_printf(s->a, "%s-snapshots", s->log));
        assert_true(log.n_bytes < 4 * (uint64_t)pieces.n_bytes + 4 * SNAPSHOT);
        must_copy(s, false, 3, false);
        check_clean(s, 3);
        free(before);
}

/* Without its snapshot a log that has no beginning is no state, and a node does not begin with less. */
static void test_snapshot_is_gone(void **state)
{
        _cleanup_(bus_freep) Bus *bus = NULL;
        State *s = *state;
        BusOptions options = bus_options();

        must_open(s, 0);
        write_until_trimmed(s, 10);
        shut(s);
        assert_int_equal(bus_new(&bus, &options, &s->diag), 0);
        assert_int_equal(bus_stream_trim(bus, arena_printf(s->a, "%s-snapshots", s->log), 1000000), 0);
        assert_int_equal(open_node(s, 1), QUEUE_E_STALE);
        said(s, "is not whole");
        /* Who has the state goes on. */
        must_open(s, 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
        static const struct CMUnitTest tests[] = {
                TEST(test_there_and_back),   TEST(test_from_a_node), TEST(test_board_stays),
                TEST(test_refusals),         TEST(test_cut),         TEST(test_trimmed),
                TEST(test_snapshot_is_gone),
        };

        if (!nats_start()) {
                printf("skipped: no nats-server on this machine (Debian: nats-server)\n");
                return EXIT_SKIP;
        }
        contract_backend = "jetstream";
        return contract_run("cluster-state", tests, N_ELEMENTS(tests)) != 0;
}
