/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/rules-internal.h"

#include <string.h>

/* Join rules or Provision: such a rule gives an object its target, and lets the others flow. */
bool rule_decides(const Rule *r)
{
        return r->n_join > 0 || r->link == RULE_LINK_PROVISION;
}

/* Where another rule is, in the words of a finding. */
static const char *place(const Rule *r, char *buf, size_t size)
{
        if (!r->at.file)
                snprintf(buf, size, "rule \"%s\"", r->name);
        else
                snprintf(buf, size, "rule \"%s\" (%s:%d)", r->name, r->at.file, r->at.line);
        return buf;
}

static void check_pair(const Rule *a, const Rule *b, Diag *diag)
{
        char other[RULE_NAME_MAX + 300];

        if (a->direction != b->direction)
                return;
        if (a->precedence == b->precedence)
                diag_add_at(diag, b->at, "rule \"%s\": precedence %d is taken by %s", b->name, b->precedence,
                            place(a, other, sizeof(other)));
        /* Connect has one rule of a name for each forest, told apart by the connector. */
        if (str_is(a->name, b->name) && str_is(a->connector, b->connector))
                diag_add_at(diag, b->at, "rule \"%s\": the name is taken by %s", b->name,
                            place(a, other, sizeof(other)));
        if (strcmp(a->id, b->id) == 0 && !(str_is(a->name, b->name)))
                diag_add_at(diag, b->at, "rule \"%s\": the id is taken by %s", b->name,
                            place(a, other, sizeof(other)));
}

/* Outbound, what goes to a directory (Out to AD - ...) has nothing to do with what goes to the tenant. */
static bool same_connector(const Rule *a, const Rule *b)
{
        if (rule_is_to_tenant(a) || rule_is_to_tenant(b))
                return rule_is_to_tenant(a) && rule_is_to_tenant(b);
        return str_is_nocase(a->connector, b->connector);
}

/* Do two rules flow into the same kind of object? */
static bool same_target(const Rule *a, const Rule *b)
{
        if (a->direction != b->direction || a->disabled || b->disabled)
                return false;
        if (a->direction == RULE_OUTBOUND &&
            (!str_is(a->source_type, b->source_type) || !same_connector(a, b)))
                return false;
        return str_is(a->target_type, b->target_type) || str_is(a->target_type, "*") ||
               str_is(b->target_type, "*");
}

/* Replace does what Update does, says Microsoft. */
static FlowMerge merge_of(const Flow *f)
{
        return f->merge == FLOW_MERGE_REPLACE ? FLOW_MERGE_UPDATE : f->merge;
}

/* All flows of all rules, by target: whoever looks for the flows to one attribute has them side by side. */
typedef struct FlowRow {
        const Rule *rule;
        const Flow *flow;
} FlowRow;

typedef struct Check {
        Rule *const *rules;
        size_t n_rules;
        FlowRow *rows;
        size_t n_rows;
        Arena *arena;
        Diag *diag;
} Check;

static int row_compare(const void *a, const void *b)
{
        const FlowRow *x = a, *y = b;
        int order = strcmp(x->flow->target, y->flow->target);

        if (order)
                return order;
        if (x->rule != y->rule)
                return x->rule->precedence < y->rule->precedence ? -1 : 1;
        return x->flow < y->flow ? -1 : x->flow > y->flow;
}

static void check_row(Check *c, const FlowRow *a, const FlowRow *b)
{
        char other[RULE_NAME_MAX + 300];

        if (a->rule == b->rule)
                diag_add_at(c->diag, a->rule->at, "rule \"%s\": two flows to \"%s\"", a->rule->name,
                            a->flow->target);
        else if (merge_of(a->flow) != merge_of(b->flow) && same_target(a->rule, b->rule))
                diag_add_at(c->diag, b->rule->at,
                            "rule \"%s\": flow to \"%s\": its merge type is not that of %s; all rules that "
                            "supply an attribute must have the same",
                            b->rule->name, b->flow->target, place(a->rule, other, sizeof(other)));
}

static void check_merge(Check *c)
{
        for (size_t i = 0; i < c->n_rows; i++)
                for (size_t k = i + 1;
                     k < c->n_rows && strcmp(c->rows[i].flow->target, c->rows[k].flow->target) == 0; k++)
                        check_row(c, &c->rows[i], &c->rows[k]);
}

/* Somebody must join or provision what this rule flows into, or it never runs. */
static void check_reachable(Check *c, const Rule *r)
{
        if (r->disabled || rule_decides(r))
                return;
        for (size_t i = 0; i < c->n_rules; i++) {
                const Rule *o = c->rules[i];

                if (same_target(o, r) && rule_decides(o) && str_is(o->source_type, r->source_type) &&
                    (!o->connector || !r->connector || str_is_nocase(o->connector, r->connector)))
                        return;
        }
        diag_add_at(c->diag, r->at,
                    "rule \"%s\": no %s rule from \"%s\" to \"%s\" has join rules or link type Provision, so "
                    "this "
                    "one would never be applied",
                    r->name, r->direction == RULE_INBOUND ? "inbound" : "outbound", r->source_type,
                    r->target_type);
}

/* An attribute of the metaverse is one that Connect ships or that an inbound rule fills. */
static bool is_metaverse_attribute(const Check *c, const char *name)
{
        size_t low = 0, high = c->n_rows;

        if (metaverse_schema_find(name))
                return true;
        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(c->rows[middle].flow->target, name) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (; low < c->n_rows && strcmp(c->rows[low].flow->target, name) == 0; low++)
                if (c->rows[low].rule->direction == RULE_INBOUND)
                        return true;
        return false;
}

static void check_known(Check *c, const Rule *r, const char *name, const char *where)
{
        if (!is_metaverse_attribute(c, name))
                diag_add_at(c->diag, r->at,
                            "rule \"%s\": %s: the metaverse has no attribute \"%s\", and no inbound rule "
                            "flows to "
                            "one",
                            r->name, where, name);
}

static void check_flow_reads(Check *c, const Rule *r, const Flow *f)
{
        const char *where = arena_printf(c->arena, "flow to \"%s\"", f->target);
        const char *const *names;
        size_t n;

        if (f->type == FLOW_DIRECT)
                check_known(c, r, f->source, where);
        /* ImportedValue() reads the connector space, whose attributes are Entra ID's. */
        if (f->type != FLOW_EXPRESSION || strstr(f->source, "ImportedValue"))
                return;
        expr_names(f->expr, c->arena, &names, &n);
        for (size_t i = 0; i < n; i++)
                if (*names[i] != '%') /* a parameter */
                        check_known(c, r, names[i], where);
}

/* What outbound rules read must be in the metaverse: the usual mistake is AD's name, or other capitals. */
static void check_read(Check *c, const Rule *r)
{
        for (size_t i = 0; i < r->n_scope; i++)
                for (size_t k = 0; k < r->scope[i].n_clauses; k++)
                        check_known(c, r, r->scope[i].clauses[k].attribute, "scope");
        for (size_t i = 0; i < r->n_join; i++)
                for (size_t k = 0; k < r->join[i].n_clauses; k++)
                        check_known(c, r, r->join[i].clauses[k].metaverse, "join");
        for (size_t i = 0; i < r->n_flows; i++)
                check_flow_reads(c, r, &r->flows[i]);
}

static void collect_rows(Check *c)
{
        size_t n = 0;

        for (size_t i = 0; i < c->n_rules; i++)
                n += c->rules[i]->n_flows;
        c->rows = arena_new_array(c->arena, FlowRow, n);
        for (size_t i = 0; i < c->n_rules; i++)
                for (size_t k = 0; k < c->rules[i]->n_flows; k++)
                        c->rows[c->n_rows++] =
                                (FlowRow){ .rule = c->rules[i], .flow = &c->rules[i]->flows[k] };
        if (c->n_rows)
                qsort(c->rows, c->n_rows, sizeof(*c->rows), row_compare);
}

/* Each group is asked about every object that comes in. */
static void check_groups(const Check *c)
{
        const char *seen[RULES_GROUPS_MAX];
        size_t n = 0;

        for (size_t i = 0; i < c->n_rules; i++)
                for (size_t g = 0; g < c->rules[i]->n_scope; g++)
                        for (size_t k = 0; k < c->rules[i]->scope[g].n_clauses; k++) {
                                const ScopeClause *clause = &c->rules[i]->scope[g].clauses[k];
                                size_t m = 0;

                                while (clause->group && m < n && !str_is(seen[m], clause->group))
                                        m++;
                                if (!clause->group || m < n)
                                        continue;
                                if (n < RULES_GROUPS_MAX) {
                                        seen[n++] = clause->group;
                                        continue;
                                }
                                diag_add_at(c->diag, c->rules[i]->at,
                                            "rule \"%s\": more than %d groups are named by ISMEMBEROF and "
                                            "ISNOTMEMBEROF",
                                            c->rules[i]->name, RULES_GROUPS_MAX);
                                return;
                        }
}

/* What no single rule can see. Findings go into the diag. */
void check_rules(Rule *const *rules, size_t n_rules, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Check c = { .rules = rules, .n_rules = n_rules, .arena = a, .diag = diag };

        collect_rows(&c);
        for (size_t i = 0; i < n_rules; i++)
                for (size_t k = 0; k < i; k++)
                        check_pair(rules[k], rules[i], diag);
        check_merge(&c);
        check_groups(&c);
        for (size_t i = 0; i < n_rules; i++) {
                check_reachable(&c, rules[i]);
                if (rules[i]->direction == RULE_OUTBOUND)
                        check_read(&c, rules[i]);
        }
}
