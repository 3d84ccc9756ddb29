/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>

#include "base/str.h"
#include "listener/ldap-conn.h"
#include "listener/server-door.h"

static const SecretStamp stamp = { .inode = 1 }, changed = { .inode = 1, .sec = 5 };

static int enter(ServerDoor *d, int64_t now_us)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;

        return server_door_enter(d, (Mono){ now_us }, &stamp, &diag);
}

static void leave(ServerDoor *d, int r)
{
        server_door_leave(d, (Mono){ 1 }, &stamp, r, r ? "why" : "");
}

#define MINUTE_US 60000000

static int enter_link(ServerDoor *d, int64_t now_us, bool gives_way, Mono *ret_again)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const DoorLink link = { stamp, gives_way };

        return server_door_link_enter(d, (Mono){ now_us }, &link, ret_again, &diag);
}

static void leave_link(ServerDoor *d, int64_t now_us, bool gives_way, int r)
{
        const DoorLink link = { stamp, gives_way };

        server_door_link_leave(d, (Mono){ now_us }, &link, r, r ? "why" : "");
}

static void test_a_refusal_is_everybodys(void **state)
{
        _cleanup_(server_door_freep) ServerDoor *d = server_door_new();
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        Mono again;

        (void)state;
        assert_int_equal(enter(d, 1), 0);
        leave(d, CONN_E_REFUSED);
        assert_int_equal(server_door_enter(d, (Mono){ 3 * MINUTE_US }, &stamp, &diag), CONN_E_REFUSED);
        assert_string_equal(diag_text(&diag), "why");
        assert_int_equal(enter_link(d, 3 * MINUTE_US, false, &again), CONN_E_REFUSED);
        assert_int_equal(again.us, 3 * MINUTE_US + 1);
        /* Another secret is another matter, and so are minutes later. */
        assert_int_equal(server_door_enter(d, (Mono){ 2 }, &changed, &diag), 0);
        leave(d, CONN_E_UNREACHABLE);
        assert_int_equal(enter(d, 3 * MINUTE_US + 1), 0);
        leave(d, 0);
        assert_int_equal(enter(d, 3 * MINUTE_US + 2), 0);
        leave(d, 0);
}

/* Whoever asks, all the time: the same secret is tried after 3 minutes, then 6, then 12, then 15. */
static void test_one_tries_again(void **state)
{
        _cleanup_(server_door_freep) ServerDoor *d = server_door_new();
        int64_t tried[16] = { 0 };
        size_t n = 0;
        Mono again;

        (void)state;
        for (int64_t s = 0; s < 3600; s++) {
                int64_t now = s * 1000000 + 1;

                if (s % 3 == 2 && enter(d, now) == 0) {
                        server_door_leave(d, (Mono){ now }, &stamp, CONN_E_REFUSED, "why");
                        tried[n++] = s / 60;
                } else if (s % 3 != 2 && enter_link(d, now, s % 3 == 1, &again) == 0) {
                        /* In the same moment nobody else. */
                        assert_int_equal(enter_link(d, now, false, &again), s ? CONN_E_REFUSED : 0);
                        leave_link(d, now, s % 3 == 1, CONN_E_REFUSED);
                        tried[n++] = s / 60;
                }
        }
        assert_int_equal(n, 6);
        assert_int_equal(tried[1], 3);
        assert_int_equal(tried[2], 9);
        assert_int_equal(tried[3], 21);
        assert_int_equal(tried[4], 36);
        assert_int_equal(tried[5], 51);
}

/* The server was not there to be asked: the next one tries. */
static void test_not_asked(void **state)
{
        _cleanup_(server_door_freep) ServerDoor *d = server_door_new();
        Mono again;

        (void)state;
        assert_int_equal(enter_link(d, 1, false, &again), 0);
        leave_link(d, 1, false, CONN_E_REFUSED);
        assert_int_equal(enter_link(d, 4 * MINUTE_US, true, &again), 0);
        assert_int_equal(enter_link(d, 4 * MINUTE_US, false, &again), CONN_E_REFUSED);
        leave_link(d, 4 * MINUTE_US, true, CONN_E_UNREACHABLE);
        assert_int_equal(enter_link(d, 4 * MINUTE_US, false, &again), 0);
        leave_link(d, 4 * MINUTE_US, false, 0);
        assert_int_equal(enter_link(d, 4 * MINUTE_US, false, &again), 0);
}

/* One after the other, until one has gone well; the feed waits for none of them. */
static void test_lookouts(void **state)
{
        _cleanup_(server_door_freep) ServerDoor *d = server_door_new();
        Mono again;

        (void)state;
        assert_int_equal(enter_link(d, 1, true, &again), 0);
        assert_int_equal(enter_link(d, 2, true, &again), SERVER_DOOR_E_BUSY);
        assert_in_range(again.us, 3, 1000000);
        assert_int_equal(enter_link(d, 2, false, &again), 0);
        assert_int_equal(enter(d, 2), 0);
        leave(d, 0);
        leave_link(d, 2, false, 0);
        assert_int_equal(enter_link(d, 3, true, &again), SERVER_DOOR_E_BUSY);
        leave_link(d, 3, true, 0);
        assert_int_equal(enter_link(d, 4, true, &again), 0);
        assert_int_equal(enter_link(d, 4, true, &again), 0);
}

/* One controller refuses its lookout what the others let everybody in with. */
static void test_a_server_of_its_own(void **state)
{
        _cleanup_(server_door_freep) ServerDoor *d = server_door_new();
        int n = 0;
        Mono again;

        (void)state;
        assert_int_equal(enter(d, 1), 0);
        leave(d, 0);
        assert_int_equal(enter_link(d, 2, true, &again), 0);
        leave_link(d, 2, true, CONN_E_REFUSED);
        assert_int_equal(enter(d, 3), 0);
        leave(d, 0);
        assert_int_equal(enter_link(d, 3, false, &again), 0);
        leave_link(d, 3, false, 0);
        assert_int_equal(enter_link(d, 3, true, &again), CONN_E_REFUSED);
        assert_int_equal(again.us, 3 * MINUTE_US + 2);
        /* Now it is refused everywhere: one try more, and then as always. */
        for (int64_t s = 1; s < 1800; s++) {
                int64_t now = s * 1000000 + 1;
                bool worker = s % 2;

                if (worker && enter(d, now) == 0) {
                        server_door_leave(d, (Mono){ now }, &stamp, CONN_E_REFUSED, "why");
                        n++;
                } else if (!worker && enter_link(d, now, true, &again) == 0) {
                        leave_link(d, now, true, CONN_E_REFUSED);
                        n++;
                }
        }
        assert_in_range(n, 4, 5);
}

typedef struct Other {
        ServerDoor *door;
        int64_t now_us;
        pthread_t thread;
        int r;
} Other;

static void *enter_too(void *context)
{
        Other *o = context;

        o->r = enter(o->door, o->now_us);
        return NULL;
}

static void start_waiting(Other *others, unsigned n, ServerDoor *d)
{
        for (unsigned i = 0; i < n; i++) {
                others[i].door = d;
                assert_int_equal(pthread_create(&others[i].thread, NULL, enter_too, &others[i]), 0);
        }
        while (server_door_n_waiting(d) < n)
                sched_yield();
}

static unsigned count_answers(Other *others, unsigned n, int r)
{
        unsigned found = 0;

        for (unsigned i = 0; i < n; i++) {
                assert_int_equal(pthread_join(others[i].thread, NULL), 0);
                found += others[i].r == r;
        }
        return found;
}

/* Who waited behind a server that does not answer, or a wrong password, has the same answer. */
static void test_a_failure_is_told(void **state)
{
        static const int failures[] = { CONN_E_UNREACHABLE, CONN_E_REFUSED };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(failures); i++) {
                _cleanup_(server_door_freep) ServerDoor *d = server_door_new();
                Other others[5] = { 0 };

                assert_int_equal(enter(d, 1), 0);
                start_waiting(others, N_ELEMENTS(others), d);
                leave(d, failures[i]);
                assert_int_equal(count_answers(others, N_ELEMENTS(others), failures[i]), 5);
        }
}

/* What went well long ago proves nothing: one at a time again. */
static void test_not_for_ever(void **state)
{
        _cleanup_(server_door_freep) ServerDoor *d = server_door_new();
        Other other = { .door = d };

        (void)state;
        assert_int_equal(enter(d, 1), 0);
        leave(d, 0);
        assert_int_equal(enter(d, 20000000), 0);
        other.now_us = 20000001;
        start_waiting(&other, 1, d);
        leave(d, 0);
        assert_int_equal(count_answers(&other, 1, 0), 1);
}

/* One at a time until it is known that the password is right, then some. */
static void test_width(void **state)
{
        _cleanup_(server_door_freep) ServerDoor *d = server_door_new();
        Other others[SERVER_DOOR_WIDTH + 2] = { 0 };

        (void)state;
        assert_int_equal(enter(d, 1), 0);
        start_waiting(others, N_ELEMENTS(others), d);
        leave(d, 0);
        while (server_door_n_waiting(d) > 2)
                sched_yield();
        leave(d, 0);
        leave(d, 0);
        assert_int_equal(count_answers(others, N_ELEMENTS(others), 0), N_ELEMENTS(others));
        assert_int_equal(server_door_n_waiting(d), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_refusal_is_everybodys),
                cmocka_unit_test(test_one_tries_again),
                cmocka_unit_test(test_not_asked),
                cmocka_unit_test(test_lookouts),
                cmocka_unit_test(test_a_server_of_its_own),
                cmocka_unit_test(test_a_failure_is_told),
                cmocka_unit_test(test_width),
                cmocka_unit_test(test_not_for_ever),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
