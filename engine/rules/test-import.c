/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/rules/fixture.h"
#include "engine/rules/import.h"
#include "engine/rules/rules-internal.h"
#include "engine/rules/write-yaml.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

typedef struct Bench {
        Arena *a;
        Diag diag;
        char folder[64]; /* of its own, for output */
} Bench;

static int setup(void **state)
{
        Bench *b = calloc(1, sizeof(*b));

        b->a = arena_new(0);
        snprintf(b->folder, sizeof(b->folder), "/tmp/test-import-XXXXXX");
        *state = b;
        return mkdtemp(b->folder) ? 0 : -1;
}

static void remove_below(Bench *b, const char *path, int depth)
{
        struct dirent **names;
        int n = depth < 4 ? scandir(path, &names, NULL, NULL) : -1;

        for (int i = 0; i < n; i++) {
                const char *name = names[i]->d_name;

                if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
                        remove_below(b, arena_printf(b->a, "%s/%s", path, name), depth + 1);
                free(names[i]);
        }
        if (n >= 0)
                free(names);
        remove(path);
}

static int teardown(void **state)
{
        Bench *b = *state;

        remove_below(b, b->folder, 0);
        arena_free(b->a);
        diag_deinit(&b->diag);
        free(b);
        return 0;
}

static const char *data(Bench *b, const char *name)
{
        const char *folder = getenv("RULES_DATA"); /* set by meson.build */

        return arena_printf(b->a, "%s/testdata/%s", folder ? folder : ".", name);
}

static const Import *read_data(Bench *b, const char *name, const ImportOptions *options)
{
        const Import *im = NULL;

        if (import_read(b->a, data(b, name), options, &im, &b->diag))
                fail_msg("%s", diag_text(&b->diag));
        return im;
}

static const Rule *find(const Import *im, const char *name)
{
        for (size_t i = 0; i < im->n_rules; i++)
                if (strcmp(im->rules[i]->name, name) == 0)
                        return im->rules[i];
        return NULL;
}

static const char *flow_text(const Rule *r, const char *target)
{
        for (size_t i = 0; i < r->n_flows; i++)
                if (strcmp(r->flows[i].target, target) == 0)
                        return r->flows[i].source;
        return NULL;
}

static void assert_note(const ImportNote *notes, size_t n, const char *rule, const char *attribute,
                        const char *text)
{
        for (size_t i = 0; i < n; i++)
                if (str_is(notes[i].rule, rule) && str_is(notes[i].attribute, attribute) &&
                    strstr(notes[i].text, text))
                        return;
        fail_msg("nothing says \"%s\" of \"%s\"", text, rule);
}

/* The rules as text, which is all that they mean. */
static const char *text_of(Bench *b, const Rule *const *rules, size_t n)
{
        const char *text;
        Str s;

        str_init(&s, SIZE_MAX);
        write_yaml_rules(&s, rules, n);
        text = arena_strdup(b->a, s.data);
        str_deinit(&s);
        return text;
}

/* What is written loads, and is what was read. */
static void assert_round_trip(Bench *b, const Import *im)
{
        const char *folder = arena_printf(b->a, "%s/out", b->folder);
        const Rule *const *rules;
        const RuleSet *set;
        size_t n = 0, n_files = 0;

        diag_clear(&b->diag);
        assert_int_equal(import_write(im, folder, &n_files, &b->diag), 0);
        assert_true(n_files > 0);
        if (rules_load(b->a, folder, &set, &b->diag))
                fail_msg("%s", diag_text(&b->diag));
        rules = rules_all(set, &n);
        assert_int_equal(n, im->n_rules);
        assert_string_equal(text_of(b, rules, n), text_of(b, im->rules, im->n_rules));

        /* A folder that is taken stays as it is. */
        assert_int_equal(import_write(im, folder, &n_files, &b->diag), IMPORT_E_TAKEN);
        assert_non_null(strstr(diag_text(&b->diag), "is not empty; nothing was written"));
}

static void test_folder(void **state)
{
        Bench *b = *state;
        const Import *im = read_data(b, "export", NULL);
        const Rule *r;

        assert_string_equal(im->server, "FAB-SYNC");
        assert_int_equal(im->n_read, 4);
        assert_int_equal(im->n_rules, 3);
        assert_int_equal(find(im, "In from AD - Pilot")->scope[0].clauses[0].op, SCOPE_ISMEMBEROF);
        assert_note(im->skipped, im->n_skipped, "Out to AD - User Photo", NULL, "unknown function \"Shout\"");
        assert_note(im->skipped, im->n_skipped, "Out to AAD - User Join", "extensionAttribute1",
                    "it reads \"fabrikamBadge\"");
        assert_int_equal(im->n_skipped, 2);
        assert_note(im->notes, im->n_notes, "In from AD - User Join", NULL, "<somethingNew> is not known");
        assert_note(im->notes, im->n_notes, "In from AD - User Join", NULL,
                    "EnablePasswordSync was left out");

        r = find(im, "In from AD - User Join");
        assert_string_equal(r->id, "00000000-0000-0000-0000-0000000000a1");
        assert_null(r->connector); /* the only directory: every source */
        assert_int_equal(r->link, RULE_LINK_PROVISION);
        assert_int_equal(r->n_scope, 2);
        assert_int_equal(r->scope[0].clauses[1].op, SCOPE_ISBITNOTSET);
        assert_int_equal(r->n_join, 2);
        assert_true(r->join[1].clauses[0].case_sensitive);
        assert_false(r->join[1].clauses[1].case_sensitive);
        assert_string_equal(flow_text(r, "displayName"), "ReplaceChars(Trim([displayName]), \"å:a,ö:o\")");
        assert_string_equal(flow_text(r, "company"), "Fabrikam EMEA");
        assert_string_equal(flow_text(r, "domainFQDN"), "%Domain.FQDN%");
        assert_int_equal(r->flows[4].type, FLOW_CONSTANT); /* a parameter alone */
        assert_true(r->flows[3].apply_once);
        assert_int_equal(r->flows[2].merge, FLOW_MERGE_MERGE);

        r = find(im, "Out to AAD - User Join");
        assert_null(r->connector);
        assert_string_equal(r->join[0].clauses[0].metaverse, "sourceAnchor");
        assert_null(flow_text(r, "extensionAttribute1"));

        assert_int_equal(im->n_attributes, 2);
        assert_string_equal(im->attributes[1].name, "fabrikamSkills");
        assert_int_equal(im->attributes[1].n, 2);
        for (size_t i = 0; i < im->n_parameters; i++)
                assert_string_not_equal(im->parameters[i].name, "password");
        assert_round_trip(b, im);
}

static void test_names(void **state)
{
        static const ImportName name = { .connector = "FABRIKAM.test", .source = "corp.fabrikam.test" };
        static const ImportName wrong = { .connector = "contoso.test", .source = "x" };
        Bench *b = *state;
        const Import *im = read_data(b, "export", &(ImportOptions){ .names = &name, .n_names = 1 });

        assert_string_equal(find(im, "In from AD - User Join")->connector, "corp.fabrikam.test");
        assert_null(find(im, "Out to AAD - User Join")->connector);
        assert_int_equal(import_read(b->a, data(b, "export"),
                                     &(ImportOptions){ .names = &wrong, .n_names = 1 }, &im, &b->diag),
                         IMPORT_E_INVALID);
        assert_string_equal(diag_text(&b->diag), "there is no connector \"contoso.test\"");
}

static void test_script(void **state)
{
        Bench *b = *state;
        const Import *im = read_data(b, "rules.ps1", NULL);
        const Rule *join = find(im, "In from AD - User Join"), *r = find(im, "In from AD - Contractors");

        assert_int_equal(im->n_rules, 2);
        assert_int_equal(im->n_skipped, 0);
        assert_int_equal(im->n_open, 0);
        assert_string_equal(join->tag, "Microsoft.InfromADUserJoin.003");
        assert_int_equal(join->n_scope, 2);
        assert_int_equal(join->scope[0].n_clauses, 2);
        assert_int_equal(join->n_join, 1);
        /* "Before that rule": its number, and that rule moves. */
        assert_int_equal(r->precedence, 100);
        assert_int_equal(join->precedence, 101);
        assert_note(im->notes, im->n_notes, r->name, NULL,
                    "it was placed before rule \"In from AD - User Join\"");
        assert_true(r->disabled);
        assert_string_equal(r->description, "It's \"ours\"");
        assert_string_equal(
                flow_text(r, "displayName"),
                "IIF([employeeType] = \"Contractor\", [displayName] & \" (it's external)\", NULL)");
        assert_true(r->flows[1].apply_once);
        assert_round_trip(b, im);
}

/* Scripts with these rules, in this order: "A0<B" has no number and stands before B, ">" behind, "C100" its
 * own. */
static const Import *read_places(Bench *b, const char *const *rules)
{
        static int n_read;
        const char *text = "";
        const Import *im = NULL;
        const char *path = arena_printf(b->a, "%s/places-%d.ps1", b->folder, n_read++);

        for (; *rules; rules++) {
                const char *r = *rules, *beside = strpbrk(r, "<>");
                const char *way = !beside ? "" : *beside == '<' ? "-PrecedenceBefore" : "-PrecedenceAfter";

                text = arena_printf(
                        b->a,
                        "%sNew-ADSyncRule -Name '%c' -Identifier '%c0000000-0000-0000-0000-000000000001' "
                        "-Direction 'Inbound' -Precedence %d %s %s -SourceObjectType 'user' "
                        "-TargetObjectType 'person' -Connector 'ae4db4cc-b16b-4eb2-acf5-837ca84e4d7d' "
                        "-LinkType 'Provision' -OutVariable syncRule\n"
                        "Add-ADSyncRule -SynchronizationRule $syncRule[0]\n",
                        text, *r, *r, atoi(r + 1), way,
                        beside ? arena_printf(b->a, "'%c0000000-0000-0000-0000-000000000001'", beside[1])
                               : "");
        }
        assert_int_equal(str_write_file(path, text, strlen(text), 0600), 0);
        if (import_read(b->a, path, &(ImportOptions){ 0 }, &im, &b->diag))
                fail_msg("%s\n%s", text, diag_text(&b->diag));
        return im;
}

static const char *show_places(Arena *a, const Import *im)
{
        const char *text = "";

        for (size_t i = 0; i < im->n_rules; i++)
                text = arena_printf(a, "%s%s%s %d", text, i ? ", " : "", im->rules[i]->name,
                                    im->rules[i]->precedence);
        return text;
}

/* Rules that are placed by others, in chains, in whatever order they are read. */
static void test_places(void **state)
{
        static const struct {
                const char *rules[6], *are, *skipped;
        } cases[] = {
                { { "A0<B", "B0<C", "C100", "D50" }, "D 50, A 100, B 101, C 102", NULL },
                { { "D50", "C100", "B0<C", "A0<B" }, "D 50, A 100, B 101, C 102", NULL },
                { { "B0<C", "A0<B", "D50", "C100" }, "D 50, A 100, B 101, C 102", NULL },
                { { "A0>B", "B0>C", "C100", "D101" }, "C 100, B 101, A 102, D 103", NULL },
                { { "A0<B", "B0<A", "C100" }, "C 100", "by rule \"B\", which has none itself" },
                { { "A0<A", "C100" }, "C 100", "by rule \"A\", which has none itself" },
                { { "A0<B", "B0<E", "C100" }, "C 100", "by rule \"B\", which has none itself" },
                { { "E0", "A0<C", "C100" }, "E 0, A 100, C 101", NULL },
        };
        Bench *b = *state;

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const Import *im = read_places(b, cases[i].rules);

                if (!str_is(show_places(b->a, im), cases[i].are))
                        fail_msg("%zu: %s (%s)", i, show_places(b->a, im),
                                 im->n_skipped ? im->skipped[0].text : "");
                if (cases[i].skipped)
                        assert_note(im->skipped, im->n_skipped, "A", NULL, cases[i].skipped);
                else
                        assert_int_equal(im->n_skipped, 0);
        }
}

/* ---- what must be refused ---- */

static void assert_refused(Bench *b, const char *name, const char *text, size_t n, const char *finding)
{
        const char *path = arena_printf(b->a, "%s/%s", b->folder, name);
        const Import *im = NULL;

        diag_clear(&b->diag);
        assert_int_equal(str_write_file(path, text, n, 0600), 0);
        if (import_read(b->a, path, NULL, &im, &b->diag) != IMPORT_E_INVALID)
                fail_msg("\"%.60s\" was taken", text);
        if (!strstr(diag_text(&b->diag), finding))
                fail_msg("expected \"%s\", got \"%s\"", finding, diag_text(&b->diag));
        remove(path);
}

static void test_hostile_xml(void **state)
{
        static const struct {
                const char *text, *finding;
        } cases[] = {
                { "", "bad.xml: the file is empty" },
                { "New-ADSyncRule", "bad.xml:1: this is not XML: " },
                { "<synchronizationRule><id>", "bad.xml:1: this is not XML: " },
                { "<a>&unknown;</a>", "bad.xml:1: this is not XML: Entity 'unknown' not defined" },
                { "<other/>", "is not a rule: <synchronizationRule> was expected, not <other>" },
                { "<!DOCTYPE a [<!ENTITY x \"y\">]>\n<synchronizationRule>&x;</synchronizationRule>",
                  "bad.xml:1: a document type (<!DOCTYPE ...>) is not part of an export" },
                { "<!DOCTYPE a [\n<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">"
                  "<!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]>\n<a>&c;</a>",
                  "a document type" },
                { "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "a document type" },
                { "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>", "a document type" },
        };
        Bench *b = *state;
        Str deep;

        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                assert_refused(b, "bad.xml", cases[i].text, strlen(cases[i].text), cases[i].finding);

        str_init(&deep, SIZE_MAX);
        for (int i = 0; i < 100000; i++)
                str_add(&deep, "<a>");
        assert_refused(b, "bad.xml", deep.data, deep.n, "elements are nested too deep (more than 64)");
        str_reset(&deep);
        str_add(&deep, "<a>");
        for (int i = 0; i < 500001; i++)
                str_add(&deep, "<b/>");
        assert_refused(b, "bad.xml", deep.data, deep.n, "more than 500,000 elements");
        str_deinit(&deep);
}

#define NEW                                                                                       \
        "New-ADSyncRule -Name 'R' -Direction 'Inbound' -Precedence 5 -SourceObjectType 'user' "   \
        "-TargetObjectType 'person' -Connector '1e7b0c52-6f6d-4a0e-9d0b-3f1c2a9b7701' -LinkType " \
        "'Provision' "                                                                            \
        "-OutVariable syncRule\n"

static void test_hostile_script(void **state)
{
        static const struct {
                const char *text, *finding;
        } cases[] = {
                { "", "no rules in it" },
                { "Remove-Item -Recurse C:\\", "bad.ps1:1:24: an argument was expected" },
                { "Remove-Item -Recurse", "bad.ps1:1:1: Remove-Item: is not part of an exported rule" },
                { "$x = 5", "bad.ps1:1:1: a cmdlet was expected" },
                { "if ($true) { }", "bad.ps1:1:4: an argument was expected" },
                { NEW "\nAdd-ADSyncRule -SynchronizationRule $other[0]",
                  "bad.ps1:3:1: Add-ADSyncRule: -SynchronizationRule $syncRule[0] was expected" },
                { NEW, "bad.ps1:1: rule \"R\" is never added: Add-ADSyncRule is missing" },
                { NEW NEW, "bad.ps1:2:1: New-ADSyncRule: the rule before it was not added" },
                { "New-ADSyncRule -Name \"R$(whoami)\"", "bad.ps1:1:24: \"$\" in double quotes" },
                { "New-ADSyncRule -Name 'R", "bad.ps1:1:22: this text has no end" },
                { "New-ADSyncRule -Name 'R' -Name 'S'", "bad.ps1:1:26: -Name is given twice" },
                { "New-ADSyncRule -Name @('R' 'S')", "a comma or a closing bracket was expected" },
                { "New-ADSyncRule -Name 'R' -Colour 'red'",
                  "bad.ps1:1:26: New-ADSyncRule: -Colour is not known" },
                { "New-ADSyncRule -Name 'R'", "-SourceObjectType is missing" },
                { "Add-ADSyncRule -SynchronizationRule $syncRule[0]",
                  "there is no New-ADSyncRule before it" },
                { "Add-ADSyncRule | Invoke-Expression", "the editor writes no pipes" },
                { NEW "Add-ADSyncAttributeFlowMapping -SynchronizationRule $syncRule[0] -Destination 'a' "
                      "-FlowType 'Direct' -Source @('a','b')",
                  "-Source takes one text" },
                { NEW "New-Object -TypeName 'System.Net.WebClient' -ArgumentList 'x' -OutVariable c",
                  "-TypeName is neither a ScopeCondition nor a JoinCondition" },
                { NEW
                  "Add-ADSyncScopeConditionGroup -SynchronizationRule $syncRule[0] -ScopeConditions @($c[0])",
                  "\"c\" is not a condition of this kind that was made before" },
                { NEW "New-Object -TypeName 'x.ScopeCondition' -ArgumentList 'a','b' -OutVariable c",
                  "of a ScopeCondition is attribute, value, operator" },
                { "New-ADSyncRule -Name 'caf\xe9'", "is neither UTF-8 nor UTF-16 text" },
        };
        Bench *b = *state;

        for (size_t i = 0; i < N_ELEMENTS(cases); i++)
                assert_refused(b, "bad.ps1", cases[i].text, strlen(cases[i].text), cases[i].finding);
        assert_refused(b, "bad.ps1", "New-ADSyncRule\0 -Name 'R'", 26, "is neither UTF-8 nor UTF-16 text");
}

/* Windows saves scripts as UTF-16 too. */
static void test_utf16(void **state)
{
        static const char text[] = NEW "Add-ADSyncRule -SynchronizationRule $syncRule[0]\r\n";
        Bench *b = *state;
        const char *path = arena_printf(b->a, "%s/wide.ps1", b->folder);
        const Import *im = NULL;
        char wide[2 * sizeof(text)];
        size_t n = 0;

        wide[n++] = '\xff';
        wide[n++] = '\xfe';
        for (const char *s = text; *s; s++) {
                wide[n++] = *s;
                wide[n++] = 0;
        }
        assert_int_equal(str_write_file(path, wide, n, 0600), 0);
        assert_int_equal(import_read(b->a, path, NULL, &im, &b->diag), 0);
        assert_int_equal(im->n_rules, 1);
}

/* A rule that joins nothing cannot be used alone, and is not thrown away. */
static void test_open(void **state)
{
        static const char text[] =
                "New-ADSyncRule -Name 'R' -Direction 'Inbound' -Precedence 5 -SourceObjectType 'user' "
                "-TargetObjectType 'person' -Connector '1e7b0c52-6f6d-4a0e-9d0b-3f1c2a9b7701' -OutVariable "
                "s\n"
                "Add-ADSyncAttributeFlowMapping -SynchronizationRule $s[0] -Destination 'title' -FlowType "
                "'Expression' "
                "-Expression 'Trim(%Unknown.Name%)' -OutVariable s\n"
                "Add-ADSyncRule -SynchronizationRule $s[0]\n";
        Bench *b = *state;
        const char *path = arena_printf(b->a, "%s/one.ps1", b->folder);
        const Import *im = NULL;

        assert_int_equal(str_write_file(path, text, strlen(text), 0600), 0);
        assert_int_equal(import_read(b->a, path, NULL, &im, &b->diag), 0);
        assert_int_equal(im->n_rules, 1);
        assert_note(im->open, im->n_open, NULL, NULL, "so this one would never be applied");
        assert_note(im->open, im->n_open, "R", "title", "%Unknown.Name% has no value in what was read");
}

/* Nothing stays behind if it cannot be written. */
static void test_all_or_nothing(void **state)
{
        Bench *b = *state;
        const Import *im = read_data(b, "rules.ps1", NULL);
        const char *folder = arena_printf(b->a, "%s/not/there", b->folder);
        struct stat st;
        size_t n = 7;

        assert_true(import_write(im, folder, &n, &b->diag) < 0);
        assert_non_null(strstr(diag_text(&b->diag), "No such file"));
        assert_int_equal(n, 7);
        assert_int_equal(stat(arena_printf(b->a, "%s/not", b->folder), &st), -1);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_folder, setup, teardown),
                cmocka_unit_test_setup_teardown(test_names, setup, teardown),
                cmocka_unit_test_setup_teardown(test_script, setup, teardown),
                cmocka_unit_test_setup_teardown(test_places, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hostile_xml, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hostile_script, setup, teardown),
                cmocka_unit_test_setup_teardown(test_utf16, setup, teardown),
                cmocka_unit_test_setup_teardown(test_open, setup, teardown),
                cmocka_unit_test_setup_teardown(test_all_or_nothing, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
