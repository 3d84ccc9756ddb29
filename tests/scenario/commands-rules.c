/* SPDX-License-Identifier: Apache-2.0 */

/* RULES, RULE: the configuration is loaded again. ACTIVATE, CATCH-UP: another set becomes active. */

#include "app/flow/rules-active.h"
#include "app/job/kinds.h"
#include "base/str.h"
#include "tests/scenario/commands.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* RULES account_expires: true   RULES off: what stands in the configuration's rules section */
bool command_rules(Scene *s, const char *const *words, size_t n_words)
{
        s->rules = str_is(words[1], "off") ? NULL : strstr(s->line->text, words[1]);
        return scene_reload(s);
}

/* The shipped set as files, and the script's own beside it. */
static int write_rules(Scene *s, const char *folder)
{
        const char *own = arena_printf(s->arena, "rules:%s\n%s", *s->own_rules ? "" : " []", s->own_rules);
        const RulesFile *files;
        size_t n;
        int r = rules_read(s->arena, NULL, false, &files, &n, NULL);

        if (r == 0 && mkdir(folder, 0700) && errno != EEXIST)
                r = -errno;
        for (size_t i = 0; i < n && r == 0; i++) {
                const char *name = strrchr(files[i].name, '/');

                r = str_write_file(arena_printf(s->arena, "%s/%s", folder, name ? name + 1 : files[i].name),
                                   files[i].text, files[i].n, 0600);
        }
        return r ? r
                 : str_write_file(arena_printf(s->arena, "%s/zz-own.yaml", folder), own, strlen(own), 0600);
}

static bool take_rules(Scene *s)
{
        const char *folder = arena_printf(s->arena, "%s/rules", s->folder);

        if (write_rules(s, folder))
                return scene_fail(s, "the rules cannot be written");
        s->rules = arena_printf(s->arena, "directory: \"%s\"", folder);
        return true;
}

/* ... and one rule more, from this word of the line on. */
static bool add_rule(Scene *s, const char *word)
{
        s->own_rules = arena_printf(s->arena, "%s  - %s\n", s->own_rules ? s->own_rules : "",
                                    strstr(s->line->text, word));
        return take_rules(s);
}

/* ... or one less, of the script's own: a rule is a line. */
static bool drop_rule(Scene *s, const char *word)
{
        const char *name = arena_printf(s->arena, "{name: %s,", strstr(s->line->text, word));
        const char *found = s->own_rules ? strstr(s->own_rules, name) : NULL, *next;

        if (!found)
                return scene_fail(s, "the script has no such rule");
        next = strchr(found, '\n') + 1;
        s->own_rules = arena_printf(s->arena, "%.*s%s", (int)(found - strlen("  - ") - s->own_rules),
                                    s->own_rules, next);
        return take_rules(s);
}

/* RULE {name: X, direction: Inbound, ...}: one more rule beside the shipped ones, as it stands in a file. */
bool command_rule(Scene *s, const char *const *words, size_t n_words)
{
        return add_rule(s, words[1]) && scene_reload(s);
}

typedef int (*DoFn)(Scene *s, Wiring *w, const JobKind *kind, Diag *diag);

/* As a command does it that has found no service. */
static bool do_wired(Scene *s, DoFn fn, const JobKind *kind)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        Wiring w = {
                .first = s->first,
                .clock = &s->clock.clock,
                .log = s->log,
                .queue = s->queue,
                .rules_lock = PTHREAD_MUTEX_INITIALIZER,
        };
        int r;

        snapshot_init(&w.snapshot, snapshot_get(&s->snapshot));
        r = connectors_open(&w.connectors, s->first, s->queue, w.clock, &w.log, NULL);
        if (r == 0)
                r = fn(s, &w, kind, &diag);
        connectors_close(&w.connectors);
        if (r == 0)
                snapshot_swap(&s->snapshot, snapshot_get(&w.snapshot));
        snapshot_deinit(&w.snapshot);
        return r == 0 || scene_fail(s, "it ends with %d: %s", r, diag_text(&diag));
}

static const char *rules_folder(Scene *s)
{
        return arena_printf(s->arena, "%s/rules", s->folder);
}

/* What is active as the script begins. */
static int note_first(Scene *s, Wiring *w, const JobKind *kind, Diag *diag)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(&w->snapshot);

        s->replaced_rules = arena_strdup(s->arena, rules_version(c->run.rules));
        return rules_adopt(w, c, diag);
}

static int activate_alone(Scene *s, Wiring *w, const JobKind *kind, Diag *diag)
{
        const RulesFile *texts;
        const char *origin;
        size_t n;
        int r = rules_wanted(w, s->arena, rules_folder(s), &texts, &n, &origin, diag);

        return r ? r : rules_activate(w, texts, n, origin, "scenario", "activate", NULL, diag);
}

/* CATCH-UP full=400 */
static void see_progress(void *context, const JobProgress *progress)
{
        Scene *s = context;

        s->shut |= s->full_at && progress->done >= s->full_at && str_is(progress->phase, "comparing");
}

static int do_job(Scene *s, Wiring *w, const JobKind *kind, Diag *diag)
{
        json_t *result = NULL;
        int r, status = 0;

        r = job_run_here(w, kind, json_pack("{s:s}", "folder", rules_folder(s)), "scenario", see_progress, s,
                         &result, &status, diag);
        if (s->full_at && r == -ENOSPC)
                r = 0;
        json_decref(result);
        return r;
}

/*
 * ACTIVATE [cut-short] {name: X, ...}: `sosync rules activate`, of one rule more; cut short: the process ends
 * when they are active, before it has done what goes with it. ACTIVATE without X: of one less. CATCH-UP
 * [full=400]: what is left of that; when it has looked at so many, the disk is full.
 */
bool command_activate(Scene *s, const char *const *words, size_t n_words)
{
        bool is_cut = str_is(words[1], "cut-short"), is_less = str_is(words[1], "without") && n_words > 2;

        return scene_work(s) && do_wired(s, note_first, NULL) &&
               (is_less ? drop_rule(s, words[2]) : add_rule(s, words[is_cut ? 2 : 1])) &&
               do_wired(s, is_cut ? activate_alone : do_job, &job_rules_activate) &&
               (is_cut || command_catch_up(s, NULL, 0));
}

bool command_catch_up(Scene *s, const char *const *words, size_t n_words)
{
        s->full_at = (uint64_t)command_number(command_value(s, words, n_words, "full"), 0);
        return do_wired(s, do_job, &job_rules_catch_up);
}
