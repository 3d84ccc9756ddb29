/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Budget: one limit, shared by the nodes of a cluster
 *
 * Published limits are per application and tenant, so what the nodes spend together must be what one may
 * spend. A bucket of JetStream, NAME-budget, has
 *
 *      shares        one line a node: a hash of its name, a beat, its share in millionths
 *      hold-<what>   who was told to wait, how often, for how long
 *
 * Shares: a node lowers its own before it says so, and raises it after the server has taken that; both by
 * compare-and-set on the one key, and never to more than what the others have left. So the sum is never above
 * the whole, not even in between. All want the same: the whole by their number. A node that comes has
 * nothing until the others have seen it, which takes a beat or two.
 *
 *      last beat                                            the others share it
 *      |------- may spend -------|                               |
 *      0                   lease - margin                      lease
 *
 * Who says nothing for a lease, by the clock of who listens, is struck out; who could not say anything for
 * lease - margin, by its own clock (CLOCK_BOOTTIME: suspended machines count), has no share any more and
 * spends nothing. A share that was lost is used by nobody meanwhile: that is what a death costs.
 *
 * Holds: a Retry-After that one node was given holds for all. It is told as a duration, from when it is read:
 * clocks of machines are not the same; and with its end as wall time for who was not there.
 *
 * BudgetTable is the arithmetic, without a server. A Budget belongs to one thread.
 */

#include "queue/bus.h"

#include "base/clock.h"

#define BUDGET_WHOLE     1000000
#define BUDGET_NODES_MAX 64
#define BUDGET_HOLDS     2

/* Between two beats; holds are looked at more often, so that all know one within a second. */
#define BUDGET_BEAT_US   INT64_C(1000000)
#define BUDGET_LOOK_US   INT64_C(250000)
#define BUDGET_MARGIN_US INT64_C(3000000)

typedef struct Budget Budget;
typedef struct BudgetNode BudgetNode;
typedef struct BudgetTable BudgetTable;

struct BudgetNode {
        uint64_t id;
        uint64_t beat;
        int64_t share;
        Mono first;    /* when this beat was new to us */
        Mono seen;     /* when we looked next: it is certain that the beat was before */
        bool is_timed; /* that is known */
};

/* What one node knows of all. `nodes` are those of the key as it was read or written last. */
struct BudgetTable {
        uint64_t id;
        int64_t lease_us;
        BudgetNode nodes[BUDGET_NODES_MAX];
        size_t n;
        uint64_t beat;
        int64_t share; /* that this node may spend, until `until` */
        Mono until;
};

void budget_table_init(BudgetTable *t, uint64_t id, int64_t lease_us);

/* The key as it is (NULL: it is not there). What cannot be read is as if it was not there: all begin anew. */
void budget_table_read(BudgetTable *t, const char *text, Mono now);

/*
 * The next beat: what the key shall be; `share` is lowered at once if it must be.
 * budget_table_written(): the server has taken it; `before`: the time before it was asked.
 */
const char *budget_table_write(BudgetTable *t, Arena *a, Mono now);
const char *budget_table_leave(BudgetTable *t, Arena *a); /* the key without this node */
void budget_table_written(BudgetTable *t, Mono before);
int64_t budget_table_share(BudgetTable *t, Mono now); /* of BUDGET_WHOLE; 0: nothing */

/*
 * `name`: of the cluster. `node`: one process at a time has it, and its next life goes on with the share at
 * once.
 * Return: 0, BUS_E_DOWN, BUS_E_REFUSED; the diag says why.
 */
int budget_new(Budget **ret_budget, Bus *bus, const char *name, const char *node, int64_t lease_us,
               Diag *diag);
Budget *budget_free(Budget *b);

/* This process spends nothing any more: its share is the others' at once. What cannot be said now they find
 * out. */
void budget_leave(Budget *b, Mono now);

/*
 * Every BUDGET_LOOK_US. `held`: until when this process was told to wait, by kind (0: it was not); it comes
 * back as what holds for all, which is later or the same. `now` is of CLOCK_BOOTTIME. `lower` is called
 * before others may have what this process gives up: when it returns, no more than that is spent.
 * Return: 0, BUS_E_DOWN (nothing was heard; the share runs out).
 */
typedef void (*BudgetLowerFn)(void *context, double share);
int budget_look(Budget *b, Mono held[BUDGET_HOLDS], Mono now, Wall wall, BudgetLowerFn lower, void *context);

/* 0..1, and how long it lasts if nothing more is heard. */
double budget_share(Budget *b, Mono now, int64_t *ret_left_us);

DEFINE_CLEANUP(Budget, budget_free)
