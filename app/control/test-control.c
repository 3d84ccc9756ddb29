/* SPDX-License-Identifier: Apache-2.0 */

/* A connection of the control socket: how bytes become lines, and what ends it. */

#include "app/control/control-house.h"
#include "app/control/private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#define STATUS "{\"do\": \"status\"}\n"
#define BLOCK  "{\"do\": \"job\", \"kind\": \"block\", \"arguments\": {}}\n"

#define LONG_S 20

static void say(int fd, const char *text)
{
        assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* All that is answered until the other side ends the connection: the number of lines, each of which is JSON.
 */
static size_t hear(int fd)
{
        static char answer[1 << 20];
        size_t n = 0, lines = 0;
        ssize_t k;

        while (n < sizeof(answer) && (k = recv(fd, answer + n, sizeof(answer) - n, 0)) > 0)
                n += (size_t)k;
        for (char *at = answer, *end; (end = memchr(at, '\n', n - (size_t)(at - answer))); at = end + 1) {
                json_t *o = json_loadb(at, (size_t)(end - at), JSON_REJECT_DUPLICATES, NULL);

                assert_true(json_is_boolean(json_object_get(o, "ok")));
                json_decref(o);
                lines++;
        }
        close(fd);
        return lines;
}

/* A job that ends when the test says so, and not when it is told to. */
static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_opens = PTHREAD_COND_INITIALIZER;
static bool gate_is_open;

static int block(Job *job, Diag *diag)
{
        (void)diag;
        job_progress(job, "blocking", 1, 0);
        pthread_mutex_lock(&gate_lock);
        while (!gate_is_open)
                pthread_cond_wait(&gate_opens, &gate_lock);
        pthread_mutex_unlock(&gate_lock);
        return JOB_E_CANCELLED;
}

static void set_gate(bool is_open)
{
        pthread_mutex_lock(&gate_lock);
        gate_is_open = is_open;
        pthread_cond_broadcast(&gate_opens);
        pthread_mutex_unlock(&gate_lock);
}

static const JobKind blocking = { .name = "block", .work = block };
static const JobKind *const kinds[] = { &blocking, NULL };

/* The next line; free. */
static char *next_line(int fd)
{
        char *line = calloc(1, 16384);

        for (size_t n = 0; n < 16383 && recv(fd, line + n, 1, 0) == 1 && line[n] != '\n'; n++)
                ;
        return line;
}

/* Has one that asks this of a new connection its answer, with these words in it? */
static bool is_answered(const char *request, const char *words)
{
        int fd = control_house_connect();
        char *line;
        bool is;

        send(fd, request, strlen(request), MSG_NOSIGNAL); /* one without a place is ended before it speaks */
        line = next_line(fd);
        is = strstr(line, words) != NULL;
        free(line);
        close(fd);
        return is;
}

/* Before long. */
static void until_answered(const char *request, const char *words)
{
        time_t end = time(NULL) + LONG_S;

        while (!is_answered(request, words))
                if (time(NULL) > end)
                        fail_msg("nobody says %s", words);
}

/* Its job is at work. */
static int begin_to_block(void)
{
        time_t end = time(NULL) + LONG_S;

        for (set_gate(false); time(NULL) < end;) {
                int fd = control_house_connect();
                char *line;
                bool is_in;

                send(fd, BLOCK, strlen(BLOCK), MSG_NOSIGNAL);
                line = next_line(fd);
                is_in = strstr(line, "blocking") != NULL;
                free(line);
                if (is_in)
                        return fd;
                close(fd); /* who left before may still be in the way */
        }
        fail_msg("no place for a job");
        return -1;
}

/* Whoever goes away gives up his place, also when his job is one that cannot be ended now, or waits for it.
 */
static void test_who_was_interrupted(void **state)
{
        int first = begin_to_block();

        (void)state;
        for (int i = 0; i < 40; i++) {
                int fd = control_house_connect();

                send(fd, BLOCK, strlen(BLOCK), MSG_NOSIGNAL);
                close(fd);
        }
        close(first);
        until_answered(STATUS, "fuzzed");
        set_gate(true);
        until_answered(STATUS, "\"jobs\":[]");
}

static size_t count_jobs(void)
{
        int fd = control_house_connect();
        char *line;
        json_t *answer;
        size_t n;

        send(fd, STATUS, strlen(STATUS), MSG_NOSIGNAL);
        line = next_line(fd);
        answer = json_loads(line, 0, NULL);
        n = json_array_size(json_object_get(json_object_get(answer, "status"), "jobs"));
        json_decref(answer);
        free(line);
        close(fd);
        return n;
}

/* One more whose job waits, so that there are `n`. Who left may still be in the way for a moment. */
static int wait_in_line(size_t n)
{
        for (;;) {
                int fd = control_house_connect();
                char refusal;

                send(fd, BLOCK, strlen(BLOCK), MSG_NOSIGNAL);
                for (;;) {
                        if (count_jobs() == n)
                                return fd;
                        if (recv(fd, &refusal, 1, MSG_DONTWAIT) > 0)
                                break;
                }
                close(fd);
        }
}

/* Of those who wait two fewer are let in than there are places: somebody can still ask. */
static void test_two_places_are_kept(void **state)
{
        int fds[CONTROL_LONG_MAX] = { begin_to_block() };

        (void)state;
        for (size_t i = 1; i < CONTROL_LONG_MAX; i++)
                fds[i] = wait_in_line(i + 1);
        until_answered(BLOCK, "busy with 30 other commands; try again\",\"exit\":3");
        until_answered(STATUS, "fuzzed");
        for (size_t i = 0; i < CONTROL_LONG_MAX; i++)
                close(fds[i]);
        set_gate(true);
        until_answered(STATUS, "\"jobs\":[]");
}

/* Nobody is sent away without a word. */
static void test_no_place(void **state)
{
        int fds[CONTROL_CONNECTIONS];

        (void)state;
        for (size_t i = 0; i < CONTROL_CONNECTIONS; i++)
                fds[i] = control_house_connect();
        until_answered(STATUS, "busy with 32 other commands; try again");
        for (size_t i = 0; i < CONTROL_CONNECTIONS; i++)
                close(fds[i]);
        until_answered(STATUS, "fuzzed");
}

static void test_lines(void **state)
{
        int fd = control_house_connect();

        (void)state;
        say(fd, STATUS STATUS "{\"do\":");
        say(fd, " \"status\"}");
        say(fd, "\n\n");
        say(fd, "no JSON\n{\"do\": \"status\"} without an end");
        shutdown(fd, SHUT_WR);
        assert_int_equal(hear(fd), 5);
}

/* Nobody collects what never ends. What came before has its answer. */
static void test_line_without_end(void **state)
{
        _cleanup_(cleanup_free) char *text = malloc(CONTROL_LINE_MAX + 1);
        int fd = control_house_connect();
        size_t sent = 0;
        ssize_t k;

        (void)state;
        memset(text, 'x', CONTROL_LINE_MAX + 1);
        say(fd, STATUS);
        while (sent < CONTROL_LINE_MAX &&
               (k = send(fd, text + sent, CONTROL_LINE_MAX - sent, MSG_NOSIGNAL)) > 0)
                sent += (size_t)k;
        assert_int_equal(hear(fd), 1);
}

/* Whoever leaves before the answer keeps no thread: the next one is served. */
static void test_gone(void **state)
{
        (void)state;
        for (int i = 0; i < 200; i++) {
                int fd = control_house_connect();

                /* One that found no place is ended before it has spoken. */
                send(fd, STATUS STATUS STATUS, strlen(STATUS STATUS STATUS), MSG_NOSIGNAL);
                close(fd);
        }
        until_answered(STATUS, "fuzzed"); /* some of the places may still be in use for a moment */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_line_without_end),
                cmocka_unit_test(test_gone),
                cmocka_unit_test(test_two_places_are_kept),
                cmocka_unit_test(test_who_was_interrupted),
                cmocka_unit_test(test_no_place),
        };
        int r;

        control_house_jobs(kinds);
        r = cmocka_run_group_tests(tests, NULL, NULL);
        set_gate(true);
        control_house_end();
        return r;
}
