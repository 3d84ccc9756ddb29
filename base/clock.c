/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define US_PER_MS ((int64_t)1000)
#define US_PER_S  ((int64_t)1000000)
#define S_PER_DAY ((int64_t)86400)

static Mono system_mono(const Clock *c)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (Mono){ (int64_t)ts.tv_sec * US_PER_S + ts.tv_nsec / 1000 };
}

static Wall system_wall(const Clock *c)
{
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (Wall){ (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 };
}

const Clock clock_system = { .mono = system_mono, .wall = system_wall };

Mono clock_mono(const Clock *c)
{
        return c->mono(c);
}

Wall clock_wall(const Clock *c)
{
        return c->wall(c);
}

/* The fake clock is read by worker threads while a test moves it, hence the atomics. Clock is its first
 * member, so that the cast is allowed. */
static Mono fake_mono(const Clock *c)
{
        return (Mono){ __atomic_load_n(&((const ClockFake *)c)->mono.us, __ATOMIC_SEQ_CST) };
}

static Wall fake_wall(const Clock *c)
{
        return (Wall){ __atomic_load_n(&((const ClockFake *)c)->wall.ms, __ATOMIC_SEQ_CST) };
}

void clock_fake_init(ClockFake *c, Mono mono, Wall wall)
{
        *c = (ClockFake){
                .clock = { .mono = fake_mono, .wall = fake_wall },
                .mono = mono,
                .wall = wall,
        };
}

/**
 * clock_fake_advance() - move both times forward; one thread moves, any thread reads
 */
void clock_fake_advance(ClockFake *c, int64_t us)
{
        int64_t before = fake_mono(&c->clock).us;
        int64_t after = mono_add((Mono){ before }, us).us;
        /* The difference of whole milliseconds: two steps of 500 us move the wall by one. */
        int64_t ms = after / US_PER_MS - before / US_PER_MS;

        assert(us >= 0);
        __atomic_store_n(&c->wall.ms, wall_add(fake_wall(&c->clock), ms).ms, __ATOMIC_SEQ_CST);
        __atomic_store_n(&c->mono.us, after, __ATOMIC_SEQ_CST);
}

static int64_t floor_div(int64_t a, int64_t b)
{
        return a / b - (a % b < 0);
}

/* Days since 1970 to the Gregorian date and back (H. Hinnant, "chrono-compatible low-level date algorithms").
 * gmtime_r() and timegm() would do, but timegm() takes the 31st of February without a word. */
static void civil_from_days(int64_t z, int64_t *ret_y, unsigned *ret_m, unsigned *ret_d)
{
        int64_t era;
        unsigned doe, yoe, doy, mp;

        z += 719468;
        era = floor_div(z, 146097);
        doe = (unsigned)(z - era * 146097);
        yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
        doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        mp = (5 * doy + 2) / 153;
        *ret_d = doy - (153 * mp + 2) / 5 + 1;
        *ret_m = mp < 10 ? mp + 3 : mp - 9;
        *ret_y = (int64_t)yoe + era * 400 + (*ret_m <= 2);
}

static int64_t days_from_civil(int64_t y, unsigned m, unsigned d)
{
        int64_t era;
        unsigned yoe, doy, doe;

        y -= m <= 2;
        era = floor_div(y, 400);
        yoe = (unsigned)(y - era * 400);
        doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
        doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        return era * 146097 + (int64_t)doe - 719468;
}

/**
 * wall_format() - a time as ISO 8601 in UTC with milliseconds
 * @buf: at least WALL_TEXT_MAX bytes
 *
 * Return: @buf.
 */
const char *wall_format(Wall t, char *buf)
{
        int64_t seconds = floor_div(t.ms, 1000);
        int64_t days = floor_div(seconds, S_PER_DAY);
        unsigned of_day = (unsigned)(seconds - days * S_PER_DAY);
        unsigned ms = (unsigned)(t.ms - seconds * 1000);
        unsigned month, day;
        int64_t year;

        civil_from_days(days, &year, &month, &day);
        snprintf(buf, WALL_TEXT_MAX, "%04" PRId64 "-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month % 100,
                 day % 100, of_day / 3600 % 24, of_day / 60 % 60, of_day % 60, ms % 1000);
        return buf;
}

static bool parse_digits(const char **s, unsigned n, unsigned *ret_v)
{
        unsigned v = 0;

        for (unsigned i = 0; i < n; i++) {
                char c = (*s)[i];

                if (c < '0' || c > '9')
                        return false;
                v = v * 10 + (unsigned)(c - '0');
        }
        *s += n;
        *ret_v = v;
        return true;
}

static bool parse_char(const char **s, char c)
{
        if (**s != c)
                return false;
        (*s)++;
        return true;
}

/**
 * wall_parse() - read "2026-11-22T08:31:15.123Z" or "2026-11-22T08:31:15Z", and nothing else
 *
 * Return: false if it is not such a text or no such day exists; @ret_t is then unchanged.
 */
bool wall_parse(const char *s, Wall *ret_t)
{
        static const unsigned char month_days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        unsigned year, month, day, hour, minute, second, ms = 0, last;
        int64_t seconds;

        if (!s || !parse_digits(&s, 4, &year) || !parse_char(&s, '-') || !parse_digits(&s, 2, &month) ||
            !parse_char(&s, '-') || !parse_digits(&s, 2, &day) || !parse_char(&s, 'T') ||
            !parse_digits(&s, 2, &hour) || !parse_char(&s, ':') || !parse_digits(&s, 2, &minute) ||
            !parse_char(&s, ':') || !parse_digits(&s, 2, &second))
                return false;
        if (*s == '.') {
                s++;
                if (!parse_digits(&s, 3, &ms))
                        return false;
        }
        if (!parse_char(&s, 'Z') || *s)
                return false;

        if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59)
                return false;
        last = month_days[month - 1];
        if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
                last = 29;
        if (day < 1 || day > last)
                return false;

        seconds = days_from_civil(year, month, day) * S_PER_DAY;
        seconds += (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
        ret_t->ms = seconds * 1000 + ms;
        return true;
}

/**
 * duration_format() - a duration for people, with at most two units
 *
 * Return: @buf.
 */
const char *duration_format(int64_t us, char *buf, size_t size)
{
        const char *sign = us < 0 ? "-" : "";
        uint64_t u = us < 0 ? -(uint64_t)us : (uint64_t)us;
        static const struct {
                uint64_t us;
                const char *name;
                uint64_t below_us;
                const char *below;
        } units[] = {
                { .us = 86400000000, .name = "d", .below_us = 3600000000, .below = "h" },
                { .us = 3600000000, .name = "h", .below_us = 60000000, .below = "m" },
                { .us = 60000000, .name = "m", .below_us = 1000000, .below = "s" },
        };

        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                /* Round to the smaller unit first, so that 59.96 s becomes "1 m" and never "60 s". */
                uint64_t below = (u + units[i].below_us / 2) / units[i].below_us;
                uint64_t n_per = units[i].us / units[i].below_us;

                if (u + (i == 2 ? 50000 : units[i].below_us / 2) < units[i].us)
                        continue;
                if (below % n_per)
                        snprintf(buf, size, "%s%" PRIu64 " %s %" PRIu64 " %s", sign, below / n_per,
                                 units[i].name, below % n_per, units[i].below);
                else
                        snprintf(buf, size, "%s%" PRIu64 " %s", sign, below / n_per, units[i].name);
                return buf;
        }
        if (u >= 999500) {
                uint64_t tenths = (u + 50000) / 100000;

                if (tenths % 10)
                        snprintf(buf, size, "%s%" PRIu64 ".%" PRIu64 " s", sign, tenths / 10, tenths % 10);
                else
                        snprintf(buf, size, "%s%" PRIu64 " s", sign, tenths / 10);
        } else if (u >= 1000) {
                snprintf(buf, size, "%s%" PRIu64 " ms", sign, (u + 500) / 1000);
        } else {
                snprintf(buf, size, "%s%" PRIu64 " us", sign, u);
        }
        return buf;
}
