/* SPDX-License-Identifier: Apache-2.0 */

#include "app/command/job.h"
#include "app/command/options.h"
#include "app/command/progress.h"
#include "app/command/tally.h"
#include "base/str.h"

#include <string.h>

static const TallyLine lines[] = {
        { "same", "as they were imported", true },
        { "enqueued", "enqueued", true },
        { "new", "  new", false },
        { "changed", "  changed", false },
        { "moved", "  renamed or moved", false },
        { "scopeChanged", "  in or out of scope", false },
        { "deleted", "  deleted", false },
        { "missed", "  of these missed by the feed", true },
        { "waiting", "have a change in the queue", false },
        { "outOfScope", "out of scope", false },
        { "offered", "looked at before, and not ours", false },
        { "neverSynchronized", "older than the first start, never synchronized (--all takes them)", false },
        { "notVisible", "known, but not visible to this account: nothing is concluded", false },
};

static const TallyLine cloud_lines[] = {
        { "changed", "  changed there by somebody else", true },
        { "deleted", "  deleted there", false },
        { "enqueued", "  put back through the reconcile lane", false },
        { "mastered", "  another synchronization's: not compared", false },
        { "linksNotCompared", "  whose members or manager were not compared", false },
};

static void print_cloud(const json_t *cloud)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *failed = json_string_value(json_object_get(cloud, "failed"));
        char number[PROGRESS_NUMBER_MAX];
        const json_t *o;
        size_t i;
        Str out;

        if (!cloud)
                return;
        str_init(&out, SIZE_MAX);
        str_printf(&out, "%12s  ",
                   progress_number((uint64_t)json_integer_value(json_object_get(cloud, "read")), number));
        tally_add(&out, json_is_true(json_object_get(cloud, "whole"))
                                ? "objects of Microsoft Entra ID looked at (all)"
                                : "objects of Microsoft Entra ID looked at (changed since the last time)");
        fputs(out.data, stdout);
        str_deinit(&out);
        tally_print(cloud, cloud_lines, N_ELEMENTS(cloud_lines));
        json_array_foreach(json_object_get(cloud, "examples"), i, o)
        {
                const char *dn = json_string_value(json_object_get(o, "dn"));

                printf("%12s    %s: %s\n", "", str_safe(a, dn, strlen(dn)),
                       json_string_value(json_object_get(o, "what")));
        }
        if (failed)
                printf("Microsoft Entra ID could not be compared: %s\n", str_safe(a, failed, strlen(failed)));
}

static void print_failed(const json_t *failed)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const json_t *o;
        size_t i;

        json_array_foreach(failed, i, o)
        {
                const char *why = json_string_value(json_object_get(o, "why"));

                printf("%s could not be compared: %s\n", json_string_value(json_object_get(o, "source")),
                       str_safe(a, why, strlen(why)));
        }
}

static void print(const json_t *result)
{
        char number[PROGRESS_NUMBER_MAX];

        printf("%12s  objects below %s, compared in %.1f s\n",
               progress_number((uint64_t)json_integer_value(json_object_get(result, "objects")), number),
               json_string_value(json_object_get(result, "below")),
               (double)json_integer_value(json_object_get(result, "tookMilliseconds")) / 1000);
        tally_print(result, lines, N_ELEMENTS(lines));
        print_failed(json_object_get(result, "failed"));
        print_cloud(json_object_get(result, "cloud"));
        if (!json_is_true(json_object_get(result, "service")) &&
            json_integer_value(json_object_get(result, "enqueued")))
                printf("No service runs: what is enqueued is worked off when it starts.\n");
}

int command_reconcile(const Command *c, const char *config_path, int argc, char **argv)
{
        const char *ou = NULL;
        bool all = false, json = false;
        const Option options[] = {
                { "ou", .dn = &ou },
                { "all", .flag = &all },
                { "json", .flag = &json },
                { NULL },
        };
        json_t *result = NULL;
        int status = options_read_all(c, options, argc, argv);

        if (status)
                return status;
        status = command_job(config_path, "reconcile", json_pack("{s:s?, s:b}", "ou", ou, "all", all),
                             &result);
        if (result && json) {
                command_print_json(result);
        } else if (result) {
                print(result);
        }
        json_decref(result);
        return status;
}
