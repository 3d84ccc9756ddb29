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

#include <cmocka.h>

#define STATUS "{\"verb\": \"status\"}\n"

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

static void test_lines(void **state)
{
        int fd = control_house_connect();

        (void)state;
        say(fd, STATUS STATUS "{\"verb\":");
        say(fd, " \"status\"}");
        say(fd, "\n\n");
        say(fd, "no JSON\n{\"verb\": \"status\"} without an end");
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
        /* Of the 32 places some may still be in use for a moment. */
        for (size_t lines = 0; lines == 0;) {
                int fd = control_house_connect();

                send(fd, STATUS, strlen(STATUS), MSG_NOSIGNAL);
                shutdown(fd, SHUT_WR);
                lines = hear(fd);
        }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines),
                cmocka_unit_test(test_line_without_end),
                cmocka_unit_test(test_gone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
