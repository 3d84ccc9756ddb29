/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/command.h"
#include "app/config/permissions.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/str.h"
#include "engine/target/graph-credential.h"

#include <unistd.h>

/* Others take their turn (graph_credentials_check), but somebody should know. */
static void warn_of_expired(const GraphOptions *o)
{
        const GraphCredential *all = o->credentials.items;

        for (size_t i = 0; i < o->credentials.n_items; i++) {
                Diag diag = DIAG_INIT;

                if (graph_credential_has_expired(&all[i], clock_wall(&clock_system), &diag))
                        command_fail(EXIT_DONE, "warning: target.credentials.%zu: %s", i, diag_text(&diag));
                diag_deinit(&diag);
        }
}

static int check(const char *path)
{
        _cleanup_(config_unrefp) Config *c = NULL;
        int status = EXIT_DONE;
        size_t n;

        c = command_config_load_rules(path, &status);
        if (!c)
                return status;
        rules_all(c->run.rules, &n);
        warn_of_expired(&c->target);
        printf("%s: ok (%zu rules, version %s)\n", path, n, rules_version(c->run.rules));
        return EXIT_DONE;
}

static int show(const char *path)
{
        _cleanup_(config_unrefp) Config *c = NULL;
        int status = EXIT_DONE;
        Str out;

        c = command_config_load_rules(path, &status);
        if (!c)
                return status;
        str_init(&out, SIZE_MAX);
        config_show(c, &out);
        fputs(out.data, stdout);
        str_deinit(&out);
        return EXIT_DONE;
}

/* A name on a line, the first behind what all are for. */
static void list_needed(const Config *c, const char *what, bool optional, bool writes)
{
        size_t n;
        const Permission *rows = permissions_all(&n);

        for (size_t i = 0; i < n; i++) {
                if (rows[i].optional != optional || rows[i].writes != writes || !rows[i].is_needed(c))
                        continue;
                printf("  %-20s %s\n", what, rows[i].name);
                what = "";
        }
}

/* Which of them this configuration needs, if there is one. */
static void needed_by(const char *path)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(config_unrefp) Config *c = NULL;
        Config first_days;

        if (access(path, R_OK) || config_load_tolerant(&c, path, &diag))
                return;
        first_days = *c;
        first_days.staging = true;
        printf("\n%s needs\n", path);
        list_needed(&first_days, "in staging", false, false);
        list_needed(c, "to export, besides", false, true);
        list_needed(c, "if possible", true, false);
}

static int permissions(const char *path)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        size_t n;
        Str out;
        const Permission *rows = permissions_all(&n);

        str_init(&out, SIZE_MAX);
        for (size_t i = 0; i < n; i++) {
                str_printf(&out, "%-30s ", rows[i].name);
                str_add_wrapped(&out, rows[i].what, 31, 31, command_room());
                str_printf(&out, "\n%31s", "");
                str_add_wrapped(&out,
                                arena_printf(a, "%s%s", rows[i].when, rows[i].optional ? " (optional)" : ""),
                                31, 31, command_room());
                str_add_char(&out, '\n');
        }
        fputs(out.data, stdout);
        str_deinit(&out);
        needed_by(path);
        return EXIT_DONE;
}

int command_config(const Command *c, const char *config_path, int argc, char **argv)
{
        Str out;

        if (argc != 1)
                return command_usage(c);
        if (str_is(argv[0], "check"))
                return check(config_path);
        if (str_is(argv[0], "permissions"))
                return permissions(config_path);
        if (str_is(argv[0], "show"))
                return show(config_path);
        if (!str_is(argv[0], "help"))
                return command_usage(c);
        str_init(&out, SIZE_MAX);
        config_help(&out);
        fputs(out.data, stdout);
        str_deinit(&out);
        return EXIT_DONE;
}
