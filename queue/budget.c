/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/budget.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

/* Ends that are so near to each other are the same hold. */
#define SAME_US INT64_C(100000)

/* Of one change of the key, when all do it in the same moment. */
#define TRIES 8

static const char *const hold_keys[BUDGET_HOLDS] = { "hold-0", "hold-1" };

typedef struct Hold {
        uint64_t id, number; /* who said it, and which of its words it was: heard last */
        Mono until;          /* what all know */
} Hold;

struct Budget {
        Bucket *bucket;
        BudgetTable table;
        uint64_t life; /* of this process: who says a hold */
        Mono beat_at;  /* the next */
        bool has_looked;
        Hold holds[BUDGET_HOLDS];
        uint64_t n_said;
};

/* FNV-1a, never 0. */
static uint64_t hash(const char *name)
{
        uint64_t h = UINT64_C(14695981039346656037);

        for (; *name; name++)
                h = (h ^ (uint8_t)*name) * UINT64_C(1099511628211);
        return h ? h : 1;
}

/**
 * budget_new() - the bucket, made if it is not there; the share is nothing yet
 *
 * Return: 0, BUS_E_DOWN, BUS_E_REFUSED.
 */
int budget_new(Budget **ret_budget, Bus *bus, const char *name, const char *node, int64_t lease_us,
               Diag *diag)
{
        _cleanup_(budget_freep) Budget *b = calloc(1, sizeof(*b));
        char bucket[128];
        int r;

        if (!b)
                error_oom(sizeof(*b));
        while (b->life == 0) {
                if (getrandom(&b->life, sizeof(b->life), 0) != sizeof(b->life))
                        b->life = 0;
        }
        budget_table_init(&b->table, hash(node), lease_us);
        snprintf(bucket, sizeof(bucket), "%s-budget", name);
        r = bucket_new(&b->bucket, bus, bucket, 0, diag);
        if (r)
                return r;
        *ret_budget = TAKE(b);
        return 0;
}

Budget *budget_free(Budget *b)
{
        if (!b)
                return NULL;
        bucket_free(b->bucket);
        free(b);
        return NULL;
}

/* Change the key. Others may do it at the same moment: then it is read once more. */
static int change(Budget *b, Mono now, bool leaves, BudgetLowerFn lower, void *context)
{
        int r = BUS_E_TAKEN;

        for (int tries = 0; r == BUS_E_TAKEN && tries < TRIES; tries++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                int64_t had = b->table.share;
                const char *text = NULL;
                uint64_t revision = 0;

                r = bucket_get(b->bucket, "shares", a, &text, &revision);
                if (r && r != BUS_E_NONE)
                        return r;
                budget_table_read(&b->table, text, now);
                text = leaves ? budget_table_leave(&b->table, a) : budget_table_write(&b->table, a, now);
                if (lower && b->table.share < had)
                        lower(context, (double)b->table.share / BUDGET_WHOLE);
                r = revision ? bucket_update(b->bucket, "shares", text, revision, &revision)
                             : bucket_create(b->bucket, "shares", text, &revision);
        }
        return r;
}

static int beat(Budget *b, Mono now, BudgetLowerFn lower, void *context)
{
        int r = change(b, now, false, lower, context);

        if (r)
                return r;
        budget_table_written(&b->table, now);
        b->beat_at = mono_add(now, BUDGET_BEAT_US);
        return 0;
}

void budget_leave(Budget *b, Mono now)
{
        change(b, now, true, NULL, NULL);
}

/* -- holds ----------------------------------------------------------------------------------------------- */

/* "ID NUMBER DURATION END": µs from when it is read, and ms of wall time for who was not there. */
static int hear(Budget *b, int kind, Mono *held, Mono now, Wall wall)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Hold *hold = &b->holds[kind];
        uint64_t revision, id, number;
        int64_t us, end_ms;
        const char *text;
        int r = bucket_get(b->bucket, hold_keys[kind], a, &text, &revision);

        if (r)
                return r == BUS_E_NONE ? 0 : r;
        if (sscanf(text, "%16" SCNx64 " %" SCNu64 " %" SCNd64 " %" SCNd64, &id, &number, &us, &end_ms) != 4)
                return 0;
        if (id == hold->id && number == hold->number)
                return 0;
        hold->id = id;
        hold->number = number;
        if (!b->has_looked) /* said before we were there */
                us = end_ms > wall.ms && (end_ms - wall.ms) < us / 1000 ? (end_ms - wall.ms) * 1000
                     : end_ms > wall.ms                                 ? us
                                                                        : 0;
        if (us <= 0 || id == b->life)
                return 0;
        if (hold->until.us < mono_add(now, us).us)
                hold->until = mono_add(now, us);
        if (held->us < hold->until.us)
                *held = hold->until;
        return 0;
}

static int say(Budget *b, int kind, Mono held, Mono now, Wall wall)
{
        Hold *hold = &b->holds[kind];
        int64_t us = held.us - now.us;
        char text[120];
        int r;

        if (us <= 0 || held.us <= hold->until.us + SAME_US)
                return 0;
        snprintf(text, sizeof(text), "%" PRIx64 " %" PRIu64 " %" PRId64 " %" PRId64, b->life, b->n_said + 1,
                 us, wall_add(wall, us / 1000).ms);
        r = bucket_put(b->bucket, hold_keys[kind], text);
        if (r)
                return r;
        b->n_said++;
        hold->until = held;
        return 0;
}

/**
 * budget_look() - say and hear
 *
 * Return: 0, BUS_E_DOWN.
 */
int budget_look(Budget *b, Mono held[BUDGET_HOLDS], Mono now, Wall wall, BudgetLowerFn lower, void *context)
{
        int r = 0;

        for (int kind = 0; r == 0 && kind < BUDGET_HOLDS; kind++) {
                r = hear(b, kind, &held[kind], now, wall);
                if (r == 0)
                        r = say(b, kind, held[kind], now, wall);
        }
        if (r == 0)
                b->has_looked = true;
        if (r == 0 && now.us >= b->beat_at.us)
                r = beat(b, now, lower, context);
        return r ? BUS_E_DOWN : 0;
}

double budget_share(Budget *b, Mono now, int64_t *ret_left_us)
{
        *ret_left_us = b->table.until.us > now.us ? b->table.until.us - now.us : 0;
        return (double)budget_table_share(&b->table, now) / BUDGET_WHOLE;
}
