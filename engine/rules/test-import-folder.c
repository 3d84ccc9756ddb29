/* SPDX-License-Identifier: Apache-2.0 */

/* A server configuration of which one thing is not as the server wrote it. */

#include "engine/rules/import-model.h"
#include "engine/rules/import.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define RULE      "SynchronizationRules/SynchronizationRule_1.xml"
#define CONNECTOR "Connectors/Connector_1.xml"
#define METAVERSE "GlobalSettings/MV.xml"

#define PARAMETER(name, value, more)                                                \
        "<parameter-values><parameter name='" name "' use='global' " more ">" value \
        "</parameter></parameter-values>"

typedef struct File {
        const char *path, *text; /* no text: not there. "/": a folder of this name */
} File;

static const File whole[] = {
        { RULE, "<synchronizationRule><id>{00000000-0000-0000-0000-0000000000A1}</id><name>R</name>"
                "<direction>Inbound</direction><connector>{1E7B0C52-6F6D-4A0E-9D0B-3F1C2A9B7701}</connector>"
                "<sourceObjectType>user</sourceObjectType><targetObjectType>person</targetObjectType>"
                "<linkType>Provision</linkType><precedence>100</precedence><attribute-mappings><mapping>"
                "<dest>displayName</dest><src><attr>displayName</attr></src></mapping></attribute-mappings>"
                "</synchronizationRule>" },
        { CONNECTOR,
          "<ma-data><id>{1E7B0C52-6F6D-4A0E-9D0B-3F1C2A9B7701}</id><name>fabrikam.test</name>"
          "<subtype>Windows Active Directory</subtype>" PARAMETER("Company", "Fabrikam", "") "</ma-data>" },
        { METAVERSE, "<saved-mv-configuration server='S' export-date='2026'/>" },
};

typedef struct Bench {
        Arena *a;
        Diag diag;
        char folder[40];
        const Import *import;
} Bench;

static int setup(void **state)
{
        Bench *b = calloc(1, sizeof(*b));

        b->a = arena_new(0);
        snprintf(b->folder, sizeof(b->folder), "/tmp/test-import-XXXXXX");
        *state = b;
        return mkdtemp(b->folder) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
        (void)st;
        (void)type;
        (void)ftw;
        return remove(path);
}

static void clear(Bench *b)
{
        nftw(b->folder, remove_one, 20, FTW_DEPTH | FTW_PHYS);
}

static int teardown(void **state)
{
        Bench *b = *state;

        clear(b);
        arena_free(b->a);
        diag_deinit(&b->diag);
        free(b);
        return 0;
}

static void make_folder(const char *path)
{
        if (mkdir(path, 0700) < 0)
                assert_int_equal(errno, EEXIST);
}

static void put(Bench *b, const char *path, const char *text)
{
        char *full = arena_printf(b->a, "%s/%s", b->folder, path);
        FILE *file;

        if (!text)
                return;
        for (char *at = strchr(full + strlen(b->folder) + 1, '/'); at; at = strchr(at + 1, '/')) {
                *at = '\0';
                make_folder(full);
                *at = '/';
        }
        if (strcmp(text, "/") == 0) {
                make_folder(full);
                return;
        }
        /* Not str_write_file: thousands of files, and none of them needs to outlive a power cut. */
        file = fopen(full, "w");
        assert_non_null(file);
        assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
        assert_int_equal(fclose(file), 0);
}

/* The whole, with one file instead of its own, or beside the others. */
static int import_with(Bench *b, const File *other)
{
        clear(b);
        make_folder(b->folder);
        for (size_t i = 0; i < N_ELEMENTS(whole); i++)
                if (!*other->path || !str_starts(whole[i].path, other->path))
                        put(b, whole[i].path, whole[i].text);
        put(b, other->path, other->text);
        diag_clear(&b->diag);
        return import_read(b->a, b->folder, NULL, &b->import, &b->diag);
}

static void assert_found(Bench *b, const File *file, const char *finding)
{
        for (size_t i = 0; i < b->diag.n_items; i++)
                if (strstr(b->diag.items[i].text, finding))
                        return;
        fail_msg("%s \"%.60s\": expected \"%s\", got \"%s\"", file->path, file->text, finding,
                 diag_text(&b->diag));
}

static void assert_noted(Bench *b, const File *file, const char *note)
{
        for (size_t i = 0; i < b->import->n_notes; i++)
                if (strstr(b->import->notes[i].text, note))
                        return;
        for (size_t i = 0; i < b->import->n_notes; i++)
                print_error("%s\n", b->import->notes[i].text);
        fail_msg("%s: nothing says \"%s\"", file->path, note);
}

static void test_whole(void **state)
{
        Bench *b = *state;

        assert_int_equal(import_with(b, &(File){ "", NULL }), 0);
        assert_int_equal(b->import->n_rules, 1);
        assert_string_equal(b->import->server, "S");
        assert_string_equal(b->import->date, "2026");
        assert_int_equal(b->import->n_parameters, 1);
}

static void test_refused(void **state)
{
        static const struct {
                File file;
                const char *finding;
        } cases[] = {
                { { RULE, "<other/>" },
                  "SynchronizationRule_1.xml: is not a rule: <synchronizationRule> was expected, not "
                  "<other>" },
                { { RULE, "<a" }, "SynchronizationRule_1.xml:1: this is not XML" },
                { { RULE, "/" }, "SynchronizationRule_1.xml: cannot be read: Is a directory" },
                { { RULE, NULL }, "and no folder SynchronizationRules" },
                { { "SynchronizationRules/rule.txt", "x" }, NULL },
                { { CONNECTOR, "<other/>" },
                  "Connector_1.xml: is not a connector: <ma-data> with <id> and <name> was expected" },
                { { CONNECTOR, "<ma-data><id>{1E7B0C52-6F6D-4A0E-9D0B-3F1C2A9B7701}</id><name/></ma-data>" },
                  "is not a connector" },
                { { CONNECTOR, "<ma-data><id>{1E7B0C52}</id><name>n</name></ma-data>" },
                  "is not a connector" },
                { { CONNECTOR, "<ma-data><name>n</name></ma-data>" }, "is not a connector" },
                { { CONNECTOR, "" }, "Connector_1.xml: the file is empty" },
                { { "Connectors", "a file" }, "Connectors: cannot be read: Not a directory" },
                { { METAVERSE, "<other/>" },
                  "MV.xml: is not a metaverse: <saved-mv-configuration> was expected" },
                { { METAVERSE, "<saved-mv-configuration>" }, "MV.xml:1: this is not XML" },
                { { METAVERSE, "/" }, "MV.xml: cannot be read: Is a directory" },
        };
        Bench *b = *state;

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                if (!cases[i].finding) {
                        assert_int_equal(import_with(b, &cases[i].file), 0);
                        assert_noted(b, &cases[i].file, "SynchronizationRules/rule.txt was not read");
                        continue;
                }
                if (import_with(b, &cases[i].file) != IMPORT_E_INVALID)
                        fail_msg("%s \"%.60s\" was taken", cases[i].file.path, cases[i].file.text);
                assert_found(b, &cases[i].file, cases[i].finding);
        }
}

/* Findings of all files come at once. */
static void test_all_findings(void **state)
{
        static const File bad = { "Connectors/Connector_0.xml", "<other/>" };
        Bench *b = *state;

        clear(b);
        make_folder(b->folder);
        put(b, "SynchronizationRules/a.xml", "<a/>");
        put(b, "SynchronizationRules/b.xml", "<b/>");
        put(b, METAVERSE, "<c/>");
        put(b, bad.path, bad.text);
        assert_int_equal(import_read(b->a, b->folder, NULL, &b->import, &b->diag), IMPORT_E_INVALID);
        assert_int_equal(b->diag.n_items, 4);
        assert_found(b, &bad, "not <a>");
        assert_found(b, &bad, "not <b>");
        assert_found(b, &bad, "is not a metaverse");
        assert_found(b, &bad, "is not a connector");
}

static void test_parts_that_are_missing(void **state)
{
        static const File none = { METAVERSE, NULL };
        Bench *b = *state;

        assert_int_equal(import_with(b, &none), 0);
        assert_noted(b, &none,
                     "there is no GlobalSettings/MV.xml: own attributes and parameters are not known");
        assert_null(b->import->server);

        clear(b);
        make_folder(b->folder);
        put(b, whole[0].path, whole[0].text);
        diag_clear(&b->diag);
        assert_int_equal(import_read(b->a, b->folder, NULL, &b->import, &b->diag), 0);
        assert_noted(b, &none, "there is no folder Connectors");

        /* Only what is no rule. */
        clear(b);
        make_folder(b->folder);
        put(b, "SynchronizationRules/.hidden.xml", "x");
        put(b, "SynchronizationRules/rule.bak", "x");
        assert_int_equal(import_read(b->a, b->folder, NULL, &b->import, &b->diag), IMPORT_E_INVALID);
        assert_found(b, &none, "SynchronizationRules: no rules (*.xml)");
}

/* The first value counts, and a second one is told; what is secret or not for rules is not read. */
static void test_parameters(void **state)
{
        static const File other = {
                "Connectors/Connector_2.XML",
                "<ma-data><id>{2E7B0C52-6F6D-4A0E-9D0B-3F1C2A9B7701}</id><name>second.test</"
                "name><deep>" PARAMETER("Company", "Other", "")
                        PARAMETER("Password", "geheim", "encrypted='1'") PARAMETER("", "x", "")
                                PARAMETER("Empty", "",
                                          "") "<parameter-values><parameter name='Port' "
                                              "use='connectivity'>636</parameter><parameter>x</parameter>"
                                              "<parameter name='Microsoft.X' "
                                              "use='SynchronizationGlobal'>x</parameter></parameter-values>"
                                              "</deep></ma-data>"
        };
        Bench *b = *state;

        assert_int_equal(import_with(b, &other), 0);
        assert_int_equal(b->import->n_parameters, 2);
        assert_string_equal(b->import->parameters[0].name, "Company");
        assert_string_equal(b->import->parameters[0].value, "Fabrikam");
        assert_string_equal(b->import->parameters[1].name, "Empty");
        assert_null(b->import->parameters[1].value);
        assert_noted(b, &other,
                     "parameter %Company% of second.test is \"Other\", but \"Fabrikam\" was "
                     "read before; the first value is used");
}

static void test_own_attributes(void **state)
{
        static const File schema = {
                METAVERSE, "<saved-mv-configuration><directory-schema>"
                           "<attribute-type single-value='TRUE'><name>one</name></attribute-type>"
                           "<attribute-type single-value='no'><name>many</name></attribute-type>"
                           "<attribute-type><name>displayName</name></attribute-type>"
                           "<attribute-type/><something/></directory-schema></saved-mv-configuration>"
        };
        Bench *b = *state;

        assert_int_equal(import_with(b, &schema), 0);
        assert_int_equal(b->import->n_attributes, 2);
        assert_string_equal(b->import->attributes[0].name, "one");
        assert_int_equal(b->import->attributes[0].n, 1);
        assert_int_equal(b->import->attributes[1].n, 2);
}

static void test_files_without_end(void **state)
{
        static const File last = { "SynchronizationRules/last.xml", "<x/>" };
        Bench *b = *state;

        clear(b);
        make_folder(b->folder);
        put(b, last.path, last.text);
        for (int i = 0; i < IMPORT_FILES_MAX; i++)
                put(b, arena_printf(b->a, "Connectors/c%d.xml", i), "<x/>");
        assert_int_equal(import_read(b->a, b->folder, NULL, &b->import, &b->diag), IMPORT_E_INVALID);
        assert_int_equal(b->diag.n_items, DIAG_MAX);
        assert_int_equal(b->diag.n_dropped, IMPORT_FILES_MAX + 1 - DIAG_MAX);
        for (int i = 0; i < 2; i++)
                put(b, arena_printf(b->a, "Connectors/d%d.xml", i), "<x/>");
        diag_clear(&b->diag);
        assert_int_equal(import_read(b->a, b->folder, NULL, &b->import, &b->diag), IMPORT_E_INVALID);
        /* One finding for all that are too many, and none of them was read. */
        assert_int_equal(b->diag.n_dropped, IMPORT_FILES_MAX + 2 - DIAG_MAX);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                CASE(test_whole),
                CASE(test_refused),
                CASE(test_all_findings),
                CASE(test_parts_that_are_missing),
                CASE(test_parameters),
                CASE(test_own_attributes),
                CASE(test_files_without_end),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
