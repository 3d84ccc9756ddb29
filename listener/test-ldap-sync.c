/* SPDX-License-Identifier: Apache-2.0 */

/* The controls of RFC 4533 and of persistent search, byte by byte. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "listener/ldap-control.h"

#define VALUE(s) (&(struct berval){ sizeof(s) - 1, (char[]){ s } })
#define UUID     "0123456789abcdef"

static void assert_bytes(const LDAPControl *c, const void *value, size_t n)
{
        assert_int_equal(c->ldctl_value.bv_len, n);
        assert_memory_equal(c->ldctl_value.bv_val, value, n);
}

static void test_requests(void **state)
{
        ControlSet s;

        (void)state;
        controls_init(&s);
        controls_add_sync(&s, false, NULL, 0);
        controls_add_sync(&s, false, (const uint8_t *)"rid=0", 5);
        controls_add_psearch(&s);
        assert_bytes(s.list[0], "\x30\x03\x0a\x01\x03", 5);
        assert_bytes(s.list[1], "\x30\x0a\x0a\x01\x03\x04\x05rid=0", 12);
        assert_bytes(s.list[2], "\x30\x09\x02\x01\x0f\x01\x01\xff\x01\x01\xff", 11);
        assert_true(s.list[0]->ldctl_iscritical);
        controls_deinit(&s);
}

static void test_state(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SyncState s;

        (void)state;
        assert_int_equal(sync_state_parse(VALUE("\x30\x15\x0a\x01\x03\x04\x10" UUID), a, &s), 0);
        assert_int_equal(s.kind, SYNC_DELETE);
        assert_memory_equal(s.uuid, UUID, 16);
        assert_int_equal(s.n_cookie, 0);
        assert_int_equal(sync_state_parse(VALUE("\x30\x18\x0a\x01\x01\x04\x10" UUID "\x04\x01x"), a, &s), 0);
        assert_int_equal(s.kind, SYNC_ADD);
        assert_int_equal(s.n_cookie, 1);
        /* A state that is none, an id that is too short, bytes behind the end, nothing. */
        assert_int_not_equal(sync_state_parse(VALUE("\x30\x15\x0a\x01\x04\x04\x10" UUID), a, &s), 0);
        assert_int_not_equal(sync_state_parse(VALUE("\x30\x06\x0a\x01\x01\x04\x01x"), a, &s), 0);
        assert_int_not_equal(sync_state_parse(VALUE("\x30\x15\x0a\x01\x03\x04\x10" UUID "x"), a, &s), 0);
        assert_int_not_equal(sync_state_parse(&(struct berval){ 0 }, a, &s), 0);
}

static void test_done(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SyncDone d;

        (void)state;
        assert_int_equal(sync_done_parse(VALUE("\x30\x00"), a, &d), 0);
        assert_false(d.refresh_deletes);
        assert_int_equal(sync_done_parse(VALUE("\x30\x06\x04\x01x\x01\x01\xff"), a, &d), 0);
        assert_true(d.refresh_deletes && d.n_cookie == 1);
        assert_int_not_equal(sync_done_parse(VALUE("\x30\x06\x01\x01\xff\x04\x01x"), a, &d), 0);
}

static void test_info(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SyncInfo i;

        (void)state;
        assert_int_equal(sync_info_parse(VALUE("\x80\x02\x61\x62"), a, &i), 0);
        assert_true(i.kind == SYNC_NEW_COOKIE && i.n_cookie == 2 && memcmp(i.cookie, "ab", 2) == 0);
        assert_int_equal(sync_info_parse(VALUE("\xa1\x00"), a, &i), 0);
        assert_true(i.kind == SYNC_REFRESH_DELETE && i.refresh_done);
        assert_int_equal(sync_info_parse(VALUE("\xa2\x06\x04\x01x\x01\x01\x00"), a, &i), 0);
        assert_true(i.kind == SYNC_REFRESH_PRESENT && !i.refresh_done && i.n_cookie == 1);
        assert_int_equal(
                sync_info_parse(VALUE("\xa3\x29\x01\x01\xff\x31\x24\x04\x10" UUID "\x04\x10" UUID), a, &i),
                0);
        assert_true(i.kind == SYNC_ID_SET && i.refresh_deletes && i.n_uuids == 2);
        assert_memory_equal(i.uuids[1], UUID, 16);
        assert_int_equal(sync_info_parse(VALUE("\xa3\x02\x31\x00"), a, &i), 0);
        assert_true(!i.refresh_deletes && i.n_uuids == 0);
        /* Another choice, a set of something else, one that is cut off. */
        assert_int_not_equal(sync_info_parse(VALUE("\xa4\x00"), a, &i), 0);
        assert_int_not_equal(sync_info_parse(VALUE("\xa3\x05\x31\x03\x04\x01x"), a, &i), 0);
        assert_int_not_equal(sync_info_parse(VALUE("\xa3\x14\x31\x24\x04\x10" UUID), a, &i), 0);
}

static void test_entry_change(void **state)
{
        bool deleted = true;

        (void)state;
        assert_int_equal(entry_change_parse(VALUE("\x30\x03\x0a\x01\x08"), &deleted), 0);
        assert_false(deleted);
        assert_int_equal(entry_change_parse(VALUE("\x30\x03\x0a\x01\x02"), &deleted), 0);
        assert_true(deleted);
        assert_int_not_equal(entry_change_parse(VALUE("\x30\x03\x02\x01\x02"), &deleted), 0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests),     cmocka_unit_test(test_state),
                cmocka_unit_test(test_done),         cmocka_unit_test(test_info),
                cmocka_unit_test(test_entry_change),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
