/* SPDX-License-Identifier: Apache-2.0 */

/* Commands: what a script can make happen. README.md has them with their meaning. */

#include "tests/scenario/commands.h"

#include "app/flow/forget.h"
#include "app/flow/staging.h"
#include "base/error.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

typedef struct Verb {
        const char *name;
        size_t n_words; /* at least, the verb itself included */
        bool (*run)(Scene *s, const char *const *words, size_t n_words);
} Verb;

const char *command_value(Scene *s, const char *const *words, size_t n_words, const char *name)
{
        const char *key, *value;

        for (size_t i = 0; i < n_words; i++)
                if (script_pair(s->arena, words[i], &key, &value) && str_is(key, name))
                        return value;
        return NULL;
}

bool command_has(const char *const *words, size_t n_words, const char *word)
{
        for (size_t i = 0; i < n_words; i++)
                if (str_is(words[i], word))
                        return true;
        return false;
}

int64_t command_number(const char *text, int64_t fallback)
{
        int64_t n;

        return text && str_to_int64(text, &n) ? n : fallback;
}

bool command_need(Scene *s, const char *name, Thing **ret_thing)
{
        *ret_thing = scene_thing(s, name);
        return *ret_thing ? true : scene_fail(s, "there is no object %s", name);
}

/* Everything that was seen must have been expected before time goes on. */
static bool nothing_left(Scene *s)
{
        if (s->seen.next < s->seen.n_lines)
                return scene_fail(s, "something happened before this line that nobody expects");
        return true;
}

static bool do_at(Scene *s, const char *const *words, size_t n_words)
{
        int64_t ms;

        if (!script_time(words[1], s->now_ms, &ms))
                return scene_fail(s, "%s is not a time", words[1]);
        return scene_work(s) && nothing_left(s) && scene_until(s, ms);
}

/* CLOCK +1h, CLOCK -365d: the machine's clock is set to another time. Time itself goes on as it did. */
static bool do_clock(Scene *s, const char *const *words, size_t n_words)
{
        static const struct {
                char unit;
                int64_t ms;
        } units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
        size_t n = strlen(words[1]);
        int64_t number = 0;

        for (size_t i = 0; n > 2 && i < N_ELEMENTS(units); i++)
                if (units[i].unit == words[1][n - 1] &&
                    str_to_int64(arena_strndup(s->arena, words[1] + 1, n - 2), &number))
                        number *= words[1][0] == '-' ? -units[i].ms : units[i].ms;
        if (!number)
                return scene_fail(s, "%s is not by how much", words[1]);
        s->clock.wall = wall_add(s->clock.wall, number);
        return true;
}

static const Object *brought(Scene *s, const Thing *t, const char *const *names, size_t n_names)
{
        ObjectBuilder b;

        object_build(&b, s->arena);
        for (size_t i = 0; i < t->n_attributes; i++)
                if (n_names == 0 || command_has(names, n_names, t->attributes[i].name))
                        object_add(&b, t->attributes[i].name, t->attributes[i].value);
        return object_finish(&b, &t->id, t->type, t->dn);
}

/* CHANGE m* ...: one batch for all whose name begins so. */
static bool meets(const char *pattern, const char *name)
{
        return str_ends(pattern, "*") ? strncmp(pattern, name, strlen(pattern) - 1) == 0
                                      : str_is(pattern, name);
}

static bool hand_in(Scene *s, IntakeSink *in, FeedBatch *batch)
{
        Position position = { .data = (const uint8_t *)&s->n_positions, .n = sizeof(s->n_positions) };

        if (!batch->n_entries)
                return true;
        s->n_positions++;
        batch->position = &position;
        return in->sink.batch(&in->sink, batch) == 0 || scene_fail(s, "the intake refuses the batch");
}

/*
 * CHANGE ada [title mail ...] [gone] [ahead] [catch-up]: the feed brings it, with these attributes (none
 * named: with all). Ahead: its number is one above what the directory has.
 */
bool command_change(Scene *s, const char *const *words, size_t n_words)
{
        static const char *const flags[] = { "gone", "ahead", "catch-up" };
        const char **names = arena_new_array(s->arena, const char *, n_words);
        FeedBatch batches[2] = { 0 };
        FeedEntry *entries[2];
        size_t n_names = 0;

        for (size_t i = 0; i < N_ELEMENTS(batches); i++) {
                batches[i].entries = entries[i] = arena_new_array(s->arena, FeedEntry, s->n_things + 1);
                batches[i].seen = clock_wall(&s->clock.clock);
                batches[i].catch_up = command_has(words, n_words, "catch-up");
        }
        for (size_t i = 2; i < n_words; i++)
                if (!command_has(flags, N_ELEMENTS(flags), words[i]))
                        names[n_names++] = words[i];
        for (size_t i = 0; i < s->n_things; i++) {
                const Thing *t = s->things[i];

                if (!meets(words[1], t->name))
                        continue;
                entries[t->second][batches[t->second].n_entries++] = (FeedEntry){
                        .id = t->id,
                        .dn = t->dn,
                        .gone = command_has(words, n_words, "gone"),
                        .version = { .server = t->second ? s->second->server : s->server,
                                     .number = t->version + command_has(words, n_words, "ahead") },
                        .changed = clock_wall(&s->clock.clock),
                        .brought = brought(s, t, names, n_names),
                };
        }
        if (!batches[0].n_entries && !batches[1].n_entries)
                return scene_fail(s, "there is no object %s", words[1]);
        return hand_in(s, &s->intake, &batches[0]) &&
               (!s->second || hand_in(s, &s->second->intake, &batches[1]));
}

/* MEANWHILE sales member-=ada: so the object changes, and the feed brings it, while a run sends a long list
 * of links. */
static bool do_meanwhile(Scene *s, const char *const *words, size_t n_words)
{
        s->meanwhile = words;
        s->n_meanwhile = n_words;
        return true;
}

void command_meanwhile_now(void *scene)
{
        Scene *s = scene;
        const char *const *words = s->meanwhile;

        if (!words)
                return;
        s->meanwhile = NULL;
        if (command_object(s, words, s->n_meanwhile))
                command_change(s, words, 2);
}

/* STAGING on   STAGING off   STAGING promote: off, and what it has held back becomes due */
static bool do_staging(Scene *s, const char *const *words, size_t n_words)
{
        size_t n;

        s->staging = str_is(words[1], "on");
        if (!scene_reload(s))
                return false;
        return !str_is(words[1], "promote") ||
               staging_release(s->queue, clock_wall(&s->clock.clock), &n) == 0 ||
               scene_fail(s, "what was held back cannot be queued");
}

/* ESTATE connect [tenant=alone]: who owns the objects, by the configuration, and by the tenant if it differs.
 */
static bool do_estate(Scene *s, const char *const *words, size_t n_words)
{
        bool alone = str_is(n_words > 2 ? strchr(words[2], '=') + 1 : words[1], "alone");

        s->estate = arena_strdup(s->arena, words[1]);
        /* Where Connect owns the objects, it has a flag. Its cycles are another story's. */
        if (str_is(words[1], "connect") && !s->connect &&
            !connect_place(s, (int64_t)86400 * 1000000, (int64_t)180 * 1000000))
                return false;
        cloud_estate(s->cloud, !alone);
        return scene_reload(s);
}

/* TENANT 22222222-2222-3333-4444-555555555555: target.tenant_id names another one */
static bool do_tenant(Scene *s, const char *const *words, size_t n_words)
{
        (void)n_words;
        cloud_tenant(s->cloud, arena_strdup(s->arena, words[1]));
        return true;
}

/* FILTER sales: only direct members of this group.   FILTER off */
static bool do_filter(Scene *s, const char *const *words, size_t n_words)
{
        Thing *t = scene_thing(s, words[1]);

        s->group_filter = t ? t->dn : NULL;
        return scene_reload(s);
}

/* TYPES user,contact: scope.object_types */
static bool do_types(Scene *s, const char *const *words, size_t n_words)
{
        s->types = arena_strdup(s->arena, words[1]);
        return scene_reload(s);
}

/* TARGET soft_match: on   TARGET off: what stands in the configuration's target section */
static bool do_target(Scene *s, const char *const *words, size_t n_words)
{
        s->section = str_is(words[1], "off") ? NULL : strstr(s->line->text, words[1]);
        return scene_reload(s);
}

/* LAST-WORD disable [deleted=report]: what is said to an account that leaves scope, or is deleted. */
static bool do_last_word(Scene *s, const char *const *words, size_t n_words)
{
        const char *deleted = command_value(s, words, n_words, "deleted");

        s->on_leave = arena_strdup(s->arena, words[1]);
        s->on_delete = deleted ? arena_strdup(s->arena, deleted) : s->on_leave;
        return scene_reload(s);
}

/* PROTECT "accounts: [ada@contoso.test], allow: [...]" */
static bool do_protect(Scene *s, const char *const *words, size_t n_words)
{
        s->guarded = arena_strdup(s->arena, words[1]);
        return scene_reload(s);
}

/* BRAKES "off: [create]": `brakes:` of the configuration. */
static bool do_brakes(Scene *s, const char *const *words, size_t n_words)
{
        s->brakes = arena_strdup(s->arena, words[1]);
        return scene_reload(s);
}

/* What has happened so far is not the story. */
static bool do_forget(Scene *s, const char *const *words, size_t n_words)
{
        if (!scene_work(s))
                return false;
        s->seen.next = s->seen.n_lines;
        return true;
}

/* GONE 400d: what is known of objects that were deleted longer ago goes, as it does once an hour. */
static bool do_gone(Scene *s, const char *const *words, size_t n_words)
{
        Wall now = clock_wall(&s->clock.clock);
        char *unit;
        long long days = strtoll(words[1], &unit, 10);
        int n;

        if (!str_is(unit, "d"))
                return scene_fail(s, "how many days? 400d");
        if (!scene_work(s))
                return false;
        n = forget_gone(s->queue, &s->shared.brakes, wall_add(now, -days * 86400000), now);
        if (n < 0)
                return scene_fail(s, "they cannot be forgotten: %d", n);
        seen_value(&s->seen, seen_add(&s->seen, true, "forgotten"), "objects",
                   arena_printf(s->arena, "%d", n));
        return true;
}

static const Verb verbs[] = {
        { "AT", 2, do_at },
        { "CLOCK", 2, do_clock },
        { "OBJECT", 2, command_object },
        { "OBJECTS", 4, command_objects },
        { "DIRECTORY", 2, command_directory },
        { "MOVE", 3, command_move },
        { "RENAME", 3, command_rename },
        { "DELETE", 2, command_delete },
        { "CHANGE", 2, command_change },
        { "MEANWHILE", 3, do_meanwhile },
        { "REQUEST", 2, people_request },
        { "CLOUD", 2, command_cloud },
        { "REPLY", 2, fault_reply },
        { "FAIL", 3, fault_source },
        { "LAG", 2, fault_lag },
        { "HOLD", 2, fault_hold },
        { "STAGING", 2, do_staging },
        { "ESTATE", 2, do_estate },
        { "TENANT", 2, do_tenant },
        { "FILTER", 2, do_filter },
        { "RULES", 2, command_rules },
        { "RULE", 2, command_rule },
        { "ACTIVATE", 2, command_activate },
        { "CATCH-UP", 1, command_catch_up },
        { "TYPES", 2, do_types },
        { "CONNECT", 1, connect_do },
        { "CLOUD-SYNC", 1, connect_cloud_sync },
        { "CYCLE", 1, connect_cycle },
        { "SYNC-CYCLE-ENABLED", 2, connect_flag },
        { "HEARD", 2, connect_heard },
        { "WIZARD", 2, connect_wizard },
        { "DRIVER", 2, connect_driver },
        { "OWNER", 2, connect_owner },
        { "STREAM", 3, connect_stream },
        { "TARGET", 2, do_target },
        { "APPROVE", 2, people_approve },
        { "CRASH", 1, fault_crash },
        { "UNPARK", 2, people_unpark },
        { "DRIFT", 2, command_drift },
        { "RECONCILE", 1, command_reconcile_now },
        { "FORGET", 1, do_forget },
        { "GONE", 2, do_gone },
        { "LAST-WORD", 2, do_last_word },
        { "REVERT", 2, people_revert },
        { "LET-GO", 1, people_let_go },
        { "PROTECT", 2, do_protect },
        { "FULL", 2, fault_full },
        { "UNREADABLE", 2, fault_unreadable },
        { "CLAIM", 2, fault_claim },
        { "BRAKES", 2, do_brakes },
        { "RELEASE", 2, people_release },
};

bool command_do(Scene *s)
{
        const ScriptLine *line = s->line;

        if (str_is(line->words[0], "EXPECT"))
                return expect_do(s);
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++) {
                if (!str_is(verbs[i].name, line->words[0]))
                        continue;
                if (line->n_words < verbs[i].n_words)
                        return scene_fail(s, "%s needs more words", verbs[i].name);
                return verbs[i].run(s, line->words, line->n_words);
        }
        return scene_fail(s, "there is no command %s", line->words[0]);
}
