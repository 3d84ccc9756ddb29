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
#include "queue/bench-raw.h"
#include "queue/queue.h"
#include "queue/record.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GOAL_RATIO 0.5

typedef struct Bench {
        Queue *q;
        size_t n; /* cycles in all */
        _Atomic size_t next;
        _Atomic size_t n_done;
        _Atomic bool stop;
} Bench;

static Queue *open_queue(const char *path)
{
        QueueLmdbOptions options = { .path = path, .now = bench_start };
        Queue *q = NULL;
        int r;

        r = queue_lmdb_new(&q, &options, NULL);
        if (r)
                bench_give_up("queue_lmdb_new", r);
        return q;
}

static Change change_of(size_t n)
{
        return (Change){
                .id = bench_id_of(n),
                .lane = LANE_NORMAL,
                .seen = bench_start,
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
                      .now = bench_start };
        int r = queue_put(q, &in);

        if (r)
                bench_give_up("put", r);
}

static void put_many(Queue *q, size_t from, size_t n, size_t per_put)
{
        Change *changes = calloc(per_put, sizeof(*changes));

        for (size_t at = 0; at < n;) {
                Intake in = { .changes = changes, .now = bench_start };
                int r;

                for (; in.n_changes < per_put && at < n; at++)
                        changes[in.n_changes++] = change_of(from + at);
                r = queue_put(q, &in);
                if (r)
                        bench_give_up("put", r);
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
        Commit c = { .batch = &b, .outcome = &o, .now = bench_start };
        Lease lease;
        int r;

        arena_reset(a);
        r = queue_lease(q, bench_start, LANES_ALL, a, &lease);
        if (r == QUEUE_E_EMPTY)
                return false;
        if (r)
                bench_give_up("lease", r);
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
                bench_give_up("ack", r);
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
        Intake nothing = { .now = bench_start };
        int r = queue_put(q, &nothing);

        if (r)
                bench_give_up("put", r);
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
        return bench_seconds(from);
}

static uint64_t commits(Queue *q)
{
        QueueStats st;

        queue_stats(q, bench_start, &st);
        return st.n_commits;
}

static int by_rate(const void *a, const void *b)
{
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

/* One round of the queue. `ret_batch`: cycles in a commit; a cycle is half done in each of two. */
static double cycles(size_t n, size_t n_threads, double *ret_batch)
{
        char *path = bench_folder_new();
        Bench b = { .q = open_queue(path), .n = n };
        uint64_t before = commits(b.q);
        double s = run_threads(&b, n_threads, cycle_thread);

        *ret_batch = (double)n / (double)(commits(b.q) - before);
        queue_free(b.q);
        bench_folder_remove(path);
        return (double)n / s;
}

/* Queue and baseline in turn, so that what else the disk does hits both; medians of the rounds. */
static bool bench_cycles(size_t n)
{
        enum {
                ROUNDS = 5
        };
        static const size_t threads[] = { 1, 4, 16 };
        bool ok = true;

        printf("%-24s %10s %10s %10s %8s %8s\n", "put, lease, ack", "cycles/s", "raw/s", "raw spread",
               "a commit", "ratio");
        for (size_t i = 0; i < N_ELEMENTS(threads); i++) {
                double rate[ROUNDS], baseline[ROUNDS], ratio[ROUNDS], batch;

                for (int round = 0; round < ROUNDS; round++) {
                        rate[round] = cycles(n * (i + 1) / ROUNDS, threads[i], &batch);
                        baseline[round] =
                                bench_raw(n * (i + 1) / ROUNDS, batch < 1 ? 1 : (size_t)(batch + 0.5));
                        ratio[round] = rate[round] / baseline[round];
                }
                qsort(rate, ROUNDS, sizeof(double), by_rate);
                qsort(baseline, ROUNDS, sizeof(double), by_rate);
                qsort(ratio, ROUNDS, sizeof(double), by_rate);
                printf("%4zu threads %12s %10.0f %10.0f %10.1f %8.1f %8.2f\n", threads[i], "",
                       rate[ROUNDS / 2], baseline[ROUNDS / 2], baseline[ROUNDS - 1] / baseline[0], batch,
                       ratio[ROUNDS / 2]);
                ok = ok && ratio[ROUNDS / 2] >= GOAL_RATIO;
        }
        return ok;
}

static void bench_drain(size_t n)
{
        static const size_t threads[] = { 1, 4, 16 };

        printf("\n%-24s %10s %10s\n", "backlog: lease, ack", "acks/s", "a commit");
        for (size_t i = 0; i < N_ELEMENTS(threads); i++) {
                char *path = bench_folder_new();
                Bench b = { .q = open_queue(path), .n = n };
                uint64_t before;
                double s;

                put_many(b.q, 0, n, 5000);
                before = commits(b.q);
                s = run_threads(&b, threads[i], drain_thread);
                printf("%4zu threads %12s %10.0f %10.1f\n", threads[i], "", (double)n / s,
                       (double)n / (double)(commits(b.q) - before));
                queue_free(b.q);
                bench_folder_remove(path);
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
        char *path = bench_folder_new();
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
               (double)atomic_load(&b.n_done) / bench_seconds(from));
        atomic_store(&b.stop, true);
        for (size_t i = 0; i < N_ACKERS; i++)
                pthread_join(threads[i], NULL);
        qsort(us, n, sizeof(*us), by_value);
        printf(", p50 %.2f ms, p99 %.2f ms\n", (double)us[n / 2] / 1000, (double)us[n * 99 / 100] / 1000);
        free(us);
        queue_free(b.q);
        bench_folder_remove(path);
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
        char *path = bench_folder_new();
        Queue *q = open_queue(path);
        Mono from = clock_mono(&clock_system);
        QueueStats st;
        double put_s, open_s, first_s;
        long before;

        put_many(q, 0, n, 5000);
        put_s = bench_seconds(from);
        queue_free(q);
        before = anonymous_kb();
        from = clock_mono(&clock_system);
        q = open_queue(path);
        open_s = bench_seconds(from);
        lease_and_ack(q, a, 3);
        first_s = bench_seconds(from);
        for (size_t i = 0; i < 20000; i++)
                lease_and_ack(q, a, 3);
        settle(q);
        queue_stats(q, bench_start, &st);
        printf("\nbacklog of %zu: put %.1f s (%.0f/s), open %.1f ms, first lease and ack %.1f ms after, "
               "%+.1f MiB anonymous, file %zu MiB\n",
               n, put_s, (double)n / put_s, open_s * 1e3, first_s * 1e3,
               (double)(anonymous_kb() - before) / 1024, st.file_bytes >> 20);
        queue_free(q);
        bench_folder_remove(path);
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
