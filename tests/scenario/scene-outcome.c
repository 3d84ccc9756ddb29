/* SPDX-License-Identifier: Apache-2.0 */

/* What is seen of a run that has ended, and whether its report says what there is to do. */

#include "tests/scenario/scene.h"

#include "base/str.h"
#include "engine/steps/catalogue.h"
#include "report/text.h"

#include <string.h>

/* Without line ends and indents: a report is wrapped for the terminal. */
static void fold_spaces(char *text)
{
        char *to = text;

        for (const char *c = text; *c; c++)
                if (!strchr(" \n", *c) || (to > text && to[-1] != ' '))
                        *to++ = *c == '\n' ? ' ' : *c;
        *to = '\0';
}

/* Whoever reads the report of a run with an error is told its code, why, and what to do. */
static bool explains(Scene *s, const Outcome *o)
{
        const CatalogueRow *row = catalogue_find(o->error.code);
        const char *wanted[] = { o->error.code, row->reason, row->action };
        _cleanup_(str_deinit) Str text;
        bool all = str_is(row->code, o->error.code);

        str_init(&text, 1 << 20);
        text_report(o, 100000, false, &text);
        fold_spaces(text.data);
        for (size_t i = 0; i < N_ELEMENTS(wanted) && all; i++)
                all = strstr(text.data, wanted[i]) != NULL;
        return all || scene_fail(s, "the report of %s does not say what there is to do:\n%s", o->error.code,
                                 text.data);
}

bool scene_see(Scene *s, const Outcome *o)
{
        static const char *const words[] = {
                [DISPOSITION_DONE] = "done",     [DISPOSITION_NO_CHANGE] = "no-change",
                [DISPOSITION_STAGED] = "staged", [DISPOSITION_OUT_OF_SCOPE] = "out-of-scope",
                [DISPOSITION_RETRY] = "retry",   [DISPOSITION_PARKED] = "parked",
        };
        const Thing *t = scene_thing_of(s, &o->change.id);
        const char *last = "none", *details = "";
        Seen *seen = &s->seen;
        SeenLine *line;

        for (size_t i = 0; i < o->n_steps; i++) {
                if (o->steps[i].ran)
                        last = step_table[i].function;
                for (size_t d = 0; d < o->steps[i].n_details; d++)
                        details = arena_printf(s->arena, "%s%s: %s; ", details, o->steps[i].details[d].key,
                                               o->steps[i].details[d].text);
        }
        line = seen_add(seen, true, "outcome %s %s%s%s", t ? t->name : o->source.dn, words[o->disposition],
                        o->error.code ? " " : "", o->error.code ? o->error.code : "");
        seen_value(seen, line, "result", result_name(o->result));
        seen_value(seen, line, "action", action_name(o->action));
        seen_value(seen, line, "kind", change_kind_name((ChangeKind)o->change.kind));
        seen_value(seen, line, "lane", lane_name((Lane)o->change.lane));
        seen_value(seen, line, "tries", arena_printf(s->arena, "%u", o->tries));
        seen_value(seen, line, "step", last);
        seen_value(seen, line, "reads", arena_printf(s->arena, "%u", cloud_reads(s->cloud)));
        seen_value(seen, line, "modified", arena_printf(s->arena, "%zu", o->n_modified));
        seen_value(seen, line, "why", o->error.additional_details);
        seen_value(seen, line, "details", details);
        if (o->retry_at.ms)
                seen_value(seen, line, "retry",
                           arena_printf(s->arena, "%lld",
                                        (long long)((o->retry_at.ms - SCENE_BEGIN_MS) / 1000)));
        return !o->error.code || explains(s, o);
}
