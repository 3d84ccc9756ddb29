/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

/*
 * Feeds, workers and readers at once. Asserts of cmocka belong to the main thread, so threads note the first
 * thing that is wrong and the main thread fails with it.
 */

enum {
        N_OBJECTS = 150,
        N_COUNTERS = 7,
        N_FEEDS = 3,
        N_WORKERS = 8,
        N_PUTS = 250, /* of each feed */
};

typedef struct Hall {
        Queue *q;
        Wall now;
        _Atomic int64_t tick;
        _Atomic int64_t put_at[N_OBJECTS];   /* last put began */
        _Atomic int64_t lease_at[N_OBJECTS]; /* last lease was given */
        _Atomic bool in_work[N_OBJECTS];
        _Atomic unsigned n_acked;
        _Atomic unsigned n_stale;
        _Atomic unsigned feeds_left;
        _Atomic bool done;
        _Atomic(const char *) wrong;
} Hall;

static void wrong(Hall *h, const char *what)
{
        const char *none = NULL;

        atomic_compare_exchange_strong(&h->wrong, &none, what);
}

static uint32_t next_random(uint32_t *state)
{
        *state = *state * 1664525 + 1013904223;
        return *state >> 8;
}

static void *feed(void *arg)
{
        static _Atomic uint32_t seed = 1;
        Hall *h = arg;
        uint32_t random = atomic_fetch_add(&seed, 77);

        for (unsigned i = 0; i < N_PUTS; i++) {
                Change c[4];
                Intake in = { .changes = c,
                              .n_changes = 1 + next_random(&random) % N_ELEMENTS(c),
                              .now = h->now };

                for (size_t j = 0; j < in.n_changes; j++) {
                        unsigned n = next_random(&random) % N_OBJECTS;

                        c[j] = change_n(n, (Lane)(next_random(&random) % _LANE_N));
                        c[j].seen = h->now;
                        atomic_store(&h->put_at[n], atomic_fetch_add(&h->tick, 1));
                }
                if (queue_put(h->q, &in))
                        wrong(h, "put failed");
        }
        atomic_fetch_sub(&h->feeds_left, 1);
        return NULL;
}

/* Add one to a counter that others write too: the serial says when to do it again. */
static int count_and_ack(Hall *h, const Lease *lease, unsigned counter, Arena *a)
{
        for (;;) {
                unsigned value = 0;
                uint64_t serial = 0;
                const uint8_t *data;
                char name[20];
                SpaceBatch b;
                Outcome o = outcome_of(lease, "run");
                Commit c = { .batch = &b, .outcome = &o, .now = h->now };
                size_t n;
                int r;

                snprintf(name, sizeof(name), "counter-%u", counter);
                r = memo_read(queue_space(h->q), name, a, &data, &n, &serial);
                if (r == 0)
                        memcpy(&value, data, sizeof(value));
                else if (r != SPACE_E_NONE)
                        return r;
                value++;
                space_batch_init(&b, a);
                memo_write(&b, name, &value, sizeof(value), serial);
                r = queue_ack(h->q, lease, &c);
                if (r != QUEUE_E_STALE)
                        return r;
                atomic_fetch_add(&h->n_stale, 1);
        }
}

static void work(Hall *h, const Lease *lease, uint32_t *random, Arena *a)
{
        unsigned n = (unsigned)lease->change.id.bytes[14] << 8 | lease->change.id.bytes[15];
        Commit nothing = { .now = h->now };
        int r;

        if (atomic_exchange(&h->in_work[n], true))
                wrong(h, "two workers have one object");
        atomic_store(&h->lease_at[n], atomic_fetch_add(&h->tick, 1));
        /* It may be leased again before this thread runs on. */
        atomic_store(&h->in_work[n], false);
        switch (next_random(random) % 16) {
        case 0:
                r = queue_retry(h->q, lease, h->now, "again", &nothing);
                break;
        case 1:
                r = queue_release(h->q, lease);
                break;
        case 2:
                r = queue_note(h->q, lease, &nothing);
                if (r == 0)
                        r = queue_release(h->q, lease);
                break;
        default:
                r = count_and_ack(h, lease, n % N_COUNTERS, a);
                if (r == 0)
                        atomic_fetch_add(&h->n_acked, 1);
                break;
        }
        if (r)
                wrong(h, "the end of a lease failed");
}

static bool is_empty(Hall *h)
{
        QueueStats st;
        size_t n = 0;

        if (atomic_load(&h->feeds_left) || queue_stats(h->q, h->now, &st))
                return false;
        for (unsigned lane = 0; lane < _LANE_N; lane++) {
                for (unsigned state = 0; state < _QUEUE_STATE_N; state++)
                        n += st.n[lane][state];
        }
        return n == 0;
}

static void *worker(void *arg)
{
        static _Atomic uint32_t seed = 1000;
        Hall *h = arg;
        uint32_t random = atomic_fetch_add(&seed, 77);
        Arena *a = arena_new(0);
        Lease lease;

        while (!atomic_load(&h->done)) {
                int r = queue_lease(h->q, h->now, LANES_ALL, a, &lease);

                if (r == 0) {
                        work(h, &lease, &random, a);
                } else if (r != QUEUE_E_EMPTY) {
                        wrong(h, "lease failed");
                        break;
                } else if (is_empty(h)) {
                        atomic_store(&h->done, true);
                        queue_wake_all(h->q, true);
                } else {
                        queue_wait(h->q, LANES_ALL, h->now, 2000);
                }
                arena_reset(a);
        }
        arena_free(a);
        return NULL;
}

static int look_at_row(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Hall *h = context;

        if (n_key < 9 || memcmp(key, "counter-", 8) != 0 || row->n != sizeof(unsigned))
                wrong(h, "a walk showed a row that nobody wrote");
        return 0;
}

static void *reader(void *arg)
{
        Hall *h = arg;
        Arena *a = arena_new(0);

        while (!atomic_load(&h->done)) {
                Space *s = queue_space(h->q);
                OutcomeRow *rows;
                QueueItem *items;
                size_t n;

                if (queue_list(h->q, NULL, 50, a, &items, &n) || queue_outcomes(h->q, 0, 50, a, &rows, &n))
                        wrong(h, "a list failed");
                if (n > 0 && queue_outcomes_done(h->q, rows[n / 2].sequence))
                        wrong(h, "outcomes_done failed");
                if (s->ops->walk(s, SPACE_MEMO, NULL, 0, look_at_row, h))
                        wrong(h, "a walk failed");
                arena_reset(a);
        }
        arena_free(a);
        return NULL;
}

static void test_threads(void **state)
{
        Fixture *f = *state;
        Hall h = { .q = f->q, .now = f->now, .tick = 1, .feeds_left = N_FEEDS };
        pthread_t threads[N_FEEDS + N_WORKERS + 1];
        size_t n = 0;
        unsigned sum = 0;

        for (int i = 0; i < N_FEEDS; i++)
                assert_int_equal(pthread_create(&threads[n++], NULL, feed, &h), 0);
        for (int i = 0; i < N_WORKERS; i++)
                assert_int_equal(pthread_create(&threads[n++], NULL, worker, &h), 0);
        assert_int_equal(pthread_create(&threads[n++], NULL, reader, &h), 0);
        while (n > 0)
                pthread_join(threads[--n], NULL);
        if (atomic_load(&h.wrong))
                fail_msg("%s", atomic_load(&h.wrong));
        /* Every change was given out after it had been put. */
        for (int i = 0; i < N_OBJECTS; i++)
                assert_true(atomic_load(&h.lease_at[i]) >= atomic_load(&h.put_at[i]));
        /* No ack lost what another had counted. */
        for (int i = 0; i < N_COUNTERS; i++) {
                char name[20];
                const char *data;

                snprintf(name, sizeof(name), "counter-%d", i);
                data = read_row(f, name, NULL);
                if (data) {
                        unsigned value;
                        const uint8_t *bytes;
                        size_t n_bytes;

                        assert_int_equal(memo_read(queue_space(f->q), name, f->a, &bytes, &n_bytes, NULL), 0);
                        memcpy(&value, bytes, sizeof(value));
                        sum += value;
                }
        }
        assert_int_equal(sum, atomic_load(&h.n_acked));
        assert_int_equal(stats(f).n_acked, atomic_load(&h.n_acked));
}

typedef struct Sleeper {
        Queue *q;
        Wall now;
        LaneSet lanes;
        int r;
} Sleeper;

static void *sleeper(void *arg)
{
        Sleeper *s = arg;

        s->r = queue_wait(s->q, s->lanes, s->now, -1);
        return NULL;
}

/* A put wakes who sleeps for its lane; closing wakes everybody. If it did not, this would never end. */
static void test_wake(void **state)
{
        Fixture *f = *state;
        Sleeper normal = { f->q, f->now, LANE_SET(LANE_NORMAL), -1 };
        Sleeper urgent = { f->q, f->now, LANE_SET(LANE_URGENT), -1 };
        Sleeper none = { f->q, f->now, 0, -1 };
        pthread_t threads[3];

        assert_int_equal(pthread_create(&threads[0], NULL, sleeper, &normal), 0);
        assert_int_equal(pthread_create(&threads[1], NULL, sleeper, &urgent), 0);
        assert_int_equal(pthread_create(&threads[2], NULL, sleeper, &none), 0);
        put_n(f, 1, LANE_NORMAL);
        pthread_join(threads[0], NULL);
        assert_int_equal(normal.r, 0);
        queue_wake_all(f->q, true);
        pthread_join(threads[1], NULL);
        pthread_join(threads[2], NULL);
        assert_int_equal(urgent.r, QUEUE_E_CLOSED);
        assert_int_equal(none.r, QUEUE_E_CLOSED);
}

/* Who sleeps learns of a delayed row that will be due before its own time. */
static void test_wake_delayed(void **state)
{
        Fixture *f = *state;
        Sleeper s = { f->q, f->now, LANES_ALL, -1 };
        Commit c = { .now = f->now };
        pthread_t thread;
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        assert_int_equal(pthread_create(&thread, NULL, sleeper, &s), 0);
        assert_int_equal(queue_retry(f->q, &lease, wall_add(f->now, 5), "soon", &c), 0);
        pthread_join(thread, NULL);
        assert_int_equal(s.r, 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, contract_setup, contract_teardown)

const struct CMUnitTest contract_threads[] = {
        TEST(test_threads),
        TEST(test_wake),
        TEST(test_wake_delayed),
};

const size_t n_contract_threads = N_ELEMENTS(contract_threads);
