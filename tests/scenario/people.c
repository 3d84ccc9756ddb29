/* SPDX-License-Identifier: Apache-2.0 */

/* People: what an administrator does, by the same functions as his commands. */

#include "tests/scenario/commands.h"

#include "app/control/matches.h"
#include "app/flow/brake-store.h"
#include "app/flow/revert.h"
#include "base/error.h"

/* REQUEST ada [staging]: a person asks for it. */
bool people_request(Scene *s, const char *const *words, size_t n_words)
{
        Change change = {
                .kind = CHANGE_REQUEST,
                .lane = LANE_URGENT,
                .staging = command_has(words, n_words, "staging"),
                .seen = clock_wall(&s->clock.clock),
                .by = "the script",
        };
        Thing *t;

        if (!command_need(s, words[1], &t))
                return false;
        change.id = t->id;
        change.source = scene_key(s, t).source;
        change.dn = t->dn;
        return queue_put(s->queue, &(Intake){ .changes = &change, .n_changes = 1, .now = change.seen }) ==
                       0 ||
               scene_fail(s, "the queue refuses the change");
}

/* APPROVE ada: a person says that the candidate is the same one. */
bool people_approve(Scene *s, const char *const *words, size_t n_words)
{
        Thing *t;
        int r;

        if (!command_need(s, words[1], &t))
                return false;
        r = matches_approve(s->queue, t->dn, "the script", clock_wall(&s->clock.clock));
        return r == 1 || scene_fail(s, "no candidate waits for it");
}

/* UNPARK ada: a person wants it tried again. */
bool people_unpark(Scene *s, const char *const *words, size_t n_words)
{
        ObjectKey key;
        Thing *t;

        if (!command_need(s, words[1], &t))
                return false;
        key = scene_key(s, t);
        return queue_unpark(s->queue, &key, clock_wall(&s->clock.clock)) == 0 ||
               scene_fail(s, "it is not in the queue");
}

/* REVERT since=00:10|rules=replaced [left=2] [objects=3] [dry]: put back what exports have replaced. */
bool people_revert(Scene *s, const char *const *words, size_t n_words)
{
        const char *since = command_value(s, words, n_words, "since");
        int64_t left = command_number(command_value(s, words, n_words, "left"), 0);
        int64_t objects = command_number(command_value(s, words, n_words, "objects"), -1);
        Revert rv = {
                .queue = s->queue,
                .target = s->cloud,
                .clock = &s->clock.clock,
                .rules = command_value(s, words, n_words, "rules"),
                .dry_run = command_has(words, n_words, "dry"),
                .by = "the script",
        };
        RevertFigures f;
        int64_t ms;
        size_t n_left;

        if (since) {
                if (!script_time(since, s->now_ms, &ms))
                        return scene_fail(s, "%s is not a time", since);
                rv.since = wall_add(clock_wall(&s->clock.clock), ms - s->now_ms);
        }
        if (str_is(rv.rules, "replaced"))
                rv.rules = s->replaced_rules;
        if (revert_run(&rv, &f, NULL))
                return scene_fail(s, "it cannot be reverted");
        cloud_reads(s->cloud);
        n_left = json_array_size(f.left);
        json_decref(f.left);
        json_decref(f.created);
        if (n_left != (size_t)left)
                return scene_fail(s, "%zu values are left alone", n_left);
        return objects < 0 || f.n_objects == (size_t)objects || scene_fail(s, "%zu objects", f.n_objects);
}

/* LET-GO [ada]: held objects are synchronized again. */
bool people_let_go(Scene *s, const char *const *words, size_t n_words)
{
        Thing *t = NULL;

        if (n_words > 1 && !command_need(s, words[1], &t))
                return false;
        return revert_release(s->queue, t ? t->dn : NULL, clock_wall(&s->clock.clock)) >= 0 ||
               scene_fail(s, "they cannot be released");
}

/* RELEASE disable [drop]: a person lets go on what the brake holds, or forgets it. */
bool people_release(Scene *s, const char *const *words, size_t n_words)
{
        Wall now = clock_wall(&s->clock.clock);
        Brake brake;

        if (!brake_parse(words[1], &brake))
                return scene_fail(s, "there is no brake %s", words[1]);
        if (brake_store_release(&s->shared.brakes, brake, command_has(words, n_words, "drop"), now) < 0)
                return scene_fail(s, "it cannot be released");
        alarms_clear(&s->alarms, "brake", words[1], "released", now);
        return true;
}
