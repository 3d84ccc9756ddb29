/* SPDX-License-Identifier: Apache-2.0 */
#include "base/config-unit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_number(void **state)
{
        static const struct {
                const char *text;
                ConfigUnitResult result;
                double v;
                const char *printed;
        } rows[] = {
                { "0", CONFIG_UNIT_OK, 0, "0" },
                { "0.8", CONFIG_UNIT_OK, 0.8, "0.8" },
                { "-12.50", CONFIG_UNIT_OK, -12.5, "-12.5" },
                { "0.000000000000001", CONFIG_UNIT_OK, 1e-15, "0.000000000000001" },
                { "123456789012345", CONFIG_UNIT_OK, 123456789012345, "123456789012345" },
                { "1234567890123456", CONFIG_UNIT_RANGE, 0, NULL },
                { "0.0000000000000001", CONFIG_UNIT_RANGE, 0, NULL },
                { "00000000000000000000001", CONFIG_UNIT_OK, 1, "1" },
                { "0.8x", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "-", CONFIG_UNIT_SYNTAX, 0, NULL },
                { ".5", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "5.", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "1.2.3", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "1,5", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "1e3", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "0x10", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "nan", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "inf", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "+1", CONFIG_UNIT_SYNTAX, 0, NULL },
                { " 1", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "1 ", CONFIG_UNIT_SYNTAX, 0, NULL },
        };
        Str s;

        str_init(&s, 100);
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                double v = 77;

                assert_int_equal(config_parse_number(rows[i].text, &v), rows[i].result);
                if (!rows[i].printed) {
                        assert_true(v == 77);
                        continue;
                }
                assert_true(v == rows[i].v);
                str_reset(&s);
                config_format_number(v, &s);
                assert_string_equal(s.data, rows[i].printed);
        }
        str_deinit(&s);
}

static void test_numbers_come_back(void **state)
{
        uint64_t seed = 20261122;
        Str s;

        str_init(&s, 100);
        for (int i = 0; i < 20000; i++) {
                char text[64];
                double v, percent, back;

                seed = seed * 6364136223846793005u + 1442695040888963407u;
                snprintf(text, sizeof(text), "%.*f", (int)(seed >> 60) % 9,
                         (double)(seed >> 40 & 0xfffff) / 977);
                assert_int_equal(config_parse_number(text, &v), CONFIG_UNIT_OK);
                assert_true(v == strtod(text, NULL));
                str_reset(&s);
                config_format_number(v, &s);
                assert_int_equal(config_parse_number(s.data, &back), CONFIG_UNIT_OK);
                if (back != v)
                        fail_msg("%s became %s (step %d)", text, s.data, i);

                snprintf(text, sizeof(text), "%.*f%%", (int)(seed >> 60) % 9,
                         (double)(seed >> 40 & 0xfffff) / 0xfffff * 100);
                assert_int_equal(config_parse_percent(text, &percent), CONFIG_UNIT_OK);
                str_reset(&s);
                config_format_percent(percent, &s);
                assert_int_equal(config_parse_percent(s.data, &back), CONFIG_UNIT_OK);
                if (back != percent)
                        fail_msg("%s became %s (step %d)", text, s.data, i);
        }
        str_deinit(&s);
}

static void test_duration(void **state)
{
        static const struct {
                const char *text;
                ConfigUnitResult result;
                int64_t us;
                const char *printed;
        } rows[] = {
                { "500ms", CONFIG_UNIT_OK, 500000, "500ms" },
                { "2s", CONFIG_UNIT_OK, 2000000, "2s" },
                { "5m", CONFIG_UNIT_OK, 300000000, "5m" },
                { "1h", CONFIG_UNIT_OK, 3600000000, "1h" },
                { "30d", CONFIG_UNIT_OK, 2592000000000, "30d" },
                { "1.5s", CONFIG_UNIT_OK, 1500000, "1500ms" },
                { "90m", CONFIG_UNIT_OK, 5400000000, "90m" },
                { "24h", CONFIG_UNIT_OK, 86400000000, "1d" },
                { "7us", CONFIG_UNIT_OK, 7, "7us" },
                { "0", CONFIG_UNIT_OK, 0, "0" },
                { "0s", CONFIG_UNIT_OK, 0, "0" },
                { "2 parsecs", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "2 s", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "2S", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "1h30m", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "-1s", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "s", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "2", CONFIG_UNIT_MISSING, 0, NULL },
                { "0.0000001s", CONFIG_UNIT_RANGE, 0, NULL },
                { "0.5us", CONFIG_UNIT_RANGE, 0, NULL },
                { "106751992d", CONFIG_UNIT_RANGE, 0, NULL },
                { "106751991d", CONFIG_UNIT_OK, INT64_C(106751991) * 86400000000, "106751991d" },
                { "99999999999999999999s", CONFIG_UNIT_RANGE, 0, NULL },
        };
        Str s;

        str_init(&s, 100);
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                int64_t us = 77;

                if (config_parse_duration(rows[i].text, &us) != rows[i].result)
                        fail_msg("wrong result for \"%s\"", rows[i].text);
                assert_int_equal(us, rows[i].printed ? rows[i].us : 77);
                if (rows[i].printed) {
                        str_reset(&s);
                        config_format_duration(us, &s);
                        assert_string_equal(s.data, rows[i].printed);
                }
        }
        str_deinit(&s);
}

static void test_size(void **state)
{
        static const struct {
                const char *text;
                ConfigUnitResult result;
                int64_t bytes;
                const char *printed;
        } rows[] = {
                { "64MiB", CONFIG_UNIT_OK, 64 << 20, "64MiB" },
                { "2GiB", CONFIG_UNIT_OK, INT64_C(2) << 30, "2GiB" },
                { "100kB", CONFIG_UNIT_OK, 100000, "100kB" },
                { "1.5KiB", CONFIG_UNIT_OK, 1536, "1536B" },
                { "7B", CONFIG_UNIT_OK, 7, "7B" },
                { "3TB", CONFIG_UNIT_OK, INT64_C(3000000000000), "3TB" },
                { "0", CONFIG_UNIT_OK, 0, "0" },
                { "64", CONFIG_UNIT_MISSING, 0, NULL },
                { "64Mi", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "64mb", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "64 MiB", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "0.3B", CONFIG_UNIT_RANGE, 0, NULL },
                { "9000000TiB", CONFIG_UNIT_RANGE, 0, NULL },
        };
        Str s;

        str_init(&s, 100);
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                int64_t bytes = 77, back;

                if (config_parse_size(rows[i].text, &bytes) != rows[i].result)
                        fail_msg("wrong result for \"%s\"", rows[i].text);
                assert_int_equal(bytes, rows[i].printed ? rows[i].bytes : 77);
                if (rows[i].printed) {
                        str_reset(&s);
                        config_format_size(bytes, &s);
                        assert_string_equal(s.data, rows[i].printed);
                        assert_int_equal(config_parse_size(s.data, &back), CONFIG_UNIT_OK);
                        assert_int_equal(back, bytes);
                }
        }
        str_deinit(&s);
}

static void test_percent(void **state)
{
        static const struct {
                const char *text;
                ConfigUnitResult result;
                double v;
                const char *printed;
        } rows[] = {
                { "10%", CONFIG_UNIT_OK, 0.1, "10%" },    { "0%", CONFIG_UNIT_OK, 0, "0%" },
                { "100%", CONFIG_UNIT_OK, 1, "100%" },    { "33.3%", CONFIG_UNIT_OK, 33.3 / 100, "33.3%" },
                { "0", CONFIG_UNIT_OK, 0, "0%" },         { "10", CONFIG_UNIT_MISSING, 0, NULL },
                { "0.1", CONFIG_UNIT_MISSING, 0, NULL },  { "101%", CONFIG_UNIT_RANGE, 0, NULL },
                { "100.1%", CONFIG_UNIT_RANGE, 0, NULL }, { "10 %", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "-1%", CONFIG_UNIT_SYNTAX, 0, NULL },   { "%", CONFIG_UNIT_SYNTAX, 0, NULL },
                { "10%%", CONFIG_UNIT_SYNTAX, 0, NULL },
        };
        Str s;

        str_init(&s, 100);
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                double v = 77;

                if (config_parse_percent(rows[i].text, &v) != rows[i].result)
                        fail_msg("wrong result for \"%s\"", rows[i].text);
                assert_true(v == (rows[i].printed ? rows[i].v : 77));
                if (rows[i].printed) {
                        str_reset(&s);
                        config_format_percent(v, &s);
                        assert_string_equal(s.data, rows[i].printed);
                }
        }
        str_deinit(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_number),   cmocka_unit_test(test_numbers_come_back),
                cmocka_unit_test(test_duration), cmocka_unit_test(test_size),
                cmocka_unit_test(test_percent),
        };

        return cmocka_run_group_tests_name("config-unit", tests, NULL, NULL);
}
