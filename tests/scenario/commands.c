/* SPDX-License-Identifier: Apache-2.0 */

/* Commands: what a script can make happen. README.md has them with their meaning. */

#include "tests/scenario/commands.h"
#include "app/control/matches.h"
#include "app/flow/brake-store.h"
#include "app/flow/revert.h"
#include "app/flow/staging.h"
#include "base/error.h"
#include "base/str.h"

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

/*
 * CHANGE ada [title mail ...] [gone] [ahead] [catch-up]: the feed brings it, with these attributes (none
 * named: with all). Ahead: its number is one above what the directory has.
 */
bool command_change(Scene *s, const char *const *words, size_t n_words)
{
        static const char *const flags[] = { "gone", "ahead", "catch-up" };
        const char **names = arena_new_array(s->arena, const char *, n_words);
        FeedEntry *entries = arena_new_array(s->arena, FeedEntry, s->n_things + 1);
        FeedBatch batch = { .entries = entries, .seen = clock_wall(&s->clock.clock) };
        Position position = { .data = (const uint8_t *)&s->n_positions, .n = sizeof(s->n_positions) };
        size_t n_names = 0;

        for (size_t i = 2; i < n_words; i++)
                if (!command_has(flags, N_ELEMENTS(flags), words[i]))
                        names[n_names++] = words[i];
        for (size_t i = 0; i < s->n_things; i++) {
                const Thing *t = s->things[i];

                if (!meets(words[1], t->name))
                        continue;
                entries[batch.n_entries++] = (FeedEntry){
                        .id = t->id,
                        .dn = t->dn,
                        .gone = command_has(words, n_words, "gone"),
                        .version = { .server = s->server,
                                     .number = t->version + command_has(words, n_words, "ahead") },
                        .changed = clock_wall(&s->clock.clock),
                        .brought = brought(s, t, names, n_names),
                };
        }
        if (!batch.n_entries)
                return scene_fail(s, "there is no object %s", words[1]);
        s->n_positions++;
        batch.position = &position;
        batch.catch_up = command_has(words, n_words, "catch-up");
        return s->intake.sink.batch(&s->intake.sink, &batch) == 0 ||
               scene_fail(s, "the intake refuses the batch");
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

/* REQUEST ada [staging]: a person asks for it. */
static bool do_request(Scene *s, const char *const *words, size_t n_words)
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
        change.dn = t->dn;
        return queue_put(s->queue, &(Intake){ .changes = &change, .n_changes = 1, .now = change.seen }) ==
                       0 ||
               scene_fail(s, "the queue refuses the change");
}

typedef struct NamedCode {
        const char *name;
        int code;
} NamedCode;

static bool find_code(const NamedCode *codes, size_t n, const char *name, int *ret_code)
{
        for (size_t i = 0; i < n; i++)
                if (str_is(codes[i].name, name)) {
                        *ret_code = codes[i].code;
                        return true;
                }
        return false;
}

/* REPLY [fetch|apply|info|role] throttled [retry=30] [times=2] */
static bool do_reply(Scene *s, const char *const *words, size_t n_words)
{
        static const NamedCode codes[] = {
                { "throttled", TARGET_E_THROTTLED }, { "transient", TARGET_E_TRANSIENT },
                { "refused", TARGET_E_REFUSED },     { "unreachable", TARGET_E_UNREACHABLE },
                { "garbage", TARGET_E_GARBAGE },     { "ambiguous", TARGET_E_AMBIGUOUS },
                { "lost", TARGET_E_TRANSIENT },      { "rejected", TARGET_E_REJECTED },
        };
        MemFault fault = {
                .on = command_has(words, n_words, "fetch")   ? MEM_FETCH
                      : command_has(words, n_words, "apply") ? MEM_APPLY
                      : command_has(words, n_words, "info")  ? MEM_INFO
                      : command_has(words, n_words, "role")  ? MEM_ROLE
                                                             : MEM_ANY,
                .n = (unsigned)command_number(command_value(s, words, n_words, "times"), 1),
                .after = command_has(words, n_words, "lost"),
                .retry_us = command_number(command_value(s, words, n_words, "retry"), 0) * 1000000,
                .reason = "as the script says",
        };

        for (size_t i = 1; i < n_words; i++)
                find_code(codes, N_ELEMENTS(codes), words[i], &fault.end);
        if (!fault.end)
                return scene_fail(s, "what is the reply?");
        target_mem_fail(cloud_mem(s->cloud), &fault);
        return true;
}

/* FAIL source unreachable [times=2]   FAIL ada too-large */
static bool do_fail(Scene *s, const char *const *words, size_t n_words)
{
        static const NamedCode codes[] = {
                { "unreachable", SOURCE_E_UNREACHABLE },
                { "refused", SOURCE_E_REFUSED },
                { "stale", SOURCE_E_STALE },
                { "too-large", SOURCE_E_TOO_LARGE },
                { "not-found", SOURCE_E_NOT_FOUND },
                { "works", 0 },
        };
        unsigned times = (unsigned)command_number(command_value(s, words, n_words, "times"), 0);
        Thing *t;
        int code;

        if (!find_code(codes, N_ELEMENTS(codes), words[2], &code))
                return scene_fail(s, "%s is not a way to fail", words[2]);
        if (str_is(words[1], "source")) {
                source_mem_fail(s->directory, code, times, "as the script says");
                return true;
        }
        if (!command_need(s, words[1], &t))
                return false;
        source_mem_fail_object(s->directory, &t->id, code, times, "as the script says");
        return true;
}

/* LAG 60 [index]: reads of the cloud show what was there 60 seconds ago; index: only those by anchor. */
static bool do_lag(Scene *s, const char *const *words, size_t n_words)
{
        cloud_lag(s->cloud, command_number(words[1], 0) * 1000, command_has(words, n_words, "index"));
        return true;
}

/* HOLD 30: no budget but for the urgent lane. */
static bool do_hold(Scene *s, const char *const *words, size_t n_words)
{
        cloud_hold(s->cloud, command_number(words[1], 0) * 1000);
        return true;
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

/* APPROVE ada: a person says that the candidate is the same one. */
static bool do_approve(Scene *s, const char *const *words, size_t n_words)
{
        Thing *t;
        int r;

        if (!command_need(s, words[1], &t))
                return false;
        r = matches_approve(s->queue, t->dn, "the script", clock_wall(&s->clock.clock));
        return r == 1 || scene_fail(s, "no candidate waits for it");
}

/* CRASH: now, between two runs.   CRASH before-ack: at the next acknowledgement. */
static bool do_crash(Scene *s, const char *const *words, size_t n_words)
{
        if (command_has(words, n_words, "before-ack")) {
                s->dying = true;
                return s->lmdb || scene_fail(s, "a queue in memory does not survive a crash");
        }
        return scene_crash(s);
}

/* UNPARK ada: a person wants it tried again. */
static bool do_unpark(Scene *s, const char *const *words, size_t n_words)
{
        Thing *t;

        if (!command_need(s, words[1], &t))
                return false;
        return queue_unpark(s->queue, &(ObjectKey){ .id = t->id }, clock_wall(&s->clock.clock)) == 0 ||
               scene_fail(s, "it is not in the queue");
}

/* LAST-WORD disable [deleted=report]: what is said to an account that leaves scope, or is deleted. */
static bool do_last_word(Scene *s, const char *const *words, size_t n_words)
{
        const char *deleted = command_value(s, words, n_words, "deleted");

        s->on_leave = arena_strdup(s->arena, words[1]);
        s->on_delete = deleted ? arena_strdup(s->arena, deleted) : s->on_leave;
        return scene_reload(s);
}

/* REVERT since=00:10 [left=2] [objects=3] [dry]: put back what exports have replaced. */
static bool do_revert(Scene *s, const char *const *words, size_t n_words)
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
static bool do_let_go(Scene *s, const char *const *words, size_t n_words)
{
        Thing *t = NULL;

        if (n_words > 1 && !command_need(s, words[1], &t))
                return false;
        return revert_release(s->queue, t ? t->dn : NULL, clock_wall(&s->clock.clock)) >= 0 ||
               scene_fail(s, "they cannot be released");
}

/* PROTECT "accounts: [ada@contoso.test], allow: [...]" */
static bool do_protect(Scene *s, const char *const *words, size_t n_words)
{
        s->guarded = arena_strdup(s->arena, words[1]);
        return scene_reload(s);
}

/* FULL on: the queue takes no acknowledgement.   FULL for-changes: no new change.   FULL off */
static bool do_full(Scene *s, const char *const *words, size_t n_words)
{
        s->full = str_is(words[1], "on");
        s->shut = str_is(words[1], "for-changes");
        return true;
}

/* UNREADABLE on|off: the disk gives errors where runs read the spaces. */
static bool do_unreadable(Scene *s, const char *const *words, size_t n_words)
{
        s->unreadable = str_is(words[1], "on");
        return true;
}

/* CLAIM ada: another run is at work on the same person. CLAIM -: it has ended. */
static bool do_claim(Scene *s, const char *const *words, size_t n_words)
{
        Space *space = queue_space(s->queue);
        Head head;
        Thing *t;

        if (str_is(words[1], "-")) {
                space_release(space, &s->claimed);
                return true;
        }
        if (!command_need(s, words[1], &t) ||
            space_read_head(space, &(ObjectKey){ .id = t->id }, s->arena, &head, NULL, NULL))
                return scene_fail(s, "nobody is known by that name");
        s->claimed = head.metaverse;
        return space_claim(space, &s->claimed) == 0 || scene_fail(s, "somebody has it already");
}

/* BRAKES "off: [create]": `brakes:` of the configuration. */
static bool do_brakes(Scene *s, const char *const *words, size_t n_words)
{
        s->brakes = arena_strdup(s->arena, words[1]);
        return scene_reload(s);
}

/* RELEASE disable [drop]: a person lets go on what the brake holds, or forgets it. */
static bool do_release(Scene *s, const char *const *words, size_t n_words)
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

/* What has happened so far is not the story. */
static bool do_forget(Scene *s, const char *const *words, size_t n_words)
{
        if (!scene_work(s))
                return false;
        s->seen.next = s->seen.n_lines;
        return true;
}

static const Verb verbs[] = {
        { "AT", 2, do_at },
        { "CLOCK", 2, do_clock },
        { "OBJECT", 2, command_object },
        { "OBJECTS", 4, command_objects },
        { "MOVE", 3, command_move },
        { "RENAME", 3, command_rename },
        { "DELETE", 2, command_delete },
        { "CHANGE", 2, command_change },
        { "MEANWHILE", 3, do_meanwhile },
        { "REQUEST", 2, do_request },
        { "CLOUD", 2, command_cloud },
        { "REPLY", 2, do_reply },
        { "FAIL", 3, do_fail },
        { "LAG", 2, do_lag },
        { "HOLD", 2, do_hold },
        { "STAGING", 2, do_staging },
        { "ESTATE", 2, do_estate },
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
        { "APPROVE", 2, do_approve },
        { "CRASH", 1, do_crash },
        { "UNPARK", 2, do_unpark },
        { "DRIFT", 2, command_drift },
        { "RECONCILE", 1, command_reconcile_now },
        { "FORGET", 1, do_forget },
        { "LAST-WORD", 2, do_last_word },
        { "REVERT", 2, do_revert },
        { "LET-GO", 1, do_let_go },
        { "PROTECT", 2, do_protect },
        { "FULL", 2, do_full },
        { "UNREADABLE", 2, do_unreadable },
        { "CLAIM", 2, do_claim },
        { "BRAKES", 2, do_brakes },
        { "RELEASE", 2, do_release },
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
