/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Site: the gates of two nodes at one flag
 *
 *      Gate 0, Gate 1 --> one queue in memory, for the log and both copies
 *                    '--> ConnectMem (its flag, its cycles)      one fake clock
 *
 * Roles are given by hand (gate_lead()). pass() lets time go by second by second, as both threads would wake.
 * `reads` is what happens between a read of the board and what its reader makes of it, once.
 */

#include "app/flow/gate.h"

#include "base/error.h"
#include "engine/scheduler/scheduler-mem.h"

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
static inline int no_role(Queue *q, const char *name, uint64_t *ret_term)
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

static inline int read_and_then(Space *s, SpaceTable table, const void *key, size_t n_key, Arena *a,
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

static inline void tell_one(void *context, const AlarmEvent *event)
{
        unsigned *n = context;

        n[event->turn == ALARM_OPENED ? 0 : 2]++;
}

static inline int begin(void **state)
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

static inline int end(void **state)
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

static inline void turn(Site *e, int node)
{
        for (int i = 0; gate_turn(&e->gates[node]) == 0; i++)
                assert_true(i < 20); /* it spins */
}

/* Second by second, as both threads would wake. */
static inline void pass(Site *e, int64_t us)
{
        for (; us > 0; us -= 1000000) {
                clock_fake_advance(&e->clock, 1000000);
                turn(e, 0);
                turn(e, 1);
        }
}

static inline FlagPhase phase(Site *e, int node)
{
        FlagView view;

        gate_view(&e->gates[node], &view);
        return view.phase;
}

static inline void put_in(Site *e, Lane lane)
{
        Change change = { .id = { .bytes = { 1 } }, .lane = (uint8_t)lane, .dn = "CN=x" };

        change.seen = clock_wall(&e->clock.clock);
        assert_int_equal(
                queue_put(e->queue, &(Intake){ .changes = &change, .n_changes = 1, .now = change.seen }), 0);
}

static inline void put(Site *e)
{
        put_in(e, LANE_NORMAL);
}

static inline void lease(Site *e)
{
        e->lease = (Lease){ 0 };
        assert_int_equal(
                queue_lease(e->queue, clock_wall(&e->clock.clock), LANE_SET(LANE_NORMAL), e->a, &e->lease),
                0);
}

static inline void ack(Site *e)
{
        assert_int_equal(queue_ack(e->queue, &e->lease, &(Commit){ .now = clock_wall(&e->clock.clock) }), 0);
}

static inline bool has_journal(Site *e)
{
        const uint8_t *data;
        size_t n;

        return memo_read(queue_space(e->queue), "scheduler.journal", e->a, &data, &n, NULL) == 0;
}

/* Node one holds the flag, and has a change in work. */
static inline void hold_by_one(Site *e)
{
        gate_lead(&e->gates[0], 1);
        put(e);
        pass(e, 2000000);
        assert_int_equal(phase(e, 0), FLAG_HELD);
        lease(e);
        assert_true(gate_enter(&e->gates[0], LANE_NORMAL, NULL));
        assert_false(connect_mem_enabled(e->connect));
}
