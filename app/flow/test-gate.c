/* SPDX-License-Identifier: Apache-2.0 */

/* The gate between workers and the flag thread: nobody is inside when the flag is given back, nobody waits
 * for ever, and a stop gives it back whenever it comes. */

#include "app/flow/gate.h"
#include "app/flow/test-room.h"

#include "base/error.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define N_WORKERS 4
#define N_ROUNDS  40

typedef struct Room {
        RoomDriver driver;
        SchedulerConfig config;
        Queue *queue;
        Log log;
        Gate gate;
} Room;

static void begin(Room *room)
{
        *room = (Room){
                .driver = { .scheduler = { .ops = &room_ops, .poll_us = 1000 }, .enabled = true },
                .config = { .driver = SCHEDULER_COMMAND,
                            .max_hold_us = 3000,
                            .linger_us = 1000,
                            .min_release_us = 1000,
                            .min_gap = MIN_GAP_TIME },
        };
        assert_int_equal(queue_mem_new(&room->queue), 0);
        assert_int_equal(gate_init(&room->gate, &(GateOptions){ .config = &room->config,
                                                                .queue = room->queue,
                                                                .driver = &room->driver.scheduler,
                                                                .clock = &clock_system,
                                                                .log = &room->log }),
                         0);
        assert_int_equal(gate_start(&room->gate), 0);
}

static void end(Room *room)
{
        queue_wake_all(room->queue, true);
        gate_stop(&room->gate);
        assert_true(room->driver.enabled);
        gate_deinit(&room->gate);
        queue_free(room->queue);
        assert_int_equal(room->driver.n_early, 0);
        assert_int_equal(room->driver.n_late, 0);
}

/* As a worker does: in when the gate is open, and a moment of work. */
static void *work(void *context)
{
        Room *room = context;

        for (int i = 0; i < N_ROUNDS;) {
                FlagView view;

                if (!gate_enter(&room->gate, LANE_NORMAL, &view)) {
                        gate_ask(&room->gate);
                        sched_yield();
                        continue;
                }
                room->driver.inside++;
                room->driver.n_late += room->driver.enabled;
                sched_yield();
                room->driver.n_late += room->driver.enabled;
                room->driver.inside--;
                gate_leave(&room->gate, LANE_NORMAL);
                /* An urgent one passes whatever the flag is like. */
                assert_true(gate_enter(&room->gate, LANE_URGENT, &view));
                gate_leave(&room->gate, LANE_URGENT);
                i++;
        }
        return NULL;
}

static void test_crowd(void **state)
{
        Room room;
        pthread_t threads[N_WORKERS];

        begin(&room);
        for (size_t i = 0; i < N_WORKERS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, work, &room), 0);
        for (size_t i = 0; i < N_WORKERS; i++)
                pthread_join(threads[i], NULL);
        assert_true(room.driver.n_pauses >= 1);
        end(&room);
}

/* At any moment of its life. */
static void test_stop(void **state)
{
        for (unsigned i = 0; i < 60; i++) {
                Room room;

                begin(&room);
                gate_ask(&room.gate);
                for (unsigned k = 0; k < i * 20; k++)
                        sched_yield();
                end(&room);
        }
}

/* A change that is due opens the gate by itself, also one that was put off. */
static void test_due(void **state)
{
        Change change = { .id = { .bytes = { 1 } }, .lane = LANE_NORMAL, .dn = "CN=x", .seen = { 1 } };
        Mono until;
        Room room;

        begin(&room);
        change.seen = clock_wall(&clock_system);
        assert_int_equal(
                queue_put(room.queue, &(Intake){ .changes = &change, .n_changes = 1, .now = change.seen }),
                0);
        until = mono_add(clock_mono(&clock_system), (int64_t)10 * 1000000);
        while (!room.driver.n_pauses && clock_mono(&clock_system).us < until.us)
                sched_yield();
        assert_true(room.driver.n_pauses > 0);
        end(&room);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_crowd),
                cmocka_unit_test(test_stop),
                cmocka_unit_test(test_due),
        };

        log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, STDERR_FILENO); /* a line for every hold helps nobody */
        return cmocka_run_group_tests(tests, NULL, NULL);
}
