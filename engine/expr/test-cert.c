/* SPDX-License-Identifier: Apache-2.0 */

/* Certificates that somebody has damaged: every byte of a good one changed, one at a time, and cut at
 * each.
 * The good ones are in test-cert.txt, of which this reads the first. */

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/expr/expr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char *cases_path;

static const char everything[] =
        "IIF(IsCert([c]),CertSubject([c]) & CertIssuer([c]) & CertThumbprint([c]) & CertSerialNumber([c])"
        " & CertKeyAlgorithm([c]) & CertKeyAlgorithmParams([c]) & CertSignatureAlgorithmOid([c])"
        " & Join(CertExtensionOids([c])) & CertNameInfo([c],\"UpnName\",False) & "
        "CertNameInfo([c],\"UrlName\",True)"
        " & FormatDateTime(CertNotAfter([c]),\"yyyy\") & CStr(CertVersion([c])),\"no\")";

static void read_certificate(Arena *a, uint8_t **ret_data, size_t *ret_n)
{
        _cleanup_(cleanup_free) char *text = NULL;
        const char *hex;

        assert_int_equal(str_read_file(cases_path, (size_t)1 << 20, &text, NULL), 0);
        hex = strstr(text, "{\"hex\": \"");
        assert_non_null(hex);
        hex += strlen("{\"hex\": \"");
        assert_true(str_unhex(a, arena_strndup(a, hex, strcspn(hex, "\"")), ret_data, ret_n));
}

static int evaluate(const Expr *e, Arena *a, const uint8_t *data, size_t n, Value *ret)
{
        ExprResult result = { 0 };
        ObjectBuilder b;
        int r;

        object_build(&b, a);
        object_add(&b, "c", value_bytes(data, n));
        r = expr_eval(e, &(ExprEnv){ .object = object_finish(&b, &(ObjectId){ { 0 } }, "user", NULL) }, a,
                      &result, NULL);
        *ret = result.value;
        return r;
}

static void test_damaged(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0), *run = arena_new(0);
        size_t n, offset, n_good = 0;
        const Expr *e;
        uint8_t *data;
        Value v;

        read_certificate(a, &data, &n);
        assert_int_equal(expr_parse(a, everything, NULL, &e, &offset, NULL), 0);
        assert_int_equal(evaluate(e, run, data, n, &v), 0);
        assert_non_null(strstr(v.s, "ada@corp.contoso.test"));
        for (size_t i = 0; i < n; i++) {
                uint8_t good = data[i];

                int r;

                data[i] = i % 3 == 0 ? (uint8_t)(good ^ 0x80) : i % 3 == 1 ? 0 : 0xff;
                r = evaluate(e, run, data, n, &v);
                assert_true(r == 0 || r == EXPR_E_TYPE);
                if (r == 0) {
                        assert_true(str_is_utf8(v.s, v.n));
                        assert_int_equal(strlen(v.s), v.n);
                        n_good++;
                }
                arena_reset(run);
                data[i] = good;
                /* In memory of its own, so that a read behind the end is seen. */
                assert_int_equal(evaluate(e, run, arena_memdup(run, data, i), i, &v), 0);
                assert_string_equal(v.s, "no");
                arena_reset(run);
        }
        assert_true(n_good > 0);
}

int main(int argc, char **argv)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_damaged) };

        if (argc != 2)
                return 2;
        cases_path = argv[1];
        return cmocka_run_group_tests(tests, NULL, NULL);
}
