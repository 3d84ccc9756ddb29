/* SPDX-License-Identifier: Apache-2.0 */

/* Live and Vitals: what people watch. */

#include "report/fixture.h"
#include "report/live.h"
#include "report/vitals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_ring(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(live_freep) Live *l = live_new();
        Outcome o;
        LiveLine *lines;
        uint64_t missed = 7;

        (void)state;
        assert_int_equal(live_read(l, 0, 10, a, &lines, &missed), 0);
        assert_int_equal(missed, 0);
        assert_false(live_wait(l, 0, 1000));
        fixture_base(a, &o);
        for (int i = 0; i < 3; i++)
                live_add(l, &o);
        assert_true(live_wait(l, 2, 0));
        assert_int_equal(live_read(l, 1, 10, a, &lines, &missed), 2);
        assert_int_equal(missed, 0);
        assert_int_equal(lines[0].number, 2);
        assert_string_equal(lines[1].run_id, o.run_id);
        assert_non_null(lines[1].display_name);
        /* Whoever is slow is told so, and goes on with the newest. */
        for (int i = 0; i < 2 * LIVE_LINES; i++)
                live_add(l, &o);
        assert_int_equal(live_read(l, 3, SIZE_MAX, a, &lines, &missed), LIVE_LINES);
        assert_int_equal(missed, LIVE_LINES);
        assert_int_equal(live_read(l, 3, 5, a, &lines, &missed), 5);
        assert_int_equal(lines[4].number, live_last(l));
        /* A number that was never given out is one of an earlier life. */
        assert_int_equal(live_read(l, 1000000, 5, a, &lines, &missed), 0);
        live_close(l);
        assert_false(live_wait(l, live_last(l), INT64_MAX / 2000000));
}

/* Taken away and brought back; what is of another life, or was never given out, is told from it. */
static void test_mark(void **state)
{
        _cleanup_(live_freep) Live *l = live_new(), *other = live_new();
        static const char *const wrong[] = {
                "", "-", "-1", "7", "zzzzzzzz-7", "00000000-18446744073709551615"
        };
        char mark[LIVE_MARK_MAX], longer[2 * LIVE_MARK_MAX];
        uint64_t number = 1;

        (void)state;
        assert_true(live_parse_mark(l, live_mark(l, 17, mark), &number));
        assert_int_equal(number, 17);
        assert_false(live_parse_mark(other, mark, &number));
        for (size_t i = 0; i < N_ELEMENTS(wrong); i++)
                assert_false(live_parse_mark(l, wrong[i], &number));
        for (const char *more = "0 x-"; *more; more++) {
                snprintf(longer, sizeof(longer), "%.9s%c17", mark, *more);
                assert_false(live_parse_mark(l, longer, &number));
        }
        assert_int_equal(number, 17);
}

static void test_long_text(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(live_freep) Live *l = live_new();
        char *dn = arena_alloc(a, 4001);
        LiveLine *lines;
        Outcome o;

        (void)state;
        for (size_t i = 0; i < 4000; i += 2)
                memcpy(dn + i, "ä", 2);
        dn[4000] = '\0';
        fixture_base(a, &o);
        o.source.dn = dn + 1 - 1;
        live_add(l, &o);
        assert_int_equal(live_read(l, 0, 1, a, &lines, NULL), 1);
        assert_true(str_is_utf8(lines[0].dn, strlen(lines[0].dn)));
        assert_int_equal(strlen(lines[0].dn), LIVE_TEXT_MAX + strlen("…"));
}

static void test_sentence(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        VitalsSource sources[] = {
                { .name = "corp.test", .ok = true, .watches = true, .state = "watching" },
                { .name = "res.test", .ok = true, .watches = true, .state = "watching" },
        };
        Vitals v = {
                .now = { 1000 }, .sources = sources, .n_sources = 1, .target_ok = true, .queue_ok = true
        };
        const char *why;
        bool good;

        (void)state;
        assert_string_equal(vitals_sentence(a, &v, &good), "Runs; nothing waits.");
        assert_true(good);
        assert_true(vitals_ready(&v, &why));
        v.queue.n[LANE_NORMAL][QUEUE_PARKED] = 1;
        assert_string_equal(vitals_sentence(a, &v, &good), "Runs, and 1 change waits for a person.");
        assert_false(good);
        v.certificate_end = (Wall){ 1000 + (int64_t)3 * 86400000 };
        assert_string_equal(vitals_sentence(a, &v, &good),
                            "The certificate for Microsoft Graph ends in 3 days.");
        sources[0].proof_us = 61000000;
        assert_string_equal(vitals_sentence(a, &v, &good), "The feed has not proved for 61 s that it lives.");
        sources[0].watches = false;
        sources[0].state = "broken";
        sources[0].unwatched_us = 59000000;
        assert_string_equal(vitals_sentence(a, &v, &good), "The feed is broken: changes are not seen yet.");
        sources[0].unwatched_us = 725000000;
        assert_string_equal(vitals_sentence(a, &v, &good),
                            "The feed is broken: changes have not been seen for 12 m 5 s.");
        assert_false(vitals_ready(&v, &why));
        assert_string_equal(why, "the feed does not watch the directory");
        /* Of a node that stands by. */
        sources[0].unwatched_us = sources[0].proof_us = 0;
        sources[0].elsewhere = true;
        assert_true(vitals_ready(&v, &why));
        assert_string_equal(vitals_sentence(a, &v, &good),
                            "The certificate for Microsoft Graph ends in 3 days.");
        sources[0].elsewhere = false;
        sources[0].watches = true;
        sources[0].proof_us = 61000000;
        v.n_sources = 2;
        assert_string_equal(vitals_sentence(a, &v, &good),
                            "The feed of corp.test has not proved for 61 s that it lives.");
        sources[1].ok = false;
        assert_string_equal(vitals_sentence(a, &v, &good),
                            "The directory of res.test cannot be used; its changes wait.");
        assert_false(vitals_ready(&v, &why));
        assert_string_equal(why, "the directory cannot be used");
        sources[1].ok = true;
        v.queue.n[LANE_NORMAL][QUEUE_READY] = 12;
        v.target_ok = false;
        assert_string_equal(vitals_sentence(a, &v, &good),
                            "Microsoft Graph cannot be used; 12 changes wait.");
        v.queue.n[LANE_NORMAL][QUEUE_READY] = 1;
        assert_string_equal(vitals_sentence(a, &v, &good), "Microsoft Graph cannot be used; 1 change waits.");
        assert_false(vitals_ready(&v, &why));
        assert_string_equal(why, "Microsoft Graph cannot be used");
}

/* Before what is parked for another reason, and before a certificate: accounts stay on meanwhile. */
static void test_brakes(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        VitalsBrake brakes[] = { { .name = "disable", .counted = true }, { .name = "members" } };
        const Vitals v = {
                .now = { 1000 },
                .queue_ok = true,
                .target_ok = true,
                .queue.n[LANE_URGENT][QUEUE_PARKED] = 4,
                .certificate_end = { 2000 },
                .brakes = brakes,
                .n_brakes = 2,
        };
        bool good;

        (void)state;
        assert_string_equal(vitals_sentence(a, &v, &good),
                            "The certificate for Microsoft Graph ends in 0 days.");
        brakes[0].on = true;
        assert_string_equal(vitals_sentence(a, &v, &good),
                            "Needs a person: the brake \"disable\" is on and holds nothing yet.");
        brakes[0].n_held = 4;
        assert_string_equal(vitals_sentence(a, &v, &good),
                            "Needs a person: the brake \"disable\" is on and holds 4 changes.");
        assert_false(good);
        brakes[0].n_held = 1;
        assert_string_equal(vitals_sentence(a, &v, &good),
                            "Needs a person: the brake \"disable\" is on and holds 1 change.");
        brakes[0].counted = false;
        assert_string_equal(vitals_sentence(a, &v, &good),
                            "Needs a person: the brake \"disable\" is on and holds changes.");
        brakes[1].on = true;
        assert_string_equal(vitals_sentence(a, &v, &good),
                            "Needs a person: 2 brakes are on and hold changes (disable, members).");
}

static void test_pulse(void **state)
{
        static Pulse p;
        static PulsePoint points[PULSE_POINTS];

        (void)state;
        assert_int_equal(pulse_read(&p, points), 0);
        for (int i = 1; i <= PULSE_POINTS + 5; i++)
                pulse_add(&p, &(PulsePoint){ .at = { i } });
        assert_int_equal(pulse_read(&p, points), PULSE_POINTS);
        assert_int_equal(points[0].at.ms, 6);
        assert_int_equal(points[PULSE_POINTS - 1].at.ms, PULSE_POINTS + 5);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_ring),      cmocka_unit_test(test_mark),
                cmocka_unit_test(test_long_text), cmocka_unit_test(test_sentence),
                cmocka_unit_test(test_brakes),    cmocka_unit_test(test_pulse),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
