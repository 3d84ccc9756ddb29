/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/job.h"
#include "app/command/options.h"
#include "app/command/progress.h"
#include "app/command/tally.h"
#include "base/str.h"

#include <string.h>

static const TallyLine lines[] = {
        { "equal", "equal", true },
        { "different", "different", true },
        { "onlyHere", "only in Active Directory: they would be created", true },
        { "onlyThere", "only in Microsoft Entra ID, with an anchor", true },
        { "failed", "cannot be told: why is said below", false },
        /* The percentage is of all these (compare_percent()). */
        { "notExported", "not exported: no rule provisions them, or Graph cannot write such objects", false },
};

#define N_COMPARED (N_ELEMENTS(lines) - 1)

static const char *whole(Arena *a, const json_t *o, const char *key)
{
        const char *s = json_string_value(json_object_get(o, key));

        return s ? str_safe(a, s, strlen(s)) : "(none)";
}

/* Behind the number and the attribute, as much of it as the line takes. */
#define ROW_LEFT 39

static const char *field(Arena *a, const json_t *o, const char *key, size_t taken)
{
        size_t columns = command_room();

        taken += ROW_LEFT;
        return dn_shorten(a, whole(a, o, key), columns > taken + 30 ? columns - taken : 30);
}

static void print_attributes(const json_t *list)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        json_t *row;
        size_t i;

        if (json_array_size(list))
                printf("\n%12s  %-24s %s\n", "objects", "attribute", "sync rule, and an example");
        json_array_foreach(list, i, row)
        {
                printf("%12lld  %-24s %s\n", (long long)json_integer_value(json_object_get(row, "objects")),
                       whole(a, row, "name"), field(a, row, "rule", 0));
                printf("%12s  %-24s %s\n", "", "", field(a, row, "dn", 0));
                printf("%12s  %-24s rules: %s\n", "", "", field(a, row, "ours", 7));
                printf("%12s  %-24s cloud: %s\n", "", "", field(a, row, "theirs", 7));
        }
}

static void print_failures(const json_t *list)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        json_t *row;
        size_t i;

        if (json_array_size(list))
                printf("\n%12s  %-24s %s\n", "objects", "cannot be told", "an example");
        json_array_foreach(list, i, row)
                printf("%12lld  %-24s %s\n", (long long)json_integer_value(json_object_get(row, "objects")),
                       whole(a, row, "code"), field(a, row, "dn", 0));
}

static void print(const json_t *result)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char number[PROGRESS_NUMBER_MAX];
        double percent = json_real_value(json_object_get(result, "percent"));
        const char *fits = json_string_value(json_object_get(result, "anchorFits"));
        uint64_t n = 0;
        Str out;

        for (size_t i = 0; i < N_COMPARED; i++)
                n += (uint64_t)json_integer_value(json_object_get(result, lines[i].key));
        /* What is not all is never rounded up to it. */
        str_init(&out, SIZE_MAX);
        str_printf(&out, "%11.*f%%  ", percent >= 100 ? 0 : 2,
                   percent >= 100    ? 100.0
                   : percent > 99.99 ? 99.99
                                     : percent);
        tally_add(&out,
                  arena_printf(a, "of %s objects are in Microsoft Entra ID as the rules would export them",
                               progress_number(n, number)));
        fputs(out.data, stdout);
        tally_print(result, lines, N_ELEMENTS(lines));
        if (!json_is_true(json_object_get(result, "references"))) {
                str_reset(&out);
                str_printf(&out, "%12s  ", "-");
                tally_add(&out,
                          "managers, members, and what is only there: told by a comparison of everything");
                fputs(out.data, stdout);
        }
        str_deinit(&out);
        print_attributes(json_object_get(result, "attributes"));
        print_failures(json_object_get(result, "failures"));
        if (fits)
                printf("\nAnchorMismatch: %lld users match by %s, and %lld by the anchor that the rules "
                       "make.\n"
                       "Nothing is created and nobody is matched until the rules make the anchor of it.\n",
                       (long long)json_integer_value(json_object_get(result, "anchorsTheirs")), fits,
                       (long long)json_integer_value(json_object_get(result, "anchorsOurs")));
        if (json_object_get(result, "report"))
                printf("\n%s\n", whole(a, result, "report"));
}

int command_compare(const Command *c, const char *config_path, int argc, char **argv)
{
        const char *ou = NULL;
        int64_t sample = 0;
        bool json = false;
        const Option options[] = {
                { "ou", .dn = &ou },
                { "sample", .number = &sample, .min = 1, .max = 100000 },
                { "json", .flag = &json },
                { NULL },
        };
        json_t *result = NULL;
        int status = options_read_all(c, options, argc, argv);

        if (status)
                return status;
        status = command_job(
                config_path, "compare",
                json_pack("{s:s?, s:I, s:b}", "ou", ou, "sample", (json_int_t)sample, "details", json),
                &result);
        if (result && json) {
                command_print_json(result);
        } else if (result) {
                print(result);
        }
        json_decref(result);
        return status;
}
