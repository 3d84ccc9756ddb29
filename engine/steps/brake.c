/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Brake: what a plan would do, as the brakes count it, and what it has done
 *
 * Asked before anything leaves. What the service has certainly not done is given back, so that a hold of
 * Graph, or a refusal, does not use up what is believable; an answer that was lost counts.
 */

#include "engine/steps/internal.h"

#include "base/str.h"

static bool is_member(const Op *op)
{
        return !str_is(op->attribute, "manager");
}

/* Certainly without effect. */
static bool had_none(const Run *run, size_t i)
{
        const OpResult *r = run->results ? &run->results[i] : NULL;

        return !r || (r->state != OP_DONE && !(r->state == OP_FAILED && run->strained));
}

static Effects count(const Run *run, bool (*pass_over)(const Run *run, size_t i))
{
        bool create = run->n_ops && run->ops[0].kind == OP_CREATE;
        Effects e = { .type = str_is(run_cloud_type(run), "group") ? BRAKE_GROUP : BRAKE_USER };

        for (size_t i = 0; i < run->n_ops; i++) {
                const Op *op = &run->ops[i];

                if (pass_over && !pass_over(run, i))
                        continue;
                if (op->kind == OP_CREATE)
                        e.n[BRAKE_CREATE]++;
                else if (op->kind == OP_SET && !create && str_is(op->attribute, "accountEnabled") &&
                         !op->value.b)
                        e.n[BRAKE_DISABLE]++;
                else if (op->kind == OP_UNLINK && is_member(op))
                        e.n[BRAKE_MEMBERS]++;
                else if (op->kind == OP_UNSET || op->kind == OP_UNLINK)
                        e.n[BRAKE_VALUES] = 1; /* objects, not values */
        }
        return e;
}

typedef struct Take {
        Run *run;
        Effects effects;
        Wall at;
        BrakeSet refuse;
} Take;

static bool take(Brakes *b, void *context)
{
        Take *t = context;
        Run *run = t->run;
        const BrakeLimits *limits = run->config->brakes;

        t->refuse = brakes_take(b, limits, &t->effects, run->change.released, t->at, &run->tripped);
        return run->tripped || (!t->refuse && brakes_count(limits, &t->effects, run->change.released));
}

/* As Take: `effects` had none. */
static bool give_back(Brakes *b, void *context)
{
        Take *t = context;

        return brakes_give_back(b, t->run->config->brakes, &t->effects, t->run->change.released, t->at);
}

static int change_brakes(Run *run, bool (*change)(Brakes *b, void *context), void *context)
{
        if (run->change_brakes)
                return run->change_brakes(run, change, context);
        change(run->brakes, context);
        return 0;
}

int run_ask_brakes(Run *run)
{
        const BrakeLimits *limits = run->config->brakes;
        Effects e = count(run, NULL);
        Wall now = clock_wall(run->clock);
        Take t = { .run = run, .effects = e, .at = now };
        BrakeSet refuse, other = 0;
        char window[64];
        int r;

        if (!run->brakes || !limits)
                return 0;
        r = brakes_count(limits, &e, run->change.released) ? change_brakes(run, take, &t) : 0;
        if (r)
                return r;
        refuse = t.refuse;
        for (int i = 0; i < _BRAKE_N; i++)
                run->brakes_moved |= e.n[i] != 0;
        if (!refuse) {
                run->taken = e;
                run->taken_at = now;
                return 0;
        }
        for (int i = _BRAKE_N - 1; i > 0; i--)
                if (refuse & BRAKE_SET(i) && refuse & (BRAKE_SET(i) - 1)) {
                        step_detail(run, "held by", "the brake \"%s\" too", brake_name((Brake)i));
                        other |= BRAKE_SET(i);
                }
        refuse &= ~other;
        for (int i = 0; i < _BRAKE_N; i++)
                if (refuse & BRAKE_SET(i))
                        return step_fail(run, STEP_E_PARK, brake_code((Brake)i),
                                         "the brake \"%s\" is on: more than %lld %s in %s",
                                         brake_name((Brake)i),
                                         (long long)brake_limit(run->brakes, limits, (Brake)i, e.type),
                                         brake_effect((Brake)i),
                                         duration_format(limits->of[i].window_us, window, sizeof(window)));
        return 0;
}

void run_settle_brakes(Run *run)
{
        Effects none;
        Take t;

        if (!run->taken_at.ms)
                return;
        none = count(run, had_none);
        /* One of several values may have been cleared: the object counts. */
        for (size_t i = 0; i < run->n_ops; i++)
                if ((run->ops[i].kind == OP_UNSET || run->ops[i].kind == OP_UNLINK) && !had_none(run, i))
                        none.n[BRAKE_VALUES] = 0;
        t = (Take){ .run = run, .effects = none, .at = run->taken_at };
        if (brakes_count(run->config->brakes, &none, run->change.released) &&
            change_brakes(run, give_back, &t))
                step_detail(run, "brakes", "what was not done stays counted: the counters are out of reach");
}
