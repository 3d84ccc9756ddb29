/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Random: a fast generator for ids and latencies, seeded by the caller so that a test can repeat a run. Not
 * for keys. */

#include <stdint.h>
#include <stdio.h>

typedef struct Random Random;

struct Random {
        uint64_t state;
};

/* splitmix64 */
static inline uint64_t random_next(Random *random)
{
        uint64_t z = (random->state += 0x9e3779b97f4a7c15u);

        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
}

/* 0 <= x < 1 */
static inline double random_fraction(Random *random)
{
        return (double)(random_next(random) >> 11) / 9007199254740992.0;
}

/* A GUID of version 4; ret has room for 37 bytes */
static inline void random_guid(Random *random, char *ret)
{
        static const char digits[] = "0123456789abcdef";
        uint64_t bits[2] = { random_next(random), random_next(random) };
        int n = 0;

        for (int i = 0; i < 36; ++i) {
                if (i == 8 || i == 13 || i == 18 || i == 23) {
                        ret[i] = '-';
                        continue;
                }
                ret[i] = digits[bits[n / 16] >> (n % 16 * 4) & 15];
                ++n;
        }
        ret[14] = '4';
        ret[19] = "89ab"[bits[1] >> 60 & 3];
        ret[36] = '\0';
}
