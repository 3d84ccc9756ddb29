/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/options.h"

#include "base/str.h"

#include <getopt.h>
#include <string.h>

#define OPTIONS_MAX 16

static int take_number(const Option *o, const char *text)
{
        _cleanup_(arena_freep) Arena *a = NULL;

        if (str_to_int64(text, o->number) && *o->number >= o->min && *o->number <= o->max)
                return EXIT_DONE;
        a = arena_new(0);
        return command_fail(EXIT_USAGE, "--%s: \"%s\" is not a number from %lld to %lld", o->name,
                            str_safe(a, text, strlen(text)), (long long)o->min, (long long)o->max);
}

static int take_dn(const Option *o, const char *text)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        *o->dn = text;
        return command_dn(arena_printf(a, "--%s", o->name), text) ? EXIT_DONE : EXIT_USAGE;
}

static int take(const Option *o, const char *text)
{
        if (o->flag)
                *o->flag = true;
        else if (o->text)
                *o->text = text;
        else if (o->dn)
                return take_dn(o, text);
        else if (o->number)
                return take_number(o, text);
        else
                return command_since(text, o->since) ? EXIT_DONE : EXIT_USAGE;
        return EXIT_DONE;
}

int options_read(const Command *c, const Option *options, int *argc, char ***argv)
{
        struct option known[OPTIONS_MAX + 1] = { 0 };
        int k, status;

        for (int i = 0; i < OPTIONS_MAX && options[i].name; i++)
                known[i] = (struct option){ .name = options[i].name,
                                            .has_arg = options[i].flag ? no_argument : required_argument,
                                            .val = i + 1 };
        command_getopt(argc, argv);
        while ((k = getopt_long(*argc, *argv, "", known, NULL)) != -1) {
                if (k < 1 || k > OPTIONS_MAX)
                        return command_usage(c);
                status = take(&options[k - 1], optarg);
                if (status)
                        return status;
        }
        *argc -= optind;
        *argv += optind;
        return EXIT_DONE;
}

int options_read_all(const Command *c, const Option *options, int argc, char **argv)
{
        int status = options_read(c, options, &argc, &argv);

        if (status || !argc)
                return status;
        command_fail(EXIT_USAGE, "%s: \"%s\" was not expected", c->name, argv[0]);
        return command_usage(c);
}
