/* SPDX-License-Identifier: Apache-2.0 */

/* The Connect server beside the engine: its cycles, its flag, and the driver that goes wrong. */

#include "base/str.h"
#include "tests/scenario/commands.h"

#include <string.h>

#define MINUTE_US ((int64_t)60 * 1000000)

/* Programs that are never run: the gate's driver is the server in memory. */
#define COMMAND_KEYS                     \
        "  driver: command\n"            \
        "  status: [/nowhere, status]\n" \
        "  pause: [/nowhere, pause]\n"   \
        "  resume: [/nowhere, resume]\n"

bool connect_place(Scene *s, int64_t interval_us, int64_t duration_us)
{
        s->connect = connect_mem_new(&s->clock.clock, interval_us, duration_us);
        if (!s->scheduler)
                s->scheduler = COMMAND_KEYS;
        return scene_reload(s) && scene_reopen(s);
}

/* CONNECT [interval=30] [duration=3] [max_hold=5m] [linger=2m] ...: minutes, then keys of `scheduler`. */
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

/* EXPECT connect enabled=true running=false cycles=3 (at least) */
bool connect_expect(Scene *s, const char *const *words, size_t n_words)
{
        const char *enabled = command_value(s, words, n_words, "enabled");
        const char *running = command_value(s, words, n_words, "running");
        int64_t cycles = command_number(command_value(s, words, n_words, "cycles"), 0);

        if (!is_there(s))
                return false;
        if (enabled && connect_mem_enabled(s->connect) != str_is(enabled, "true"))
                return scene_fail(s, "SyncCycleEnabled is not %s", enabled);
        if (running && connect_mem_running(s->connect) != str_is(running, "true"))
                return scene_fail(s, "SyncCycleInProgress is not %s", running);
        if (connect_mem_cycles(s->connect) < (unsigned)cycles)
                return scene_fail(s, "%u cycles have run", connect_mem_cycles(s->connect));
        return true;
}
