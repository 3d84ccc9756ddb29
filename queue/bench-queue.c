/* SPDX-License-Identifier: Apache-2.0 */

/*
 * How fast the durable queue is, against LMDB alone
 *
 *      bench-queue [CYCLES]
 *
 * cycle      each thread: put one change (durable), lease one, ack it with an outcome of 1 kB
 * raw        one thread, LMDB alone, the same rows, and as many cycles in a commit as `cycle` had: what no
 * queue on LMDB can beat drain      a backlog; each thread: lease, ack with three rows and an outcome put p50
 * one feed that puts one change at a time, while 16 threads lease and ack backlog    a million changes: time
 * to put, to open again, first lease; memory that opening and leasing took
 *
 * The disk decides: compare within one run only. A new folder in TMPDIR is used and removed.
 */

#include "base/cleanup.h"
#include "base/clock.h"
#include "engine/space/memo.h"
#include "queue/queue.h"
#include "queue/record.h"

#include <dirent.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOAL_RATIO 0.5

static const Wall start = { INT64_C(1795593600000) };

typedef struct Bench {
        Queue *q;
        size_t n; /* cycles in all */
        _Atomic size_t next;
        _Atomic size_t n_done;
        _Atomic bool stop;
} Bench;

static _Noreturn void give_up(const char *what, int r)
{
        fprintf(stderr, "bench-queue: %s: %d\n", what, r);
        exit(1);
}

static double seconds(Mono from)
{
        return (double)(clock_mono(&clock_system).us - from.us) / 1e6;
}

static char *folder_new(void)
{
        const char *tmp = getenv("TMPDIR");
        char *path = NULL;

        if (asprintf(&path, "%s/sosync-bench-XXXXXX", tmp && tmp[0] ? tmp : "/tmp") < 0 || !mkdtemp(path))
                give_up("mkdtemp", -1);
        return path;
}

static void folder_remove(char *path)
{
        DIR *dir = opendir(path);
        struct dirent *entry;

        while (dir && (entry = readdir(dir))) {
                char name[4096];

                snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
                if (entry->d_name[0] != '.')
                        unlink(name);
        }
        if (dir)
                closedir(dir);
        rmdir(path);
        free(path);
}

static Queue *open_queue(const char *path)
{
        QueueLmdbOptions options = { .path = path, .now = start };
        Queue *q = NULL;
        int r;

        r = queue_lmdb_new(&q, &options, NULL);
        if (r)
                give_up("queue_lmdb_new", r);
        return q;
}

/* GUIDs are random to the order of a B-tree. */
static ObjectId id_of(size_t n)
{
        Hash128 h = hash128(&n, sizeof(n), 1);
        ObjectId id;

        memcpy(id.bytes, &h, sizeof(id.bytes));
        return id;
}

static Change change_of(size_t n)
{
        return (Change){
                .id = id_of(n),
                .lane = LANE_NORMAL,
                .seen = start,
                .dn = "CN=Ada Lovelace,OU=Engineering,OU=corp,DC=corp,DC=contoso,DC=test",
        };
}

static void put_one(Queue *q, size_t n)
{
        Change c = change_of(n);
        Intake in = { .changes = &c,
                      .n_changes = 1,
                      .feed = "corp",
                      .position = "0123456789",
                      .n_position = 10,
                      .now = start };
        int r = queue_put(q, &in);

        if (r)
                give_up("put", r);
}

static void put_many(Queue *q, size_t from, size_t n, size_t per_put)
{
        Change *changes = calloc(per_put, sizeof(*changes));

        for (size_t at = 0; at < n;) {
                Intake in = { .changes = changes, .now = start };
                int r;

                for (; in.n_changes < per_put && at < n; at++)
                        changes[in.n_changes++] = change_of(from + at);
                r = queue_put(q, &in);
                if (r)
                        give_up("put", r);
        }
        free(changes);
}

/* About 1 kB, as a run that did nothing much leaves it. */
static Outcome outcome_of(const Lease *lease)
{
        static const char text[] =
                "The object's organizational unit is in sync scope: OU=Engineering,OU=corp,...";
        Outcome o = { .change = lease->change, .tries = lease->tries, .n_steps = 10 };

        for (size_t i = 0; i < o.n_steps; i++)
                o.steps[i] = (StepRecord){ .ran = true, .description = text };
        return o;
}

static bool lease_and_ack(Queue *q, Arena *a, size_t n_rows)
{
        Outcome o;
        SpaceBatch b;
        Commit c = { .batch = &b, .outcome = &o, .now = start };
        Lease lease;
        int r;

        arena_reset(a);
        r = queue_lease(q, start, LANES_ALL, a, &lease);
        if (r == QUEUE_E_EMPTY)
                return false;
        if (r)
                give_up("lease", r);
        o = outcome_of(&lease);
        space_batch_init(&b, a);
        for (size_t i = 0; i < n_rows; i++) {
                static const char row[400] = { 1 };
                char name[40];

                snprintf(name, sizeof(name), "%zu-%016llx", i,
                         (unsigned long long)get_be64(lease.change.id.bytes));
                memo_write(&b, name, row, sizeof(row), SPACE_ANY);
        }
        r = queue_ack(q, &lease, &c);
        if (r)
                give_up("ack", r);
        return true;
}

static void *cycle_thread(void *arg)
{
        Arena *a = arena_new(0);
        Bench *b = arg;

        for (size_t n = atomic_fetch_add(&b->next, 1); n < b->n; n = atomic_fetch_add(&b->next, 1)) {
                put_one(b->q, n);
                /* Another thread may have taken mine: then theirs is there. */
                while (!lease_and_ack(b->q, a, 0) && atomic_load(&b->n_done) + 64 < n)
                        ;
                atomic_fetch_add(&b->n_done, 1);
        }
        arena_free(a);
        return NULL;
}

static void *drain_thread(void *arg)
{
        Arena *a = arena_new(0);
        Bench *b = arg;

        while (!atomic_load(&b->stop) && lease_and_ack(b->q, a, 3))
                atomic_fetch_add(&b->n_done, 1);
        arena_free(a);
        return NULL;
}

static void settle(Queue *q)
{
        Intake nothing = { .now = start };
        int r = queue_put(q, &nothing);

        if (r)
                give_up("put", r);
}

static double run_threads(Bench *b, size_t n_threads, void *(*fn)(void *))
{
        Mono from = clock_mono(&clock_system);
        pthread_t threads[64];

        for (size_t i = 0; i < n_threads; i++)
                pthread_create(&threads[i], NULL, fn, b);
        for (size_t i = 0; i < n_threads; i++)
                pthread_join(threads[i], NULL);
        settle(b->q);
        return seconds(from);
}

static uint64_t commits(Queue *q)
{
        QueueStats st;

        queue_stats(q, start, &st);
        return st.n_commits;
}

/* The same rows without a queue: per commit `batch` cycles. */
static double raw(size_t n, size_t batch)
{
        char *path = folder_new();
        MDB_dbi change, due, position, outcome;
        MDB_env *env;
        MDB_txn *txn;
        Mono from;
        double s;

        mdb_env_create(&env);
        mdb_env_set_maxdbs(env, 8);
        mdb_env_set_mapsize(env, (size_t)4 << 30);
        if (mdb_env_open(env, path, MDB_NOTLS, 0600) || mdb_txn_begin(env, NULL, 0, &txn) ||
            mdb_dbi_open(txn, "change", MDB_CREATE, &change) || mdb_dbi_open(txn, "due", MDB_CREATE, &due) ||
            mdb_dbi_open(txn, "position", MDB_CREATE, &position) ||
            mdb_dbi_open(txn, "outcome", MDB_CREATE, &outcome) || mdb_txn_commit(txn))
                give_up("raw", -1);
        from = clock_mono(&clock_system);
        /* Each commit takes the puts of one batch and the acks of the one before, as they come in the queue.
         */
        for (size_t at = 0; at < n + batch; at += batch) {
                int rc = mdb_txn_begin(env, NULL, 0, &txn);

                for (size_t i = 0; rc == 0 && i < batch; i++) {
                        static char row[140], report[1100];
                        uint8_t place[PLACE_KEY_SIZE];
                        uint8_t number[8];
                        ObjectId id;
                        MDB_val k, v;

                        if (at + i < n) {
                                id = id_of(at + i);
                                place_key(&(Place){ .due = start, .sequence = at + i }, place);
                                k = (MDB_val){ sizeof(id), id.bytes };
                                v = (MDB_val){ sizeof(row), row };
                                rc |= mdb_put(txn, change, &k, &v, 0);
                                k = (MDB_val){ sizeof(place), place };
                                v = (MDB_val){ sizeof(id), id.bytes };
                                rc |= mdb_put(txn, due, &k, &v, 0);
                                k = (MDB_val){ 4, row };
                                v = (MDB_val){ 10, row };
                                rc |= mdb_put(txn, position, &k, &v, 0);
                        }
                        if (at + i >= batch && at + i - batch < n) {
                                id = id_of(at + i - batch);
                                place_key(&(Place){ .due = start, .sequence = at + i - batch }, place);
                                k = (MDB_val){ sizeof(place), place };
                                rc |= mdb_get(txn, due, &k, &v);
                                rc |= mdb_del(txn, due, &k, NULL);
                                k = (MDB_val){ sizeof(id), id.bytes };
                                rc |= mdb_get(txn, change, &k, &v);
                                rc |= mdb_del(txn, change, &k, NULL);
                                put_be64(at + i, number);
                                k = (MDB_val){ sizeof(number), number };
                                v = (MDB_val){ sizeof(report), report };
                                rc |= mdb_put(txn, outcome, &k, &v, 0);
                        }
                }
                if (rc || mdb_txn_commit(txn))
                        give_up("raw", rc);
        }
        s = seconds(from);
        mdb_env_close(env);
        folder_remove(path);
        return (double)n / s;
}

static bool bench_cycles(size_t n)
{
        static const size_t threads[] = { 1, 4, 16 };
        bool ok = true;

        printf("%-24s %10s %10s %8s %8s\n", "put, lease, ack", "cycles/s", "raw/s", "a commit", "ratio");
        for (size_t i = 0; i < N_ELEMENTS(threads); i++) {
                char *path = folder_new();
                Bench b = { .q = open_queue(path), .n = n * (i + 1) };
                uint64_t before = commits(b.q), n_commits;
                double s = run_threads(&b, threads[i], cycle_thread), baseline;
                size_t batch;

                n_commits = commits(b.q) - before;
                queue_free(b.q);
                folder_remove(path);
                /* A cycle is half done in each of two commits. */
                batch = (size_t)((double)b.n / (double)n_commits + 0.5);
                baseline = raw(b.n, batch ? batch : 1);
                printf("%4zu threads %12s %10.0f %10.0f %8.1f %8.2f\n", threads[i], "", (double)b.n / s,
                       baseline, (double)b.n / (double)n_commits, (double)b.n / s / baseline);
                ok = ok && (double)b.n / s / baseline >= GOAL_RATIO;
        }
        return ok;
}

static void bench_drain(size_t n)
{
        static const size_t threads[] = { 1, 4, 16 };

        printf("\n%-24s %10s %10s\n", "backlog: lease, ack", "acks/s", "a commit");
        for (size_t i = 0; i < N_ELEMENTS(threads); i++) {
                char *path = folder_new();
                Bench b = { .q = open_queue(path), .n = n };
                uint64_t before;
                double s;

                put_many(b.q, 0, n, 5000);
                before = commits(b.q);
                s = run_threads(&b, threads[i], drain_thread);
                printf("%4zu threads %12s %10.0f %10.1f\n", threads[i], "", (double)n / s,
                       (double)n / (double)(commits(b.q) - before));
                queue_free(b.q);
                folder_remove(path);
        }
}

static int by_value(const void *a, const void *b)
{
        const int64_t *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static void bench_latency(size_t n)
{
        enum {
                N_ACKERS = 16
        };
        char *path = folder_new();
        Bench b = { .q = open_queue(path) };
        int64_t *us = calloc(n, sizeof(*us));
        pthread_t threads[N_ACKERS];
        size_t n_backlog = 200000;
        Mono from;

        put_many(b.q, 0, n_backlog, 5000);
        from = clock_mono(&clock_system);
        for (size_t i = 0; i < N_ACKERS; i++)
                pthread_create(&threads[i], NULL, drain_thread, &b);
        for (size_t i = 0; i < n; i++) {
                Mono t = clock_mono(&clock_system);

                put_one(b.q, n_backlog + i);
                us[i] = clock_mono(&clock_system).us - t.us;
        }
        printf("\nput behind %d ackers: %.0f acks/s", N_ACKERS,
               (double)atomic_load(&b.n_done) / seconds(from));
        atomic_store(&b.stop, true);
        for (size_t i = 0; i < N_ACKERS; i++)
                pthread_join(threads[i], NULL);
        qsort(us, n, sizeof(*us), by_value);
        printf(", p50 %.2f ms, p99 %.2f ms\n", (double)us[n / 2] / 1000, (double)us[n * 99 / 100] / 1000);
        free(us);
        queue_free(b.q);
        folder_remove(path);
}

/* Anonymous memory of this process, kB. */
static long anonymous_kb(void)
{
        FILE *file = fopen("/proc/self/status", "r");
        char line[256];
        long kb = 0;

        while (file && fgets(line, sizeof(line), file)) {
                if (strncmp(line, "RssAnon:", 8) == 0)
                        kb = strtol(line + 8, NULL, 10);
        }
        if (file)
                fclose(file);
        return kb;
}

static void bench_backlog(size_t n)
{
        Arena *a = arena_new(0);
        char *path = folder_new();
        Queue *q = open_queue(path);
        Mono from = clock_mono(&clock_system);
        QueueStats st;
        double put_s, open_s, first_s;
        long before;

        put_many(q, 0, n, 5000);
        put_s = seconds(from);
        queue_free(q);
        before = anonymous_kb();
        from = clock_mono(&clock_system);
        q = open_queue(path);
        open_s = seconds(from);
        lease_and_ack(q, a, 3);
        first_s = seconds(from);
        for (size_t i = 0; i < 20000; i++)
                lease_and_ack(q, a, 3);
        settle(q);
        queue_stats(q, start, &st);
        printf("\nbacklog of %zu: put %.1f s (%.0f/s), open %.1f ms, first lease and ack %.1f ms after, "
               "%+.1f MiB anonymous, file %zu MiB\n",
               n, put_s, (double)n / put_s, open_s * 1e3, first_s * 1e3,
               (double)(anonymous_kb() - before) / 1024, st.file_bytes >> 20);
        queue_free(q);
        folder_remove(path);
        arena_free(a);
}

int main(int argc, char **argv)
{
        size_t n = argc > 1 ? (size_t)atol(argv[1]) : 4000;
        bool ok;

        ok = bench_cycles(n);
        bench_drain(n * 5);
        bench_latency(n / 4);
        bench_backlog(n * 250);
        return ok ? 0 : 1;
}
