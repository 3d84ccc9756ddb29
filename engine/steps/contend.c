/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Contend: two who both want to own a value
 *
 * Another program that sets back what we write would make us write for ever. What stood as we want it when we
 * last looked, and does not now, was set back; at the third time within an hour we give way until the hour is
 * over, and the report says so. Turning an account off is never given up.
 */

#include "engine/steps/internal.h"

#include "base/str.h"

#include <string.h>

#define CONTEST_TIMES 3
#define CONTEST_MS    ((int64_t)3600 * 1000)

static CloudContest *contest_of(Run *run, const char *attribute)
{
        CloudContest *contests = arena_new_array(run->arena, CloudContest, run->cloud.n_contests + 1);
        size_t n = run->cloud.n_contests, i = 0;

        /* What was read from the space is immutable. */
        if (n)
                memcpy(contests, run->cloud.contests, n * sizeof(*contests));
        while (i < n && !str_is(contests[i].attribute, attribute))
                i++;
        if (i == n) {
                contests[n] = (CloudContest){ .attribute = attribute };
                run->cloud.n_contests++;
        }
        run->cloud.contests = contests;
        return &contests[i];
}

bool run_is_contended(Run *run, const TargetAttribute *at, Value ours, Value theirs)
{
        Value before = run->cloud_before ? object_get(run->cloud_before, at->name) : VALUE_NULL;
        bool set_back = run->cloud_before && target_value_is(at, ours, before);
        Wall now = clock_wall(run->clock);
        CloudContest *c = NULL;

        if (str_is(at->name, "accountEnabled"))
                return false;
        for (size_t i = 0; i < run->cloud.n_contests && !c; i++)
                if (str_is(run->cloud.contests[i].attribute, at->name))
                        c = contest_of(run, at->name);
        if (!c && !set_back)
                return false;
        if (!c)
                c = contest_of(run, at->name);
        if (now.ms - c->since.ms >= CONTEST_MS || now.ms < c->since.ms)
                *c = (CloudContest){ .attribute = c->attribute, .since = now };
        c->n += set_back;
        if (c->n < CONTEST_TIMES)
                return false;
        step_warn(run, "Contended", "%s was set back %u times within an hour: it is left as \"%s\"", at->name,
                  c->n, value_text(run->arena, theirs, 100));
        return true;
}
