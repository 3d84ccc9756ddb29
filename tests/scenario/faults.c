/* SPDX-License-Identifier: Apache-2.0 */

/* Faults: what a script can make go wrong: the cloud, the directory, the disk, the process. */

#include "tests/scenario/commands.h"

#include "base/str.h"

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
bool fault_reply(Scene *s, const char *const *words, size_t n_words)
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
bool fault_source(Scene *s, const char *const *words, size_t n_words)
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
        source_mem_fail_object(t->second ? s->second->directory : s->directory, &t->id, code, times,
                               "as the script says");
        return true;
}

/* LAG 60 [index]: reads of the cloud show what was there 60 seconds ago; index: only those by anchor. */
bool fault_lag(Scene *s, const char *const *words, size_t n_words)
{
        cloud_lag(s->cloud, command_number(words[1], 0) * 1000, command_has(words, n_words, "index"),
                  command_has(words, n_words, "reads"));
        return true;
}

/* HOLD 30: no budget but for the urgent lane. */
bool fault_hold(Scene *s, const char *const *words, size_t n_words)
{
        cloud_hold(s->cloud, command_number(words[1], 0) * 1000);
        return true;
}

/* CRASH: now, between two runs.   CRASH before-ack: at the next acknowledgement; late: what comes next in the
 * script happens before anything is worked on again. */
bool fault_crash(Scene *s, const char *const *words, size_t n_words)
{
        if (command_has(words, n_words, "before-ack")) {
                s->dying = true;
                s->late = command_has(words, n_words, "late");
                return s->lmdb || scene_fail(s, "a queue in memory does not survive a crash");
        }
        return scene_crash(s);
}

/* FULL on: the queue takes no acknowledgement.   FULL for-changes: no new change.   FULL off */
bool fault_full(Scene *s, const char *const *words, size_t n_words)
{
        s->full = str_is(words[1], "on");
        s->shut = str_is(words[1], "for-changes");
        return true;
}

/* UNREADABLE on|off: the disk gives errors where runs read the spaces. */
bool fault_unreadable(Scene *s, const char *const *words, size_t n_words)
{
        s->unreadable = str_is(words[1], "on");
        return true;
}

/* CLAIM ada: another run is at work on the same person. CLAIM -: it has ended. */
bool fault_claim(Scene *s, const char *const *words, size_t n_words)
{
        Space *space = queue_space(s->queue);
        ObjectKey key;
        Head head;
        Thing *t;

        if (str_is(words[1], "-")) {
                space_release(space, &s->claimed);
                return true;
        }
        if (!command_need(s, words[1], &t))
                return false;
        key = scene_key(s, t);
        if (space_read_head(space, &key, s->arena, &head, NULL, NULL))
                return scene_fail(s, "nobody is known by that name");
        s->claimed = head.metaverse;
        return space_claim(space, &s->claimed) == 0 || scene_fail(s, "somebody has it already");
}
