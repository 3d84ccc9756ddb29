/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test-config.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void read_text(const char *text, Arena *a, TestConfig *c)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;

        memset(c, 0, sizeof(*c));
        if (config_read_text("t", text, strlen(text), test_fields, &test_hooks, a, c, NULL, &diag))
                fail_msg("%s\n%s", diag_text(&diag), text);
}

static void test_effective_values(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        TestConfig c;
        Str s;

        str_init(&s, 10000);
        read_text("source: {name: \"corp: x\", uris: [ldaps://dc1], bind: {mechanism: simple, dn: "
                  "\"CN=a,DC=b\", "
                  "password_file: /run/secret}}\n"
                  "urgent: [{when: \"a\\nb\\x1b\\u2028\\\\\\\"\"}, {when: x, revoke: true}]\n"
                  "limits: {share: 0.25, memory: 1.5MiB}\n"
                  "proxy: {}\n"
                  "colours: ['on', red]\n",
                  a, &c);
        config_print(test_fields, &c, &s);
        assert_string_equal(s.data, "source:\n"
                                    "  name: \"corp: x\"\n"
                                    "  uris:\n"
                                    "    - ldaps://dc1\n"
                                    "  base: null\n"
                                    "  bind:\n"
                                    "    mechanism: simple\n"
                                    "    dn: \"CN=a,DC=b\"\n"
                                    "    password_file: /run/secret\n"
                                    "scope:\n"
                                    "  include: []\n"
                                    "  group_filter: null\n"
                                    "staging: true\n"
                                    "scheduler:\n"
                                    "  driver: internal\n"
                                    "  linger: 2s\n"
                                    "  max_hold: 5m\n"
                                    "limits:\n"
                                    "  share: 0.25\n"
                                    "  workers: 6\n"
                                    "  memory: 1536KiB\n"
                                    "  min_free: 10%\n"
                                    "urgent:\n"
                                    "  - when: \"a\\nb\\x1B\\u2028\\\\\\\"\"\n"
                                    "    revoke: false\n"
                                    "    ou: null\n"
                                    "  - when: x\n"
                                    "    revoke: true\n"
                                    "    ou: null\n"
                                    "proxy:\n"
                                    "  url: http://proxy\n"
                                    "  port: 3128\n"
                                    "rules: /usr/share/rules\n"
                                    "ports:\n"
                                    "  - 389\n"
                                    "  - 636\n"
                                    "colours:\n"
                                    "  - \"on\"\n"
                                    "  - red\n"
                                    "floor: null\n");
        str_deinit(&s);
}

static void test_print_and_read_again(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        /* Texts that YAML would take for something else. */
        static const char *const texts[] = {
                "null",  "~",      "''",      "true",    "- x",         "a: b",    "a #b",    "#x",
                "&x",    "*x",     "!x",      "%x",      "@x",          "`x`",     "{a}",     "[a]",
                "'",     "\\\"",   "|",       ">",       "1.5",         "0x1",     " lead",   "trail ",
                "a:",    "?",      "\\u00e9", "\\u2028", "\\U0001F600", "\\ufeff", "---",     "...",
                "a\\tb", "\\r\\n", "\\x85",   "\\xa0",   "=",           "<<",      "\\u202e", "2001-01-01",
        };
        TestConfig c, back;
        Str first, second;

        str_init(&first, 100000);
        str_init(&second, 100000);
        for (size_t i = 0; i < N_ELEMENTS(texts); i++) {
                char text[500];

                snprintf(text, sizeof(text),
                         "source: {name: \"%s\", uris: [\"%s\", \"%s\"], bind: {mechanism: external}}\n"
                         "urgent: [{when: \"%s\"}]\n",
                         texts[i], texts[i], texts[i], texts[i]);
                read_text(text, a, &c);
                str_reset(&first);
                str_reset(&second);
                config_print(test_fields, &c, &first);
                read_text(first.data, a, &back);
                config_print(test_fields, &back, &second);
                assert_string_equal(first.data, second.data);
                assert_string_equal(c.source.name, back.source.name);
                assert_string_equal(((const char *const *)c.source.uris.items)[1],
                                    ((const char *const *)back.source.uris.items)[1]);
                assert_string_equal(((const TestUrgent *)c.urgent.items)->when,
                                    ((const TestUrgent *)back.urgent.items)->when);
                assert_string_equal(str_safe(a, first.data, 0), "");
        }
        str_deinit(&first);
        str_deinit(&second);
}

static void test_help_is_an_example(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        TestConfig c;
        Str s, on;

        str_init(&s, 100000);
        config_print_help(test_fields, &s);
        assert_false(s.cut);
        read_text(s.data, a, &c);
        assert_string_equal(c.source.bind.keytab, "/etc/example.keytab");

        assert_non_null(strstr(s.data, "# the directory; required\nsource:\n"));
        assert_non_null(strstr(s.data, "    # how to bind: gssapi, simple or external; required\n"
                                       "    mechanism: gssapi\n"));
        assert_non_null(strstr(s.data,
                               "    # the password: the path of a file with the secret; optional; only with "
                               "mechanism simple\n"
                               "#    password_file: /path/to/file\n"));
        assert_non_null(strstr(
                s.data, "#  # how long after the last change: a duration from 500ms to 1h; default 2s\n"
                        "#  linger: 2s\n"));
        assert_non_null(strstr(
                s.data, "# ports: a list of values, each a whole number from 1 to 65535; default [389, "
                        "636]\n"));

        /* Without the '#' in the first column, a section that was off is on. */
        str_init(&on, 100000);
        for (const char *line = s.data; line && *line;) {
                const char *end = strchr(line, '\n');
                bool switched = str_starts(line, "#scheduler") || str_starts(line, "#  driver") ||
                                str_starts(line, "#  linger");

                str_add_n(&on, line + switched, (size_t)(end - line) + 1 - switched);
                line = end + 1;
        }
        read_text(on.data, a, &c);
        str_deinit(&on);
        str_deinit(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_effective_values),
                cmocka_unit_test(test_print_and_read_again),
                cmocka_unit_test(test_help_is_an_example),
        };

        return cmocka_run_group_tests_name("config-print", tests, NULL, NULL);
}
