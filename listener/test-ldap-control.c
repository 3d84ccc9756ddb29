/* SPDX-License-Identifier: Apache-2.0 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "listener/ldap-control.h"

static void assert_value(const LDAPControl *c, const char *oid, const void *value, size_t n)
{
        assert_string_equal(c->ldctl_oid, oid);
        assert_true(c->ldctl_iscritical);
        assert_int_equal(c->ldctl_value.bv_len, n);
        if (n)
                assert_memory_equal(c->ldctl_value.bv_val, value, n);
}

static void test_requests_are_these_bytes(void **state)
{
        static const uint8_t first[] = { 0x30, 0x0b, 0x02, 0x04, 0x80, 0x00, 0x00,
                                         0x00, 0x02, 0x01, 0x00, 0x04, 0x00 };
        static const uint8_t next[] = { 0x30, 0x0f, 0x02, 0x01, 0x01, 0x02, 0x03, 0x10, 0x00,
                                        0x00, 0x04, 0x05, 'M',  'S',  0x00, 'D',  'S' };
        static const uint8_t extended[] = { 0x30, 0x03, 0x02, 0x01, 0x01 };
        static const uint8_t paged[] = { 0x30, 0x08, 0x02, 0x02, 0x03, 0xe8, 0x04, 0x02, 0xab, 0xcd };
        ControlSet s;

        (void)state;
        controls_init(&s);
        assert_null(s.list[0]);
        controls_add_dirsync(&s, DIRSYNC_INCREMENTAL_VALUES, 0, NULL, 0);
        controls_add_extended_dn(&s);
        controls_add_show_deleted(&s);
        controls_add_notification(&s);
        assert_value(s.list[0], "1.2.840.113556.1.4.841", first, sizeof(first));
        assert_value(s.list[1], "1.2.840.113556.1.4.529", extended, sizeof(extended));
        assert_value(s.list[2], "1.2.840.113556.1.4.417", NULL, 0);
        assert_null(s.list[2]->ldctl_value.bv_val);
        assert_value(s.list[3], "1.2.840.113556.1.4.528", NULL, 0);
        assert_null(s.list[4]);
        controls_deinit(&s);

        controls_add_dirsync(&s, DIRSYNC_OBJECT_SECURITY, 0x100000, (const uint8_t *)"MS\0DS", 5);
        controls_add_paged(&s, 1000, (const uint8_t *)"\xab\xcd", 2);
        assert_value(s.list[0], "1.2.840.113556.1.4.841", next, sizeof(next));
        assert_value(s.list[1], "1.2.840.113556.1.4.319", paged, sizeof(paged));
        controls_deinit(&s);
}

#define VALUE(s) (&(struct berval){ sizeof(s) - 1, (char[]){ s } })

static void test_answers(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        DirsyncAnswer d;
        PagedAnswer p;

        (void)state;
        assert_int_equal(dirsync_answer_parse(VALUE("\x30\x0b\x02\x01\x01\x02\x01\x00\x04\x03"
                                                    "a\0b"),
                                              a, &d),
                         0);
        assert_true(d.more);
        assert_int_equal(d.n_cookie, 3);
        assert_memory_equal(d.cookie, "a\0b", 3);
        assert_int_equal(dirsync_answer_parse(VALUE("\x30\x0a\x02\x01\x00\x02\x01\x00\x04\x02xy"), a, &d), 0);
        assert_false(d.more);
        /* Long-form lengths are BER too; servers send them. */
        assert_int_equal(dirsync_answer_parse(
                                 VALUE("\x30\x84\x00\x00\x00\x0a\x02\x01\x00\x02\x01\x00\x04\x02xy"), a, &d),
                         0);

        assert_int_equal(paged_answer_parse(VALUE("\x30\x05\x02\x01\x00\x04\x00"), a, &p), 0);
        assert_int_equal(p.n_cookie, 0);
        assert_int_equal(paged_answer_parse(VALUE("\x30\x07\x02\x01\x00\x04\x02\x00\x01"), a, &p), 0);
        assert_int_equal(p.n_cookie, 2);
}

static void test_hostile_answers(void **state)
{
        static const struct {
                const char *data;
                size_t n;
        } bad[] = {
#define BAD(s) { s, sizeof(s) - 1 }
                BAD(""),
                BAD("\x30"),
                BAD("\x30\x0a\x02\x01\x00\x02\x01\x00\x04\x00"),   /* empty cookie, wrong length */
                BAD("\x30\x08\x02\x01\x00\x02\x01\x00\x04\x00"),   /* empty cookie */
                BAD("\x30\x0a\x02\x01\x00\x02\x01\x00\x04\x7fxy"), /* cookie beyond the end */
                BAD("\x30\x0a\x02\x01\x00\x02\x01\x00\x04\x84\xff\xff\xff\xffxy"), /* cookie of 4 GiB */
                BAD("\x30\x84\xff\xff\xff\xff\x02\x01\x00\x02\x01\x00\x04\x02xy"), /* sequence of 4 GiB */
                BAD("\x30\x0a\x02\x01\x00\x02\x01\x00\x04\x02xytrailing"),         /* bytes behind it */
                BAD("\x30\x0a\x04\x01\x00\x02\x01\x00\x04\x02xy"),                 /* not an INTEGER */
                BAD("\x30\x10\x02\x08\x01\x02\x03\x04\x05\x06\x07\x08\x02\x01\x00\x04\x02xy"), /* 64 bits */
                BAD("\x31\x0a\x02\x01\x00\x02\x01\x00\x04\x02xy"), /* a SET with everything else right */
#undef BAD
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        DirsyncAnswer d;
        PagedAnswer p;

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
                struct berval value = { bad[i].n, (char *)(uintptr_t)bad[i].data };

                assert_int_equal(dirsync_answer_parse(&value, a, &d), CONTROL_E_INVALID);
                if (i != 3)
                        assert_int_equal(paged_answer_parse(&value, a, &p), CONTROL_E_INVALID);
        }
        assert_int_equal(dirsync_answer_parse(&(struct berval){ 5, NULL }, a, &d), CONTROL_E_INVALID);
        assert_int_equal(dirsync_answer_parse(&(struct berval){ COOKIE_MAX + 65, (char[]){ "x" } }, a, &d),
                         CONTROL_E_INVALID);
}

static void test_find(void **state)
{
        LDAPControl one = { .ldctl_oid = (char[]){ "1.2" }, .ldctl_value = { 1, (char[]){ "x" } } };
        LDAPControl *const list[] = { &one, NULL };
        const struct berval *value = NULL;

        (void)state;
        assert_int_equal(controls_find(list, "1.2", &value), 0);
        assert_int_equal(value->bv_len, 1);
        assert_int_equal(controls_find(list, "1.2.3", &value), CONTROL_E_ABSENT);
        assert_int_equal(controls_find(NULL, "1.2", &value), CONTROL_E_ABSENT);
}

/* As Samba 4.17 sends it. */
static const uint8_t samba_cookie[] = {
        0x4d, 0x53, 0x44, 0x53, 0x03, 0x00, 0x00, 0x00, 0x80, 0xef, 0x68, 0x0f, 0x5f, 0x7a, 0xdd, 0x01, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x28, 0x00, 0x00, 0x00, 0x68, 0x0f, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x68, 0x0f, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0xcf, 0xb0, 0x8c, 0x77, 0x23, 0xb0, 0x88, 0x4e, 0xac, 0x68, 0x03, 0x4e, 0xa8, 0x60, 0xcd, 0x49,
};

static void test_cookie_for_people(void **state)
{
        uint8_t copy[sizeof(samba_cookie)];
        DirsyncCookie c;

        (void)state;
        assert_true(dirsync_cookie_parse(samba_cookie, sizeof(samba_cookie), &c));
        assert_int_equal(c.usn, 3944);
        assert_int_equal(c.invocation[0], 0xcf);
        assert_false(dirsync_cookie_parse(samba_cookie, sizeof(samba_cookie) - 1, &c));
        memcpy(copy, samba_cookie, sizeof(copy));
        copy[4] = 4;
        assert_false(dirsync_cookie_parse(copy, sizeof(copy), &c));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_requests_are_these_bytes), cmocka_unit_test(test_answers),
                cmocka_unit_test(test_hostile_answers),          cmocka_unit_test(test_find),
                cmocka_unit_test(test_cookie_for_people),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
