/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/job.h"
#include "app/command/options.h"
#include "app/command/progress.h"
#include "base/str.h"

#include <string.h>

static long long number(const json_t *o, const char *key)
{
        return (long long)json_integer_value(json_object_get(o, key));
}

static void print_texts(const json_t *list, const char *head)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const json_t *o;
        size_t i;

        if (!json_array_size(list))
                return;
        printf("\n%s\n", head);
        json_array_foreach(list, i, o)
        {
                const char *dn = json_is_string(o) ? json_string_value(o)
                                                   : json_string_value(json_object_get(o, "dn"));
                const char *attribute = json_string_value(json_object_get(o, "attribute"));
                const char *why = json_string_value(json_object_get(o, "why"));

                printf("  %s", str_safe(a, dn ? dn : "", strlen(dn ? dn : "")));
                if (why)
                        printf(": %s%s%s", attribute ? attribute : "", attribute ? ": " : "",
                               str_safe(a, why, strlen(why)));
                putchar('\n');
        }
}

static void print(const json_t *o)
{
        bool dry = json_is_true(json_object_get(o, "dryRun"));

        printf("%lld object%s: %lld value%s and %lld link%s %s\n", number(o, "objects"),
               number(o, "objects") == 1 ? "" : "s", number(o, "values"), number(o, "values") == 1 ? "" : "s",
               number(o, "links"), number(o, "links") == 1 ? "" : "s",
               dry ? "would be put back" : "are put back, in the reconcile lane and under the brakes");
        if (number(o, "alreadyBack"))
                printf("%lld values are as they were already\n", number(o, "alreadyBack"));
        print_texts(json_object_get(o, "left"), "Left alone:");
        print_texts(json_object_get(o, "created"),
                    "Created by what is reverted, and left (nothing is deleted):");
        if (!dry && number(o, "objects"))
                printf("\nThe objects are held: only a disable is written to them until `sosync revert "
                       "--release`.\n`sosync revert --list` shows what is still to be put back.\n");
}

static void print_list(const json_t *list)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        long long n_waiting = 0;
        const json_t *o, *text;
        size_t i, k;

        json_array_foreach(list, i, o)
        {
                const char *dn = json_string_value(json_object_get(o, "dn"));
                const char *why = json_string_value(json_object_get(o, "why"));

                n_waiting += number(o, "waiting") != 0;
                printf("%s  %s  (%s)\n", number(o, "waiting") ? "waiting" : "back   ",
                       str_safe(a, dn ? dn : "", strlen(dn ? dn : "")), why ? why : "");
                json_array_foreach(json_object_get(o, "left"), k, text)
                        printf("         left alone: %s\n",
                               str_safe(a, json_string_value(text), strlen(json_string_value(text))));
        }
        printf("%zu object%s held, %lld of them still to be put back\n", json_array_size(list),
               json_array_size(list) == 1 ? " is" : "s are", n_waiting);
}

typedef struct RevertCommand {
        json_t *arguments;
        const char *act; /* "release" "list"; NULL: put back */
        bool json;
} RevertCommand;

static int parse(const Command *c, int argc, char **argv, RevertCommand *v)
{
        const char *run = NULL, *rules = NULL;
        bool dry = false, list = false, release = false, meant;
        Wall since = { 0 };
        const Option options[] = {
                { "run", .text = &run },      { "rules", .text = &rules },
                { "since", .since = &since }, { "dry-run", .flag = &dry },
                { "list", .flag = &list },    { "release", .flag = &release },
                { "json", .flag = &v->json }, { NULL },
        };
        int status = options_read(c, options, &argc, &argv);

        if (status)
                return status;
        meant = run || rules || since.ms;
        v->act = list ? "list" : release ? "release" : NULL;
        if ((list && release) || argc > release || !v->act == !meant)
                return command_usage(c);
        json_object_update_new(v->arguments, json_pack("{s:s*, s:s*, s:s*, s:s*}", "run", run, "rules", rules,
                                                       "do", v->act, "dn", argc ? argv[0] : NULL));
        if (since.ms)
                json_object_set_new(v->arguments, "since", json_integer(since.ms));
        if (dry)
                json_object_set_new(v->arguments, "dryRun", json_true());
        return EXIT_DONE;
}

int command_revert(const Command *c, const char *config_path, int argc, char **argv)
{
        RevertCommand v = { .arguments = json_object() };
        json_t *result = NULL;
        int status = parse(c, argc, argv, &v);

        if (status) {
                json_decref(v.arguments);
                return status;
        }
        status = command_job(config_path, "revert", v.arguments, &result);
        if (result && v.json) {
                command_print_json(result);
        } else if (result && str_is(v.act, "release")) {
                printf("%lld released; each is synchronized again\n", number(result, "released"));
        } else if (result && v.act) {
                print_list(result);
        } else if (result) {
                print(result);
        }
        json_decref(result);
        return status;
}
