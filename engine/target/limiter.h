/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Limiter: when may the next request leave
 *
 * Pure arithmetic on due times in integers (no token counts that lose remainders, no clock): a bucket of
 * `burst` that refills at `rate` per second is one number, the time at which it would be full again
 * ("theoretical arrival time", GCRA). Published limits (learn.microsoft.com/graph/throttling-limits): writes
 * 3,000 in 150 s, reads 3,500 / 5,000 / 8,000 resource units in 10 s by tenant size.
 *
 *      limiter_take     0: go, and it is charged. Else: microseconds to wait, nothing is charged.
 *      limiter_hold     a 429 was seen: nothing of this scope leaves until then
 *      limiter_slow     x-ms-throttle-limit-percentage: stretch the rate before 429 comes
 *
 *      limiter_set_part a part of all this, for one of several processes that share the tenant
 *
 * The urgent lane has a reserved share: other lanes are told to wait while less than the reserve is left.
 * One mutex inside; functions may be called from any thread.
 */

#include "base/clock.h"
#include "engine/model/change.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Limiter Limiter;
typedef struct LimiterOptions LimiterOptions;
typedef struct LimiterStats LimiterStats;

typedef enum TenantSize {
        TENANT_SMALL,
        TENANT_MEDIUM,
        TENANT_LARGE,
} TenantSize;

struct LimiterOptions {
        TenantSize size;
        double share;          /* of the published limits that is ours, 0..1 */
        double urgent_reserve; /* of our share kept for the urgent lane, 0..1 */
        double time_scale;     /* 1; tests run the published limits faster */
        bool unlimited;        /* only holds are obeyed: for the emulator without limits */
};

/* Buckets are in milli-units: 1 write = 1000. */
typedef enum LimiterScope {
        LIMITER_READ,
        LIMITER_WRITE,
        _LIMITER_SCOPE_N,
} LimiterScope;

struct LimiterStats {
        int64_t used[_LIMITER_SCOPE_N]; /* units within the bucket, milli */
        int64_t burst[_LIMITER_SCOPE_N];
        Mono hold[_LIMITER_SCOPE_N]; /* end of the hold; 0: none */
        uint64_t n_granted[_LIMITER_SCOPE_N];
        uint64_t n_waited[_LIMITER_SCOPE_N];
        uint64_t n_throttled;
};

Limiter *limiter_new(const LimiterOptions *options);
Limiter *limiter_free(Limiter *l);

/* Ask for units of one scope. 0: granted and charged; else microseconds until it makes sense to ask again. */
int64_t limiter_take(Limiter *l, LimiterScope scope, unsigned units, Lane lane, Mono now);
/* What limiter_take would answer; charges and counts nothing. */
int64_t limiter_wait(Limiter *l, LimiterScope scope, unsigned units, Lane lane, Mono now);
void limiter_give_back(Limiter *l, LimiterScope scope, unsigned units, Mono now);

/* The true cost of a read, when the answer's x-ms-resource-unit says another number than was charged. */
void limiter_correct(Limiter *l, LimiterScope scope, int charged, int true_cost, Mono now);

/* Retry-After; a later end wins. scope _LIMITER_SCOPE_N: both. Without Retry-After the caller says 5 minutes.
 */
void limiter_hold(Limiter *l, LimiterScope scope, Mono until);
void limiter_slow(Limiter *l, LimiterScope scope, double percentage, Mono now);

/* End of the hold, or 0. */
Mono limiter_held(Limiter *l, LimiterScope scope, Mono now);

/*
 * The part of it all that is this process's, 0..1: rate and burst of every bucket. What is free stays what it
 * is, at most the new burst: who grows has no more at once than before, and fills up at its new rate. So
 * several whose parts are together never more than 1, and who began with 0, never spend more together than
 * one would alone, however parts come and go. From `until` on nothing is granted, and so with a part of 0;
 * who had nothing begins again with nothing free. Holds stay. A new limiter has 1, for ever.
 */
void limiter_set_part(Limiter *l, double part, Mono until, Mono now);
double limiter_part(Limiter *l, Mono now);

void limiter_stats(Limiter *l, Mono now, LimiterStats *ret_stats);

DEFINE_CLEANUP(Limiter, limiter_free)
