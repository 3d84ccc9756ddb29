/* SPDX-License-Identifier: Apache-2.0 */

/* sosync rules diff|activate|history|rollback */

#include "app/command/job.h"
#include "app/command/options.h"
#include "app/command/progress.h"
#include "app/command/rules.h"
#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What to say of an effect, worst first. */
static const struct {
        const char *key, *one, *many;
        bool hurts;
} effects[] = {
        { "disabled", "account turns off", "accounts turn off", true },
        { "leave", "object is not wanted in the cloud any more",
          "objects are not wanted in the cloud any more", true },
        { "cleared", "value is cleared", "values are cleared", true },
        { "membersRemoved", "member goes", "members go", true },
        { "fail", "object fails", "objects fail", true },
        { "enabled", "account turns on", "accounts turn on", false },
        { "enter", "object is wanted in the cloud", "objects are wanted in the cloud", false },
        { "mended", "object fails no more", "objects fail no more", false },
};

static const char *text(const json_t *o, const char *key)
{
        const char *s = json_string_value(json_object_get(o, key));

        return s ? s : "";
}

static uint64_t number(const json_t *o, const char *key)
{
        return (uint64_t)json_integer_value(json_object_get(o, key));
}

static void print_safe(const char *indent, const char *s)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        printf("%s%s", indent, rules_cut(a, s, 160));
}

/* -- diff ------------------------------------------------------------------------------------------------ */

static void print_effects(const json_t *diff)
{
        const json_t *all = json_object_get(diff, "effects");
        bool quiet = true;

        for (size_t i = 0; i < N_ELEMENTS(effects); i++) {
                const json_t *e = json_object_get(all, effects[i].key), *example;
                uint64_t n = number(e, "n");
                char count[PROGRESS_NUMBER_MAX];
                size_t k;

                if (!n)
                        continue;
                quiet &= !effects[i].hurts;
                printf("%12s  %s\n", progress_number(n, count), n == 1 ? effects[i].one : effects[i].many);
                json_array_foreach(json_object_get(e, "examples"), k, example)
                {
                        print_safe("              ", json_string_value(example));
                        putchar('\n');
                }
        }
        if (quiet)
                printf("No account turns off, no value is cleared, no member goes, no object leaves or "
                       "fails.\n");
}

static void print_value(const json_t *example, const char *key)
{
        const char *s = json_string_value(json_object_get(example, key));

        print_safe("", s ? s : "(none)");
}

static void print_rules(const json_t *row)
{
        const char *was = text(row, "was"), *is = text(row, "is");

        if (str_is(was, is))
                printf("%s", *is ? is : "(no rule)");
        else
                printf("%s -> %s", *was ? was : "(no rule)", *is ? is : "(no rule)");
}

static void print_row(const json_t *row)
{
        uint64_t cleared = number(row, "cleared");
        char n[PROGRESS_NUMBER_MAX], m[PROGRESS_NUMBER_MAX];
        const json_t *example;
        size_t i;

        printf("%12s  %s.%s  by ", progress_number(number(row, "n"), n), text(row, "type"),
               text(row, "attribute"));
        print_rules(row);
        if (cleared)
                printf(", %s cleared", progress_number(cleared, m));
        putchar('\n');
        json_array_foreach(json_object_get(row, "examples"), i, example)
        {
                print_safe("              ", text(example, "dn"));
                printf(": ");
                print_value(example, "before");
                printf(" -> ");
                print_value(example, "after");
                putchar('\n');
        }
}

static void print_rows(const json_t *diff, const char *direction, const char *title)
{
        const json_t *row;
        bool any = false;
        size_t i;

        json_array_foreach(json_object_get(diff, "changes"), i, row)
        {
                if (!str_is(text(row, "direction"), direction))
                        continue;
                if (!any)
                        printf("\n%s\n", title);
                any = true;
                print_row(row);
        }
}

static bool is_same(const json_t *diff)
{
        return str_is(text(diff, "active"), text(diff, "candidate"));
}

static void print_diff(const json_t *diff)
{
        char n[PROGRESS_NUMBER_MAX], m[PROGRESS_NUMBER_MAX];

        if (is_same(diff)) {
                printf("Version %s (%s) is the active one: nothing changes.\n", text(diff, "candidate"),
                       text(diff, "origin"));
                return;
        }
        printf("active     version %s\n", text(diff, "active"));
        printf("candidate  version %s of %s\n", text(diff, "candidate"), text(diff, "origin"));
        printf("%s known objects compared in %.1f s; %s change\n\n",
               progress_number(number(diff, "objects"), n), json_real_value(json_object_get(diff, "seconds")),
               progress_number(number(diff, "changed"), m));
        print_effects(diff);
        print_rows(diff, "Outbound", "In Microsoft Entra ID:");
        print_rows(diff, "Inbound", "In the metaverse:");
        printf("\nObjects that no rule has ever taken are not known, and not compared.\n");
}

/* -- the verbs ------------------------------------------------------------------------------------------- */

typedef struct Life {
        RulesCommand *c;
        bool yes;
        const char *which; /* folder, or version; NULL: none was named */
} Life;

static int parse(Life *l, int argc, char **argv, bool with_yes)
{
        const Option options[] = { { "json", .flag = &l->c->json }, { "yes", .flag = &l->yes }, { NULL } };
        int status;

        argc--, argv++;
        status = options_read(l->c->command, options, &argc, &argv);
        if (status)
                return status;
        l->which = argc ? argv[0] : NULL;
        return argc > 1 || (l->yes && !with_yes) ? command_usage(l->c->command) : EXIT_DONE;
}

/* The service has its own working directory. */
static int add_folder(json_t *arguments, const char *folder)
{
        char path[PATH_MAX];

        if (!folder)
                return EXIT_DONE;
        if (!realpath(folder, path))
                return command_fail(EXIT_USAGE, "%s: %s", folder, strerror(errno));
        json_object_set_new(arguments, "folder", json_stringn(path, strlen(path)));
        return EXIT_DONE;
}

static int ask_diff(const Life *l, const json_t *arguments, json_t **ret_diff)
{
        return command_job(l->c->config_path, "rules-diff", json_deep_copy(arguments), ret_diff);
}

static int diff(Life *l)
{
        json_t *arguments = json_object(), *result = NULL;
        int status = add_folder(arguments, l->which);

        if (status == EXIT_DONE)
                status = ask_diff(l, arguments, &result);
        json_decref(arguments);
        if (!result)
                return status;
        if (l->c->json) {
                rules_print_json(result);
        } else {
                print_diff(result);
                json_decref(result);
        }
        return status;
}

/* A person at a terminal is asked; a script has to say so. */
static bool agrees(const Life *l)
{
        char line[16];

        if (l->yes)
                return true;
        if (!isatty(STDIN_FILENO)) {
                command_fail(EXIT_USAGE, "nothing was activated: say --yes");
                return false;
        }
        fprintf(stderr, "\nActivate it? [y/N] ");
        return fgets(line, sizeof(line), stdin) &&
               (str_is_nocase(line, "y\n") || str_is_nocase(line, "yes\n"));
}

static void print_activated(const json_t *done)
{
        const char *restart = json_string_value(json_object_get(done, "restart"));

        printf("Version %s is active.\n", text(done, "version"));
        if (json_is_true(json_object_get(done, "service")))
                printf("What changes is worked on in the reconcile lane: `sosync queue stats`.\n");
        else
                printf("No service runs: what changes is worked on from its next start on.\n");
        if (restart)
                printf("The service must be restarted for this: %s.\n", restart);
}

/* What was shown is what becomes active: the version goes with it. */
static int activate(Life *l, json_t *arguments, const char *how)
{
        json_t *shown = NULL, *done = NULL;
        int status = ask_diff(l, arguments, &shown);
        bool same;

        if (!shown)
                return status;
        same = is_same(shown);
        if (!l->c->json)
                print_diff(shown);
        if (!same && !agrees(l)) {
                json_decref(shown);
                return EXIT_USAGE;
        }
        json_object_set(arguments, "expected", json_object_get(shown, "candidate"));
        json_object_set_new(arguments, "how", json_string(how));
        if (!same)
                status = command_job(l->c->config_path, "rules-activate", json_deep_copy(arguments), &done);
        if (l->c->json && status == EXIT_DONE) {
                if (done)
                        json_object_set(shown, "activated", done);
                rules_print_json(json_incref(shown));
        } else if (done) {
                putchar('\n');
                print_activated(done);
        }
        json_decref(done);
        json_decref(shown);
        return status;
}

static int activate_folder(Life *l)
{
        json_t *arguments = json_object();
        int status = add_folder(arguments, l->which);

        if (status == EXIT_DONE)
                status = activate(l, arguments, "activate");
        json_decref(arguments);
        return status;
}

/* The version before the active one, or the one that was named. */
static int rollback(Life *l)
{
        json_t *history = NULL, *arguments, *item;
        const char *version = l->which, *active = "";
        size_t i;
        int status = command_job(l->c->config_path, "rules-history", json_object(), &history);

        if (!history)
                return status;
        json_array_foreach(json_object_get(history, "activations"), i, item)
        {
                if (i == 0)
                        active = text(item, "version");
                else if (!version && !str_is(text(item, "version"), active))
                        version = text(item, "version");
        }
        if (!version) {
                status = command_fail(EXIT_OBJECT, "there is no version before the active one");
        } else {
                arguments = json_pack("{s:s%}", "version", version, strlen(version));
                status = arguments ? activate(l, arguments, "rollback")
                                   : command_fail(EXIT_USAGE, "that is not a version");
                json_decref(arguments);
        }
        json_decref(history);
        return status;
}

static int history(Life *l)
{
        json_t *result = NULL, *item;
        size_t i;
        int status = command_job(l->c->config_path, "rules-history", json_object(), &result);

        if (!result)
                return status;
        if (l->c->json) {
                rules_print_json(result);
                return status;
        }
        printf("%-16s  %-24s  %-12s %-12s %s\n", "version", "active since", "by", "how", "from");
        json_array_foreach(json_object_get(result, "activations"), i, item)
        {
                const char *origin = rules_cut(l->c->arena, text(item, "origin"), 160);
                size_t width = str_columns(origin) + (i == 0 ? strlen("  (active)") : 0);

                printf("%-16s  %-24s  %-12s %-12s", text(item, "version"), text(item, "at"), text(item, "by"),
                       text(item, "how"));
                /* Beside the others, or below them. */
                if (70 + width > command_room())
                        printf("\n%17s", "");
                printf(" %s%s\n", origin, i == 0 ? "  (active)" : "");
        }
        if (json_is_true(json_object_get(result, "catchingUp")))
                printf("\nThe active version is still being applied to what was done by others.\n");
        json_decref(result);
        return status;
}

int rules_life(RulesCommand *c, int argc, char **argv)
{
        static const struct {
                const char *verb;
                bool takes_which, with_yes;
                int (*run)(Life *l);
        } verbs[] = {
                { "diff", true, false, diff },
                { "activate", true, true, activate_folder },
                { "history", false, false, history },
                { "rollback", true, true, rollback },
        };
        Life l = { .c = c };

        for (size_t i = 0; i < N_ELEMENTS(verbs); i++) {
                int status;

                if (!str_is(verbs[i].verb, argv[0]))
                        continue;
                status = parse(&l, argc, argv, verbs[i].with_yes);
                if (status == EXIT_DONE && l.which && !verbs[i].takes_which)
                        status = command_usage(c->command);
                return status ? status : verbs[i].run(&l);
        }
        return -1;
}
