/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/queue-lmdb.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static const Wall now = { 1795000000000 };

typedef struct Asked {
        char path[4096];
        Arena *a;
        Queue *q;
        Ready *ready;
        ObjectKey key;
        Lease lease; /* of the one row */
} Asked;

/* A queue with one row, which a worker has looked up and asks the log for. */
static int setup(void **state)
{
        const char *tmp = getenv("TMPDIR");
        Asked *p = calloc(1, sizeof(*p));
        QueueLmdbOptions options = { .path = p->path, .now = now };
        Change change = { .id = { { 7 } }, .source = 2, .lane = LANE_NORMAL, .seen = now };
        Diag diag = DIAG_INIT;
        Op op = { 0 };

        snprintf(p->path, sizeof(p->path), "%s/sosync-ready-XXXXXX", tmp && tmp[0] ? tmp : "/tmp");
        assert_non_null(mkdtemp(p->path));
        if (queue_lmdb_new(&p->q, &options, &diag))
                fail_msg("%s", diag_text(&diag));
        p->a = arena_new(0);
        p->ready = &queue_lmdb(p->q)->ready;
        p->key = (ObjectKey){ change.source, change.id };
        assert_int_equal(queue_put(p->q, &(Intake){ .changes = &change, .n_changes = 1, .now = now }), 0);
        assert_int_equal(ready_lease(p->ready, now, LANES_ALL, p->a, &p->lease), 0);
        assert_int_equal(ready_ask(p->ready, &p->lease, &op), 0);
        *state = p;
        return 0;
}

static int teardown(void **state)
{
        static const char *const files[] = { "data.mdb", "lock.mdb", "lock", "marks" };
        Asked *p = *state;
        char path[4200];

        queue_free(p->q);
        for (size_t i = 0; i < N_ELEMENTS(files); i++) {
                snprintf(path, sizeof(path), "%s/%s", p->path, files[i]);
                unlink(path);
        }
        assert_int_equal(rmdir(p->path), 0);
        arena_free(p->a);
        free(p);
        return 0;
}

static int lease_again(Asked *p)
{
        Lease lease;

        return ready_lease(p->ready, now, LANES_ALL, p->a, &lease);
}

/* The worker's end of its lease carries the number by which the log knows it. */
static void expect_ours(Asked *p, uint64_t number)
{
        Op op = { 0 };

        assert_int_equal(ready_close(p->ready, &p->lease, true, &op), 0);
        assert_true(op.lease_number == number);
        assert_int_equal(lease_again(p), QUEUE_E_EMPTY);
}

/* Nobody ends it, asks for it or takes it before the answer is there. */
static void test_asked(void **state)
{
        Asked *p = *state;
        Op op = { 0 };

        assert_int_equal(ready_close(p->ready, &p->lease, true, &op), QUEUE_E_GONE);
        assert_int_equal(ready_ask(p->ready, &p->lease, &op), QUEUE_E_GONE);
        assert_int_equal(ready_release(p->ready, &p->lease), QUEUE_E_GONE);
        assert_int_equal(lease_again(p), QUEUE_E_EMPTY);
        ready_granted(p->ready, &p->key, 41);
        expect_ours(p, 41);
}

static void test_refused(void **state)
{
        Asked *p = *state;

        ready_refused(p->ready, &p->lease);
        assert_int_equal(lease_again(p), 0);
}

/* In the log: another's lease, its release, then ours, which is granted. */
static void test_granted_after_release(void **state)
{
        Asked *p = *state;

        ready_lend(p->ready, &p->key);
        ready_lost(p->ready, &p->key, false);
        assert_int_equal(lease_again(p), QUEUE_E_EMPTY);
        ready_granted(p->ready, &p->key, 42);
        expect_ours(p, 42);
}

/* Another's lease, ours, which is refused: it is held here until the other ends it. */
static void test_refused_while_lent(void **state)
{
        uint8_t key[OBJECT_KEY_SIZE];
        Asked *p = *state;

        object_key_pack(&p->key, key);
        ready_lend(p->ready, &p->key);
        ready_refused(p->ready, &p->lease);
        assert_true(ready_is_leased(p->ready, key));
        assert_int_equal(lease_again(p), QUEUE_E_EMPTY);
        ready_lost(p->ready, &p->key, false);
        assert_false(ready_is_leased(p->ready, key));
        assert_int_equal(lease_again(p), 0);
}

/* The other has ended it before our refusal is told to who asked. */
static void test_refused_after_end(void **state)
{
        Asked *p = *state;

        ready_lend(p->ready, &p->key);
        ready_ended(p->ready, &p->key);
        assert_int_equal(lease_again(p), QUEUE_E_EMPTY);
        ready_refused(p->ready, &p->lease);
        assert_int_equal(lease_again(p), 0);
}

/* A lease that was granted ends with its session, and then another has it. */
static void test_lost(void **state)
{
        Asked *p = *state;
        Op op = { 0 };

        ready_granted(p->ready, &p->key, 43);
        ready_lost(p->ready, &p->key, false);
        ready_lend(p->ready, &p->key);
        assert_int_equal(ready_close(p->ready, &p->lease, true, &op), QUEUE_E_GONE);
        assert_int_equal(lease_again(p), QUEUE_E_EMPTY);
}

typedef struct Sleeper {
        Asked *asked;
        pthread_t thread;
        int result;
} Sleeper;

static void *sleep_until_due(void *context)
{
        Sleeper *s = context;

        s->result = ready_wait(s->asked->ready, LANES_ALL, now, -1);
        return NULL;
}

/* Begin to sleep, and be asleep behind so many. */
static void lie_down(Sleeper *s, Asked *p, size_t n)
{
        size_t found = 0;

        s->asked = p;
        assert_int_equal(pthread_create(&s->thread, NULL, sleep_until_due, s), 0);
        while (found <= n) {
                found = 0;
                pthread_mutex_lock(&p->ready->lock);
                list_for_each (i, &p->ready->waiters)
                        found++;
                pthread_mutex_unlock(&p->ready->lock);
                sched_yield();
        }
}

/* Whose memory is warm. */
static void test_last_is_woken_first(void **state)
{
        Asked *p = *state;
        Change change = { .id = { { 8 } }, .source = 2, .lane = LANE_NORMAL, .seen = now };
        Sleeper first, last;

        lie_down(&first, p, 0);
        lie_down(&last, p, 1);
        assert_int_equal(queue_put(p->q, &(Intake){ .changes = &change, .n_changes = 1, .now = now }), 0);
        pthread_join(last.thread, NULL);
        assert_int_equal(last.result, 0);
        assert_int_equal(lease_again(p), 0);
        ready_wake_all(p->ready, true);
        pthread_join(first.thread, NULL);
        assert_int_equal(first.result, QUEUE_E_CLOSED);
}

/* All places for readers of the store are taken, and nothing is known of the fronts. Return: how many. */
static size_t take_all_readers(Asked *p, MDB_txn **ret_txns, size_t max)
{
        size_t n = 0;

        ready_bar(p->ready, 5, true);
        while (n < max && store_read(p->ready->store, &ret_txns[n]) == 0)
                n++;
        return n;
}

/* While the store cannot be read, who waits does wait: else every worker would turn in circles. */
static void test_unread(void **state)
{
        enum {
                MAX = 4096,
                PATIENCE_US = 20000
        };
        Asked *p = *state;
        MDB_txn **txns = arena_new_array(p->a, MDB_txn *, MAX);
        size_t n = take_all_readers(p, txns, MAX);
        int64_t began;

        assert_in_range(n, 1, MAX - 1);
        assert_true(ready_lease(p->ready, now, LANES_ALL, p->a, &p->lease) < 0);
        began = clock_mono(&clock_system).us;
        assert_int_equal(ready_wait(p->ready, LANES_ALL, now, PATIENCE_US), 0);
        assert_true(clock_mono(&clock_system).us - began >= PATIENCE_US);
        assert_int_equal(ready_wait(p->ready, 0, now, PATIENCE_US), 0);
        assert_true(clock_mono(&clock_system).us - began >= 2 * PATIENCE_US);
        while (n > 0)
                store_read_end(p->ready->store, txns[--n]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_asked, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
                cmocka_unit_test_setup_teardown(test_granted_after_release, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused_while_lent, setup, teardown),
                cmocka_unit_test_setup_teardown(test_refused_after_end, setup, teardown),
                cmocka_unit_test_setup_teardown(test_lost, setup, teardown),
                cmocka_unit_test_setup_teardown(test_last_is_woken_first, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unread, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
