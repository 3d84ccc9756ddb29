/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/common-budget.h"

#include "base/error.h"
#include "base/thread.h"
#include "base/wait.h"

#include <time.h>

/* queue/budget.h counts kinds of holds, the limiter has scopes. */
_Static_assert(BUDGET_HOLDS == _LIMITER_SCOPE_N, "one kind of hold for each scope");

/* Suspended machines count too, unlike CLOCK_MONOTONIC. */
static Mono boot_now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return (Mono){ t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000 };
}

static void lower(void *context, double share)
{
        CommonBudget *b = context;

        limiter_set_part(b->limiter, share, MONO_NEVER, clock_mono(b->clock));
}

static void say_state(CommonBudget *b, int r)
{
        if (r && !b->was_down)
                log_warning(b->log, "the cluster's budget is out of reach; soon nothing is sent");
        else if (!r && b->was_down)
                log_info(b->log, "the cluster's budget is in reach again");
        b->was_down = r != 0;
}

/* Holds go from the limiter's clock to the one that the nodes share, and back. */
static int look(CommonBudget *b)
{
        Mono now = clock_mono(b->clock), boot = boot_now(), held[BUDGET_HOLDS], before[BUDGET_HOLDS];
        int64_t left_us;
        double share;
        int r;

        for (int i = 0; i < BUDGET_HOLDS; i++) {
                Mono until = limiter_held(b->limiter, (LimiterScope)i, now);

                held[i] = until.us ? mono_add(boot, until.us - now.us) : (Mono){ 0 };
                before[i] = held[i];
        }
        r = budget_look(b->budget, held, boot, clock_wall(b->clock), lower, b);
        for (int i = 0; i < BUDGET_HOLDS; i++) {
                if (held[i].us > before[i].us)
                        limiter_hold(b->limiter, (LimiterScope)i, mono_add(now, held[i].us - boot.us));
        }
        now = clock_mono(b->clock);
        share = budget_share(b->budget, boot_now(), &left_us);
        limiter_set_part(b->limiter, share, mono_add(now, left_us), now);
        return r;
}

static bool sleeps(CommonBudget *b)
{
        Mono until = wait_in(BUDGET_LOOK_US);
        bool on;

        pthread_mutex_lock(&b->lock);
        while (!b->stopping && wait_until(&b->cond, &b->lock, until))
                ;
        on = !b->stopping;
        pthread_mutex_unlock(&b->lock);
        return on;
}

static void *keep(void *context)
{
        CommonBudget *b = context;

        while (sleeps(b))
                say_state(b, look(b));
        return NULL;
}

static int connect_it(CommonBudget *b, const Config *c, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        BusOptions bus = jetstream_config_bus(&c->state.jetstream, a);
        int r = bus_new(&b->bus, &bus, diag);

        if (r)
                return r;
        return budget_new(&b->budget, b->bus, c->state.jetstream.name,
                          jetstream_config_node(&c->state.jetstream, a), c->state.jetstream.lease_us, diag);
}

/**
 * common_budget_start() - take part in the cluster's budget
 *
 * Return: 0, BUS_E_DOWN, BUS_E_REFUSED, -errno.
 */
int common_budget_start(CommonBudget *b, const Config *c, Limiter *limiter, const Clock *clock,
                        const Log *log, Diag *diag)
{
        int r;

        *b = (CommonBudget){ .limiter = limiter, .clock = clock, .log = log };
        if (c->state.backend != STATE_JETSTREAM || !limiter)
                return 0;
        limiter_set_part(limiter, 0, MONO_NEVER, clock_mono(clock));
        r = connect_it(b, c, diag);
        if (r)
                return r;
        say_state(b, look(b));
        pthread_mutex_init(&b->lock, NULL);
        wait_init(&b->cond);
        r = thread_start(&b->thread, keep, b, "budget");
        b->has_thread = r == 0;
        return r;
}

void common_budget_stop(CommonBudget *b)
{
        if (b->has_thread) {
                pthread_mutex_lock(&b->lock);
                b->stopping = true;
                pthread_cond_signal(&b->cond);
                pthread_mutex_unlock(&b->lock);
                pthread_join(b->thread, NULL);
                pthread_cond_destroy(&b->cond);
                pthread_mutex_destroy(&b->lock);
                b->has_thread = false;
        }
        if (b->budget) {
                limiter_set_part(b->limiter, 0, MONO_NEVER, clock_mono(b->clock));
                if (bus_is_up(b->bus))
                        budget_leave(b->budget, boot_now());
        }
        b->budget = budget_free(b->budget);
        b->bus = bus_free(b->bus);
}
