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

static void test_a_refusal_is_everybodys(void **state)
{
        _cleanup_(server_door_freep) ServerDoor *d = server_door_new();
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;

        (void)state;
        assert_int_equal(enter(d, 1), 0);
        leave(d, CONN_E_REFUSED);
        assert_int_equal(server_door_enter(d, (Mono){ 59999999 }, &stamp, &diag), CONN_E_REFUSED);
        assert_string_equal(diag_text(&diag), "why");
        /* Another secret is another matter, and so is a minute later. */
        assert_int_equal(server_door_enter(d, (Mono){ 2 }, &changed, &diag), 0);
        leave(d, CONN_E_UNREACHABLE);
        assert_int_equal(enter(d, 60000001), 0);
        leave(d, 0);
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
                cmocka_unit_test(test_a_failure_is_told),
                cmocka_unit_test(test_width),
                cmocka_unit_test(test_not_for_ever),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
