/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/place.h"

/* Nothing is due for a minute at most: time for due times of other clocks, and for a stop. */
#define IDLE_US ((int64_t)60 * 1000000)

static void give_up(Place *p, WorkerShared *s)
{
        if (p->probe)
                circuit_unknown(&p->probe->circuit);
        circuit_unknown(&s->target_circuit);
}

/* The scheduler flag, circuits, then the limiter by lane. Return: 0, or how long to wait. */
int64_t place_ask(Worker *w, Place *ret)
{
        WorkerShared *s = w->shared;
        LaneSet open = gate_lanes(s->gate) & w->lanes;
        Mono now = clock_mono(s->clock);
        int64_t wait;

        if (!open)
                return IDLE_US; /* whoever opens the gate wakes everybody */
        *ret = (Place){ .lanes = open, .until = IDLE_US };
        wait = connectors_ask(s->connectors, now, &ret->probe, &ret->until);
        if (wait)
                return wait;
        wait = circuit_ask(&s->target_circuit, now);
        if (wait) {
                if (ret->probe)
                        circuit_unknown(&ret->probe->circuit);
                return wait;
        }
        if (open != LANE_SET(LANE_URGENT)) {
                wait = target_take(s->target, LANE_NORMAL, now);
                if (wait == 0)
                        return 0;
                ret->lanes = LANE_SET(LANE_URGENT);
                if (wait < ret->until)
                        ret->until = wait;
        }
        wait = target_take(s->target, LANE_URGENT, now);
        if (wait)
                give_up(ret, s);
        return wait;
}

void place_give_back(Worker *w, Place *p)
{
        WorkerShared *s = w->shared;

        give_up(p, s);
        target_give_back(s->target, p->lanes == LANE_SET(LANE_URGENT) ? LANE_URGENT : LANE_NORMAL,
                         clock_mono(s->clock));
}

/* A source that is to be tried goes first. If it has nothing due, the others have their turn. */
int place_lease(Worker *w, Place *p, Lease *ret_lease)
{
        WorkerShared *s = w->shared;
        Wall now = clock_wall(s->clock);
        int r;

        if (p->probe) {
                r = queue_lease_of(s->queue, now, p->lanes, p->probe->number, w->arena, ret_lease);
                if (r != QUEUE_E_EMPTY)
                        return r;
                circuit_postpone(&p->probe->circuit, clock_mono(s->clock));
                p->probe = NULL;
        }
        return queue_lease(s->queue, now, p->lanes, w->arena, ret_lease);
}
