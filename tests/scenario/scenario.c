/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Scenario: play one script
 *
 *      scenario BACKEND SCRIPT               0: all that it expects happened, and nothing else; and the
 *                                             store that it leaves fits together
 *      scenario --wrong LINE BACKEND SCRIPT  0: the script fails at this line
 *
 * Exit status: 0, 1 (one line says what, where, and what was seen instead), 2 (usage), 99 (the scene could
 * not be set).
 */

#include "base/str.h"
#include "tests/scenario/scene.h"

#include <string.h>

static bool play(Scene *s)
{
        for (size_t i = 0; i < s->script.n_lines; i++) {
                s->line = &s->script.lines[i];
                if (!command_do(s))
                        return false;
        }
        if (!scene_work(s))
                return false;
        if (s->seen.next < s->seen.n_lines)
                return scene_fail(s, "the script ends, and something happened that nobody expects");
        return true;
}

int main(int argc, char **argv)
{
        bool wrong = argc == 5 && str_is(argv[1], "--wrong"), good;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Scene s = { .arena = a };
        char **args = wrong ? argv + 2 : argv;
        int64_t expected = 0;
        int line, r;

        if ((!wrong && argc != 3) || (wrong && !str_to_int64(argv[2], &expected))) {
                fprintf(stderr, "usage: scenario [--wrong LINE] lmdb|mem SCRIPT\n");
                return 2;
        }
        log_setup(getenv("SCENARIO_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, STDERR_FILENO);
        r = script_load(a, args[2], &s.script, &line);
        if (r) {
                fprintf(stderr, "%s:%d: %s\n", args[2], line, strerror(-r));
                return 99;
        }
        r = scene_init(&s, args[1]);
        if (r) {
                fprintf(stderr, "the scene cannot be set: %d\n", r);
                scene_deinit(&s);
                return 99;
        }
        good = play(&s) && scene_check(&s);
        scene_deinit(&s);
        return wrong ? good || s.line->number != expected : !good;
}
