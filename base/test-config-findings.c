/* SPDX-License-Identifier: Apache-2.0 */
#include "base/test-config-fixture.h"

/* The cases that libcyaml 1.3 places wrongly, accepts, or does not explain; here in one pass. */
static void test_where_libcyaml_fails(void **state)
{
        FINDINGS(*state,
                 "source:\n"                             /* 1 */
                 "  name: corp\n"                        /* 2 */
                 "  name: other\n"                       /* 3 */
                 "  bind: {mechanism: kerberos}\n"       /* 4 */
                 "scheduler:\n"                          /* 5 */
                 "  driver: internal\n"                  /* 6 */
                 "  lingr: 3s\n"                         /* 7 */
                 "  linger: 2 parsecs\n"                 /* 8 */
                 "  max_hold: ~\n"                       /* 9 */
                 "limits: {share: 0.8x, workers: 0.8}\n" /* 10 */
                 "staging: maybe\n",                     /* 11 */
                 "3:3: source: the key \"name\" is given twice; it is already in line 2",
                 "4:21: source.bind.mechanism: \"kerberos\" is not one of the choices; expected gssapi, "
                 "simple "
                 "or external",
                 "7:3: scheduler: unknown key \"lingr\"; did you mean \"linger\"?",
                 "8:11: scheduler.linger: \"2 parsecs\" is not a duration; expected a duration from 500ms to "
                 "1h",
                 "9:13: scheduler.max_hold: cannot be null; expected a duration such as 500ms, 2s, 5m, 1h or "
                 "30d, "
                 "or leave the key out for 5m",
                 "10:17: limits.share: \"0.8x\" is not a number; expected a number from 0 to 1",
                 "10:32: limits.workers: \"0.8\" is not a whole number; expected a whole number from 1 to 64",
                 "11:10: staging: \"maybe\" is neither; expected true or false");
        FINDINGS(*state,
                 "source:\n"
                 "  name: corp\n"
                 "  bind:\n"
                 "    mechanism: gssapi\n"
                 "    keytab:\n",
                 "5:12: source.bind.keytab: has no value; expected a path");
        FINDINGS(*state, "source:\n  name: corp\n", "2:3: source: the key \"bind\" is missing: who we are");
}

static void test_missing(void **state)
{
        FINDINGS(*state, "", "1:1: the key \"source\" is missing: the directory");
        FINDINGS(*state, "# nothing\n---\n", "1:1: the key \"source\" is missing: the directory");
        FINDINGS(*state, "~", "1:1: the key \"source\" is missing: the directory");
        FINDINGS(*state, "{}", "1:1: the key \"source\" is missing: the directory");
        FINDINGS(*state,
                 "source: {name: \"\", bind: {mechanism: gssapi}}\nurgent:\n  - revoke: true\n  - {}\n",
                 "1:16: source.name: \"\" is empty; expected a text",
                 "1:26: source.bind: the key \"keytab\" is missing: Kerberos keytab",
                 "3:5: urgent.0: the key \"when\" is missing: expression",
                 "4:5: urgent.1: the key \"when\" is missing: expression");
}

static void test_wrong_shape(void **state)
{
        FINDINGS(*state, "[]", "1:1: expected a mapping (key: value), found a list");
        FINDINGS(*state, "text", "1:1: expected a mapping (key: value), found a single value");
        FINDINGS(*state,
                 TEST_MINIMAL "scope: []\n"                                 /* 2 */
                              "scheduler: internal\n"                       /* 3 */
                              "rules: [a]\n"                                /* 4 */
                              "floor: {a: b}\n"                             /* 5 */
                              "ports: 389\n"                                /* 6 */
                              "colours: {red: green}\n"                     /* 7 */
                              "urgent: [when, [], {when: x, revoke: {}}]\n" /* 8 */
                              "proxy: 8080\n"                               /* 9 */
                              "[a, b]: c\n"                                 /* 10 */
                              "{a: b}: c\n",                                /* 11 */
                 "2:8: scope: expected a mapping (key: value), found a list",
                 "3:12: scheduler: expected a mapping (key: value), found a single value",
                 "4:8: rules: expected a path, found a list",
                 "5:8: floor: expected a whole number from 3 to 9, found a mapping",
                 "6:8: ports: expected a list, such as [...], found a single value",
                 "7:10: colours: expected a list, found a mapping",
                 "8:10: urgent.0: expected a mapping (key: value), found a single value",
                 "8:16: urgent.1: expected a mapping (key: value), found a list",
                 "8:38: urgent.2.revoke: expected true or false, found a mapping",
                 "9:8: proxy: expected a mapping (key: value), found a single value",
                 "10:1: a list cannot be a key; expected a name",
                 "11:1: a mapping cannot be a key; expected a name");
        FINDINGS(*state, TEST_MINIMAL "ports: [1, [2], {}, ~, , 0, x]\n",
                 "2:24: not valid YAML: did not find expected node content, while parsing a flow node");
        FINDINGS(*state, TEST_MINIMAL "ports: [1, [2], {a: b}, ~, '', 0, x]\ncolours: [red, blue]\n",
                 "2:12: ports: expected single values in the list, found a list",
                 "2:17: ports: expected single values in the list, found a mapping",
                 "2:25: ports: an item of the list has no value",
                 "2:28: ports: \"\" is in quotes, and so a text; expected a whole number from 1 to 65535",
                 "2:32: ports: \"0\" is out of range; expected a whole number from 1 to 65535",
                 "2:35: ports: \"x\" is not a whole number; expected a whole number from 1 to 65535",
                 "3:16: colours: \"blue\" is not one of the choices; expected red, green or on");
}

/* Whoever checks on, for the other findings of the same pass, finds whole items and the values without the
 * key. */
static void test_refused_is_left_out(void **state)
{
        Fixture *f = *state;
        const TestUrgent *urgent;

        assert_int_equal(read_text(f, TEST_MINIMAL
                                   "ports: [1, [2], 99999, ~, x, 389]\n"
                                   "urgent: [{}, x, {when: yes}, {when: }, ~, {when: y, wen: z}]\n"
                                   "floor: {a: b}\n"
                                   "colours: red\n"
                                   "proxy: x\n"
                                   "limits: x\n"),
                         CONFIG_E_INVALID);
        assert_int_equal(f->c.ports.n_items, 2);
        assert_int_equal(f->c.ports.n_refused, 4);
        assert_int_equal(((const int64_t *)f->c.ports.items)[1], 389);
        assert_int_equal(config_number(&f->c.ports, 1), 5);
        assert_int_equal(f->c.ports.marks[1].column, 30);
        assert_int_equal(f->c.urgent.n_items, 2);
        urgent = f->c.urgent.items;
        assert_string_equal(urgent[0].when, "yes");
        assert_string_equal(urgent[1].when, "y");
        assert_int_equal(config_number(&f->c.urgent, 1), 5);
        assert_int_equal(f->c.colours.n_items, 0);
        assert_int_equal(f->c.colours.n_refused, 1);
        assert_int_equal(f->c.proxy->port, 3128);
        assert_true(f->c.limits.share > 0);
        assert_int_equal(read_text(f, TEST_MINIMAL "proxy:\nscheduler:\n"), CONFIG_E_INVALID);
        assert_int_equal(f->c.proxy->port, 3128);
}

static void test_no_value(void **state)
{
        Fixture *f = *state;

        assert_good(f, TEST_MINIMAL
                    "proxy: ~\nscope: {group_filter: null, include: null}\nurgent: null\nfloor: ~\n");
        assert_null(f->c.proxy);
        assert_good(f, TEST_MINIMAL "proxy: {}\nscope: {}\nurgent: []\n");
        assert_int_equal(f->c.proxy->port, 3128);
        FINDINGS(f,
                 TEST_MINIMAL "scope:\n" /* the lines below are not indented */
                              "include: []\n"
                              "scheduler: null\n"
                              "urgent:\n"
                              "proxy:\n"
                              "limits: {share: }\n",
                 "2:7: scope: has no value; expected a mapping; write {} for the defaults",
                 "3:1: unknown key \"include\"",
                 "4:12: scheduler: cannot be null; expected a mapping; write {} for the defaults",
                 "5:8: urgent: has no value; expected a list; write [] for an empty list",
                 "6:7: proxy: has no value; expected a mapping; write {} for the defaults, null for none",
                 "7:17: limits.share: has no value; expected a number from 0 to 1");
        /* In quotes it is a text. */
        assert_good(f, "source: {name: 'null', bind: {mechanism: external}}");
        assert_string_equal(f->c.source.name, "null");
}

static void test_values(void **state)
{
        FINDINGS(*state,
                 TEST_MINIMAL "limits:\n"
                              "  share: '0.5'\n"
                              "  workers: 65\n"
                              "  memory: 64\n"
                              "  min_free: 0.1\n"
                              "scheduler:\n"
                              "  linger: 5\n"
                              "  max_hold: 99999999999999999999d\n"
                              "rules: \"\"\n"
                              "floor: 2\n"
                              "staging: \"true\"\n"
                              "scope: {include: [\"OU=x,y\"], group_filter: \"a\\tb\"}\n",
                 "3:10: limits.share: \"0.5\" is in quotes, and so a text; expected a number from 0 to 1",
                 "4:12: limits.workers: \"65\" is out of range; expected a whole number from 1 to 64",
                 "5:11: limits.memory: \"64\" has no unit; expected a size from 1MiB to 1GiB",
                 "6:13: limits.min_free: \"0.1\" has no unit; expected a percentage from 0% to 100%",
                 "8:11: scheduler.linger: \"5\" has no unit; expected a duration from 500ms to 1h",
                 "9:13: scheduler.max_hold: \"99999999999999999999d\" is too large or has too many digits; "
                 "expected a duration such as 500ms, 2s, 5m, 1h or 30d",
                 "10:8: rules: \"\" is empty; expected a path",
                 "11:8: floor: \"2\" is out of range; expected a whole number from 3 to 9",
                 "12:10: staging: \"true\" is in quotes, and so a text; expected true or false",
                 "13:19: scope.include: \"OU=x,y\" is not a distinguished name: missing '=' after \"y\"",
                 "13:44: scope.group_filter: \"a\\x09b\" has a control character; expected a distinguished "
                 "name");
}

static void test_union(void **state)
{
        Fixture *f = *state;

        FINDINGS(f, "source:\n  name: x\n  bind:\n    keytab: /k\n    mechanism: simple\n    dn: CN=x\n",
                 "4:5: source.bind.keytab: has no meaning when mechanism is simple; expected only with "
                 "gssapi");
        FINDINGS(f, "source: {name: x, bind: {mechanism: simple}}\n",
                 "1:25: source.bind: the key \"dn\" is missing: who binds");
        /* A choice that is wrong, or missing, says nothing about the keys that depend on it. */
        FINDINGS(f, "source: {name: x, bind: {mechanism: simpl, dn: x}}\n",
                 "1:37: source.bind.mechanism: \"simpl\" is not one of the choices; expected gssapi, simple "
                 "or external",
                 "1:48: source.bind.dn: \"x\" is not a distinguished name: missing '=' after \"x\"");
        FINDINGS(f, "source: {name: x, bind: {dn: a=b}}\n",
                 "1:25: source.bind: the key \"mechanism\" is missing: how to bind");
        assert_good(f, "source: {name: x, bind: {dn: a=b, mechanism: simple}}");
}

static void test_suggestions(void **state)
{
        Fixture *f = *state;
        static const struct {
                const char *word, *meant;
        } rows[] = {
                { "Staging", "staging" },  { "stagng", "staging" }, { "satging", "staging" },
                { "stagging", "staging" }, { "sources", "source" }, { "Sceduler", "scheduler" },
                { "colors", "colours" },   { "rule", "rules" },     { "port", "ports" },
                { "xyz", NULL },           { "s", NULL },           { "stagingisaverylongwordindeed", NULL },
                { "limts", "limits" },     { "flor", "floor" },     { "mechanism", NULL },
        };

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                char text[200], expected[200];

                snprintf(text, sizeof(text), TEST_MINIMAL "%s: 1\n", rows[i].word);
                snprintf(expected, sizeof(expected),
                         rows[i].meant ? "2:1: unknown key \"%s\"; did you mean \"%s\"?"
                                       : "2:1: unknown key \"%s\"",
                         rows[i].word, rows[i].meant);
                FINDINGS(f, text, expected);
        }
        FINDINGS(f, "source: {name: x, bind: {mechanism: simple, dn: a=b, password-file: /x}}\n",
                 "1:54: source.bind: unknown key \"password-file\"; did you mean \"password_file\"?");
}

static void test_yaml_errors(void **state)
{
        Fixture *f = *state;

        FINDINGS(f, "source:\n\tname: x\n", "2:1: a tab cannot indent or separate in YAML; use spaces");
        FINDINGS(f, "source: {name: x\nbind: y\n",
                 "2:5: not valid YAML: did not find expected ',' or '}', while parsing a flow mapping that "
                 "begins in "
                 "line 1");
        FINDINGS(f, "a: \"x\n",
                 "2:1: not valid YAML: found unexpected end of stream, while scanning a quoted scalar that "
                 "begins in line 1");
        FINDINGS(f, "a: b: c\n", "1:5: not valid YAML: mapping values are not allowed in this context");
        FINDINGS(f, "a: 1\n---\na: 2\n", "2:1: a second document begins here; expected only one in a file");
        FINDINGS(f, TEST_MINIMAL "floor: !!int 5\n",
                 "2:8: the tag \"tag:yaml.org,2002:int\" is not supported; every key has its type, leave the "
                 "tag out");
        FINDINGS(f, TEST_MINIMAL "scope:\n  <<: {include: []}\n",
                 "3:3: scope: merging mappings with << is not supported; write the keys");
        /* A byte order mark is no column; neither are the bytes of a letter. */
        FINDINGS(f, "\xef\xbb\xbf\"\xc3\xa4\xc3\xb6\": {}\n" TEST_MINIMAL "\xc3\xa4: {a: b: c}\n",
                 "3:9: not valid YAML: did not find expected ',' or '}', while parsing a flow mapping");
        FINDINGS(f, "\xef\xbb\xbf\"\xc3\xa4\xc3\xb6\": {}\n" TEST_MINIMAL,
                 "1:1: unknown key \"\xc3\xa4\xc3\xb6\"");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                FIXTURE_TEST(test_where_libcyaml_fails),
                FIXTURE_TEST(test_missing),
                FIXTURE_TEST(test_wrong_shape),
                FIXTURE_TEST(test_refused_is_left_out),
                FIXTURE_TEST(test_no_value),
                FIXTURE_TEST(test_values),
                FIXTURE_TEST(test_union),
                FIXTURE_TEST(test_suggestions),
                FIXTURE_TEST(test_yaml_errors),
        };

        return cmocka_run_group_tests_name("config-findings", tests, NULL, NULL);
}
