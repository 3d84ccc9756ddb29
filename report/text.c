/* SPDX-License-Identifier: Apache-2.0 */

#include "report/text.h"

#include "engine/model/dn.h"
#include "report/facts.h"

#include <string.h>

/* Narrower than this, nothing can be laid out; wider than this, lines are hard to read. */
#define COLUMNS_MIN 40
#define COLUMNS_MAX 120

/* A value in a terminal is a glance: the whole is in the HTML and the JSON. */
#define VALUE_CHARS 240

/* Behind state, number and time of a step. */
#define STEP_LEFT 20

#define BOLD   "1"
#define FAINT  "2"
#define RED    "31"
#define GREEN  "32"
#define YELLOW "33"

typedef struct Text {
        Str *out;
        Arena *arena;
        size_t columns;
        bool colour;
} Text;

static void paint(Text *t, const char *code)
{
        if (t->colour)
                str_printf(t->out, "\x1b[%sm", code);
}

/* What came from outside: a line stays a line, and a terminal stays as it is. */
static const char *safe(Text *t, const char *s)
{
        return s ? str_safe(t->arena, s, strlen(s)) : "";
}

static void indent(Text *t, size_t n)
{
        str_printf(t->out, "%*s", (int)n, "");
}

/* Words that are already safe, to the end of the line. */
static void wrap_from(Text *t, const char *s, size_t left, size_t at)
{
        str_add_wrapped(t->out, s, at, left, t->columns);
        str_add_char(t->out, '\n');
}

static void wrap(Text *t, const char *s, size_t left)
{
        wrap_from(t, s, left, left);
}

static void paragraph(Text *t, const char *s, size_t left)
{
        indent(t, left);
        wrap(t, safe(t, s), left);
}

static void heading(Text *t, const char *s)
{
        str_add_char(t->out, '\n');
        paint(t, BOLD);
        str_add(t->out, s);
        paint(t, "0");
        str_add_char(t->out, '\n');
}

static const char *tone(const char *state)
{
        return str_is(state, "fail")   ? RED
               : str_is(state, "warn") ? YELLOW
               : str_is(state, "ok")   ? GREEN
                                       : FAINT;
}

static const char *step_word(const StepRecord *s)
{
        if (!s->ran)
                return "-";
        return s->status == RESULT_SUCCESS   ? "ok"
               : s->status == RESULT_FAILURE ? "fail"
               : s->status == RESULT_WARNING ? "warn"
                                             : "skip";
}

static const char *run_word(const Outcome *o)
{
        return o->result == RESULT_SUCCESS   ? "ok"
               : o->result == RESULT_FAILURE ? "fail"
               : o->result == RESULT_WARNING ? "warn"
                                             : "skip";
}

/* "key value" pairs on as few lines as they fit. */
static void pairs(Text *t, const Detail *details, size_t n, size_t left)
{
        size_t at = 0;

        for (size_t i = 0; i < n; i++) {
                const char *key = safe(t, details[i].key), *value = safe(t, details[i].text);
                size_t width = str_columns(key) + 1 + str_columns(value);

                if (at && at + 2 + width > t->columns) {
                        str_add_char(t->out, '\n');
                        at = 0;
                }
                if (at) {
                        str_add(t->out, "  ");
                        at += 2;
                } else {
                        indent(t, left);
                        at = left;
                }
                paint(t, FAINT);
                str_add(t->out, key);
                paint(t, "0");
                str_add_char(t->out, ' ');
                if (left + width > t->columns) {
                        /* A DN that fits into a line of its own is not broken: it is copied. */
                        if (left + 2 + str_columns(value) <= t->columns)
                                str_printf(t->out, "\n%*s%s\n", (int)left + 2, "", value);
                        else
                                wrap_from(t, value, left + 2, at + str_columns(key) + 1);
                        at = 0;
                } else {
                        str_add(t->out, value);
                        at += width;
                }
        }
        if (at)
                str_add_char(t->out, '\n');
}

static void steps(Text *t, const Outcome *o)
{
        heading(t, "Steps");
        for (size_t i = 0; i < o->n_steps; i++) {
                const StepRecord *s = &o->steps[i];
                const char *word = step_word(s), *title = facts_step_title(i);
                char took[48];

                str_add(t->out, "  ");
                paint(t, tone(word));
                str_printf(t->out, "%-4s", word);
                paint(t, "0");
                str_printf(t->out, " %2zu ", i + 1);
                paint(t, FAINT);
                str_printf(t->out, "%8s  ",
                           s->ran ? duration_format(s->duration_us, took, sizeof(took)) : "");
                if (s->ran)
                        paint(t, "0");
                wrap(t, title, STEP_LEFT);
                paint(t, "0");
                if (s->ran && s->description)
                        paragraph(t, s->description, STEP_LEFT);
                if (s->ran)
                        pairs(t, s->details, s->n_details, STEP_LEFT);
        }
}

static const char *short_value(Text *t, const char *s)
{
        const char *text = safe(t, s), *end = str_at(text, VALUE_CHARS);

        return *end ? arena_printf(t->arena, "%.*s...", (int)(end - text), text) : text;
}

static void lines(Text *t, const char *s, char sign)
{
        size_t n_lines = 0;

        for (; s && *s && n_lines < 10; n_lines++) {
                size_t n = strcspn(s, "\n");

                indent(t, 6);
                paint(t, sign == '+' ? GREEN : RED);
                str_printf(t->out, "%c %s\n", sign, short_value(t, arena_strndup(t->arena, s, n)));
                paint(t, "0");
                s += n + (s[n] == '\n');
        }
        if (s && *s) {
                indent(t, 6);
                str_add(t->out, "...\n");
        }
}

static void modified(Text *t, const Outcome *o)
{
        if (!o->n_modified)
                return;
        heading(t, o->accepted.ms ? "Modified properties" : "Modified properties (planned)");
        for (size_t i = 0; i < o->n_modified; i++) {
                const ModifiedProperty *m = &o->modified[i];
                const char *name = safe(t, m->name);
                const char *old = short_value(t, m->old_value), *new = short_value(t, m->new_value);
                const AttributeInfo *info;
                size_t step, row;

                str_add(t->out, "  ");
                paint(t, BOLD);
                str_add(t->out, name);
                paint(t, "0");
                if (m->old_value && m->new_value &&
                    str_columns(name) + str_columns(old) + str_columns(new) + 8 <= t->columns) {
                        str_printf(t->out, "  %s -> %s\n", old, new);
                } else {
                        str_add_char(t->out, '\n');
                        if (m->old_value) {
                                str_add(t->out, "    was ");
                                wrap(t, old, 8);
                        }
                        if (m->new_value) {
                                str_add(t->out, "    now ");
                                wrap(t, new, 8);
                        } else {
                                str_add(t->out, "    removed\n");
                        }
                }
                info = facts_exported(o, m->name, &step, &row);
                if (info && info->multi_valued) {
                        lines(t, info->value_add, '+');
                        lines(t, info->value_delete, '-');
                }
        }
}

static void labelled(Text *t, const char *label, const char *s)
{
        if (!s || !*s)
                return;
        str_add(t->out, "  ");
        paint(t, FAINT);
        str_printf(t->out, "%-10s", label);
        paint(t, "0");
        str_add_char(t->out, ' ');
        wrap(t, safe(t, s), 13);
}

static void trouble(Text *t, const Outcome *o)
{
        const char *next = facts_next(t->arena, o);

        if (!o->error.code && !next)
                return;
        heading(t, "Troubleshooting and recommendation");
        if (o->error.code) {
                labelled(t, "Code", o->error.code);
                labelled(t, "Reason", o->error.reason);
                labelled(t, "Details", o->error.additional_details);
                labelled(t, "What to do", o->error.recommended_action);
        }
        labelled(t, "Next", next);
}

static void times(Text *t, const Outcome *o)
{
        FactsTime all[FACTS_TIMES_MAX];
        size_t n = facts_times(o, all);

        heading(t, "Summary");
        labelled(t, "Because", facts_started(t->arena, o));
        labelled(t, "Access", facts_disable(o));
        labelled(t, "AD",
                 arena_printf(t->arena, "%s %s", o->source.id ? o->source.id : "",
                              o->source.upn ? o->source.upn : ""));
        if (o->target.id && *o->target.id)
                labelled(t, "Entra ID",
                         arena_printf(t->arena, "%s %s", o->target.id, o->target.upn ? o->target.upn : ""));
        for (size_t i = 0; i < n; i++) {
                char when[WALL_TEXT_MAX];

                labelled(t, all[i].name, wall_format(all[i].at, when));
        }
        labelled(t, "run", o->run_id);
        for (size_t i = 0; i < o->n_request_ids; i++)
                labelled(t, i ? "" : "requests", o->request_ids[i]);
}

/**
 * text_report() - an outcome for a terminal
 * @columns:    its width; 0 if it has none
 *
 * Control characters and what hides text are escaped, so that a value of the directory cannot write to the
 * screen what is not there.
 */
void text_report(const Outcome *o, size_t columns, bool colour, Str *out)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Text t = { .out = out, .arena = a, .colour = colour };
        const char *word = run_word(o), *type = o->source.type ? o->source.type : o->target.type, *since;
        int64_t latency = facts_latency_ms(o, &since);
        char took[48];

        t.columns = columns < COLUMNS_MIN   ? columns ? COLUMNS_MIN : 80
                    : columns > COLUMNS_MAX ? COLUMNS_MAX
                                            : columns;
        paint(&t, BOLD);
        str_add(out, short_value(&t, facts_display_name(o)));
        paint(&t, "0");
        if (type && *type)
                str_printf(out, "  %s", safe(&t, type));
        str_add_char(out, '\n');
        if (*facts_dn(o))
                str_printf(out, "%s\n", safe(&t, facts_dn(o)));
        paint(&t, tone(word));
        str_add(out, facts_state(o));
        paint(&t, "0");
        str_add(out, ": ");
        wrap(&t, safe(&t, facts_sentence(a, o)), strlen(facts_state(o)) + 2);
        if (latency >= 0)
                str_printf(out, "%s to Graph: %s\n", str_is(since, "started") ? "Start" : "Directory",
                           duration_format(latency * 1000, took, sizeof(took)));
        steps(&t, o);
        modified(&t, o);
        trouble(&t, o);
        times(&t, o);
}
