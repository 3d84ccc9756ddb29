/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test-config-fixture.h"

#include <stdlib.h>
#include <unistd.h>

static void test_everything(void **state)
{
        Fixture *f = *state;
        const char *const *uris;
        const TestUrgent *urgent;

        assert_good(f, "# a comment\n"
                       "source:\n"
                       "  name: corp.contoso.test\n"
                       "  uris: [ldaps://dc1, ldaps://dc2]\n"
                       "  base: DC=corp,DC=contoso,DC=test\n"
                       "  bind: {mechanism: simple, dn: \"CN=Sync,DC=corp\", password_file: /run/secret}\n"
                       "scope:\n"
                       "  include:\n"
                       "    - \"OU=corp,DC=test\"\n"
                       "  group_filter: null\n"
                       "staging: false\n"
                       "scheduler: {driver: command, linger: 500ms, max_hold: 1h}\n"
                       "limits: {share: 0.25, workers: 12, memory: 128MiB, min_free: 33.3%}\n"
                       "urgent:\n"
                       "  - {when: \"BitAnd([userAccountControl],2) = 2\", revoke: true}\n"
                       "  - when: |\n"
                       "      line one\n"
                       "      line two\n"
                       "    ou: OU=Executives\n"
                       "proxy: {port: 8080}\n"
                       "rules: rules.d\n"
                       "ports: [1, 65535]\n"
                       "colours: [green, red]\n"
                       "floor: 5\n");
        assert_string_equal(f->c.source.name, "corp.contoso.test");
        assert_int_equal(f->c.source.uris.n_items, 2);
        uris = f->c.source.uris.items;
        assert_string_equal(uris[1], "ldaps://dc2");
        assert_int_equal(f->c.source.uris.marks[1].line, 4);
        assert_int_equal(f->c.source.uris.marks[1].column, 23);
        assert_string_equal(f->c.source.uris.marks[1].file, "t.yaml");
        assert_string_equal(f->c.source.base, "DC=corp,DC=contoso,DC=test");
        assert_int_equal(f->c.source.bind.mechanism, 1);
        assert_null(f->c.source.bind.keytab);
        assert_string_equal(f->c.source.bind.dn, "CN=Sync,DC=corp");
        assert_string_equal(f->c.source.bind.password_file, "/run/secret");
        assert_string_equal(*(const char *const *)f->c.scope.include.items, "OU=corp,DC=test");
        assert_null(f->c.scope.group_filter);
        assert_false(f->c.staging);
        assert_int_equal(f->c.scheduler.driver, 1);
        assert_int_equal(f->c.scheduler.linger, 500000);
        assert_int_equal(f->c.scheduler.max_hold, 3600000000);
        assert_true(f->c.limits.share == 0.25);
        assert_int_equal(f->c.limits.workers, 12);
        assert_int_equal(f->c.limits.memory, 128 << 20);
        assert_true(f->c.limits.min_free == 33.3 / 100);
        assert_int_equal(f->c.urgent.n_items, 2);
        urgent = f->c.urgent.items;
        assert_true(urgent[0].revoke);
        assert_false(urgent[1].revoke);
        assert_string_equal(urgent[1].when, "line one\nline two\n");
        assert_string_equal(urgent[1].ou, "OU=Executives");
        assert_string_equal(f->c.proxy->url, "http://proxy");
        assert_int_equal(f->c.proxy->port, 8080);
        assert_string_equal(f->c.rules, "rules.d");
        assert_int_equal(((const int64_t *)f->c.ports.items)[1], 65535);
        assert_int_equal(((const int *)f->c.colours.items)[0], 1);
        assert_int_equal(f->c.floor, 5);
}

static void test_defaults(void **state)
{
        Fixture *f = *state;

        assert_good(f, TEST_MINIMAL);
        assert_int_equal(f->c.source.uris.n_items, 0);
        assert_null(f->c.source.base);
        assert_true(f->c.staging);
        assert_int_equal(f->c.scheduler.driver, 0);
        assert_int_equal(f->c.scheduler.linger, 2000000);
        assert_true(f->c.limits.share == 0.8);
        assert_int_equal(f->c.limits.workers, 6);
        assert_true(f->c.limits.min_free == 0.1);
        assert_int_equal(f->c.urgent.n_items, 0);
        assert_null(f->c.proxy);
        assert_string_equal(f->c.rules, "/usr/share/rules");
        assert_int_equal(f->c.ports.n_items, 2);
        assert_int_equal(f->c.floor, 0);
}

static void test_aliases(void **state)
{
        Fixture *f = *state;

        assert_good(f, TEST_MINIMAL "ports: &p [1, 2]\nrules: &r /x\nscope: {include: &i [a=b]}\n"
                                    "urgent: [{when: *r}, &u {when: y}, *u]\n");
        assert_string_equal(((const TestUrgent *)f->c.urgent.items)[0].when, "/x");
        assert_string_equal(((const TestUrgent *)f->c.urgent.items)[2].when, "y");
        FINDINGS(f, TEST_MINIMAL "rules: *nobody\n", "2:8: the alias \"nobody\" names no anchor above it");
        FINDINGS(f, "a: &x 1\nb: &x 2\n", "2:4: the anchor \"x\" is already given in line 1");
        FINDINGS(f, "a: &x [1, *x]\n", "1:11: the alias \"x\" stands within what it names");
        FINDINGS(f, "&x {a: {b: *x}}\n", "1:12: the alias \"x\" stands within what it names");
}

static void test_marks(void **state)
{
        Fixture *f = *state;
        static const struct {
                const char *path;
                int line, column;
        } rows[] = {
                { "", 1, 1 },
                { "source", 1, 1 },
                { "source.name", 2, 3 },
                { "source.bind.mechanism", 4, 5 },
                { "source.bind.keytab", 4, 5 }, /* not there: the mapping */
                { "source.nothing.at.all", 2, 3 },
                { "source.name.deeper", 2, 9 },
                { "urgent", 5, 1 },
                { "urgent.0", 6, 5 },
                { "urgent.1.when", 7, 6 },
                { "urgent.1.ou", 7, 5 },
                { "urgent.2", 6, 3 },
                { "urgent.-1", 6, 3 },
                { "urgent.x", 6, 3 },
                { "urgent.99999999999999999999999999", 6, 3 },
                { "nothing", 1, 1 },
        };

        assert_good(f, "source:\n"
                       "  name: x\n"
                       "  bind:\n"
                       "    mechanism: external\n"
                       "urgent:\n"
                       "  - when: a\n"
                       "  - {when: b}\n");
        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                DiagMark m = config_mark(f->doc, rows[i].path);

                assert_string_equal(m.file, "t.yaml");
                if (m.line != rows[i].line || m.column != rows[i].column)
                        fail_msg("%s: %d:%d", rows[i].path, m.line, m.column);
        }
        /* Also of a file with findings, for further checks in the same pass; and of an empty one. */
        f->doc = NULL;
        assert_int_equal(read_text(f, "sourc: {}\n"), CONFIG_E_INVALID);
        assert_int_equal(config_mark(f->doc, "sourc").line, 1);
        f->doc = NULL;
        assert_int_equal(read_text(f, ""), CONFIG_E_INVALID);
        assert_int_equal(config_mark(f->doc, "source.name").line, 1);
        f->doc = NULL;
        assert_int_equal(read_text(f, "{"), CONFIG_E_INVALID);
        assert_null(f->doc);
}

static void test_files(void **state)
{
        Fixture *f = *state;
        char folder[] = "/tmp/test-config-XXXXXX", path[100], expected[200];

        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/c.yaml", folder);
        assert_int_equal(config_read_file(path, test_fields, NULL, f->a, &f->c, NULL, &f->diag),
                         CONFIG_E_READ);
        snprintf(expected, sizeof(expected), "%s: cannot be read: No such file or directory", path);
        assert_string_equal(diag_text(&f->diag), expected);

        /* Relative paths begin at the file, whatever it is called from. */
        assert_int_equal(str_write_file(path, TEST_MINIMAL "rules: r/x\n", strlen(TEST_MINIMAL) + 11, 0600),
                         0);
        assert_int_equal(config_read_file(path, test_fields, NULL, f->a, &f->c, NULL, &f->diag), 0);
        snprintf(expected, sizeof(expected), "%s/r/x", folder);
        assert_string_equal(f->c.rules, expected);
        assert_int_equal(config_read_file(path, test_fields, NULL, f->a, &f->c, NULL, NULL), 0);

        assert_int_equal(unlink(path), 0);
        diag_clear(&f->diag);
        assert_int_equal(config_read_file(folder, test_fields, NULL, f->a, &f->c, NULL, &f->diag),
                         CONFIG_E_READ);
        snprintf(expected, sizeof(expected), "%s: cannot be read: Is a directory", folder);
        assert_string_equal(diag_text(&f->diag), expected);
        assert_int_equal(rmdir(folder), 0);
}

static void test_open_ranges(void **state)
{
        Fixture *f = *state;
        static const ConfigField fields[] = {
                { "lower", CONFIG_INT, 0, .min = 5, .max = __builtin_inf() },
                { "upper", CONFIG_DURATION, 0, .min = -__builtin_inf(), .max = 60 },
                { 0 },
        };
        const char *text = "lower: 4\nupper: 61s\n";
        int64_t v = 0;

        assert_int_equal(config_read_text("t", text, strlen(text), fields, NULL, f->a, &v, NULL, &f->diag),
                         CONFIG_E_INVALID);
        assert_string_equal(f->diag.items[0].text,
                            "t:1:8: lower: \"4\" is out of range; expected a whole number of at least 5");
        assert_string_equal(f->diag.items[1].text,
                            "t:2:8: upper: \"61s\" is out of range; expected a duration of at most 1m");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FIXTURE_TEST(test_everything), FIXTURE_TEST(test_defaults), FIXTURE_TEST(test_aliases),
                FIXTURE_TEST(test_marks),      FIXTURE_TEST(test_files),    FIXTURE_TEST(test_open_ranges),
        };

        return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
