/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/rules-internal.h"

#include <string.h>

/* A growing set of names that ends up sorted, each once. */
typedef struct Names {
        Arena *arena;
        const char **names;
        size_t n, size;
} Names;

static void names_add(Names *s, const char *name)
{
        if (!name)
                return;
        if (s->n == s->size) {
                size_t size = s->size ? s->size * 2 : 64;
                const char **grown = arena_new_array(s->arena, const char *, size);

                if (s->n)
                        memcpy(grown, s->names, s->n * sizeof(*grown));
                s->names = grown;
                s->size = size;
        }
        s->names[s->n++] = name;
}

static int names_compare(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void names_finish(Names *s)
{
        size_t n = 0;

        if (s->n)
                qsort(s->names, s->n, sizeof(*s->names), names_compare);
        for (size_t i = 0; i < s->n; i++)
                if (n == 0 || strcmp(s->names[n - 1], s->names[i]) != 0)
                        s->names[n++] = s->names[i];
        s->n = n;
}

static bool targets_type(const Rule *r, const char *type)
{
        return strcmp(r->target_type, type) == 0 || strcmp(r->target_type, "*") == 0;
}

/* ---- tables ---- */

static int source_compare(const void *a, const void *b)
{
        const FlowSource *x = a, *y = b;
        int order = strcmp(x->flow->target, y->flow->target);

        if (order)
                return order;
        return x->rule->precedence < y->rule->precedence ? -1 : x->rule->precedence > y->rule->precedence;
}

static void table_targets(Arena *a, FlowTable *t, FlowSource *sources, size_t n_sources)
{
        FlowTarget *targets = arena_new_array(a, FlowTarget, n_sources);
        size_t n = 0;

        if (n_sources)
                qsort(sources, n_sources, sizeof(*sources), source_compare);
        for (size_t i = 0; i < n_sources; i++) {
                const char *name = sources[i].flow->target;
                const SchemaRow *schema = metaverse_schema_find(name);

                if (n == 0 || strcmp(targets[n - 1].name, name) != 0)
                        targets[n++] = (FlowTarget){
                                .name = name,
                                .schema = t->direction == RULE_INBOUND ? schema : NULL,
                                .is_truth = schema && schema->type == VALUE_BOOL,
                                .merge = sources[i].flow->merge,
                                .sources = &sources[i],
                        };
                targets[n - 1].n_sources++;
        }
        t->targets = targets;
        t->n_targets = n;
}

/* Does the rule belong to the table of this direction and these types? */
static bool table_takes(const FlowTable *t, const Rule *r)
{
        if (r->disabled || r->direction != t->direction || !targets_type(r, t->target_type))
                return false;
        return t->direction == RULE_INBOUND ||
               (strcmp(r->source_type, t->source_type) == 0 && rule_is_to_tenant(r));
}

static void table_fill(Arena *a, FlowTable *t, const Rule *const *rules, size_t n_rules)
{
        const Rule **mine = arena_new_array(a, const Rule *, n_rules);
        FlowSource *sources;
        size_t n_sources = 0, n = 0;

        for (size_t i = 0; i < n_rules; i++)
                if (table_takes(t, rules[i])) {
                        mine[n++] = rules[i];
                        n_sources += rules[i]->n_flows;
                        t->provisions |= rules[i]->link == RULE_LINK_PROVISION;
                }
        t->rules = mine;
        t->n_rules = n;

        sources = arena_new_array(a, FlowSource, n_sources);
        n_sources = 0;
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < mine[i]->n_flows; k++) {
                        const Flow *f = &mine[i]->flows[k];
                        FlowSource *s = &sources[n_sources++];
                        bool ok;

                        *s = (FlowSource){ .rule = mine[i], .index = i, .flow = f };
                        if (f->type == FLOW_DIRECT) {
                                s->reads = &f->source;
                                s->n_reads = 1;
                        } else if (f->type == FLOW_EXPRESSION) {
                                expr_names(f->expr, a, &s->reads, &s->n_reads);
                        } else {
                                s->constant = load_constant(a, f->target, f->source, &ok);
                                s->parameters = strchr(f->source, '%') != NULL;
                        }
                }
        table_targets(a, t, sources, n_sources);
}

static void set_tables(Arena *a, RuleSet *set)
{
        FlowTable *tables = arena_new_array(a, FlowTable, set->n_rules);
        size_t n = 0;

        set->tables = tables;
        for (size_t i = 0; i < set->n_rules; i++) {
                const Rule *r = set->rules[i];

                if (r->disabled || strcmp(r->target_type, "*") == 0 ||
                    (r->direction == RULE_OUTBOUND && !rule_is_to_tenant(r)))
                        continue;
                if (set_find_table(set, r->direction, r->source_type, r->target_type))
                        continue;
                tables[n] = (FlowTable){
                        .direction = r->direction,
                        .source_type = r->direction == RULE_OUTBOUND ? r->source_type : NULL,
                        .target_type = r->target_type,
                };
                table_fill(a, &tables[n], set->rules, set->n_rules);
                set->n_tables = ++n;
        }
}

/* The table for metaverse objects of a type (inbound), or from one type to another (outbound). */
const FlowTable *set_find_table(const RuleSet *set, RuleDirection direction, const char *source_type,
                                const char *target_type)
{
        for (size_t i = 0; i < set->n_tables; i++) {
                const FlowTable *t = &set->tables[i];

                if (t->direction == direction && strcmp(t->target_type, target_type) == 0 &&
                    (direction == RULE_INBOUND || strcmp(t->source_type, source_type) == 0))
                        return t;
        }
        return NULL;
}

/* ---- names ---- */

static void add_source_names(Names *s, const Rule *r, Arena *scratch)
{
        for (size_t i = 0; i < r->n_scope; i++)
                for (size_t k = 0; k < r->scope[i].n_clauses; k++)
                        if (!clause_asks_member(&r->scope[i].clauses[k]))
                                names_add(s, r->scope[i].clauses[k].attribute);
        for (size_t i = 0; i < r->n_join; i++)
                for (size_t k = 0; k < r->join[i].n_clauses; k++)
                        names_add(s, r->join[i].clauses[k].source);
        for (size_t i = 0; i < r->n_flows; i++) {
                const char *const *names;
                size_t n;

                if (r->flows[i].type == FLOW_DIRECT)
                        names_add(s, r->flows[i].source);
                if (r->flows[i].type != FLOW_EXPRESSION)
                        continue;
                expr_names(r->flows[i].expr, scratch, &names, &n);
                for (size_t k = 0; k < n; k++) {
                        if (strcmp(names[k], RULES_COUNT_MEMBER) == 0)
                                names_add(s, "member");
                        else if (*names[k] != '%') /* a parameter */
                                names_add(s, names[k]);
                }
        }
}

static bool has_list(const NameList *lists, size_t n, const char *type)
{
        for (size_t i = 0; i < n; i++)
                if (strcmp(lists[i].type, type) == 0)
                        return true;
        return false;
}

/* The name is no attribute of the directory: the import gives it with every object. */
static void names_drop(Names *s, const char *name)
{
        size_t n = 0;

        for (size_t i = 0; i < s->n; i++)
                if (strcmp(s->names[i], name) != 0)
                        s->names[n++] = s->names[i];
        s->n = n;
}

static void set_sources(Arena *a, RuleSet *set)
{
        NameList *lists = arena_new_array(a, NameList, set->n_rules);

        set->sources = lists;
        for (size_t i = 0; i < set->n_rules; i++) {
                const char *type = set->rules[i]->source_type;
                Names names = { .arena = a };
                bool known = false;

                if (set->rules[i]->direction != RULE_INBOUND || has_list(lists, set->n_sources, type))
                        continue;
                for (size_t k = i; k < set->n_rules; k++) {
                        const Rule *r = set->rules[k];

                        if (r->direction != RULE_INBOUND || r->disabled ||
                            strcmp(r->source_type, type) != 0 ||
                            str_is_nocase(r->connector ? r->connector : "", RULES_CONNECTOR_ENTRA))
                                continue;
                        known = true;
                        add_source_names(&names, r, a);
                }
                if (!known)
                        continue;
                names_finish(&names);
                names_drop(&names, "dn");
                lists[set->n_sources++] =
                        (NameList){ .type = type, .names = names.names, .n_names = names.n };
        }
}

/* The groups of one type's member clauses, each once; of all types, without one. */
static void add_groups(Arena *a, RuleSet *set, GroupList *list)
{
        RuleGroup *groups = arena_new_array(a, RuleGroup, RULES_GROUPS_MAX);

        for (size_t i = 0; i < set->n_rules; i++) {
                const Rule *r = set->rules[i];

                if (r->disabled || (list->type && !str_is(r->source_type, list->type)))
                        continue;
                for (size_t g = 0; g < r->n_scope; g++)
                        for (size_t k = 0; k < r->scope[g].n_clauses; k++) {
                                const ScopeClause *c = &r->scope[g].clauses[k];
                                size_t n = 0;

                                if (!c->group)
                                        continue;
                                while (n < list->n_groups && !str_is(groups[n].attribute, c->group))
                                        n++;
                                if (n < list->n_groups || n == RULES_GROUPS_MAX ||
                                    dn_parse(a, c->value, &groups[n].dn, NULL))
                                        continue;
                                groups[n].attribute = c->group;
                                list->n_groups = n + 1;
                        }
        }
        list->groups = groups;
}

static void set_groups(Arena *a, RuleSet *set)
{
        GroupList *lists = arena_new_array(a, GroupList, set->n_sources + 1);

        add_groups(a, set, &lists[0]);
        for (size_t i = 0; i < set->n_sources; i++) {
                lists[i + 1].type = set->sources[i].type;
                add_groups(a, set, &lists[i + 1]);
        }
        set->groups = lists;
        set->n_groups = set->n_sources + 1;
}

/* Outbound, several metaverse types may lead to one target type (user and contact from person). */
static void set_targets(Arena *a, RuleSet *set, RuleDirection direction)
{
        NameList *lists = arena_new_array(a, NameList, set->n_tables);
        size_t n = 0;

        for (size_t i = 0; i < set->n_tables; i++) {
                const char *type = set->tables[i].target_type;
                Names names = { .arena = a };

                if (set->tables[i].direction != direction || has_list(lists, n, type))
                        continue;
                for (size_t k = i; k < set->n_tables; k++) {
                        const FlowTable *t = &set->tables[k];

                        if (t->direction != direction || strcmp(t->target_type, type) != 0)
                                continue;
                        for (size_t m = 0; m < t->n_targets; m++)
                                names_add(&names, t->targets[m].name);
                }
                names_finish(&names);
                lists[n++] = (NameList){ .type = type, .names = names.names, .n_names = names.n };
        }
        set->targets[direction] = lists;
        set->n_targets[direction] = n;
}

static void set_joins(Arena *a, RuleSet *set)
{
        NameList *lists = arena_new_array(a, NameList, set->n_tables);

        set->joins = lists;
        for (size_t i = 0; i < set->n_tables; i++) {
                const FlowTable *t = &set->tables[i];
                Names names = { .arena = a };

                if (t->direction != RULE_INBOUND)
                        continue;
                for (size_t k = 0; k < t->n_rules; k++) {
                        /* What comes from the tenant is found by its anchor, which the import of the cloud
                         * object looks up itself: no index is kept for that. */
                        if (str_is_nocase(t->rules[k]->connector ? t->rules[k]->connector : "",
                                          RULES_CONNECTOR_ENTRA))
                                continue;
                        for (size_t g = 0; g < t->rules[k]->n_join; g++)
                                for (size_t c = 0; c < t->rules[k]->join[g].n_clauses; c++)
                                        names_add(&names, t->rules[k]->join[g].clauses[c].metaverse);
                }
                names_finish(&names);
                lists[set->n_joins++] =
                        (NameList){ .type = t->target_type, .names = names.names, .n_names = names.n };
        }
}

static int rule_compare(const void *a, const void *b)
{
        const Rule *x = *(const Rule *const *)a, *y = *(const Rule *const *)b;

        if (x->direction != y->direction)
                return x->direction < y->direction ? -1 : 1;
        return x->precedence < y->precedence ? -1 : x->precedence > y->precedence;
}

/* Sort, index and name a set whose rules have been checked. */
const RuleSet *set_new(Arena *a, Rule *const *rules, size_t n_rules)
{
        const Rule **sorted = arena_new_array(a, const Rule *, n_rules);
        RuleSet *set = arena_new_of(a, RuleSet);

        for (size_t i = 0; i < n_rules; i++)
                sorted[i] = rules[i];
        if (n_rules)
                qsort(sorted, n_rules, sizeof(*sorted), rule_compare);
        set->rules = sorted;
        set->n_rules = n_rules;
        set_tables(a, set);
        set_sources(a, set);
        set_groups(a, set);
        set_joins(a, set);
        set_targets(a, set, RULE_INBOUND);
        set_targets(a, set, RULE_OUTBOUND);
        set->version = set_version(a, set);
        return set;
}
