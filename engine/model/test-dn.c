/* SPDX-License-Identifier: Apache-2.0 */

#include "base/cleanup.h"
#include "base/str.h"
#include "engine/model/dn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const Dn *parse(Arena *a, const char *text)
{
        Diag diag = DIAG_INIT;
        const Dn *dn = NULL;

        if (dn_parse(a, text, &dn, &diag))
                fail_msg("%s: %s", text, diag_text(&diag));
        diag_deinit(&diag);
        return dn;
}

static void test_normalised(void **state)
{
        static const struct {
                const char *text, *normalised;
                size_t n_rdns;
        } cases[] = {
                { "", "", 0 },
                { "  ", "", 0 },
                { "CN=Ada Lovelace,OU=Corp,DC=contoso,DC=test", "CN=ada lovelace,OU=corp,DC=contoso,DC=test",
                  4 },
                { " cn = Ada   Lovelace  , ou=Corp ,dc=contoso,  dc=test ",
                  "CN=ada lovelace,OU=corp,DC=contoso,DC=test", 4 },
                { "CN=Doe\\, John,DC=test", "CN=doe\\, john,DC=test", 2 },
                { "CN=Doe\\2C John,DC=test", "CN=doe\\, john,DC=test", 2 },
                { "CN=\"Doe, John\",DC=test", "CN=doe\\, john,DC=test", 2 },
                { "CN=\"a\\\"b\" ,DC=test", "CN=a\\\"b,DC=test", 2 },
                { "CN=Ada\\0ACNF:6f1b,DC=test", "CN=ada\\0Acnf:6f1b,DC=test", 2 },
                { "CN=Ada\\0acnf:6f1b,DC=test", "CN=ada\\0Acnf:6f1b,DC=test", 2 },
                { "CN=\\#1,DC=test", "CN=\\#1,DC=test", 2 },
                { "CN=a#1,DC=test", "CN=a#1,DC=test", 2 },
                { "CN=a=b,DC=test", "CN=a=b,DC=test", 2 },
                { "CN=a<b>,DC=test", "CN=a\\<b\\>,DC=test", 2 },
                { "CN=\\ a\\ ,DC=test", "CN=a,DC=test", 2 },
                { "CN=\\ ,DC=test", "CN=\\ ,DC=test", 2 },
                { "CN=\\20\\20,DC=test", "CN=\\ ,DC=test", 2 },
                { "SN=b+CN=a,DC=test", "CN=a+SN=b,DC=test", 2 },
                { "CN = A + SN = B , DC=test", "CN=a+SN=b,DC=test", 2 },
                { "OID.2.5.4.3=Ada", "2.5.4.3=ada", 1 },
                { "2.5.4.3=Ada", "2.5.4.3=ada", 1 },
                { "CN=#0c03416461,DC=test", "CN=ada,DC=test", 2 },
                { "CN=R\xc3\x84KSM\xc3\x96RG\xc3\x85S", "CN=r\xc3\xa4ksm\xc3\xb6rg\xc3\xa5s", 1 },
                { "CN=Stra\xc3\x9f"
                  "e",
                  "CN=strasse", 1 },
                { "CN=\\C3\\84", "CN=\xc3\xa4", 1 },
                { "CN=\\E6\\97\\A5\xe6\x9c\xac", "CN=\xe6\x97\xa5\xe6\x9c\xac", 1 },
                { "msDS-Foo=x", "MSDS-FOO=x", 1 },
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const Dn *dn;

                dn = parse(a, cases[i].text);
                assert_string_equal(dn->normalised, cases[i].normalised);
                assert_int_equal(dn->n_rdns, cases[i].n_rdns);
                assert_string_equal(dn->text, cases[i].text);
                assert_string_equal(parse(a, dn->normalised)->normalised, dn->normalised);
        }
}

static void test_malformed(void **state)
{
        static const struct {
                const char *text, *message;
        } cases[] = {
                { "OU", "missing '=' after \"OU\" at byte 2" },
                { "contoso.com", "missing '=' after \"contoso.com\" at byte 11" },
                { "OU=x,", "an attribute type is missing at byte 5" },
                { ",OU=x", "an attribute type is missing at byte 0" },
                { "OU=x,,DC=y", "an attribute type is missing at byte 5" },
                { "OU=x+,DC=y", "an attribute type is missing at byte 5" },
                { "=x", "an attribute type is missing at byte 0" },
                { "OU=,DC=x", "an empty value at byte 3" },
                { "OU=", "an empty value at byte 3" },
                { "OU=\"\",DC=x", "an empty value at byte 3" },
                { "CN=a\\", "a backslash that escapes nothing at byte 4" },
                { "CN=a\\x,DC=y", "a backslash that escapes nothing at byte 4" },
                { "CN=a\\0", "a backslash that escapes nothing at byte 4" },
                { "CN=a\\0g", "a backslash that escapes nothing at byte 4" },
                { "CN=a\\00b", "a NUL in a value at byte 4" },
                { "CN=#0400", "an empty value at byte 3" },
                { "CN=#04020041", "a NUL in a value at byte 3" },
                { "CN=#040341", "a hexadecimal value of wrong length at byte 3" },
                { "CN=#0480", "a hexadecimal value of wrong length at byte 3" },
                { "CN=#0482", "a hexadecimal value of wrong length at byte 3" },
                { "CN=#3000", "a hexadecimal value that is not a text in BER at byte 3" },
                { "CN=#", "a hexadecimal value that is not a text in BER at byte 3" },
                { "CN=#0c0141x", "text behind the end of a value at byte 10" },
                { "CN=\"a", "a quotation mark that is not closed at byte 3" },
                { "CN=\"a\\\"", "a quotation mark that is not closed at byte 3" },
                { "CN=\"a\"b", "text behind the end of a value at byte 6" },
                { "CN=a\"b", "a '\"' that is not escaped at byte 4" },
                { "OU=a;DC=b", "a ';' that is not escaped at byte 4" },
                { "CN=\xff,DC=x", "a value that is not UTF-8 at byte 3" },
                { "CN=\\C3,DC=x", "a value that is not UTF-8 at byte 3" },
                { "CN=\xed\xa0\x80", "a value that is not UTF-8 at byte 3" }, /* a surrogate */
                { "C\xc3\xa4=x", "is not an attribute type" },
                { "1.=x", "\"1.\" is not an attribute type at byte 0" },
                { "-a=x", "\"-a\" is not an attribute type at byte 0" },
                { "<GUID=1>", "\"<GUID\" is not an attribute type at byte 0" },
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const Dn *dn = NULL;
                Diag diag = DIAG_INIT;

                if (dn_parse(a, cases[i].text, &dn, &diag) != DN_E_MALFORMED)
                        fail_msg("\"%s\" was accepted", cases[i].text);
                if (!strstr(diag_text(&diag), cases[i].message))
                        fail_msg("\"%s\": %s", cases[i].text, diag_text(&diag));
                assert_null(dn);
                assert_int_equal(dn_parse(a, cases[i].text, &dn, NULL), DN_E_MALFORMED);
                diag_deinit(&diag);
        }
}

static void test_limits(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char text[8200];
        size_t n = 0;
        const Dn *dn = NULL;

        for (int i = 0; i < 64; i++)
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%sOU=%d", i ? "," : "", i);
        assert_int_equal(parse(a, text)->n_rdns, 64);
        snprintf(text + n, sizeof(text) - n, ",OU=64");
        assert_int_equal(dn_parse(a, text, &dn, NULL), DN_E_MALFORMED);

        n = 0;
        for (int i = 0; i < 65; i++)
                n += (size_t)snprintf(text + n, sizeof(text) - n, "%sOU=%d", i ? "+" : "", i);
        assert_int_equal(dn_parse(a, text, &dn, NULL), DN_E_MALFORMED);

        memset(text, 'x', sizeof(text));
        memcpy(text, "CN=", 3);
        text[8192] = '\0';
        assert_int_equal(strlen(parse(a, text)->rdns[0].value), 8189);
        text[8192] = 'x';
        text[8193] = '\0';
        assert_int_equal(dn_parse(a, text, &dn, NULL), DN_E_MALFORMED);

        /* The letter that grows most when it is folded: two bytes become six. */
        for (size_t i = 3; i < 8191; i += 2)
                memcpy(text + i, "\xce\x90", 2);
        text[8191] = '\0';
        assert_int_equal(strlen(parse(a, text)->normalised), 3 + 3 * (8191 - 3));
}

static void test_relations(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Dn *user = parse(a, "CN=Doe\\, John,OU=Sales,OU=Corp,DC=contoso,DC=test");
        const Dn *corp = parse(a, "ou=corp, dc=Contoso, dc=test");
        const Dn *root = parse(a, "");
        const Dn *tricky = parse(a, "CN=x\\,OU=Corp,DC=contoso,DC=test");

        assert_true(dn_is_below(user, corp));
        assert_true(dn_is_below(corp, corp));
        assert_false(dn_is_below(corp, user));
        assert_true(dn_is_below(user, root));
        assert_false(dn_is_below(tricky, corp)); /* a value that looks like the ancestor */
        assert_int_equal(dn_depth_below(user, corp), 2);
        assert_int_equal(dn_depth_below(corp, corp), 0);
        assert_int_equal(dn_depth_below(tricky, corp), 0);
        assert_true(dn_is(corp, parse(a, "OU=CORP,DC=CONTOSO,DC=TEST")));
        assert_false(dn_is(corp, user));
        assert_string_equal(user->rdns[0].type, "CN");
        assert_string_equal(user->rdns[0].value, "Doe, John");
        assert_string_equal(user->rdns[0].normalised, "CN=doe\\, john");

        assert_string_equal(dn_parent_text(a, user), "OU=Sales,OU=Corp,DC=contoso,DC=test");
        assert_string_equal(dn_parent_text(a, corp), "dc=Contoso, dc=test");
        assert_string_equal(dn_parent_text(a, parse(a, "CN=\"a,b\" , DC=test")), "DC=test");
        assert_string_equal(dn_parent_text(a, parse(a, "DC=test")), "");
        assert_string_equal(dn_parent_text(a, root), "");
}

static void test_shorten(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        assert_string_equal(dn_shorten(a, "CN=Ada,DC=test", 14), "CN=Ada,DC=test");
        assert_string_equal(dn_shorten(a, "CN=Ada,DC=test", 13), "CN=Ada,DC=...");
        assert_string_equal(dn_shorten(a, "cn=ada,ou=corp,dc=test", 14), "cn=ada,ou=c...");
        assert_string_equal(dn_shorten(a, "no name at all", 13), "no na...t all");
        assert_string_equal(dn_shorten(a, "CN=Ada,DC=test", 3), "...");
        assert_string_equal(dn_shorten(a, "CN=Ada,DC=test", 0), "");
        assert_string_equal(dn_shorten(a, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa5", 5),
                            "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa5");
        assert_string_equal(dn_shorten(a, "\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa5", 4), "\xc3\xa4...");
        for (size_t columns = 0; columns < 40; columns++) {
                assert_true(str_columns(dn_shorten(a, "CN=Ada Lovelace,OU=Corp,DC=contoso", columns)) <=
                            columns);
                /* Letters of two columns each. */
                assert_true(str_columns(dn_shorten(a,
                                                   "CN=\xe5\xb1\xb1\xe7\x94\xb0\xe5\xa4\xaa\xe9\x83\x8e"
                                                   "\xe6\x9d\xb1\xe4\xba\xac,OU=\xe9\x83\xa8\xe9\x95\xb7",
                                                   columns)) <= columns);
        }
}

/* Any value comes back from its escaped form, and normalising twice is normalising once. */
static void test_round_trip(void **state)
{
        static const char *const pieces[] = { " ",        "  ",
                                              "#",        ",",
                                              "+",        "\"",
                                              "\\",       "<",
                                              ">",        ";",
                                              "=",        "\n",
                                              "a",        "Zz",
                                              "0A",       "cnf",
                                              "\xc3\x84", "\xe1\xba\x9e",
                                              "\xce\x90", "\xf0\x90\x90\x80" };
        unsigned seed = 514;

        for (int round = 0; round < 5000; round++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                unsigned at_start = seed;
                const Dn *dn, *again;
                const char *text, *value = "";

                for (int n = 1 + rand_r(&seed) % 8; n > 0; n--)
                        value = arena_printf(a, "%s%s", value,
                                             pieces[(unsigned)rand_r(&seed) % N_ELEMENTS(pieces)]);
                text = arena_printf(a, "CN=%s,OU=x+L=%s", dn_escape(a, value), dn_escape(a, value));
                dn = parse(a, text);
                if (dn->n_rdns != 2 || strcmp(dn->rdns[0].value, value) != 0)
                        fail_msg("seed %u: %s", at_start, text);
                again = parse(a, dn->normalised);
                if (strcmp(again->normalised, dn->normalised) != 0 || !dn_is(dn, again))
                        fail_msg("seed %u: %s, %s", at_start, dn->normalised, again->normalised);
        }
}

/* Garbage never crashes; what is accepted has a stable normal form. */
static void test_garbage(void **state)
{
        static const char alphabet[] = "CN=,+\\\"# ;<>0Aa\xc3\xa4\xff.-1";
        unsigned seed = 2253;

        for (int round = 0; round < 20000; round++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                unsigned at_start = seed;
                char text[24];
                const Dn *dn, *again;
                size_t n = (unsigned)rand_r(&seed) % sizeof(text);

                for (size_t i = 0; i < n; i++)
                        text[i] = alphabet[(unsigned)rand_r(&seed) % (sizeof(alphabet) - 1)];
                text[n] = '\0';
                memcpy(text, "C=", n < 2 ? n : 2);
                if (dn_parse(a, text, &dn, NULL))
                        continue;
                if (dn_parse(a, dn->normalised, &again, NULL) || !dn_is(dn, again))
                        fail_msg("seed %u: %s", at_start, text);
        }
}

int main(void)
{
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_normalised), cmocka_unit_test(test_malformed),
                cmocka_unit_test(test_limits),     cmocka_unit_test(test_relations),
                cmocka_unit_test(test_shorten),    cmocka_unit_test(test_round_trip),
                cmocka_unit_test(test_garbage),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
