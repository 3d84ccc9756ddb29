/* SPDX-License-Identifier: Apache-2.0 */

#include "app/rules/compare.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/space/space-records.h"
#include "engine/target/schema.h"

#include <string.h>

/* -- as it is stored ------------------------------------------------------------------------------------- */

static const FlowedObject *flowed_of(const Person *p, Arena *a)
{
        const FlowedObject *o;
        PackReader r;

        if (!p->n_flowed)
                return NULL;
        unpack_init(&r, p->flowed, p->n_flowed);
        o = flowed_unpack(&r, a);
        return unpack_end(&r) ? NULL : o;
}

static bool is_among(const ObjectId *ids, size_t n, const ObjectId *id)
{
        size_t low = 0, high = n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int order = guid_compare(&ids[middle], id);

                if (order == 0)
                        return true;
                low = order < 0 ? middle + 1 : low;
                high = order < 0 ? high : middle;
        }
        return false;
}

/* What its import has not said, because nobody asked then. */
static const Object *with_groups(const RulesWorld *w, uint16_t source, const Object *o, Arena *a)
{
        ObjectBuilder b;
        bool any = false;

        for (size_t i = 0; i < w->n_groups; i++) {
                const GroupMembers *g = &w->groups[i];

                if (g->source != source || !value_is_none(object_get(o, g->attribute)))
                        continue;
                if (!any) {
                        object_build(&b, a);
                        for (size_t k = 0; k < o->n_attributes; k++)
                                object_add(&b, o->attributes[k].name, o->attributes[k].value);
                        any = true;
                }
                object_add(&b, g->attribute, value_bool(is_among(g->ids, g->n_ids, &o->id)));
        }
        return any ? object_finish(&b, &o->id, o->type, o->dn) : o;
}

static int read_inputs(const RulesWorld *w, Arena *a, RulesKnown *k)
{
        int r = run_inputs(&(RunJoined){ .space = w->space,
                                         .connectors = w->connectors,
                                         .n_connectors = w->n_connectors,
                                         .person = &k->person },
                           a, &k->inputs, &k->n_inputs, NULL);

        if (r)
                return error_trace(r);
        for (size_t i = 0; i < k->n_inputs; i++)
                k->inputs[i].object = with_groups(w, k->inputs[i].source, k->inputs[i].object, a);
        k->dn = k->n_inputs ? k->inputs[0].object->dn : NULL;
        return 0;
}

int rules_known_read(const RulesWorld *w, const ObjectId *metaverse, const SpaceRow *row, Arena *a,
                     RulesKnown *ret_known)
{
        RulesKnown k = { .metaverse = *metaverse };
        int r;

        if (person_unpack(a, row->data, row->n, &k.person))
                return SPACE_E_CORRUPT;
        k.before = flowed_of(&k.person, a);
        r = read_inputs(w, a, &k);
        if (r)
                return r;
        if (!guid_is_zero(&k.person.cloud)) {
                r = space_read_cloud(w->space, &k.person.cloud, a, &k.cloud, NULL, NULL);
                if (r < 0)
                        return error_trace(r);
                if (r)
                        k.cloud = (Cloud){ 0 };
        }
        *ret_known = k;
        return 0;
}

/* -- one set --------------------------------------------------------------------------------------------- */

static bool is_taken(const RuleSet *rules, const RulesKnown *k, Arena *a, const char **ret_why)
{
        *ret_why = "none of its objects is in scope any more";
        for (size_t i = 0; i < k->n_inputs; i++)
                if (rules_find_join(rules, &k->inputs[i], a, ret_why))
                        return true;
        return false;
}

int rules_view(const RulesWorld *w, const RulesKnown *k, const RuleSet *rules, Arena *a, RulesView *ret_view)
{
        RulesView v = { .rules = rules };
        Diag why = DIAG_INIT;
        int r = 0;

        if (is_taken(rules, k, a, &v.why_not)) {
                const RuleInput *first = &k->inputs[0];

                r = rules_inbound(rules, k->person.type, k->inputs, k->n_inputs, k->before, w->now, a, &v.mv,
                                  &why);
                if (r == 0) {
                        v.mv = flowed_keep(a, v.mv, k->before);
                        r = rules_outbound(rules, v.mv, k->cloud.object, first->parameters,
                                           first->n_parameters, w->now, a, &v.planned, &v.why_not, &why);
                }
                if (r == RULE_E_FAILED || r == RULE_E_AMBIGUOUS) {
                        v.failed = arena_strdup(a, diag_text(&why));
                        v.planned = NULL;
                        r = 0;
                }
        }
        diag_deinit(&why);
        *ret_view = v;
        return r;
}

/* -- two sets -------------------------------------------------------------------------------------------- */

typedef struct Changes {
        Arena *arena;
        RulesChange *items;
        size_t n, size;
} Changes;

static void add(Changes *c, const RulesChange *x)
{
        if (c->n == c->size) {
                size_t size = c->size ? c->size * 2 : 16;
                RulesChange *items = arena_new_array(c->arena, RulesChange, size);

                if (c->n)
                        memcpy(items, c->items, c->n * sizeof(*items));
                c->items = items;
                c->size = size;
        }
        c->items[c->n++] = *x;
}

static const char *rule_of(const FlowedValue *v)
{
        return v ? v->rule : NULL;
}

/* Both sorted by name: one pass over the two. */
static void changes_of_metaverse(const FlowedObject *a, const FlowedObject *b, Changes *out)
{
        size_t i = 0, k = 0;

        while (i < a->n_values || k < b->n_values) {
                const FlowedValue *x = i < a->n_values ? &a->values[i] : NULL;
                const FlowedValue *y = k < b->n_values ? &b->values[k] : NULL;
                int order = !x ? 1 : !y ? -1 : strcmp(x->name, y->name);
                Value before, after;

                if (order > 0)
                        x = NULL;
                if (order < 0)
                        y = NULL;
                i += x != NULL;
                k += y != NULL;
                before = x ? x->value : VALUE_NULL;
                after = y ? y->value : VALUE_NULL;
                if (value_is(before, after))
                        continue;
                add(out, &(RulesChange){
                                 .direction = RULE_INBOUND,
                                 .type = b->type,
                                 .attribute = x ? x->name : y->name,
                                 .before = before,
                                 .after = after,
                                 .was = rule_of(x),
                                 .is = rule_of(y),
                         });
        }
}

static bool knows(const RulesView *v, const char *name)
{
        return rules_flows(v->rules, RULE_OUTBOUND, v->planned->type, name);
}

/* What the cloud has after a run by these rules: what they leave alone stays. */
static Value leaves(const RulesKnown *k, const RulesView *v, const char *name)
{
        if (k->cloud.object && (flowed_is_kept(v->planned, name) || !knows(v, name)))
                return object_get(k->cloud.object, name);
        return flowed_get(v->planned, name);
}

static int count_members(const RulesWorld *w, const RulesKnown *k, const char *name, Arena *a,
                         uint64_t *ret_n)
{
        ObjectId *ids;
        size_t n = 0;
        int r = space_read_links(w->space, LINK_CLOUD, &k->person.cloud, sizeof(k->person.cloud), name, a,
                                 &ids, &n);

        *ret_n = n;
        return r;
}

static bool has_link(const FlowedObject *o, const char *name)
{
        const FlowedLink *l = flowed_find_link(o, name);

        return l && !l->authoritative_null;
}

static int change_of_links(const RulesWorld *w, const RulesKnown *k, const RulesView *a, const RulesView *b,
                           const char *name, Changes *out)
{
        const FlowedLink *was = flowed_find_link(a->planned, name), *is = flowed_find_link(b->planned, name);
        RulesChange x = {
                .direction = RULE_OUTBOUND,
                .type = b->planned->type,
                .attribute = name,
                .was = was ? was->rule : NULL,
                .is = is ? is->rule : NULL,
                .link = true,
        };
        int r = 0;

        if (has_link(a->planned, name) == has_link(b->planned, name) || flowed_is_kept(b->planned, name) ||
            !knows(b, name))
                return 0;
        if (!has_link(b->planned, name))
                r = count_members(w, k, name, out->arena, &x.n_links);
        add(out, &x);
        return r;
}

static int changes_of_cloud(const RulesWorld *w, const RulesKnown *k, const RulesView *a, const RulesView *b,
                            Changes *out)
{
        size_t n;
        const TargetAttribute *rows = target_attributes(w->schema, b->planned->type, &n);
        int r = 0;

        for (size_t i = 0; i < n && r == 0; i++) {
                const TargetAttribute *at = &rows[i];
                Value before, after;

                if (at->kind == TARGET_LINKS) {
                        r = change_of_links(w, k, a, b, at->name, out);
                        continue;
                }
                if (!at->writable && !(at->create_only && !k->cloud.object))
                        continue;
                before = leaves(k, a, at->name);
                after = leaves(k, b, at->name);
                if (target_value_is(at, before, after))
                        continue;
                add(out, &(RulesChange){
                                 .direction = RULE_OUTBOUND,
                                 .type = b->planned->type,
                                 .attribute = at->name,
                                 .before = before,
                                 .after = after,
                                 .was = rule_of(flowed_find(a->planned, at->name)),
                                 .is = rule_of(flowed_find(b->planned, at->name)),
                         });
        }
        return r;
}

int rules_changes(const RulesWorld *w, const RulesKnown *k, const RulesView *a_view, const RulesView *b_view,
                  bool mv, Arena *a, RulesChange **ret_changes, size_t *ret_n)
{
        Changes out = { .arena = a };
        int r = 0;

        if (mv && a_view->mv && b_view->mv)
                changes_of_metaverse(a_view->mv, b_view->mv, &out);
        if (a_view->planned && b_view->planned && str_is(a_view->planned->type, b_view->planned->type))
                r = changes_of_cloud(w, k, a_view, b_view, &out);
        *ret_changes = out.items;
        *ret_n = out.n;
        return r;
}

/* What it is found by: another object may join it, or none any more. */
static bool joins_differ(const RulesView *a, const RulesView *b)
{
        size_t n;
        const char *const *names = rules_join_attributes(b->rules, b->mv->type, &n);

        for (size_t i = 0; i < n; i++)
                if (!value_is(flowed_get(a->mv, names[i]), flowed_get(b->mv, names[i])))
                        return true;
        return false;
}

bool rules_differ(const RulesWorld *w, const RulesKnown *k, const RulesView *a_view, const RulesView *b_view,
                  Arena *a)
{
        RulesChange *changes;
        size_t n = 0;

        if (a_view->failed || b_view->failed)
                return !a_view->failed || !b_view->failed;
        if (!a_view->planned != !b_view->planned)
                return true;
        if (a_view->mv && b_view->mv && joins_differ(a_view, b_view))
                return true;
        if (!a_view->planned)
                return false;
        if (!str_is(a_view->planned->type, b_view->planned->type))
                return true;
        /* What cannot be read is looked at by a run. */
        return rules_changes(w, k, a_view, b_view, false, a, &changes, &n) || n > 0;
}
