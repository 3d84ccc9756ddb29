/* SPDX-License-Identifier: Apache-2.0 */

#include "app/rules/diff.h"

#include "base/error.h"
#include "base/str.h"

#include <string.h>

/* A value in an example is for a line of a terminal. */
#define VALUE_TEXT_MAX 120

typedef struct Row Row;
typedef struct RowExample RowExample;

struct RowExample {
        const char *dn, *before, *after; /* no value: NULL */
};

struct Row {
        KeyNode node;
        RuleDirection direction;
        const char *type, *attribute, *was, *is;
        uint64_t n, n_cleared;
        RowExample examples[RULES_EXAMPLES];
        size_t n_examples;
};

static const char *const effect_names[_RULES_EFFECT_N] = {
        [RULES_DISABLED] = "disabled", [RULES_LEAVE] = "leave",
        [RULES_CLEARED] = "cleared",   [RULES_MEMBERS_REMOVED] = "membersRemoved",
        [RULES_FAIL] = "fail",         [RULES_ENABLED] = "enabled",
        [RULES_ENTER] = "enter",       [RULES_MENDED] = "mended",
};

void rules_diff_init(RulesDiff *d)
{
        *d = (RulesDiff){ .arena = arena_new(0) };
        keymap_init(&d->rows);
}

void rules_diff_deinit(RulesDiff *d)
{
        keymap_deinit(&d->rows);
        d->arena = arena_free(d->arena);
}

static void effect(RulesDiff *d, RulesEffectKind kind, uint64_t n, const char *example)
{
        RulesEffect *e = &d->effects[kind];

        e->n += n;
        if (e->n_examples < RULES_EXAMPLES && example)
                e->examples[e->n_examples++] = arena_strdup(d->arena, example);
}

static const char *name_of(const RulesKnown *k)
{
        return k->dn ? k->dn : "an object without a name";
}

/* -- rows ------------------------------------------------------------------------------------------------ */

static Row *row_of(RulesDiff *d, const RulesChange *c, Arena *a)
{
        const char *key = arena_printf(a, "%u\n%s\n%s\n%s\n%s", c->direction, c->type, c->attribute,
                                       c->was ? c->was : "", c->is ? c->is : "");
        size_t n = strlen(key);
        KeyNode *node = keymap_find(&d->rows, key, n);
        Row *row;

        if (node)
                return keymap_entry(node, Row, node);
        if (d->rows.n >= RULES_DIFF_ROWS_MAX)
                return NULL;
        row = arena_new_of(d->arena, Row);
        row->direction = c->direction;
        row->type = arena_strdup(d->arena, c->type);
        row->attribute = arena_strdup(d->arena, c->attribute);
        row->was = arena_strdup(d->arena, c->was);
        row->is = arena_strdup(d->arena, c->is);
        keymap_add(&d->rows, &row->node, arena_strdup(d->arena, key), n);
        return row;
}

static const char *example_text(RulesDiff *d, Value v)
{
        return value_is_none(v) ? NULL : value_text(d->arena, v, VALUE_TEXT_MAX);
}

static void add_example(RulesDiff *d, Row *row, const RulesKnown *k, const RulesChange *c)
{
        RowExample *e;

        if (row->n_examples == RULES_EXAMPLES)
                return;
        e = &row->examples[row->n_examples++];
        e->dn = arena_strdup(d->arena, name_of(k));
        if (!c->link) {
                e->before = example_text(d, c->before);
                e->after = example_text(d, c->after);
        } else if (c->n_links) {
                e->before = arena_printf(d->arena, "%llu members", (unsigned long long)c->n_links);
        }
}

static bool is_switch(const RulesChange *c)
{
        return c->direction == RULE_OUTBOUND && str_is(c->attribute, "accountEnabled") &&
               c->after.type == VALUE_BOOL;
}

static void add_change(RulesDiff *d, const RulesKnown *k, const RulesChange *c, Arena *a)
{
        bool cleared = c->direction == RULE_OUTBOUND && !c->link && value_is_none(c->after);
        Row *row = row_of(d, c, a);

        if (is_switch(c))
                effect(d, c->after.b ? RULES_ENABLED : RULES_DISABLED, 1, name_of(k));
        if (cleared)
                effect(d, RULES_CLEARED, 1, arena_printf(a, "%s of %s", c->attribute, name_of(k)));
        if (c->n_links)
                effect(d, RULES_MEMBERS_REMOVED, c->n_links, name_of(k));
        if (!row)
                return;
        row->n++;
        row->n_cleared += cleared;
        add_example(d, row, k, c);
}

/* Failing, leaving and entering come before single values: without a plan there are none. */
static bool add_whole(RulesDiff *d, const RulesKnown *k, const RulesView *was, const RulesView *is, Arena *a)
{
        if (is->failed || was->failed) {
                if (is->failed && !was->failed)
                        effect(d, RULES_FAIL, 1, arena_printf(a, "%s: %s", name_of(k), is->failed));
                if (was->failed && !is->failed)
                        effect(d, RULES_MENDED, 1, name_of(k));
                return !is->failed || !was->failed;
        }
        if (was->planned && (!is->planned || !str_is(was->planned->type, is->planned->type)))
                effect(d, RULES_LEAVE, 1,
                       is->why_not ? arena_printf(a, "%s: %s", name_of(k), is->why_not) : name_of(k));
        else if (!was->planned && is->planned)
                effect(d, RULES_ENTER, 1, name_of(k));
        else
                return false;
        return true;
}

int rules_diff_add(RulesDiff *d, const RulesWorld *w, const RulesKnown *k, const RulesView *was,
                   const RulesView *is, Arena *a)
{
        RulesChange *changes;
        bool changed;
        size_t n;
        int r;

        d->n_objects++;
        changed = add_whole(d, k, was, is, a);
        r = rules_changes(w, k, was, is, true, a, &changes, &n);
        if (r)
                return error_trace(r);
        for (size_t i = 0; i < n; i++)
                add_change(d, k, &changes[i], a);
        d->n_changed += changed || n > 0;
        return 0;
}

/* -- as JSON --------------------------------------------------------------------------------------------- */

static json_t *text_json(const char *s)
{
        return s ? json_stringn(s, strlen(s)) : json_null();
}

static json_t *effect_json(const RulesEffect *e)
{
        json_t *examples = json_array();

        for (size_t i = 0; i < e->n_examples; i++)
                json_array_append_new(examples, text_json(e->examples[i]));
        return json_pack("{s:I, s:o}", "n", (json_int_t)e->n, "examples", examples);
}

static json_t *row_json(const Row *row)
{
        json_t *examples = json_array();

        for (size_t i = 0; i < row->n_examples; i++)
                json_array_append_new(examples,
                                      json_pack("{s:o, s:o, s:o}", "dn", text_json(row->examples[i].dn),
                                                "before", text_json(row->examples[i].before), "after",
                                                text_json(row->examples[i].after)));
        return json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:o}", "direction",
                         row->direction == RULE_INBOUND ? "Inbound" : "Outbound", "type", row->type,
                         "attribute", row->attribute, "was", text_json(row->was), "is", text_json(row->is),
                         "n", (json_int_t)row->n, "cleared", (json_int_t)row->n_cleared, "examples",
                         examples);
}

/* Outbound first, since that is what reaches the cloud; then the most. */
static int by_weight(const void *a, const void *b)
{
        const Row *x = *(const Row *const *)a, *y = *(const Row *const *)b;
        int order;

        if (x->direction != y->direction)
                return x->direction == RULE_OUTBOUND ? -1 : 1;
        if (x->n != y->n)
                return x->n > y->n ? -1 : 1;
        order = strcmp(x->type, y->type);
        if (order == 0)
                order = strcmp(x->attribute, y->attribute);
        if (order == 0)
                order = strcmp(x->was ? x->was : "", y->was ? y->was : "");
        return order ? order : strcmp(x->is ? x->is : "", y->is ? y->is : "");
}

json_t *rules_diff_json(const RulesDiff *d)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Row **rows = arena_new_array(a, const Row *, d->rows.n + 1);
        json_t *effects = json_object(), *changes = json_array();
        size_t n = 0;

        for (int i = 0; i < _RULES_EFFECT_N; i++)
                json_object_set_new(effects, effect_names[i], effect_json(&d->effects[i]));
        for (KeyNode *i = keymap_next(&d->rows, NULL); i; i = keymap_next(&d->rows, i))
                rows[n++] = keymap_entry(i, Row, node);
        if (n > 1)
                qsort(rows, n, sizeof(*rows), by_weight);
        for (size_t i = 0; i < n; i++)
                json_array_append_new(changes, row_json(rows[i]));
        return json_pack("{s:I, s:I, s:I, s:o, s:o}", "objects", (json_int_t)d->n_objects, "changed",
                         (json_int_t)d->n_changed, "unreadable", (json_int_t)d->n_unreadable, "effects",
                         effects, "changes", changes);
}
