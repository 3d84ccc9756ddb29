/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Limits: Graph's published throttling for identity requests
 *
 *      [Tenant_Application / ReadWrite]  3,500 | 5,000 | 8,000 resource units per 10 s   (tenant S, M, L)
 *      [Tenant_Application / Write]      3,000 writes per 150 s
 *      [Tenant / Write]                  18,000 writes per 300 s
 *      [Application / Write]             35,000 writes per 300 s
 *
 * Token buckets. A request is charged to every bucket it touches, refused or not; the one with the longest
 * wait names the refusal. Levels go below zero by at most 0.8 of the capacity, since the published percentage
 * ends at 1.8. `scale` makes time run faster for the buckets; waits are given in real time.
 *
 * A hold is the time a client was told to wait. A request that comes inside one is a violation, unless it
 * came so soon after the refusal that it must have been under way (`grace_us`). Writes and reads have holds
 * of their own.
 *
 * Pure arithmetic: time is an argument.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum RetryForm RetryForm;
typedef struct Bucket Bucket;
typedef struct Hold Hold;
typedef struct Limits Limits;
typedef struct Verdict Verdict;

#define LIMITS_BUCKETS 4

enum RetryForm {
        RETRY_AUTO,     /* whole seconds; a fraction when time is scaled */
        RETRY_SECONDS,  /* rounded up */
        RETRY_FRACTION, /* as in a sample of the documentation: 2.128 */
        RETRY_DATE,     /* HTTP date */
        RETRY_NONE,     /* no header at all */
};

struct Bucket {
        const char *scope;
        const char *limit;
        const char *information;
        bool writes; /* counts writes, else resource units */
        double capacity;
        double window_s;
        double level;
};

struct Hold {
        int64_t since_us;
        int64_t until_us;
};

struct Limits {
        bool on;
        char tenant_size; /* S M L */
        double scale;
        double other_share; /* part of the flow that somebody else uses up */
        RetryForm retry_form;
        int64_t grace_us;
        Bucket buckets[LIMITS_BUCKETS];
        int64_t last_us;
        Hold holds[2]; /* reads, writes */
};

struct Verdict {
        bool throttled;
        bool hold_violation;
        const Bucket *bucket; /* that refused; NULL when none did */
        double wait_s;        /* real time, when throttled */
        double percentage;    /* of the fullest bucket: used / capacity */
};

/* Everything full, no holds. tenant_size and scale are as given in limits. */
void limits_start(Limits *limits, int64_t now_us);

void limits_charge(Limits *limits, int64_t now_us, unsigned int units, bool write, Verdict *ret);

/* A refusal told the client to wait. Also for refusals that a fault rule made. */
void limits_hold(Limits *limits, int64_t now_us, bool write, double wait_s);
bool limits_is_held(const Limits *limits, int64_t now_us, bool write);
