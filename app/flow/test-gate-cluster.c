/* SPDX-License-Identifier: Apache-2.0 */

/* One flag and the gates of two nodes: who has the role turns it, the other opens and closes with it, and
 * when the one is gone, or late, the flag is given back by the other, once, and with nobody inside. */

#include "app/flow/gate.h"
#include "app/flow/test-room.h"

#include "base/error.h"
#include "engine/scheduler/scheduler-mem.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE_US ((int64_t)60 * 1000000)

/* The roles are given by hand. */
static int no_role(Queue *q, const char *name, uint64_t *ret_term)
{
        return QUEUE_E_GONE;
}

/* One queue in memory stands for the log and both copies. */
typedef struct Site {
        ClockFake clock;
        SchedulerConfig config;
        ConnectMem *connect;
        Queue *queue;
        QueueOps ops;
        SpaceOps space_ops;
        atomic_bool is_looking;
        Log log;
        Alarms alarms[2];
        unsigned n_opened[2], n_closed[2]; /* told */
        Gate gates[2];
        Arena *a;
        Lease lease;
} Site;

/* What happens between the next read of the board and what its reader makes of it. */
static struct {
        int (*get)(Space *s, SpaceTable table, const void *key, size_t n_key, Arena *a, SpaceRow *ret_row);
        void (*then)(Site *e);
        Site *site;
} reads;

static int read_and_then(Space *s, SpaceTable table, const void *key, size_t n_key, Arena *a,
                         SpaceRow *ret_row)
{
        static const char board[] = "scheduler.board";
        int r = reads.get(s, table, key, n_key, a, ret_row);
        void (*then)(Site * e) = reads.then;

        if (then && table == SPACE_MEMO && n_key == strlen(board) && memcmp(key, board, n_key) == 0) {
                reads.then = NULL;
                then(reads.site);
        }
        return r;
}

static void tell_one(void *context, const AlarmEvent *event)
{
        unsigned *n = context;

        n[event->turn == ALARM_OPENED ? 0 : 2]++;
}

static int begin(void **state)
{
        static const char *const names[] = { "one", "two" };
        Site *e = calloc(1, sizeof(*e));

        clock_fake_init(&e->clock, (Mono){ 1000000 }, (Wall){ 1795305600000 });
        e->config = (SchedulerConfig){
                .driver = SCHEDULER_COMMAND,
                .max_hold_us = 5 * MINUTE_US,
                .linger_us = 2 * MINUTE_US,
                .min_release_us = 2 * MINUTE_US,
        };
        e->a = arena_new(0);
        e->connect = connect_mem_new(&e->clock.clock, 30 * MINUTE_US, 3 * MINUTE_US);
        assert_int_equal(queue_mem_new(&e->queue), 0);
        e->ops = *e->queue->ops;
        e->ops.role = no_role;
        e->queue->ops = &e->ops;
        e->space_ops = *queue_space(e->queue)->ops;
        reads.get = e->space_ops.get;
        reads.then = NULL;
        reads.site = e;
        e->space_ops.get = read_and_then;
        queue_space(e->queue)->ops = &e->space_ops;
        for (int i = 0; i < 2; i++) {
                alarms_init(&e->alarms[i], tell_one, &e->n_opened[i]);
                assert_int_equal(
                        gate_init(&e->gates[i], &(GateOptions){ .config = &e->config,
                                                                .queue = e->queue,
                                                                .driver = connect_mem_open(e->connect),
                                                                .alarms = &e->alarms[i],
                                                                .clock = &e->clock.clock,
                                                                .log = &e->log,
                                                                .node = names[i] }),
                        0);
        }
        *state = e;
        return 0;
}

static int end(void **state)
{
        Site *e = *state;

        for (int i = 0; i < 2; i++) {
                gate_deinit(&e->gates[i]);
                alarms_deinit(&e->alarms[i]);
        }
        queue_free(e->queue);
        connect_mem_free(e->connect);
        arena_free(e->a);
        free(e);
        return 0;
}

static void turn(Site *e, int node)
{
        for (int i = 0; gate_turn(&e->gates[node]) == 0; i++)
                assert_true(i < 20); /* it spins */
}

/* Second by second, as both threads would wake. */
static void pass(Site *e, int64_t us)
{
        for (; us > 0; us -= 1000000) {
                clock_fake_advance(&e->clock, 1000000);
                turn(e, 0);
                turn(e, 1);
        }
}

static FlagPhase phase(Site *e, int node)
{
        FlagView view;

        gate_view(&e->gates[node], &view);
        return view.phase;
}

static void put_in(Site *e, Lane lane)
{
        Change change = { .id = { .bytes = { 1 } }, .lane = (uint8_t)lane, .dn = "CN=x" };

        change.seen = clock_wall(&e->clock.clock);
        assert_int_equal(
                queue_put(e->queue, &(Intake){ .changes = &change, .n_changes = 1, .now = change.seen }), 0);
}

static void put(Site *e)
{
        put_in(e, LANE_NORMAL);
}

static void lease(Site *e)
{
        e->lease = (Lease){ 0 };
        assert_int_equal(
                queue_lease(e->queue, clock_wall(&e->clock.clock), LANE_SET(LANE_NORMAL), e->a, &e->lease),
                0);
}

static void ack(Site *e)
{
        assert_int_equal(queue_ack(e->queue, &e->lease, &(Commit){ .now = clock_wall(&e->clock.clock) }), 0);
}

static bool has_journal(Site *e)
{
        const uint8_t *data;
        size_t n;

        return memo_read(queue_space(e->queue), "scheduler.journal", e->a, &data, &n, NULL) == 0;
}

/* Node one holds the flag, and has a change in work. */
static void hold_by_one(Site *e)
{
        gate_lead(&e->gates[0], 1);
        put(e);
        pass(e, 2000000);
        assert_int_equal(phase(e, 0), FLAG_HELD);
        lease(e);
        assert_true(gate_enter(&e->gates[0], LANE_NORMAL, NULL));
        assert_false(connect_mem_enabled(e->connect));
}

static void test_one_hold_for_all(void **state)
{
        Site *e = *state;
        FlagView one, two;

        /* Nobody has the role: nobody touches it, and only urgent changes pass. */
        put(e);
        pass(e, 3000000);
        assert_true(connect_mem_enabled(e->connect));
        assert_int_equal(gate_lanes(&e->gates[1]), LANE_SET(LANE_URGENT));
        gate_lead(&e->gates[0], 1);
        pass(e, 2000000);
        assert_false(connect_mem_enabled(e->connect));
        gate_view(&e->gates[0], &one);
        gate_view(&e->gates[1], &two);
        assert_int_equal(two.phase, FLAG_HELD);
        assert_int_equal(two.lanes, LANES_ALL);
        assert_string_equal(one.hold_id, two.hold_id);
        assert_string_equal(two.text, "SyncCycleEnabled is paused by sosync@one");
        assert_int_equal(connect_mem_calls(e->connect, CONNECT_MEM_PAUSE), 1);

        /* The work of node two keeps the hold, and its end is waited for. */
        lease(e);
        assert_true(gate_enter(&e->gates[1], LANE_NORMAL, &two));
        pass(e, 4 * MINUTE_US);
        assert_int_equal(phase(e, 0), FLAG_HELD);
        pass(e, MINUTE_US + 5000000);
        assert_int_equal(phase(e, 0), FLAG_CLOSING);
        assert_false(connect_mem_enabled(e->connect));
        assert_false(gate_enter(&e->gates[1], LANE_NORMAL, &two));
        assert_true(gate_enter(&e->gates[1], LANE_URGENT, &two));
        ack(e);
        pass(e, 2000000);
        assert_true(connect_mem_enabled(e->connect));
        assert_int_equal(phase(e, 1), FLAG_REST);
        assert_false(has_journal(e));
}

/* Between two looks of the other's thread: what decides is read after the lease. */
static void test_closed_at_once(void **state)
{
        Site *e = *state;

        hold_by_one(e);
        ack(e);
        gate_leave(&e->gates[0], LANE_NORMAL);
        clock_fake_advance(&e->clock, 3 * MINUTE_US);
        turn(e, 0);
        assert_true(connect_mem_enabled(e->connect));
        assert_int_equal(gate_lanes(&e->gates[1]), LANES_ALL); /* its thread has not looked yet */
        assert_false(gate_enter(&e->gates[1], LANE_NORMAL, NULL));
        assert_int_equal(gate_lanes(&e->gates[1]), LANE_SET(LANE_URGENT));
}

static void close_meanwhile(Site *e)
{
        ack(e);
        gate_leave(&e->gates[0], LANE_NORMAL);
        clock_fake_advance(&e->clock, 3 * MINUTE_US);
        turn(e, 0);
        assert_false(gate_enter(&e->gates[1], LANE_NORMAL, NULL));
}

/* Who has read the board, and is late with it, changes nothing that another has read after him. */
static void test_late_look(void **state)
{
        Site *e = *state;

        hold_by_one(e);
        reads.then = close_meanwhile;
        turn(e, 1);
        assert_null(reads.then);
        assert_true(connect_mem_enabled(e->connect));
        assert_int_equal(gate_lanes(&e->gates[1]), LANE_SET(LANE_URGENT));
}

/* An urgent change of an object in work does not make the work urgent: it is waited for. */
static void test_urgent_meanwhile(void **state)
{
        Site *e = *state;

        hold_by_one(e);
        put_in(e, LANE_URGENT);
        pass(e, 5 * MINUTE_US + 5000000);
        assert_int_equal(phase(e, 0), FLAG_CLOSING);
        assert_false(connect_mem_enabled(e->connect));
        ack(e);
        gate_leave(&e->gates[0], LANE_NORMAL);
        pass(e, 2000000);
        assert_true(connect_mem_enabled(e->connect));
}

static void stop_meanwhile(Site *e)
{
        Gate *g = &e->gates[1];
        bool stopping = false;

        atomic_store(&e->is_looking, true);
        while (!stopping) {
                sched_yield();
                pthread_mutex_lock(&g->lock);
                stopping = g->stopping;
                pthread_mutex_unlock(&g->lock);
        }
}

/* All nodes stop at once: one waits for its work, and the thread of the other, in the middle of a turn, ends.
 */
static void test_stop_while_closing(void **state)
{
        Site *e = *state;

        hold_by_one(e);
        pass(e, 5 * MINUTE_US + 5000000);
        assert_int_equal(phase(e, 1), FLAG_CLOSING);
        reads.then = stop_meanwhile;
        assert_int_equal(gate_start(&e->gates[1]), 0);
        while (!atomic_load(&e->is_looking))
                sched_yield();
        gate_stop(&e->gates[1]);
        assert_int_equal(phase(e, 1), FLAG_CLOSING);
}

/* Node one is gone in the middle of a hold. */
static void test_holder_dies(void **state)
{
        Site *e = *state;

        hold_by_one(e);
        gate_lead(&e->gates[1], 2);
        turn(e, 1);
        /* The lanes are closed, and what it has in work is waited for: its lease lives longer than it does.
         */
        assert_int_equal(phase(e, 1), FLAG_CLOSING);
        assert_false(connect_mem_enabled(e->connect));
        assert_true(has_journal(e));
        assert_int_equal(queue_release(e->queue, &e->lease), 0);
        for (int i = 0; i < 3; i++) {
                clock_fake_advance(&e->clock, 1000000);
                turn(e, 1);
        }
        /* Given back; and as there is still work, there is another hold, by node two. */
        assert_int_equal(connect_mem_calls(e->connect, CONNECT_MEM_RESUME), 1);
        assert_int_equal(connect_mem_calls(e->connect, CONNECT_MEM_PAUSE), 2);
        assert_int_equal(phase(e, 1), FLAG_HELD);

        /* It was not dead but late: it finds that another one has the flag, and leaves it alone. */
        turn(e, 0);
        clock_fake_advance(&e->clock, 10000000);
        turn(e, 0);
        assert_int_equal(phase(e, 0), FLAG_HELD);
        assert_false(connect_mem_enabled(e->connect));
        assert_true(has_journal(e));
        assert_int_equal(connect_mem_calls(e->connect, CONNECT_MEM_RESUME), 1);
        assert_int_equal(connect_mem_calls(e->connect, CONNECT_MEM_PAUSE), 2);
}

static void take_role_away(void *context, ConnectMemCall call)
{
        Site *e = context;

        if (call != CONNECT_MEM_PAUSE)
                return;
        connect_mem_watch(e->connect, NULL, NULL);
        gate_lead(&e->gates[1], 2);
        turn(e, 1);
}

/* It pauses what the other has given back a moment before: it sees so, and undoes it. */
static void test_late_pause(void **state)
{
        Site *e = *state;

        gate_lead(&e->gates[0], 1);
        turn(e, 0);
        gate_ask(&e->gates[0]);
        connect_mem_watch(e->connect, take_role_away, e);
        turn(e, 0);
        assert_int_equal(connect_mem_calls(e->connect, CONNECT_MEM_PAUSE), 1);
        assert_true(connect_mem_enabled(e->connect));
        assert_false(has_journal(e));
        pass(e, 5000000);
        assert_true(connect_mem_enabled(e->connect));
        assert_int_equal(phase(e, 0), FLAG_FREE);
}

static void test_asked_elsewhere(void **state)
{
        Site *e = *state;

        gate_lead(&e->gates[0], 1);
        pass(e, 1000000);
        gate_ask(&e->gates[1]);
        pass(e, 2000000);
        assert_int_equal(phase(e, 1), FLAG_HELD);
        assert_false(connect_mem_enabled(e->connect));
}

static int refuse(Queue *q, const Intake *in)
{
        return -EIO;
}

/* What cannot be written now is written at the next look. */
static void test_asked_while_nothing_can_be_written(void **state)
{
        Site *e = *state;
        int (*as_it_is)(Queue * q, const Intake *in) = e->ops.put;

        gate_lead(&e->gates[0], 1);
        pass(e, 1000000);
        e->ops.put = refuse;
        gate_ask(&e->gates[1]);
        turn(e, 1);
        e->ops.put = as_it_is;
        pass(e, 2000000);
        assert_int_equal(phase(e, 1), FLAG_HELD);
}

/* ... and who asks and then has the flag himself need not be asked by anybody. */
static void test_asked_before_it_is_ours(void **state)
{
        Site *e = *state;
        int (*as_it_is)(Queue * q, const Intake *in) = e->ops.put;

        e->ops.put = refuse;
        gate_ask(&e->gates[1]);
        turn(e, 1);
        e->ops.put = as_it_is;
        gate_lead(&e->gates[1], 1);
        pass(e, 2000000);
        assert_int_equal(phase(e, 1), FLAG_HELD);
}

/* What a person sets at another node is what is given back. */
static void test_set_elsewhere(void **state)
{
        Site *e = *state;

        hold_by_one(e);
        assert_int_equal(gate_set(&e->gates[1], false, NULL), 0);
        ack(e);
        gate_leave(&e->gates[0], LANE_NORMAL);
        pass(e, 3 * MINUTE_US);
        assert_false(has_journal(e));
        assert_false(connect_mem_enabled(e->connect));
        assert_int_equal(connect_mem_calls(e->connect, CONNECT_MEM_RESUME), 0);
}

static size_t n_alarms(Site *e, int node)
{
        AlarmEvent *events;
        size_t n;

        alarms_list(&e->alarms[node], e->a, &events, &n);
        return n;
}

/* All list it, one tells it; and another one may tell that it is over. */
static void test_alarm(void **state)
{
        Site *e = *state;

        gate_lead(&e->gates[0], 1);
        put(e);
        connect_mem_fail(e->connect, &(ConnectMemFault){ .on = CONNECT_MEM_STATUS,
                                                         .end = SCHEDULER_E_UNREACHABLE,
                                                         .text = "gone" });
        pass(e, 5000000);
        assert_int_equal(n_alarms(e, 0), 1);
        assert_int_equal(n_alarms(e, 1), 1);
        assert_int_equal(e->n_opened[0], 1);
        assert_int_equal(e->n_opened[1], 0);
        connect_mem_fail(e->connect, &(ConnectMemFault){ 0 });
        gate_lead(&e->gates[0], 0);
        gate_lead(&e->gates[1], 2);
        pass(e, 5000000);
        assert_int_equal(phase(e, 1), FLAG_HELD);
        assert_int_equal(n_alarms(e, 0), 0);
        assert_int_equal(n_alarms(e, 1), 0);
        assert_int_equal(e->n_opened[1], 0);
        assert_int_equal(e->n_closed[0], 0);
        assert_int_equal(e->n_closed[1], 1);
}

/* -- with threads ---------------------------------------------------------------------------------------- */

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
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
                TEST(test_one_hold_for_all),
                TEST(test_closed_at_once),
                TEST(test_late_look),
                TEST(test_urgent_meanwhile),
                TEST(test_stop_while_closing),
                TEST(test_holder_dies),
                TEST(test_late_pause),
                TEST(test_asked_elsewhere),
                TEST(test_asked_while_nothing_can_be_written),
                TEST(test_asked_before_it_is_ours),
                TEST(test_set_elsewhere),
                TEST(test_alarm),
                cmocka_unit_test(test_crowd),
        };

        log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, STDERR_FILENO);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
