/* SPDX-License-Identifier: Apache-2.0 */

/* Which keys a reload takes, and which wait for a restart: every key of the top has a row here. */

#include "app/config/config.h"

#include "app/config/fields.h"
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct Row {
        const char *key;    /* of the table */
        const char *before; /* lines instead of the key's own; "": none */
        const char *after;
        const char *restart; /* what is said; NULL: a reload takes it */
} Row;

#define SOURCE                                                                                 \
        "source: {name: corp.test, uris: [ldaps://dc1.corp.test], base: \"DC=corp,DC=test\", " \
        "bind: {mechanism: simple, dn: CN=s, password_file: %s/secret}, tls: {ca_file: %s/secret}%s}\n"
#define TARGET                                                                                           \
        "target: {tenant_id: 11111111-2222-3333-4444-555555555555, client_id: "                          \
        "22222222-2222-3333-4444-555555555555, estate: alone, credentials: [{secret_file: %s/secret}], " \
        "ca_file: %s/secret%s}\n"

static const Row rows[] = {
        { "source", "", ", feed: usn", "source" },
        { "scope", "", "scope: {object_types: [user]}", NULL },
        { "staging", "", "staging: true", NULL },
        { "target", "", ", limits: {share: 0.5}", "target" },
        { "target", "", ", adopt: strict", "target" },
        { "target", "", ", soft_match: on", "target" },
        { "target", "", ", trust_space: 1h", "target" },
        { "target", "",
          ", extensions: [{attribute: info, property: extension_0123456789abcdef0123456789abcdef_a}]",
          "target" },
        { "rules", "", "rules: {account_expires: true}",
          "rules: another set of attributes is read, which the feed asks for" },
        { "urgent", "", "urgent: [{attribute: title}]", NULL },
        { "scheduler", "", "scheduler: {linger: 9s}", "scheduler" },
        { "state", "", "state: {limit: 1GiB}", "state" },
        { "control", "", "control: {group: other}", "control" },
        { "reports", "", "reports: {keep: 9d}", "reports" },
        { "audit", "", "audit: {keep: 99d}", "audit" },
        { "notify", "", "notify: {command: [/bin/true]}", NULL },
        { "protected", "", "protected: {accounts: [a@b.test]}", NULL },
        { "brakes", "", "brakes: {off: [create]}", NULL },
        { "reconcile", "", "reconcile: {every: 1h}", NULL },
        { "console", "", "console: {listen: \"127.0.0.1:0\", token_file: TOKEN}", "console" },
        { "workers", "", "workers: 8", "workers" },
        { "settle", "", "settle: 60s", NULL },
        { "stop_timeout", "", "stop_timeout: 20s", NULL },
        { "log", "", "log: {level: debug}", NULL },
        { "log", "", "log: {format: json}", "log.format" },
        { "sources", NULL, NULL, "sources" },
};

static char folder[] = "/tmp/test-restart-XXXXXX";

static Config *load(Arena *a, const Row *row, bool after)
{
        const char *path = arena_printf(a, "%s/sosync.yaml", folder), *own = after ? row->after : row->before;
        bool in_source = str_is(row->key, "source"), in_target = str_is(row->key, "target");
        const char *line = in_source || in_target ? "" : own;
        const char *token = strstr(line, "TOKEN");
        const char *text;
        Diag diag = DIAG_INIT;
        Config *c = NULL;

        if (token)
                line = arena_printf(a, "%.*s%s/secret%s", (int)(token - line), line, folder, token + 5);
        text = arena_printf(a, SOURCE TARGET "%s\n", folder, folder, in_source ? own : "", folder, folder,
                            in_target ? own : "", line);
        assert_int_equal(str_write_file(path, text, strlen(text), 0600), 0);
        if (config_load(&c, path, &diag))
                fail_msg("%s: %s\n%s", row->key, diag_text(&diag), text);
        diag_deinit(&diag);
        return c;
}

/* What is said to wait does wait, in runs too; what a reload takes is there. */
static void test_held(Config *now, Config *next, const Row *row)
{
        const RunConfig *was = &now->run, *is = &next->run;
        const char *said;

        config_hold_back(next, now);
        said = config_needs_restart(now, next);
        if (!str_is(said, row->restart && strncmp(row->restart, "rules", 5) == 0 ? row->restart : NULL))
                fail_msg("%s: %s is not held back", row->after, said);
        if (is->estate != was->estate || is->ask_owner != was->ask_owner ||
            is->soft_match != was->soft_match || is->adopt_strict != was->adopt_strict ||
            !is->schema != !was->schema || is->trust_space_ms != was->trust_space_ms)
                fail_msg("%s: runs have it at once", row->after);
        assert_int_equal(next->n_sources, now->n_sources);
        assert_string_equal(next->sources[0].ldap.base, now->sources[0].ldap.base);
        if (str_is(row->key, "scope"))
                assert_int_equal(next->sources[0].scope.object_types.n_items, 1);
        if (str_is(row->key, "staging"))
                assert_true(is->staging);
        if (str_is(row->key, "settle"))
                assert_int_equal(is->settle_ms, 60000);
}

static void test_every_key(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                Config *now, *next;
                const char *said;

                if (!rows[i].before)
                        continue;
                now = load(a, &rows[i], false);
                next = load(a, &rows[i], true);
                said = config_needs_restart(now, next);
                if (!str_is(said, rows[i].restart))
                        fail_msg("%s: \"%s\", not \"%s\"", rows[i].after, said ? said : "",
                                 rows[i].restart ? rows[i].restart : "");
                assert_null(config_needs_restart(now, now));
                test_held(now, next, &rows[i]);
                config_unref(now);
                config_unref(next);
        }
}

/* Beside the state's folder and never in it, which a node of a cluster may have to give up. */
static void test_place_of_audit(void **state)
{
        static const struct {
                const char *line, *audit;
        } places[] = {
                { "", "/var/lib/sosync/audit" },
                { "state: {path: /srv/s}", "/srv/audit" },
                { "state: {path: /srv/s/}", "/srv/audit" },
                { "state: {path: /srv/s///}", "/srv/audit" },
                { "state: {path: /s/}", "/audit" },
                { "audit: {path: /srv/a}", "/srv/a" },
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        for (size_t i = 0; i < N_ELEMENTS(places); i++) {
                const Row row = { "state", "", places[i].line, NULL };
                Config *c = load(a, &row, true);

                assert_string_equal(c->audit.path, places[i].audit);
                config_unref(c);
        }
}

/* However often rules are activated, one configuration is kept beside them: the one that was read. */
static void test_activated_again_and_again(void **state)
{
        static const char text[] = "rules: []\n";
        const RulesFile file = { .name = "own.yaml", .text = text, .n = sizeof(text) - 1 };
        const Row row = { "log", "", "", NULL };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Config *read = load(a, &row, false), *now = config_ref(read), *next;

        for (int i = 0; i < 3; i++) {
                assert_int_equal(config_with_rules(&next, now, &file, 1, NULL), 0);
                config_unref(now);
                now = next;
                assert_ptr_equal(now->base, read);
                assert_ptr_equal(now->run.brakes, &read->brakes);
                assert_true(now->run.n_attributes > 0);
        }
        config_unref(read);
        assert_int_equal(read->refs, 1); /* by the last one */
        config_unref(now);
}

/* Whoever adds a key says here when it takes effect. */
static void test_no_key_forgotten(void **state)
{
        for (const ConfigField *f = config_fields; f->name; f++) {
                bool found = false;

                for (size_t i = 0; i < N_ELEMENTS(rows); i++)
                        found |= str_is(rows[i].key, f->name);
                if (!found)
                        fail_msg("the key \"%s\" is not in this test: does a reload take it?", f->name);
        }
}

static int make_folder(void **state)
{
        char path[64];

        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof(path), "%s/secret", folder);
        return str_write_file(path, "a-secret-that-is-long-enough-for-all\n", 37, 0600);
}

static int remove_folder(void **state)
{
        char path[64];

        snprintf(path, sizeof(path), "%s/secret", folder);
        unlink(path);
        snprintf(path, sizeof(path), "%s/sosync.yaml", folder);
        unlink(path);
        return rmdir(folder);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_key),
                cmocka_unit_test(test_place_of_audit),
                cmocka_unit_test(test_activated_again_and_again),
                cmocka_unit_test(test_no_key_forgotten),
        };

        return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
