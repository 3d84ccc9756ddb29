/* SPDX-License-Identifier: Apache-2.0 */

/* The Connect server beside the engine: its cycles, its flag, and the driver that goes wrong. */

#include "base/error.h"
#include "base/str.h"
#include "engine/target/on-demand.h"
#include "tests/scenario/commands.h"

#include <string.h>

#define MINUTE_US ((int64_t)60 * 1000000)

/* Programs that are never run: the gate's driver is the server in memory. */
#define COMMAND_KEYS                     \
        "  driver: command\n"            \
        "  status: [/nowhere, status]\n" \
        "  pause: [/nowhere, pause]\n"   \
        "  resume: [/nowhere, resume]\n"

/* -- its single object sync, and what its cycles do ---------------------------------------------------- */

typedef struct SceneOwner {
        Owner owner; /* first */
        Scene *scene;
} SceneOwner;

/* What Connect carries over, by its rules: a few attributes. */
static void carry(Scene *s, const Thing *t)
{
        static const char *const names[] = { "title", "department" };
        ObjectId id;

        if (!scene_cloud_of(s, t, &id))
                return;
        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                Value v = VALUE_NULL;

                for (size_t k = 0; k < t->n_attributes; k++)
                        if (str_is(t->attributes[k].name, names[i]))
                                v = t->attributes[k].value;
                target_mem_force(cloud_mem(s->cloud), &id, names[i], v);
        }
        cloud_touched(s->cloud, &id, false);
}

static void cycle_ended(void *context)
{
        Scene *s = context;

        for (size_t i = 0; s->ask && i < s->n_things; i++)
                carry(s, s->things[i]);
        if (cloud_hears(s->cloud))
                cloud_heard(s->cloud, clock_wall(&s->clock.clock));
}

/* Cloud Sync carries the members that it was asked for. */
static void carry_links(Scene *s, const Thing *group, const OwnerAsk *ask)
{
        ObjectId id;

        if (!scene_cloud_of(s, group, &id))
                return;
        for (size_t i = 0; i < ask->n_links; i++)
                target_mem_force_member(cloud_mem(s->cloud), &id, &ask->links[i]->link,
                                        ask->links[i]->kind == OP_LINK);
        cloud_touched(s->cloud, &id, false);
}

static int owner_sync(Owner *owner, OwnerAsk *ask, Diag *diag)
{
        static const OwnerNote said[] = { { "", "success" }, { "Export", "success" } };
        Scene *s = ((SceneOwner *)owner)->scene;
        const char *dn = ask->call->dn;

        ask->left = clock_mono(&s->clock.clock);
        for (size_t i = 0; i < s->n_things; i++)
                if (str_is(s->things[i]->dn, dn)) {
                        seen_add(&s->seen, false, "asked %s%s", s->things[i]->name,
                                 ask->n_links ? arena_printf(s->arena, " %zu members", ask->n_links) : "");
                        if (!s->owner_says)
                                carry(s, s->things[i]);
                        if (!s->owner_says)
                                carry_links(s, s->things[i], ask);
                }
        ask->said = (OwnerReport){ .notes = said, .n_notes = N_ELEMENTS(said) };
        if (!s->owner_says || str_is(s->owner_says, "nothing"))
                return 0;
        diag_set(diag, "%s", s->owner_says);
        return str_is(s->owner_says, "throttled") ? OWNER_E_THROTTLED
               : str_is(s->owner_says, "hangs")   ? OWNER_E_UNREACHABLE
                                                  : OWNER_E_FAILED;
}

static int owner_cycle(Owner *owner, Diag *diag)
{
        Scene *s = ((SceneOwner *)owner)->scene;

        seen_add(&s->seen, false, "cycle");
        connect_mem_start(s->connect, 0);
        return 0;
}

static Owner *owner_free(Owner *owner)
{
        free(owner);
        return NULL;
}

static const OwnerOps owner_ops = {
        .name = "scene", .ways = &owner_connect, .sync = owner_sync, .cycle = owner_cycle, .free = owner_free
};

static const OwnerOps on_demand_ops = {
        .name = "scene", .ways = &owner_cloud_sync, .sync = owner_sync, .free = owner_free
};

/* OWNER throttled|hangs|fails|nothing|works: its single object sync ends so; nothing: its rules give other
 * values. */
bool connect_owner(Scene *s, const char *const *words, size_t n_words)
{
        s->owner_says = str_is(words[1], "works") ? NULL : arena_strdup(s->arena, words[1]);
        return true;
}

static void place_owner(Scene *s, const OwnerOps *ops)
{
        static const OwnerConfig connect = { .pace_us = 2000000, .cycle_above = 20 }, on_demand = { 0 };
        SceneOwner *o = calloc(1, sizeof(*o));

        if (!o)
                error_oom(sizeof(*o));
        o->owner.ops = ops;
        o->scene = s;
        target_owner_new(&s->target, s->cloud, &o->owner, ops->cycle ? &connect : &on_demand,
                         &s->clock.clock);
}

bool connect_place(Scene *s, int64_t interval_us, int64_t duration_us)
{
        connect_mem_free(s->connect);
        s->connect = connect_mem_new(&s->clock.clock, interval_us, duration_us);
        connect_mem_on_cycle(s->connect, cycle_ended, s);
        if (!s->target)
                place_owner(s, &owner_ops);
        if (!s->scheduler)
                s->scheduler = COMMAND_KEYS;
        return scene_reload(s) && scene_reopen(s);
}

/* CLOUD-SYNC: its jobs may be asked for single objects. */
bool connect_cloud_sync(Scene *s, const char *const *words, size_t n_words)
{
        if (!s->target)
                place_owner(s, &on_demand_ops);
        return scene_reopen(s);
}

/* CONNECT [ask] [interval=30] [duration=3] [max_hold=5m] [linger=2m] ...: minutes, then keys of `scheduler`.
 */
bool connect_do(Scene *s, const char *const *words, size_t n_words)
{
        int64_t interval = command_number(command_value(s, words, n_words, "interval"), 30);
        int64_t duration = command_number(command_value(s, words, n_words, "duration"), 3);
        const char *keys = COMMAND_KEYS, *name, *value;

        for (size_t i = 1; i < n_words; i++)
                if (script_pair(s->arena, words[i], &name, &value) && !str_is(name, "interval") &&
                    !str_is(name, "duration"))
                        keys = arena_printf(s->arena, "%s  %s: %s\n", keys, name, value);
        s->scheduler = keys;
        s->ask = command_has(words, n_words, "ask");
        return connect_place(s, interval * MINUTE_US, duration * MINUTE_US);
}

static bool is_there(Scene *s)
{
        return s->connect || scene_fail(s, "there is no Connect server; CONNECT places one");
}

/* CYCLE [40]: somebody starts one; it lasts so many minutes. */
bool connect_cycle(Scene *s, const char *const *words, size_t n_words)
{
        if (!is_there(s))
                return false;
        connect_mem_start(s->connect, command_number(n_words > 1 ? words[1] : NULL, 0) * MINUTE_US);
        return true;
}

/* SYNC-CYCLE-ENABLED true|false: the administrator, on the Connect server. */
bool connect_flag(Scene *s, const char *const *words, size_t n_words)
{
        if (!is_there(s))
                return false;
        connect_mem_set(s->connect, str_is(words[1], "true"));
        return true;
}

/* HEARD 90: so many minutes ago the tenant has heard of a regular cycle. */
bool connect_heard(Scene *s, const char *const *words, size_t n_words)
{
        cloud_heard(s->cloud,
                    wall_add(clock_wall(&s->clock.clock), -command_number(words[1], 0) * MINUTE_US / 1000));
        return true;
}

/* WIZARD open|closed */
bool connect_wizard(Scene *s, const char *const *words, size_t n_words)
{
        if (!is_there(s))
                return false;
        connect_mem_suspend(s->connect, str_is(words[1], "open"));
        return true;
}

/* DRIVER hangs|garbage|lies|works [on=status|pause|resume] [times=1] */
bool connect_driver(Scene *s, const char *const *words, size_t n_words)
{
        const char *on = command_value(s, words, n_words, "on");
        ConnectMemFault fault = {
                .on = str_is(on, "status")   ? CONNECT_MEM_STATUS
                      : str_is(on, "pause")  ? CONNECT_MEM_PAUSE
                      : str_is(on, "resume") ? CONNECT_MEM_RESUME
                                             : CONNECT_MEM_ANY,
                .n = (unsigned)command_number(command_value(s, words, n_words, "times"), 0),
                .end = str_is(words[1], "hangs")     ? SCHEDULER_E_UNREACHABLE
                       : str_is(words[1], "garbage") ? SCHEDULER_E_GARBAGE
                                                     : 0,
                .lie = str_is(words[1], "lies"),
                .text = str_is(words[1], "hangs") ? "/nowhere did not end within 30 s" : NULL,
        };

        if (!is_there(s))
                return false;
        connect_mem_fail(s->connect, &fault);
        return true;
}

/* EXPECT flag held [alarm=CODE] [text~=part] */
bool connect_expect_flag(Scene *s, const char *const *words, size_t n_words)
{
        const char *alarm = command_value(s, words, n_words, "alarm");
        const char *text = command_value(s, words, n_words, "text~");
        FlagView view;

        gate_view(&s->gate, &view);
        if (!str_is(flag_phase_name(view.phase), words[1]))
                return scene_fail(s, "it is %s: %s", flag_phase_name(view.phase), view.text);
        if (alarm && !str_is(str_is(alarm, "-") ? NULL : alarm, view.alarm))
                return scene_fail(s, "the alarm is %s", view.alarm ? view.alarm : "none");
        if (text && !strstr(view.text, text))
                return scene_fail(s, "the text is: %s", view.text);
        return true;
}

/* EXPECT connect enabled=true running=false cycles=3 late=20 (the longest that one was due, in seconds, at
 * most)
 */
bool connect_expect(Scene *s, const char *const *words, size_t n_words)
{
        const char *enabled = command_value(s, words, n_words, "enabled");
        const char *running = command_value(s, words, n_words, "running");
        int64_t cycles = command_number(command_value(s, words, n_words, "cycles"), -1);
        int64_t late = command_number(command_value(s, words, n_words, "late"), INT64_MAX / 1000000);

        if (!is_there(s))
                return false;
        if (enabled && connect_mem_enabled(s->connect) != str_is(enabled, "true"))
                return scene_fail(s, "SyncCycleEnabled is not %s", enabled);
        if (running && connect_mem_running(s->connect) != str_is(running, "true"))
                return scene_fail(s, "SyncCycleInProgress is not %s", running);
        if (cycles >= 0 && connect_mem_cycles(s->connect) != (unsigned)cycles)
                return scene_fail(s, "%u cycles have run", connect_mem_cycles(s->connect));
        if (connect_mem_late(s->connect) > late * 1000000)
                return scene_fail(s, "a cycle began %lld s late",
                                  (long long)(connect_mem_late(s->connect) / 1000000));
        return true;
}

/* STREAM ada 8: another title every second, for so many hours; what happens on the way is not the story. */
bool connect_stream(Scene *s, const char *const *words, size_t n_words)
{
        const char *change[] = { "CHANGE", words[1], "title" };
        int64_t n = command_number(words[2], 1) * 3600;
        Thing *t;

        if (!command_need(s, words[1], &t))
                return false;
        for (int64_t i = 0; i < n; i++) {
                char title[32];

                snprintf(title, sizeof(title), "%lld", (long long)i);
                if (!directory_set(s, t, "title", arena_strdup(s->arena, title)))
                        return false;
                directory_put(s, t, false);
                if (!command_change(s, change, 3) || !scene_until(s, s->now_ms + 1000))
                        return false;
                s->seen.next = s->seen.n_lines = 0;
        }
        return true;
}
