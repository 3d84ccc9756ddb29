/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A bucket is one number, `full_at`: the time at which it would be empty again if nothing more came (in GCRA
 * words the theoretical arrival time). Units push it into the future, time catches up with it.
 *
 *      now            full_at                 now + burst * interval
 *       |-- charged -----|------- free -----------|
 *
 * Times in here are nanoseconds: the interval of one unit is rounded up once, when the limiter is made (at
 * 800 units a second by less than one part in a million), and asking often loses nothing.
 */

#include "engine/target/limiter.h"

#include "base/error.h"

#include <pthread.h>

/* Published per application and tenant: learn.microsoft.com/graph/throttling-limits, identity and access. */
#define WRITE_UNITS      3000
#define WRITE_WINDOW_S   150
#define READ_WINDOW_S    10
#define NS               INT64_C(1000000000)
#define MILLI            1000
#define STRETCH_ONE      INT64_C(1024)
#define STRETCH_MAX      (16 * STRETCH_ONE)
#define SLOW_MARGIN      0.02
#define SLOW_KNEE        0.92 /* whoever keeps to the limits alone stays here: 8% of one burst is not used */
#define PART_MIN         1e-6 /* less is nothing: of the largest limit a unit in twenty minutes */
#define CLOSED_NS        (NS / 10) /* without a part of it: when to ask again */
#define STRETCH_DECAY_NS (10 * NS) /* from any stretch back to 1, if nobody complains any more */

static const int64_t read_units[] = {
        [TENANT_SMALL] = 3500,
        [TENANT_MEDIUM] = 5000,
        [TENANT_LARGE] = 8000,
};

typedef struct Bucket Bucket;

struct Bucket {
        int64_t interval; /* ns for one unit; 0: unlimited */
        int64_t service;  /* milli-units that the service's bucket holds: ours without the share of it */
        int64_t burst;    /* milli-units */
        int64_t reserve;  /* milli-units of the burst that only the urgent lane may use */
        int64_t kept;     /* ... of which so many were there at `kept_at`; it fills within one window */
        int64_t kept_at;  /* ns */
        int64_t fill;     /* ns: the window */
        int64_t full_at;  /* ns */
        int64_t units;    /* as published */
        int64_t window_s; /* ... for so long */
        int64_t hold;     /* ns; nothing leaves before */
        int64_t stretch;  /* of the interval, in 1/STRETCH_ONE, as it was at `stretched` */
        int64_t stretched;
        uint64_t n_granted;
        uint64_t n_waited;
};

struct Limiter {
        pthread_mutex_t lock; /* protects everything below */
        Bucket buckets[_LIMITER_SCOPE_N];
        LimiterOptions options;
        double part;
        int64_t part_until; /* ns */
        int64_t decay;      /* ns */
        uint64_t n_throttled;
};

static int64_t add(int64_t a, int64_t b)
{
        return clock_add_(a, b);
}

static int64_t multiply(int64_t a, int64_t b)
{
        int64_t product;

        return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

/* A Mono in nanoseconds; MONO_NEVER stays never. */
static int64_t ns_of(Mono t)
{
        return multiply(t.us, 1000);
}

/* Rate, burst and reserve for a part of what is published. */
static void bucket_measure(Bucket *b, const LimiterOptions *o, double part)
{
        double share = o->share * part;
        double rate = (double)b->units / (double)b->window_s * share * o->time_scale;

        if (o->unlimited || rate <= 0)
                return;
        b->burst = (int64_t)((double)(b->units * MILLI) * share);
        if (b->burst < MILLI)
                b->burst = MILLI; /* one unit must fit */
        b->reserve = (int64_t)((double)b->burst * o->urgent_reserve);
        if (b->reserve > b->burst - MILLI)
                b->reserve = b->burst - MILLI; /* the other lanes must be able to get one unit at all */
        b->service = (int64_t)((double)(b->units * MILLI) * part);
        b->interval = (int64_t)((double)NS / rate);
        while ((double)b->interval * rate < (double)NS)
                ++b->interval; /* rounded up: never faster than allowed */
}

/*
 * A bucket that began with nothing free would give other lanes nothing until the whole reserve is there: it
 * grows with its part of the rate, and they have the rest at once.
 */
static int64_t reserve_now(const Bucket *b, int64_t now)
{
        double grown = now > b->kept_at ? (double)(now - b->kept_at) / (double)b->fill : 0;

        if (grown >= 1 || b->kept >= b->reserve)
                return b->reserve;
        grown = (double)b->kept + grown * (double)b->reserve;
        return grown < (double)b->reserve ? (int64_t)grown : b->reserve;
}

static void bucket_init(Bucket *b, int64_t units, int64_t window_s, const LimiterOptions *o)
{
        b->stretch = STRETCH_ONE;
        b->units = units;
        b->window_s = window_s;
        b->fill = (int64_t)((double)(window_s * NS) / o->time_scale) + 1;
        bucket_measure(b, o, 1);
        b->kept = b->reserve;
}

/**
 * limiter_new() - buckets that are empty of charges, no holds
 *
 * Return: the limiter.
 */
Limiter *limiter_new(const LimiterOptions *options)
{
        LimiterOptions o = *options;
        Limiter *l = calloc(1, sizeof(*l));

        if (!l)
                error_oom(sizeof(*l));
        if (o.time_scale <= 0)
                o.time_scale = 1;
        pthread_mutex_init(&l->lock, NULL);
        l->options = o;
        l->part = 1;
        l->part_until = INT64_MAX;
        bucket_init(&l->buckets[LIMITER_READ], read_units[o.size], READ_WINDOW_S, &o);
        bucket_init(&l->buckets[LIMITER_WRITE], WRITE_UNITS, WRITE_WINDOW_S, &o);
        l->decay = (int64_t)((double)STRETCH_DECAY_NS / o.time_scale);
        if (l->decay < 1)
                l->decay = 1;
        return l;
}

Limiter *limiter_free(Limiter *l)
{
        if (!l)
                return NULL;
        pthread_mutex_destroy(&l->lock);
        free(l);
        return NULL;
}

/* The stretch falls in a straight line to 1 within the decay time. */
static int64_t stretch_now(const Limiter *l, const Bucket *b, int64_t now)
{
        int64_t passed = now - b->stretched;

        if (b->stretch <= STRETCH_ONE || passed >= l->decay)
                return STRETCH_ONE;
        if (passed <= 0)
                return b->stretch;
        /* Divided first: the decay may be hours of nanoseconds in no test, but a product must not overflow.
         */
        return b->stretch - (b->stretch - STRETCH_ONE) * (passed / 1024) / (l->decay / 1024 + 1);
}

/* What so many milli-units take to flow off. */
static int64_t span(const Bucket *b, int64_t milli)
{
        return multiply(milli, b->interval) / MILLI;
}

static int64_t cost(const Limiter *l, const Bucket *b, int64_t milli, int64_t now)
{
        return multiply(span(b, milli), stretch_now(l, b, now)) / STRETCH_ONE;
}

static bool has_no_part(const Limiter *l, int64_t now)
{
        return l->part <= 0 || now >= l->part_until;
}

/* ns until `milli` units fit for this lane; 0: now. */
static int64_t bucket_wait(const Limiter *l, const Bucket *b, int64_t milli, Lane lane, int64_t now)
{
        int64_t room, start, end;

        if (now < b->hold)
                return b->hold - now;
        if (has_no_part(l, now))
                return CLOSED_NS;
        if (!b->interval)
                return 0;
        room = b->burst - (lane == LANE_URGENT ? 0 : reserve_now(b, now));
        if (milli > room)
                milli = room; /* more than ever fits: let it go when the bucket is empty, and charge it whole
                               */
        start = b->full_at > now ? b->full_at : now;
        end = add(start, cost(l, b, milli, now));
        return end - now <= span(b, room) ? 0 : end - now - span(b, room);
}

/* Rounded up: whoever comes back then is not too early. */
static int64_t us_of(int64_t ns)
{
        return ns > 0 ? ns / 1000 + (ns % 1000 != 0) : 0;
}

/**
 * limiter_take() - ask for units of one scope
 *
 * Return: 0 (granted and charged), or microseconds until it makes sense to ask again (nothing is charged).
 */
int64_t limiter_take(Limiter *l, LimiterScope scope, unsigned units, Lane lane, Mono now)
{
        Bucket *b = &l->buckets[scope];
        int64_t milli = (int64_t)units * MILLI, t = ns_of(now), wait;

        pthread_mutex_lock(&l->lock);
        wait = bucket_wait(l, b, milli, lane, t);
        if (wait > 0) {
                ++b->n_waited;
        } else {
                ++b->n_granted;
                if (b->interval)
                        b->full_at = add(b->full_at > t ? b->full_at : t, cost(l, b, milli, t));
        }
        pthread_mutex_unlock(&l->lock);
        return us_of(wait);
}

/**
 * limiter_wait() - is there room?
 *
 * Return: 0, or microseconds.
 */
int64_t limiter_wait(Limiter *l, LimiterScope scope, unsigned units, Lane lane, Mono now)
{
        int64_t wait;

        pthread_mutex_lock(&l->lock);
        wait = bucket_wait(l, &l->buckets[scope], (int64_t)units * MILLI, lane, ns_of(now));
        pthread_mutex_unlock(&l->lock);
        return us_of(wait);
}

static void bucket_charge(const Limiter *l, Bucket *b, int64_t milli, int64_t now)
{
        if (!b->interval || milli == 0)
                return;
        if (milli < 0) {
                /* Not below empty: time that has passed is not given back. Nor is more than it was taken for:
                 * that may have been before the stretch. */
                b->full_at = add(b->full_at, -span(b, -milli));
                return;
        }
        b->full_at = add(b->full_at > now ? b->full_at : now, cost(l, b, milli, now));
}

/**
 * limiter_give_back() - units that were taken and not used
 */
void limiter_give_back(Limiter *l, LimiterScope scope, unsigned units, Mono now)
{
        pthread_mutex_lock(&l->lock);
        bucket_charge(l, &l->buckets[scope], -(int64_t)units * MILLI, ns_of(now));
        pthread_mutex_unlock(&l->lock);
}

/**
 * limiter_correct() - the service says what a request has really cost
 */
void limiter_correct(Limiter *l, LimiterScope scope, int charged, int true_cost, Mono now)
{
        pthread_mutex_lock(&l->lock);
        bucket_charge(l, &l->buckets[scope], ((int64_t)true_cost - charged) * MILLI, ns_of(now));
        pthread_mutex_unlock(&l->lock);
}

/*
 * At `when` the service has no more than `left` milli-units for us. Our bucket is filled up to that, but
 * never into the urgent reserve: the other lanes go on at the sustained rate.
 */
static void bucket_fill(Bucket *b, int64_t left, int64_t when)
{
        int64_t full;

        if (left < b->reserve + MILLI)
                left = b->reserve + MILLI;
        if (!b->interval || left >= b->burst)
                return;
        full = add(when, span(b, b->burst - left));
        if (full > b->full_at)
                b->full_at = full;
}

/*
 * Whoever was refused had a wrong idea of the service's bucket: that one is empty of free units. So is ours
 * when the hold ends: afterwards requests leave at the sustained rate and not in a burst that would be
 * refused again.
 */
static void bucket_hold(Bucket *b, int64_t until)
{
        if (until > b->hold)
                b->hold = until;
        bucket_fill(b, 0, until);
}

/**
 * limiter_hold() - nothing of this scope leaves until then
 * @scope: _LIMITER_SCOPE_N for all
 */
void limiter_hold(Limiter *l, LimiterScope scope, Mono until)
{
        pthread_mutex_lock(&l->lock);
        ++l->n_throttled;
        for (int i = 0; i < _LIMITER_SCOPE_N; ++i) {
                if (scope == _LIMITER_SCOPE_N || (int)scope == i)
                        bucket_hold(&l->buckets[i], ns_of(until));
        }
        pthread_mutex_unlock(&l->lock);
}

/**
 * limiter_slow() - the service says that its bucket is nearly full
 * @percentage: x-ms-throttle-limit-percentage, 0.8 to 1.8
 *
 * Our rate falls in a straight line, from all of it at 0.8 to a tenth at 1.0 and a sixteenth above, and what
 * is left of our burst is cut to what is left of the service's, less a margin for requests under way. Every
 * answer above 0.8 carries the header, so this is a proportional controller on the level of the service's
 * bucket; when somebody else uses the tenant too, it settles where both together arrive at the limit. Without
 * further answers all of the rate is back after ten seconds.
 */
void limiter_slow(Limiter *l, LimiterScope scope, double percentage, Mono now)
{
        int64_t stretch = STRETCH_MAX;
        double rate;

        if (!(percentage > 0))
                return; /* not a number either */
        if (percentage > 2)
                percentage = 2;
        rate = percentage > SLOW_KNEE ? 1 - (percentage - SLOW_KNEE) * 0.9 / (1 - SLOW_KNEE) : 1;
        if (rate > (double)STRETCH_ONE / STRETCH_MAX)
                stretch = (int64_t)((double)STRETCH_ONE / rate);
        pthread_mutex_lock(&l->lock);
        for (int i = 0; i < _LIMITER_SCOPE_N; ++i) {
                Bucket *b = &l->buckets[i];

                if (scope != _LIMITER_SCOPE_N && (int)scope != i)
                        continue;
                b->stretch = stretch;
                b->stretched = ns_of(now);
                bucket_fill(b, (int64_t)((1 - SLOW_MARGIN - percentage) * (double)b->service), ns_of(now));
        }
        pthread_mutex_unlock(&l->lock);
}

/**
 * limiter_held() - is there a hold?
 *
 * Return: its end, or 0.
 */
Mono limiter_held(Limiter *l, LimiterScope scope, Mono now)
{
        int64_t hold = 0;

        pthread_mutex_lock(&l->lock);
        for (int i = 0; i < _LIMITER_SCOPE_N; ++i) {
                if ((scope == _LIMITER_SCOPE_N || (int)scope == i) && l->buckets[i].hold > hold)
                        hold = l->buckets[i].hold;
        }
        pthread_mutex_unlock(&l->lock);
        if (hold <= ns_of(now))
                return (Mono){ 0 };
        return hold == INT64_MAX ? MONO_NEVER : (Mono){ hold / 1000 + (hold % 1000 != 0) };
}

/* Milli-units that could be taken now; below 0: more was charged than there was. */
static int64_t bucket_free(const Bucket *b, int64_t now)
{
        int64_t used = b->full_at > now ? b->full_at - now : 0;

        /* Rounded against us: nothing is won by a change. */
        return b->burst - (int64_t)((double)used * MILLI / (double)b->interval + 1);
}

static void bucket_set_part(Bucket *b, const LimiterOptions *o, double part, bool had_none, int64_t now)
{
        int64_t had, kept;

        if (!b->interval)
                return;
        had = bucket_free(b, now);
        kept = had_none ? 0 : reserve_now(b, now);
        if (had_none && had > 0)
                had = 0;
        bucket_measure(b, o, part);
        b->kept = kept < b->reserve ? kept : b->reserve;
        b->kept_at = now;
        if (had > b->burst)
                had = b->burst;
        b->full_at = add(now, span(b, b->burst - had));
}

/**
 * limiter_set_part() - what of it all is this process's
 */
void limiter_set_part(Limiter *l, double part, Mono until, Mono now)
{
        int64_t t = ns_of(now);
        bool had_none;

        if (!(part >= PART_MIN))
                part = 0;
        if (part > 1)
                part = 1;
        pthread_mutex_lock(&l->lock);
        had_none = has_no_part(l, t);
        for (int i = 0; i < _LIMITER_SCOPE_N && part > 0 && (had_none || part != l->part); ++i)
                bucket_set_part(&l->buckets[i], &l->options, part, had_none, t);
        l->part = part;
        l->part_until = ns_of(until);
        pthread_mutex_unlock(&l->lock);
}

double limiter_part(Limiter *l, Mono now)
{
        double part;

        pthread_mutex_lock(&l->lock);
        part = has_no_part(l, ns_of(now)) ? 0 : l->part;
        pthread_mutex_unlock(&l->lock);
        return part;
}

/**
 * limiter_stats() - a look at everything, for metrics
 */
void limiter_stats(Limiter *l, Mono now, LimiterStats *ret_stats)
{
        LimiterStats s = { 0 };
        int64_t t = ns_of(now);

        pthread_mutex_lock(&l->lock);
        for (int i = 0; i < _LIMITER_SCOPE_N; ++i) {
                const Bucket *b = &l->buckets[i];

                if (b->interval && b->full_at > t)
                        s.used[i] = multiply((b->full_at - t) / 1000, MILLI) / (b->interval / 1000 + 1);
                s.burst[i] = b->burst;
                if (b->hold > t)
                        s.hold[i].us = b->hold / 1000;
                s.n_granted[i] = b->n_granted;
                s.n_waited[i] = b->n_waited;
        }
        s.n_throttled = l->n_throttled;
        pthread_mutex_unlock(&l->lock);
        *ret_stats = s;
}
