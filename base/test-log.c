/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static int fds[2];

static int open_pipe(void **state)
{
        return pipe(fds);
}

static int close_pipe(void **state)
{
        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        return 0;
}

/* The line without its time, which is checked. */
static const char *line(void)
{
        static char text[16384];
        ssize_t n = read(fds[0], text, sizeof(text) - 1);
        Wall t;
        char *space;

        assert_true(n > 0);
        text[n] = '\0';
        assert_int_equal(text[n - 1], '\n');
        text[n - 1] = '\0';
        assert_null(strchr(text, '\n'));
        if (text[0] == '{' || text[0] == '<')
                return text;
        space = strchr(text, ' ');
        assert_non_null(space);
        *space = '\0';
        assert_true(wall_parse(text, &t));
        return space + 1;
}

static void test_text(void **state)
{
        Log feed = LOG_CHILD(NULL, LOG_STR("feed", "corp"));
        Log run = LOG_CHILD(&feed, LOG_STR("run", "1f0c"), LOG_STR("dn", "CN=Ada,OU=corp"));

        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, fds[1]);
        log_info(NULL, "started");
        assert_string_equal(line(), "info  started");
        log_info(&run, "exported", LOG_INT("ops", 2));
        assert_string_equal(line(), "info  exported  feed=corp run=1f0c dn=\"CN=Ada,OU=corp\" ops=2");
        log_warning(&run, "slow", LOG_INT("us", INT64_MIN), LOG_STR("empty", ""));
        assert_string_equal(
                line(),
                "warn  slow  feed=corp run=1f0c dn=\"CN=Ada,OU=corp\" us=-9223372036854775808 empty=\"\"");
        log_error(NULL, "stopped", LOG_STR("why", NULL));
        assert_string_equal(line(), "error stopped  why=\"\"");
}

static void test_levels(void **state)
{
        log_setup(LOG_LEVEL_WARNING, LOG_FORMAT_TEXT, fds[1]);
        assert_true(log_wants(LOG_LEVEL_ERROR));
        assert_true(log_wants(LOG_LEVEL_WARNING));
        assert_false(log_wants(LOG_LEVEL_INFO));
        log_info(NULL, "not wanted");
        log_debug(NULL, "not wanted");
        log_warning(NULL, "wanted");
        assert_string_equal(line(), "warn  wanted");
        log_set_level(LOG_LEVEL_DEBUG);
        log_debug(NULL, "now");
        assert_string_equal(line(), "debug now");
}

static void test_inner_field_wins(void **state)
{
        Log outer = LOG_CHILD(NULL, LOG_STR("step", "import"), LOG_STR("run", "1"));
        Log inner = LOG_CHILD(&outer, LOG_STR("step", "export"));

        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, fds[1]);
        log_info(&inner, "x");
        assert_string_equal(line(), "info  x  run=1 step=export");
}

/* A value from the directory must not make a second line, a field, or a command for the terminal. */
static void test_hostile_values(void **state)
{
        static const struct {
                const char *value, *text, *json;
        } rows[] = {
                { "a b", "\"a b\"", "\"a b\"" },
                { "a=b", "\"a=b\"", "\"a=b\"" },
                { "x\n2026-11-22T08:31:15.123Z error forged",
                  "\"x\\x0a2026-11-22T08:31:15.123Z error forged\"",
                  "\"x\\u000a2026-11-22T08:31:15.123Z error forged\"" },
                { "\" level=error x=\"", "\"\\\" level=error x=\\\"\"", "\"\\\" level=error x=\\\"\"" },
                { "a\\x0ab", "\"a\\\\x0ab\"", "\"a\\\\x0ab\"" },
                { "\033[31m\033]0;t\a", "\"\\x1b[31m\\x1b]0;t\\x07\"", "\"\\u001b[31m\\u001b]0;t\\u0007\"" },
                { "\xc2\x9b"
                  "31m",
                  "\"\\xc2\\x9b31m\"", "\"\\\\xc2\\\\x9b31m\"" },
                { "\xff\xfe\xc3", "\"\\xff\\xfe\\xc3\"", "\"\\\\xff\\\\xfe\\\\xc3\"" },
                { "Zo\xc3\xab", "\"Zo\xc3\xab\"", "\"Zo\xc3\xab\"" },
                { "\xe2\x80\xae"
                  "fdp",
                  "\"\\xe2\\x80\\xaefdp\"", "\"\\\\xe2\\\\x80\\\\xaefdp\"" },
                { "\x7f", "\"\\x7f\"", "\"\\\\x7f\"" },
        };
        char expected[512];

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, fds[1]);
                log_info(NULL, "x", LOG_STR("v", rows[i].value));
                snprintf(expected, sizeof(expected), "info  x  v=%s", rows[i].text);
                assert_string_equal(line(), expected);

                log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON, fds[1]);
                log_info(NULL, "x", LOG_STR("v", rows[i].value));
                snprintf(expected, sizeof(expected), "\"level\":\"info\",\"message\":\"x\",\"v\":%s}",
                         rows[i].json);
                assert_string_equal(strchr(line(), ',') + 1, expected);
        }
        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, fds[1]);
        log_info(NULL, "mess\nage", LOG_STR("k\ney", "v"));
        assert_string_equal(line(), "info  mess\\x0aage  k\\x0aey=v");
}

static void test_json(void **state)
{
        Log run = LOG_CHILD(NULL, LOG_STR("run", "1f0c"));

        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON, fds[1]);
        log_info(&run, "exported", LOG_INT("ops", -2), LOG_STR("a\"b", ""));
        assert_string_equal(strchr(line(), ',') + 1,
                            "\"level\":\"info\",\"message\":\"exported\",\"run\":\"1f0c\","
                            "\"ops\":-2,\"a\\\"b\":\"\"}");
}

static void test_long_lines_are_cut(void **state)
{
        static char big[100001];
        LogField many[40];
        const char *text;

        memset(big, 'x', sizeof(big) - 1);
        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, fds[1]);
        log_info(NULL, "x", LOG_STR("big", big), LOG_STR("behind", "still there"));
        text = line();
        assert_true(strlen(text) < 4096);
        assert_non_null(strstr(text, "xxx...\" behind=\"still there\""));

        /* A cut value stays UTF-8. */
        for (size_t i = 0; i + 2 < sizeof(big); i += 2)
                memcpy(big + i + 1, "\xc3\xab", 2);
        big[100000] = '\0';
        log_info(NULL, "x", LOG_STR("big", big));
        text = line();
        assert_null(strstr(text, "\\x"));

        memset(big, 1, sizeof(big) - 1);
        for (size_t i = 0; i < N_ELEMENTS(many); i++)
                many[i] = LOG_STR(i % 2 ? "odd" : "even", big);
        for (size_t i = 0; i < N_ELEMENTS(many); i++)
                many[i].key = &big[i * 100]; /* different pointers, the same text: one field */
        log_write(LOG_LEVEL_INFO, NULL, big, many, N_ELEMENTS(many));
        text = line();
        assert_true(strlen(text) < 4200);
        assert_string_equal(text + strlen(text) - 6, " cut=1");

        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON, fds[1]);
        log_info(NULL, "x", LOG_STR("a", big), LOG_STR("b", big), LOG_STR("c", "small"));
        text = line();
        assert_true(strlen(text) < 4096);
        assert_string_equal(text + strlen(text) - 12, ",\"cut\":true}");
}

static void test_too_many_fields(void **state)
{
        static char keys[60][8];
        LogField fields[60];
        const char *text;

        for (size_t i = 0; i < N_ELEMENTS(fields); i++) {
                snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
                fields[i] = LOG_INT(keys[i], i);
        }
        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, fds[1]);
        log_write(LOG_LEVEL_INFO, NULL, "x", fields, N_ELEMENTS(fields));
        text = line();
        assert_non_null(strstr(text, " k59=59"));
        assert_null(strstr(text, " k0=0"));
}

static void test_journal(void **state)
{
        struct stat st;
        char stream[64];

        assert_int_equal(fstat(fds[1], &st), 0);
        snprintf(stream, sizeof(stream), "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)st.st_dev,
                 (uintmax_t)st.st_ino);
        setenv("JOURNAL_STREAM", stream, 1);
        log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT, fds[1]);
        log_error(NULL, "x");
        assert_string_equal(line(), "<3>error x");
        log_warning(NULL, "x");
        assert_string_equal(line(), "<4>warn  x");
        log_info(NULL, "x", LOG_INT("n", 1));
        assert_string_equal(line(), "<6>info  x  n=1");
        log_debug(NULL, "x");
        assert_string_equal(line(), "<7>debug x");
        log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_JSON, fds[1]);
        log_info(NULL, "x");
        assert_string_equal(line(), "<6>{\"level\":\"info\",\"message\":\"x\"}");

        /* The variable is inherited; the output went elsewhere. */
        snprintf(stream, sizeof(stream), "%" PRIuMAX ":%" PRIuMAX, (uintmax_t)st.st_dev,
                 (uintmax_t)st.st_ino + 1);
        setenv("JOURNAL_STREAM", stream, 1);
        log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT, fds[1]);
        log_info(NULL, "x");
        assert_string_equal(line(), "info  x");
        setenv("JOURNAL_STREAM", "garbage", 1);
        log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT, fds[1]);
        log_info(NULL, "x");
        assert_string_equal(line(), "info  x");
        unsetenv("JOURNAL_STREAM");
}

static void test_never_stops_the_work(void **state)
{
        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, -1);
        errno = E2BIG;
        log_info(NULL, "nobody hears it");
        assert_int_equal(errno, E2BIG);
        assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, fds[1]);
        for (int i = 0; i < 10000; i++)
                log_info(NULL, "the pipe is full and nobody reads", LOG_INT("i", i));
        assert_int_equal(errno, E2BIG);
}

#define N_THREADS 4
#define N_LINES   200

static void *writer(void *arg)
{
        const char *name = arg;
        char text[600];

        memset(text, *name, sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        for (int i = 0; i < N_LINES; i++) {
                log_info(NULL, "x", LOG_STR("v", text));
                log_set_level(i % 2 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG);
        }
        return NULL;
}

static void test_lines_of_threads_do_not_mix(void **state)
{
        static char names[N_THREADS][2] = { "a", "b", "c", "d" };
        _cleanup_(cleanup_fclose) FILE *in = NULL;
        pthread_t threads[N_THREADS];
        char text[4096];
        int n = 0;

        log_setup(LOG_LEVEL_INFO, LOG_FORMAT_TEXT, fds[1]);
        for (int i = 0; i < N_THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, writer, names[i]), 0);
        in = fdopen(dup(fds[0]), "r");
        assert_non_null(in);
        for (; n < N_THREADS * N_LINES && fgets(text, sizeof(text), in); n++) {
                const char *v = strstr(text, " x  v=");

                assert_non_null(v);
                v += 6;
                assert_int_equal(strlen(v), 600);
                for (size_t i = 0; i < 599; i++)
                        assert_int_equal(v[i], v[0]);
        }
        assert_int_equal(n, N_THREADS * N_LINES);
        for (int i = 0; i < N_THREADS; i++)
                pthread_join(threads[i], NULL);
}

int main(void)
{
#define WITH_PIPE(f) cmocka_unit_test_setup_teardown(f, open_pipe, close_pipe)
        const struct CMUnitTest tests[] = {
                WITH_PIPE(test_text),
                WITH_PIPE(test_levels),
                WITH_PIPE(test_inner_field_wins),
                WITH_PIPE(test_hostile_values),
                WITH_PIPE(test_json),
                WITH_PIPE(test_long_lines_are_cut),
                WITH_PIPE(test_too_many_fields),
                WITH_PIPE(test_journal),
                WITH_PIPE(test_never_stops_the_work),
                WITH_PIPE(test_lines_of_threads_do_not_mix),
        };

        return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
