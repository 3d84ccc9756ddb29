/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/command.h"
#include "app/config/permissions.h"
#include "base/clock.h"
#include "base/str.h"
#include "engine/target/graph-credential.h"

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

static int permissions(void)
{
        size_t n;
        const Permission *rows = permissions_all(&n);

        for (size_t i = 0; i < n; i++)
                printf("%-30s %s\n%-30s %s%s\n", rows[i].name, rows[i].what, "", rows[i].when,
                       rows[i].optional ? " (optional)" : "");
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
                return permissions();
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
