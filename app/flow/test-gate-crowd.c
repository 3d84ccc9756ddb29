/* SPDX-License-Identifier: Apache-2.0 */

/* One flag, the gates of two nodes, and many workers: nobody is inside while the flag is not paused. */

#include "app/flow/gate.h"
#include "app/flow/test-room.h"

#include "base/error.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* The roles are given by hand. */
static int no_role(Queue *q, const char *name, uint64_t *ret_term)
{
        return QUEUE_E_GONE;
}

#define N_CHANGES 500
#define N_YIELDS  20 /* a run takes a moment, so that holds end in the middle of one */
#define N_WORKERS 3  /* of each node */

typedef struct Room {
        RoomDriver driver;
        _Atomic unsigned n_done;
        Queue *queue;
        QueueOps ops;
        Gate gates[2];
} Room;

typedef struct Hand {
        Room *room;
        int node;
} Hand;

/* As a worker does: lease, in when the gate is open, a moment of work, ack. */
static void *work(void *context)
{
        Room *room = ((Hand *)context)->room;
        Gate *gate = &room->gates[((Hand *)context)->node];
        Arena *a = arena_new(0);

        while (room->n_done < N_CHANGES) {
                Lease lease = { 0 };

                arena_reset(a);
                sched_yield();
                if (queue_lease(room->queue, clock_wall(&clock_system), LANE_SET(LANE_NORMAL), a, &lease))
                        continue;
                if (!gate_enter(gate, LANE_NORMAL, NULL)) {
                        queue_release(room->queue, &lease);
                        continue;
                }
                room->driver.inside++;
                for (int i = 0; i < N_YIELDS; i++) {
                        room->driver.n_late += room->driver.enabled;
                        sched_yield();
                }
                room->driver.inside--;
                if (queue_ack(room->queue, &lease, &(Commit){ .now = clock_wall(&clock_system) }) == 0)
                        room->n_done++;
                gate_leave(gate, LANE_NORMAL);
        }
        arena_free(a);
        return NULL;
}

static void fill(Room *room)
{
        for (unsigned i = 0; i < N_CHANGES; i++) {
                Change change = { .id = { .bytes = { 1, (uint8_t)(i >> 8), (uint8_t)i } },
                                  .lane = LANE_NORMAL,
                                  .dn = "CN=x" };

                change.seen = clock_wall(&clock_system);
                assert_int_equal(
                        queue_put(room->queue,
                                  &(Intake){ .changes = &change, .n_changes = 1, .now = change.seen }),
                        0);
        }
}

/* Holds of three milliseconds, and the role goes to and fro: never is somebody inside while the flag is not
 * paused, and all is done. */
static void test_crowd(void **state)
{
        static const char *const names[] = { "one", "two" };
        Room room = { .driver = { .scheduler = { .ops = &room_ops, .poll_us = 1000 }, .enabled = true } };
        SchedulerConfig config = { .driver = SCHEDULER_COMMAND,
                                   .max_hold_us = 3000,
                                   .linger_us = 1000,
                                   .min_release_us = 1000,
                                   .min_gap = MIN_GAP_TIME };
        pthread_t threads[2 * N_WORKERS];
        Hand hands[2] = { { &room, 0 }, { &room, 1 } };
        uint64_t term = 1;
        Log log = { 0 };

        assert_int_equal(queue_mem_new(&room.queue), 0);
        room.ops = *room.queue->ops;
        room.ops.role = no_role;
        room.queue->ops = &room.ops;
        fill(&room);
        for (int i = 0; i < 2; i++) {
                assert_int_equal(gate_init(&room.gates[i], &(GateOptions){ .config = &config,
                                                                           .queue = room.queue,
                                                                           .driver = &room.driver.scheduler,
                                                                           .clock = &clock_system,
                                                                           .log = &log,
                                                                           .node = names[i] }),
                                 0);
                assert_int_equal(gate_start(&room.gates[i]), 0);
        }
        for (int i = 0; i < 2 * N_WORKERS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, work, &hands[i % 2]), 0);
        gate_lead(&room.gates[0], term);
        for (unsigned moved = 0; room.n_done < N_CHANGES; sched_yield())
                if (room.n_done > (moved + 1) * N_CHANGES / 4) {
                        gate_lead(&room.gates[moved % 2], 0);
                        gate_lead(&room.gates[(moved + 1) % 2], ++term);
                        moved++;
                }
        for (int i = 0; i < 2 * N_WORKERS; i++)
                pthread_join(threads[i], NULL);
        queue_wake_all(room.queue, true);
        for (int i = 0; i < 2; i++)
                gate_stop(&room.gates[i]);
        assert_true(room.driver.enabled);
        assert_true(room.driver.n_pauses > 0); /* how many, the machine says */
        assert_int_equal(room.driver.n_early, 0);
        assert_int_equal(room.driver.n_late, 0);
        for (int i = 0; i < 2; i++)
                gate_deinit(&room.gates[i]);
        queue_free(room.queue);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_crowd),
        };

        log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, STDERR_FILENO);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
