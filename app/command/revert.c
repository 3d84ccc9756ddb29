/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/command.h"
#include "app/command/job.h"
#include "app/command/progress.h"
#include "base/str.h"

#include <getopt.h>
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
        size_t n_meant;
        bool json;
} RevertCommand;

static int parse(const Command *c, int argc, char **argv, RevertCommand *v)
{
        static const struct option options[] = {
                { "run", required_argument, NULL, 'r' },   { "rules", required_argument, NULL, 'v' },
                { "since", required_argument, NULL, 's' }, { "dry-run", no_argument, NULL, 'n' },
                { "list", no_argument, NULL, 'l' },        { "release", no_argument, NULL, 'e' },
                { "json", no_argument, NULL, 'j' },        { NULL, 0, NULL, 0 },
        };
        Wall since;
        int k;

        argv--;
        argc++;
        optind = 1;
        while ((k = getopt_long(argc, argv, "", options, NULL)) != -1)
                switch (k) {
                case 'r':
                        json_object_set_new(v->arguments, "run", json_string(optarg));
                        v->n_meant++;
                        break;
                case 'v':
                        json_object_set_new(v->arguments, "rules", json_string(optarg));
                        v->n_meant++;
                        break;
                case 's':
                        if (!command_since(optarg, &since))
                                return EXIT_USAGE;
                        json_object_set_new(v->arguments, "since", json_integer(since.ms));
                        v->n_meant++;
                        break;
                case 'n':
                        json_object_set_new(v->arguments, "dryRun", json_true());
                        break;
                case 'l':
                case 'e':
                        if (v->act)
                                return command_usage(c);
                        v->act = k == 'l' ? "list" : "release";
                        json_object_set_new(v->arguments, "do", json_string(v->act));
                        break;
                case 'j':
                        v->json = true;
                        break;
                default:
                        return command_usage(c);
                }
        if (str_is(v->act, "release") && argc - optind == 1)
                json_object_set_new(v->arguments, "dn", json_string(argv[optind++]));
        if (argc != optind || !v->act == !v->n_meant)
                return command_usage(c);
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
                json_dumpf(result, stdout, JSON_INDENT(2));
                putchar('\n');
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
