/* SPDX-License-Identifier: Apache-2.0 */

#include "base/metric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_quantile(void **state)
{
        Histogram h = { 0 };
        uint64_t n[HISTOGRAM_N + 1];

        (void)state;
        histogram_read(&h, n);
        assert_int_equal(histogram_quantile(n, 0.5), -1);
        for (int i = 0; i < 99; i++)
                histogram_add(&h, 400000);
        histogram_add(&h, 7000000);
        histogram_add(&h, -5); /* a clock of another machine */
        histogram_read(&h, n);
        assert_true(histogram_quantile(n, 0.5) > 250000 && histogram_quantile(n, 0.5) <= 500000);
        assert_true(histogram_quantile(n, 0.999) > 5000000);
        /* Above the last border nothing more is known than that. */
        histogram_add(&h, INT64_MAX / 2);
        histogram_read(&h, n);
        assert_int_equal(histogram_quantile(n, 1), 600000000);
}

static void test_text(void **state)
{
        static const char expected[] = "# HELP x_total Counts\\nall \\\\ \"it\"\n"
                                       "# TYPE x_total counter\n"
                                       "x_total{lane=\"a\\\"b\\\\c\\nd\",result=\"e\"} 18446744073709551615\n"
                                       "y NaN\n"
                                       "y 0.25\n";
        Str s;

        (void)state;
        str_init(&s, 65536);
        metric_family(&s, "x_total", "counter", "Counts\nall \\ \"it\"");
        metric_count(&s, "x_total", (MetricLabel){ "lane", "a\"b\\c\nd" }, (MetricLabel){ "result", "e" },
                     UINT64_MAX);
        metric_sample(&s, "y", METRIC_NO_LABEL, METRIC_NO_LABEL, __builtin_nan(""));
        metric_sample(&s, "y", METRIC_NO_LABEL, METRIC_NO_LABEL, 0.25);
        assert_string_equal(s.data, expected);
        str_deinit(&s);
}

static void test_histogram_text(void **state)
{
        Histogram h = { 0 };
        Str s;

        (void)state;
        histogram_add(&h, 1000);
        histogram_add(&h, 900000000);
        str_init(&s, 65536);
        metric_histogram(&s, "t_seconds", (MetricLabel){ "step", "export" }, &h);
        assert_non_null(strstr(s.data, "t_seconds_bucket{step=\"export\",le=\"0.0005\"} 0\n"));
        assert_non_null(strstr(s.data, "t_seconds_bucket{step=\"export\",le=\"0.001\"} 1\n"));
        assert_non_null(strstr(s.data, "t_seconds_bucket{step=\"export\",le=\"+Inf\"} 2\n"));
        assert_non_null(strstr(s.data, "t_seconds_sum{step=\"export\"} 900.001000\n"));
        assert_non_null(strstr(s.data, "t_seconds_count{step=\"export\"} 2\n"));
        str_reset(&s);
        metric_histogram(&s, "t_seconds", METRIC_NO_LABEL, &h);
        assert_non_null(strstr(s.data, "t_seconds_bucket{le=\"600\"} 1\n"));
        assert_non_null(strstr(s.data, "\nt_seconds_count 2\n"));
        str_deinit(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_quantile),
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_histogram_text),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
