/* SPDX-License-Identifier: Apache-2.0 */

/* Storer: a put on its way while its caller goes on. */

#include "app/flow/storer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A queue whose puts wait until they are let through, and end as the test says. */
typedef struct Gate {
        Queue queue;
        pthread_mutex_t lock; /* protects what follows */
        pthread_cond_t moved;
        bool is_open;
        int result;
        unsigned n_begun, n_done;
        size_t n_changes; /* of all that were stored */
} Gate;

static int gate_put(Queue *q, const Intake *in)
{
        Gate *g = (Gate *)q;
        int r;

        pthread_mutex_lock(&g->lock);
        g->n_begun++;
        pthread_cond_broadcast(&g->moved);
        while (!g->is_open)
                pthread_cond_wait(&g->moved, &g->lock);
        r = g->result;
        g->n_done++;
        if (r == 0)
                g->n_changes += in->n_changes;
        pthread_mutex_unlock(&g->lock);
        return r;
}

static const QueueOps gate_ops = { .name = "gate", .put = gate_put };

typedef struct Room {
        Gate gate;
        Storer storer;
} Room;

static int setup(void **state)
{
        Room *room = calloc(1, sizeof(*room));

        assert_non_null(room);
        room->gate.queue.ops = &gate_ops;
        pthread_mutex_init(&room->gate.lock, NULL);
        pthread_cond_init(&room->gate.moved, NULL);
        storer_init(&room->storer, &room->gate.queue);
        *state = room;
        return 0;
}

static int teardown(void **state)
{
        Room *room = *state;

        storer_deinit(&room->storer);
        pthread_cond_destroy(&room->gate.moved);
        pthread_mutex_destroy(&room->gate.lock);
        free(room);
        return 0;
}

static void put(Room *room, size_t n)
{
        Arena *a = arena_new(0);
        Change *changes = arena_new_array(a, Change, n);

        memset(changes, 0, n * sizeof(*changes));
        storer_put(&room->storer, a, &(Intake){ .changes = changes, .n_changes = n, .now = { 1 } });
}

static void open_gate(Room *room, int result)
{
        pthread_mutex_lock(&room->gate.lock);
        room->gate.is_open = true;
        room->gate.result = result;
        pthread_cond_broadcast(&room->gate.moved);
        pthread_mutex_unlock(&room->gate.lock);
}

/* The put is at the disk, and its caller goes on. */
static void test_on_its_way(void **state)
{
        Room *room = *state;

        assert_int_equal(storer_wait(&room->storer), 0);
        put(room, 3);
        pthread_mutex_lock(&room->gate.lock);
        while (room->gate.n_begun == 0)
                pthread_cond_wait(&room->gate.moved, &room->gate.lock);
        assert_int_equal(room->gate.n_done, 0);
        pthread_mutex_unlock(&room->gate.lock);
        open_gate(room, 0);
        assert_int_equal(storer_wait(&room->storer), 0);
        assert_int_equal(room->gate.n_changes, 3);
        put(room, 4);
        assert_int_equal(storer_wait(&room->storer), 0);
        assert_int_equal(room->gate.n_changes, 7);
        assert_int_equal(storer_wait(&room->storer), 0);
        assert_int_equal(room->gate.n_done, 2);
}

/* What there is no room for is kept, and stored when there is. */
static void test_full(void **state)
{
        Room *room = *state;

        open_gate(room, QUEUE_E_FULL);
        put(room, 3);
        assert_int_equal(storer_wait(&room->storer), QUEUE_E_FULL);
        assert_int_equal(storer_wait(&room->storer), QUEUE_E_FULL);
        assert_int_equal(room->gate.n_changes, 0);
        open_gate(room, 0);
        assert_int_equal(storer_wait(&room->storer), 0);
        assert_int_equal(room->gate.n_changes, 3);
        assert_int_equal(storer_wait(&room->storer), 0);
        assert_int_equal(room->gate.n_changes, 3);
}

static void test_failed(void **state)
{
        static const int results[] = { QUEUE_E_GONE, -EIO };
        Room *room = *state;

        for (size_t i = 0; i < 2; i++) {
                open_gate(room, results[i]);
                put(room, 3);
                assert_int_equal(storer_wait(&room->storer), results[i]);
                assert_int_equal(storer_wait(&room->storer), 0);
        }
        assert_int_equal(room->gate.n_done, 2);
}

/* Its end waits for what is under way, and forgets what there was no room for. */
static void test_end(void **state)
{
        Room *room = *state;

        open_gate(room, 0);
        put(room, 3);
        storer_end(&room->storer);
        assert_int_equal(room->gate.n_changes, 3);
        open_gate(room, QUEUE_E_FULL);
        put(room, 3);
        storer_end(&room->storer);
        open_gate(room, 0);
        assert_int_equal(storer_wait(&room->storer), 0);
        assert_int_equal(room->gate.n_changes, 3);
        put(room, 2);
        assert_int_equal(storer_wait(&room->storer), 0);
        assert_int_equal(room->gate.n_changes, 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_on_its_way, setup, teardown),
                cmocka_unit_test_setup_teardown(test_full, setup, teardown),
                cmocka_unit_test_setup_teardown(test_failed, setup, teardown),
                cmocka_unit_test_setup_teardown(test_end, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
