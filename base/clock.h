/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Clock: two kinds of time that do not mix
 *
 *      Mono   microseconds of CLOCK_MONOTONIC: waits, limiter, time-outs, durations. Never stored: after a
 *             reboot it starts again, and on another machine it means nothing.
 *      Wall   milliseconds since 1970-01-01 UTC: everything on disk or shared between machines. It may jump.
 *
 * They are structs so that the compiler refuses to mix them. Time is an argument: libraries take it, and only
 * app/ reads a Clock; tests use a ClockFake and move it by hand.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Clock Clock;
typedef struct ClockFake ClockFake;

typedef struct Mono {
        int64_t us;
} Mono;

typedef struct Wall {
        int64_t ms; /* 0: not known */
} Wall;

struct Clock {
        Mono (*mono)(const Clock *c);
        Wall (*wall)(const Clock *c);
};

struct ClockFake {
        Clock clock;
        Mono mono;
        Wall wall;
};

#define MONO_NEVER ((Mono){ INT64_MAX })

extern const Clock clock_system;

Mono clock_mono(const Clock *c);
Wall clock_wall(const Clock *c);

void clock_fake_init(ClockFake *c, Mono mono, Wall wall);
void clock_fake_advance(ClockFake *c, int64_t us);

/* Both stop at the ends of the range instead of wrapping around; the second argument may be negative. */
static inline int64_t clock_add_(int64_t a, int64_t b)
{
        int64_t sum;

        if (__builtin_add_overflow(a, b, &sum))
                return b > 0 ? INT64_MAX : INT64_MIN;
        return sum;
}

static inline Mono mono_add(Mono t, int64_t us)
{
        return (Mono){ clock_add_(t.us, us) };
}

static inline Wall wall_add(Wall t, int64_t ms)
{
        return (Wall){ clock_add_(t.ms, ms) };
}

/* Less than `ms` apart, whichever is first: another machine's clock may be ahead, and one's own be set back.
 */
static inline bool wall_is_near(Wall a, Wall b, int64_t ms)
{
        return wall_add(a, -ms).ms < b.ms && b.ms < wall_add(a, ms).ms;
}

/* "2026-11-22T08:31:15.123Z"; size of buf at least WALL_TEXT_MAX. wall_parse takes that and whole seconds. */
#define WALL_TEXT_MAX 32
const char *wall_format(Wall t, char *buf);
bool wall_parse(const char *s, Wall *ret_t);

/* "1.5 s", "250 ms", "12 m 5 s": for people. */
const char *duration_format(int64_t us, char *buf, size_t size);
