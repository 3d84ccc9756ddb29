/* SPDX-License-Identifier: Apache-2.0 */

/* One flag and the gates of two nodes: who has the role turns it, the other opens and closes with it, and
 * when the one is gone, or late, the flag is given back by the other, once. */

#include "app/flow/test-site.h"

#include <errno.h>

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
        };

        log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, STDERR_FILENO);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
