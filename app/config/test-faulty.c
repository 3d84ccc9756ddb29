/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Every key of every table, with values that nobody should have written: each is refused or taken, with words
 * of a person's world, and nothing that checks on stumbles over what the reader has refused.
 */

#include "app/config/config.h"

#include "app/config/fields.h"
#include "base/str.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define DEPTH_MAX 8

/* "key:" with nothing behind it, which JSON has no word for. */
#define NOTHING "@nothing@"

/* A configuration that is taken; F is a file with a secret in it, R a folder with one rule. */
#define BASE                                                                                                 \
        "{'source': {'name': 'corp.test', 'uris': ['ldaps://dc1.corp.test'], 'base': 'DC=corp,DC=test', "    \
        "'bind': {'mechanism': 'simple', 'dn': 'CN=s', 'password_file': 'F'}, 'tls': {'ca_file': 'F'}}, "    \
        "'target': {'tenant_id': '11111111-2222-3333-4444-555555555555', 'client_id': "                      \
        "'22222222-2222-3333-4444-555555555555', 'estate': 'alone', 'credentials': [{'secret_file': 'F'}], " \
        "'ca_file': 'F'}, 'rules': {'directory': 'R'}, 'console': {'listen': '127.0.0.1:0', 'token_file': "  \
        "'F'}}"

#define RULE                                                                                         \
        "rules:\n  - {name: one, direction: inbound, source_type: user, target_type: person, link: " \
        "provision, "                                                                                \
        "precedence: 1, flows: [{target: title, source: title}]}\n"

static const char *const bad[] = {
        "null",
        "\"" NOTHING "\"",
        "\"\"",
        "\"foo\"",
        "-1",
        "[]",
        "{}",
        "1e300",
        "\"%\"",
        "\"((\"",
        "{\"x\": {}}",
        "[[\"a\"]]",
        "[\"" NOTHING "\"]",
        "[null]",
        "[\"\"]",
        "[{}]",
        "[{\"foo\": 1}]",
        "[\"foo\"]",
        "[\"DC=a,\"]",
        "[\"foo\", \"/bin/true\", null]",
};

static char folder[] = "/tmp/test-faulty-XXXXXX";

typedef struct Row {
        const ConfigField *table, *field;
} Row;

typedef struct Walk {
        json_t *base;
        Row rows[DEPTH_MAX];
        size_t n_rows, n_keys, n_lists;
} Walk;

static const char *name_of(const Walk *w, Arena *a)
{
        const char *name = "";

        for (size_t i = 0; i < w->n_rows; i++)
                name = arena_printf(a, "%s%s%s", name, i ? "." : "", w->rows[i].field->name);
        return name;
}

/* What decides over this key, so that it counts. */
static void choose(json_t *map, const Row *s)
{
        const ConfigField *f = s->field;

        while (f->tag) {
                const ConfigField *tag = s->table;

                while (!str_is(tag->name, f->tag))
                        tag++;
                for (size_t i = 0; tag->choices[i]; i++)
                        if (f->only_if & (uint32_t)1 << i) {
                                json_object_set_new(map, f->tag, json_string(tag->choices[i]));
                                break;
                        }
                f = tag;
        }
}

/* The configuration with this value of the last key; items of lists on the way have what they must have. */
static json_t *with(const Walk *w, const char *value)
{
        json_t *all = json_deep_copy(w->base), *map = all;

        if (str_is(w->rows[0].field->name, "sources")) {
                json_t *item = json_pack("{s:O}", "source", json_object_get(all, "source"));

                json_object_del(all, "source");
                json_object_set_new(all, "sources", json_pack("[o]", item));
        }
        for (size_t i = 0; i + 1 < w->n_rows; i++) {
                const ConfigField *f = w->rows[i].field;
                json_t *next = json_object_get(map, f->name);

                choose(map, &w->rows[i]);
                if (!next) {
                        next = f->type == CONFIG_LIST ? json_pack("[{}]") : json_object();
                        json_object_set_new(map, f->name, next);
                }
                map = f->type == CONFIG_LIST ? json_array_get(next, 0) : next;
                for (f = w->rows[i + 1].table; f->name; f++)
                        if (f->required && f->type == CONFIG_TEXT && !json_object_get(map, f->name))
                                json_object_set_new(map, f->name, json_string("x"));
        }
        choose(map, &w->rows[w->n_rows - 1]);
        json_object_set_new(map, w->rows[w->n_rows - 1].field->name,
                            json_loads(value, JSON_DECODE_ANY, NULL));
        return all;
}

static char *text_of(json_t *all)
{
        char *text = json_dumps(all, 0);

        for (char *at = text; (at = strstr(at, "\"" NOTHING "\""));)
                memset(at, ' ', strlen(NOTHING) + 2);
        return text;
}

/* Some thousand of them: none has to be on the disk. */
static void write_fast(const char *path, const char *text)
{
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        assert_true(fputs(text, f) >= 0 && fclose(f) == 0 && chmod(path, 0600) == 0);
}

static void try(const Walk *w, const char *value)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const ConfigField *f = w->rows[w->n_rows - 1].field;
        const char *path = arena_printf(a, "%s/sosync.yaml", folder);
        json_t *all = with(w, value);
        char *text = text_of(all);
        Diag diag = DIAG_INIT;
        Config *c = NULL;
        int r;

        write_fast(path, text);
        print_message("%s: %s\n", name_of(w, a), value); /* seen where it ends here */
        r = config_load(&c, path, &diag);
        if (r && r != CONFIG_E_INVALID)
                fail_msg("%s: %s: %d", name_of(w, a), value, r);
        if ((r != 0) != diag_any(&diag))
                fail_msg("%s: %s: %d, and %zu findings", name_of(w, a), value, r, diag.n_items);
        if (f->type == CONFIG_LIST && (strstr(value, "null]") || str_is(value, "\"foo\"")) && !r)
                fail_msg("%s: %s is taken", name_of(w, a), value);
        for (size_t i = 0; i < diag.n_items; i++)
                if (strstr(diag.items[i].text, "(null)"))
                        fail_msg("%s: %s: %s", name_of(w, a), value, diag.items[i].text);
        diag_deinit(&diag);
        config_unref(c);
        json_decref(all);
        free(text);
}

static void walk(Walk *w, const ConfigField *table)
{
        assert_true(w->n_rows < DEPTH_MAX);
        for (const ConfigField *f = table; f->name; f++) {
                w->rows[w->n_rows++] = (Row){ .table = table, .field = f };
                w->n_keys++;
                w->n_lists += f->type == CONFIG_LIST;
                for (size_t i = 0; i < N_ELEMENTS(bad); i++)
                        try(w, bad[i]);
                if (f->fields)
                        walk(w, f->fields);
                w->n_rows--;
        }
}

static void test_every_key(void **state)
{
        Walk w = { .base = NULL };
        _cleanup_(str_deinit) Str text = { 0 };

        str_init(&text, 1 << 20);
        for (const char *p = BASE; *p; p++) {
                if (*p == '\'' && p[1] == 'F' && p[2] == '\'') {
                        str_printf(&text, "\"%s/secret\"", folder);
                        p += 2;
                } else if (*p == '\'' && p[1] == 'R' && p[2] == '\'') {
                        str_printf(&text, "\"%s/rules\"", folder);
                        p += 2;
                } else {
                        str_printf(&text, "%c", *p == '\'' ? '"' : *p);
                }
        }
        w.base = json_loads(text.data, 0, NULL);
        assert_non_null(w.base);
        walk(&w, config_fields);
        json_decref(w.base);
        print_message("%zu keys, %zu of them lists\n", w.n_keys, w.n_lists);
        assert_true(w.n_keys > 150 && w.n_lists > 20);
}

static int group_setup(void **state)
{
        char path[64];

        assert_non_null(mkdtemp(folder));
        snprintf(path, sizeof(path), "%s/secret", folder);
        assert_int_equal(str_write_file(path, "0123456789abcdef0123\n", 21, 0600), 0);
        snprintf(path, sizeof(path), "%s/rules", folder);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof(path), "%s/rules/one.yaml", folder);
        return str_write_file(path, RULE, strlen(RULE), 0600);
}

static int group_teardown(void **state)
{
        static const char *const names[] = { "/rules/one.yaml", "/rules", "/sosync.yaml", "/secret", "" };
        char path[64];

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                snprintf(path, sizeof(path), "%s%s", folder, names[i]);
                remove(path);
        }
        return 0;
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_every_key) };

        return cmocka_run_group_tests_name("faulty", tests, group_setup, group_teardown);
}
