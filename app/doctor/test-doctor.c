/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "app/doctor/doctor.h"
#include "base/str.h"
#include "engine/steps/catalogue.h"

typedef struct Case {
        Doctor doctor;
        ClockFake clock;
        Str out;
} Case;

#define NOW_MS ((int64_t)1795334400 * 1000)
#define DAY_MS ((int64_t)86400 * 1000)

static void begin(Case *c)
{
        clock_fake_init(&c->clock, (Mono){ 0 }, (Wall){ NOW_MS });
        doctor_init(&c->doctor, "/nowhere/sosync.yaml", &c->clock.clock, 0);
        c->doctor.section = "this machine";
        c->doctor.check = "state";
        str_init(&c->out, SIZE_MAX);
}

static void end(Case *c)
{
        str_deinit(&c->out);
        doctor_deinit(&c->doctor);
}

static Verdict last(const Case *c)
{
        return c->doctor.findings[c->doctor.n_findings - 1].verdict;
}

static void test_certificate(void **state)
{
        Case c;

        begin(&c);
        doctor_certificate(&c.doctor, "x", (Wall){ NOW_MS + 22 * DAY_MS }, NULL);
        assert_int_equal(last(&c), VERDICT_OK);
        doctor_certificate(&c.doctor, "x", (Wall){ NOW_MS + 20 * DAY_MS }, NULL);
        assert_int_equal(last(&c), VERDICT_WARNING);
        assert_non_null(strstr(c.doctor.findings[1].text, "in 20 days"));
        doctor_certificate(&c.doctor, "x", (Wall){ NOW_MS }, NULL);
        assert_int_equal(last(&c), VERDICT_FAULT);
        end(&c);
}

/* A million people know it before their feeds pause. */
static void test_store(void **state)
{
        static const uint64_t gib = (uint64_t)1 << 30;
        Case c;

        begin(&c);
        assert_true(doctor_store(&c.doctor, 25 * gib, 32 * gib));
        assert_int_equal(c.doctor.n_findings, 0);
        assert_false(doctor_store(&c.doctor, 7 * gib, 8 * gib));
        assert_int_equal(last(&c), VERDICT_WARNING);
        assert_string_equal(c.doctor.findings[0].text,
                            "the store has 7.0 GiB; at 8.0 GiB (state.limit) feeds pause");
        end(&c);
}

static void test_clocks(void **state)
{
        static const struct {
                int64_t ahead_ms;
                Verdict verdict;
                const char *words;
        } rows[] = {
                { 0, VERDICT_OK, "agree" },
                { -999, VERDICT_OK, "agree" },
                { 29999, VERDICT_OK, "apart" },
                { 30000, VERDICT_WARNING, "ahead of ours" },
                { -299999, VERDICT_WARNING, "behind ours" },
                { -300000, VERDICT_FAULT, "behind ours" },
                { INT64_MAX / 2000, VERDICT_FAULT, "ahead of ours" },
        };
        Case c;

        begin(&c);
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                doctor_skew(&c.doctor, "dc1", rows[i].ahead_ms);
                assert_int_equal(last(&c), rows[i].verdict);
                assert_non_null(strstr(c.doctor.findings[i].text, rows[i].words));
        }
        end(&c);
}

/* No line is longer than the terminal, but for a word that is, and a command, which is to be copied. */
static void test_text(void **state)
{
        const char *command =
                "samba-tool dsacl set --objectdn='DC=corp,DC=contoso,DC=test' --sddl='(A;;LCRP;;;S-1-5-21)'";
        Case c;

        begin(&c);
        doctor_ok(&c.doctor, "%s",
                  "many words that are together longer than a line of eighty characters can ever be, so that "
                  "they are broken");
        doctor_warn(&c.doctor, "and advice that is also longer than fits on one line of such a terminal",
                    "/a/%0200d", 7);
        doctor_command(&c.doctor, command);
        c.doctor.skipped[c.doctor.n_skipped++] = "paging";
        for (size_t columns = 1; columns <= 200; columns++) {
                char *rest = NULL;

                str_reset(&c.out);
                doctor_print_text(&c.doctor, columns, false, &c.out);
                assert_non_null(strstr(c.out.data, command));
                assert_non_null(strstr(c.out.data, "1 ok, 1 warning, 0 faults\n"));
                assert_non_null(strstr(c.out.data, "Not looked at"));
                for (char *line = strtok_r(c.out.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
                        if (columns >= 60 && !strstr(line, "samba-tool") && !strstr(line, "/a/"))
                                assert_true(strlen(line) <= columns);
        }
        end(&c);
}

/* A configuration that is not there: one finding, and the rest by name. */
static void test_no_configuration(void **state)
{
        Case c;

        begin(&c);
        doctor_run(&c.doctor);
        assert_int_equal(c.doctor.n_findings, 1);
        assert_string_equal(c.doctor.findings[0].check, "configuration");
        assert_true(c.doctor.n_skipped > 5);
        assert_int_equal(doctor_status(&c.doctor), EXIT_USAGE);
        doctor_print_json(&c.doctor, &c.out);
        assert_non_null(strstr(c.out.data, "\"status\": \"fault\""));
        end(&c);
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_certificate),      cmocka_unit_test(test_store),
                cmocka_unit_test(test_clocks),           cmocka_unit_test(test_text),
                cmocka_unit_test(test_no_configuration),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
