/* SPDX-License-Identifier: Apache-2.0 */
#include "limits.h"
#include "mem.h"

/* Overdraft: "x-ms-throttle-limit-percentage" is published as 0.8 to 1.8 */
#define OVERDRAFT 0.8

static const Bucket published[LIMITS_BUCKETS] = {
        {
                .scope = "Tenant_Application",
                .limit = "ReadWrite",
                .information = "ResourceUnitLimitExceeded",
                .capacity = 8000,
                .window_s = 10,
        },
        {
                .scope = "Tenant_Application",
                .limit = "Write",
                .information = "WriteLimitExceeded",
                .writes = true,
                .capacity = 3000,
                .window_s = 150,
        },
        {
                .scope = "Tenant",
                .limit = "Write",
                .information = "WriteLimitExceeded",
                .writes = true,
                .capacity = 18000,
                .window_s = 300,
        },
        {
                .scope = "Application",
                .limit = "Write",
                .information = "WriteLimitExceeded",
                .writes = true,
                .capacity = 35000,
                .window_s = 300,
        },
};

void limits_start(Limits *limits, int64_t now_us)
{
        memcpy(limits->buckets, published, sizeof(published));
        limits->buckets[0].capacity = limits->tenant_size == 'S'   ? 3500
                                      : limits->tenant_size == 'M' ? 5000
                                                                   : 8000;
        for (size_t i = 0; i < LIMITS_BUCKETS; ++i)
                limits->buckets[i].level = limits->buckets[i].capacity;
        limits->last_us = now_us;
        limits->holds[0] = limits->holds[1] = (Hold){ 0 };
}

static double bucket_rate(const Limits *limits, const Bucket *b)
{
        return b->capacity / b->window_s * limits->scale * (1 - limits->other_share);
}

static void limits_refill(Limits *limits, int64_t now_us)
{
        double elapsed_s = (double)(now_us - limits->last_us) / 1e6;

        if (now_us <= limits->last_us)
                return;
        for (size_t i = 0; i < LIMITS_BUCKETS; ++i) {
                Bucket *b = &limits->buckets[i];

                b->level += elapsed_s * bucket_rate(limits, b);
                if (b->level > b->capacity)
                        b->level = b->capacity;
        }
        limits->last_us = now_us;
}

void limits_charge(Limits *limits, int64_t now_us, unsigned int units, bool write, Verdict *ret)
{
        *ret = (Verdict){ .hold_violation = limits_is_held(limits, now_us, write) };
        if (!limits->on)
                return;
        limits_refill(limits, now_us);
        for (size_t i = 0; i < LIMITS_BUCKETS; ++i) {
                Bucket *b = &limits->buckets[i];
                double cost = b->writes ? write : units, wait_s, used;
                bool refused = cost > 0 && b->level < cost;

                b->level -= cost;
                if (b->level < -OVERDRAFT * b->capacity)
                        b->level = -OVERDRAFT * b->capacity;
                used = 1 - b->level / b->capacity;
                if (cost > 0 && used > ret->percentage)
                        ret->percentage = used;
                wait_s = (cost - b->level) / bucket_rate(limits, b);
                if (refused && wait_s > ret->wait_s) {
                        ret->throttled = true;
                        ret->bucket = b;
                        ret->wait_s = wait_s;
                }
        }
}

void limits_hold(Limits *limits, int64_t now_us, bool write, double wait_s)
{
        Hold *hold = &limits->holds[write];
        int64_t until_us = now_us + (int64_t)(wait_s * 1e6);

        if (now_us >= hold->until_us)
                hold->since_us = now_us;
        if (until_us > hold->until_us)
                hold->until_us = until_us;
}

bool limits_is_held(const Limits *limits, int64_t now_us, bool write)
{
        const Hold *hold = &limits->holds[write];

        return now_us > hold->since_us + limits->grace_us && now_us < hold->until_us;
}
