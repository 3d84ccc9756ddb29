/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/rules-internal.h"
#include "engine/rules/rules-yaml.h"

#include <stdarg.h>
#include <string.h>

static void finding(Loading *l, const char *path, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void finding(Loading *l, const char *path, const char *format, ...)
{
        const char *text;
        va_list ap;

        va_start(ap, format);
        text = arena_vprintf(l->arena, format, ap);
        va_end(ap);
        diag_add_at(l->diag,
                    config_mark(l->doc,
                                arena_printf(l->arena, "rules.%zu%s%s", l->index, *path ? "." : "", path)),
                    "rule \"%s\": %s", l->rule, text);
        l->failed = true;
}

/* Names as directories have them; what people write instead is a formula or brackets. */
static void check_name(Loading *l, const char *path, const char *name)
{
        size_t n;

        if (!name)
                return; /* the reader has said that it is missing */
        n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");
        if (*name == '[')
                finding(l, path, "\"%s\": an attribute is written without brackets here", name);
        else if (n == 0 || name[n] || n > RULE_NAME_MAX || strchr("0123456789-.", name[0]))
                finding(l, path, "\"%s\" is not the name of an attribute", name);
}

static void check_type(Loading *l, const char *path, const char *name)
{
        if (name && (!*name || strlen(name) > RULE_NAME_MAX || strpbrk(name, " \t\"[]%")))
                finding(l, path, "\"%s\" is not the name of an object type", name);
}

static bool operator_needs_value(ScopeOperator op)
{
        return op != SCOPE_ISNULL && op != SCOPE_ISNOTNULL;
}

/* In a connector space there are groups only where the objects come from a directory. */
static void load_member_clause(Loading *l, const char *path, const Rule *rule, ScopeClause *c)
{
        Diag why = DIAG_INIT;
        const Dn *dn;

        if (!c->value || !*c->value)
                return; /* said already */
        if (rule->direction == RULE_OUTBOUND ||
            str_is_nocase(rule->connector ? rule->connector : "", RULES_CONNECTOR_ENTRA))
                finding(l, path,
                        "%s asks for a group of the directory that the object comes from: only inbound rules "
                        "from a directory can",
                        scope_operator_name(c->op));
        else if (strchr(c->value, '%'))
                finding(l, path, "%s needs the DN of a group, without parameters, not \"%s\"",
                        scope_operator_name(c->op), c->value);
        else if (dn_parse(l->arena, c->value, &dn, &why) || dn->n_rdns == 0)
                finding(l, path, "%s needs the DN of a group, not \"%s\"%s%s", scope_operator_name(c->op),
                        c->value, diag_any(&why) ? ": " : "", diag_any(&why) ? diag_text(&why) : "");
        else
                c->group = arena_printf(l->arena, "%s:%s", scope_operator_name(SCOPE_ISMEMBEROF),
                                        dn->normalised);
        diag_deinit(&why);
}

static void load_clause(Loading *l, const char *path, const Rule *rule, const ClauseYaml *y, ScopeClause *c)
{
        int64_t mask;

        /* The second name of the same operator is behind the last. */
        c->op = y->op == _SCOPE_OPERATOR_N ? SCOPE_ISBITNOTSET : (ScopeOperator)y->op;
        c->attribute = y->attribute;
        c->value = y->value;
        check_name(l, path, y->attribute);

        if (operator_needs_value(c->op) && !y->value)
                finding(l, path, "%s needs a value", scope_operator_name(c->op));
        if (!operator_needs_value(c->op) && y->value && *y->value)
                finding(l, path, "%s takes no value", scope_operator_name(c->op));
        if ((c->op == SCOPE_ISBITSET || c->op == SCOPE_ISBITNOTSET) && y->value && !strchr(y->value, '%') &&
            !text_to_mask(y->value, &mask))
                finding(l, path, "%s needs a number (a mask, as 2 or &H2), not \"%s\"",
                        scope_operator_name(c->op), y->value);
        if (clause_asks_member(c))
                load_member_clause(l, path, rule, c);
}

static void load_scope(Loading *l, const ConfigList *list, Rule *rule)
{
        const GroupYaml *groups = list->items;
        ScopeGroup *out;

        if (list->n_items > RULE_GROUPS_MAX) {
                finding(l, "scope", "%zu groups of clauses; at most %d are allowed", list->n_items,
                        RULE_GROUPS_MAX);
                return;
        }
        out = arena_new_array(l->arena, ScopeGroup, list->n_items);
        for (size_t i = 0; i < list->n_items; i++) {
                const ClauseYaml *clauses = groups[i].clauses.items;
                size_t n = groups[i].clauses.n_items;
                ScopeClause *c;

                if (n + groups[i].clauses.n_refused == 0 || n > RULE_CLAUSES_MAX) {
                        /* An empty group would be met by every object: never what was meant. */
                        finding(l, arena_printf(l->arena, "scope.%zu", config_number(list, i)),
                                "a group of clauses has 1 to %d clauses, not %zu", RULE_CLAUSES_MAX, n);
                        continue;
                }
                c = arena_new_array(l->arena, ScopeClause, n);
                for (size_t k = 0; k < n; k++)
                        load_clause(l,
                                    arena_printf(l->arena, "scope.%zu.clauses.%zu", config_number(list, i),
                                                 config_number(&groups[i].clauses, k)),
                                    rule, &clauses[k], &c[k]);
                out[i] = (ScopeGroup){ .clauses = c, .n_clauses = n };
        }
        rule->scope = out;
        rule->n_scope = list->n_items;
}

static void load_join(Loading *l, const ConfigList *list, Rule *rule)
{
        const GroupYaml *groups = list->items;
        JoinGroup *out;

        if (list->n_items > RULE_GROUPS_MAX) {
                finding(l, "join", "%zu groups of clauses; at most %d are allowed", list->n_items,
                        RULE_GROUPS_MAX);
                return;
        }
        out = arena_new_array(l->arena, JoinGroup, list->n_items);
        for (size_t i = 0; i < list->n_items; i++) {
                const JoinYaml *clauses = groups[i].clauses.items;
                size_t n = groups[i].clauses.n_items;
                JoinClause *c;

                if (n + groups[i].clauses.n_refused == 0 || n > RULE_CLAUSES_MAX) {
                        finding(l, arena_printf(l->arena, "join.%zu", config_number(list, i)),
                                "a group of clauses has 1 to %d clauses, not %zu", RULE_CLAUSES_MAX, n);
                        continue;
                }
                c = arena_new_array(l->arena, JoinClause, n);
                for (size_t k = 0; k < n; k++) {
                        const char *path =
                                arena_printf(l->arena, "join.%zu.clauses.%zu", config_number(list, i),
                                             config_number(&groups[i].clauses, k));
                        bool in = rule->direction == RULE_INBOUND;

                        check_name(l, path, clauses[k].source);
                        check_name(l, path, clauses[k].target);
                        c[k] = (JoinClause){
                                .source = in ? clauses[k].source : clauses[k].target,
                                .metaverse = in ? clauses[k].target : clauses[k].source,
                                .case_sensitive = clauses[k].case_sensitive,
                        };
                        if ((c[k].source && rules_is_link(c[k].source)) ||
                            (c[k].metaverse && rules_is_link(c[k].metaverse)))
                                finding(l, path, "the values of a link attribute cannot be compared");
                }
                out[i] = (JoinGroup){ .clauses = c, .n_clauses = n };
        }
        rule->join = out;
        rule->n_join = list->n_items;
}

/* The value of a constant: of the attribute's type in the metaverse, or, of an attribute that it does not
 * know, a boolean if it says so. The Synchronization Rules Editor has only text for both. */
Value load_constant(Arena *a, const char *target, const char *text, bool *ret_ok)
{
        const SchemaRow *row = metaverse_schema_find(target);
        bool is_true = str_is_nocase(text, "true"), is_false = str_is_nocase(text, "false");
        int64_t number;

        *ret_ok = true;
        if (strchr(text, '%'))
                return VALUE_NULL; /* put together for each object */
        if ((!row || row->type == VALUE_BOOL) && (is_true || is_false))
                return value_bool(is_true);
        if (row && row->type == VALUE_INT && str_to_int64(text, &number))
                return value_int(number);
        if (row && (row->type == VALUE_BOOL || row->type == VALUE_INT))
                *ret_ok = false;
        return value_string(arena_strdup(a, text));
}

/* [member] would be empty, and a rule that believes it would empty every group. */
static void check_links_read(Loading *l, const char *path, const Expr *e)
{
        const char *const *names;
        size_t n;

        expr_names(e, l->arena, &names, &n);
        for (size_t i = 0; i < n; i++)
                if (rules_is_link(names[i]))
                        finding(l, path,
                                "an expression cannot read [%s], whose values are not loaded; their number "
                                "is "
                                "ValueCount(\"%s\")",
                                names[i], names[i]);
}

/* The end of what is looked for, after blanks; NULL: something else is there. */
static const char *step_over(const char *s, const char *what)
{
        s += strspn(s, " \t\r\n");
        return str_starts(s, what) ? s + strlen(what) : NULL;
}

/*
 * ValueCount("member") counts values that are not in the object: read instead the attribute in which the step
 * has put their number. The text keeps its length, so that places in messages are right.
 */
static const char *count_links(Arena *a, const char *text)
{
        char *copy = arena_strdup(a, text);
        char quote = '\0';

        for (char *s = copy; *s; s++) {
                const char *end;

                if (quote) {
                        quote = *s == quote ? '\0' : quote;
                        continue;
                }
                if (*s == '"' || *s == '[') {
                        quote = *s == '[' ? ']' : '"';
                        continue;
                }
                end = step_over(s, "ValueCount");
                end = end && *s == 'V' ? step_over(end, "(") : NULL;
                end = end ? step_over(end, "\"member\"") : NULL;
                end = end ? step_over(end, ")") : NULL;
                if (!end)
                        continue;
                memset(s, ' ', (size_t)(end - s));
                memcpy(s, "[" RULES_COUNT_MEMBER "]", strlen("[" RULES_COUNT_MEMBER "]"));
                s += end - s - 1;
        }
        return copy;
}

static void load_expression(Loading *l, const char *path, const char *text, Flow *f)
{
        Diag why = DIAG_INIT;
        size_t offset = 0;
        int r;

        r = expr_parse(l->arena, count_links(l->arena, text), &l->options, &f->expr, &offset, &why);
        if (r)
                finding(l, path, "flow to \"%s\": at character %zu of the expression: %s", f->target,
                        offset + 1, diag_text(&why));
        else
                check_links_read(l, path, f->expr);
        diag_deinit(&why);
}

static void load_flow(Loading *l, size_t index, const FlowYaml *y, Flow *f)
{
        const char *path = arena_printf(l->arena, "flows.%zu", index);
        int given = !!y->source + !!y->constant + !!y->expression;

        *f = (Flow){ .target = y->target, .merge = (FlowMerge)y->merge, .apply_once = y->once };
        check_name(l, path, y->target);
        if (!y->target)
                return;
        if (given != 1) {
                finding(l, path, "flow to \"%s\": give one of source, constant, expression%s", y->target,
                        given ? ", not several" : "");
                return;
        }
        if (y->source) {
                f->type = FLOW_DIRECT;
                f->source = y->source;
                check_name(l, path, y->source);
                if (rules_is_link(y->source) != rules_is_link(y->target))
                        finding(l, path, "flow to \"%s\": links flow only to links", y->target);
        } else if (y->constant) {
                bool ok;

                f->type = FLOW_CONSTANT;
                f->source = y->constant;
                load_constant(l->arena, y->target, y->constant, &ok);
                if (!ok)
                        finding(l, path, "flow to \"%s\": \"%s\" is not of the attribute's type (%s)",
                                y->target, y->constant,
                                metaverse_schema_find(y->target)->type == VALUE_BOOL ? "True or False"
                                                                                     : "integer");
                if (rules_is_link(y->target))
                        finding(l, path, "flow to \"%s\": links have no constant value", y->target);
        } else {
                f->type = FLOW_EXPRESSION;
                f->source = y->expression;
                load_expression(l, path, y->expression, f);
        }
}

static void load_flows(Loading *l, const ConfigList *list, Rule *rule)
{
        const FlowYaml *flows = list->items;
        Flow *out;

        if (list->n_items > RULE_FLOWS_MAX) {
                finding(l, "flows", "%zu flows; at most %d are allowed", list->n_items, RULE_FLOWS_MAX);
                return;
        }
        out = arena_new_array(l->arena, Flow, list->n_items);
        for (size_t i = 0; i < list->n_items; i++)
                load_flow(l, config_number(list, i), &flows[i], &out[i]);
        rule->flows = out;
        rule->n_flows = list->n_items;
}

/* A rule keeps its identity when it moves to another file, but not when it is renamed: then give it an id. */
static const char *id_of_name(Arena *a, const char *name)
{
        Hash128 h = hash128(name, strlen(name), 0);
        char *buf = arena_alloc(a, GUID_TEXT_MAX);
        ObjectId id;

        memcpy(id.bytes, &h, sizeof(id.bytes));
        return guid_format(&id, buf);
}

/**
 * load_rule() - make a Rule of what a file says
 * @l:          the file, and in @index the place of the rule in it
 * @y:          what the reader has read; a key it refused is NULL or zero
 * @at:         where the rule begins
 *
 * Return: the rule; with findings, load->failed is set and the rule may not be used.
 */
Rule *load_rule(Loading *l, const RuleYaml *y, DiagMark at)
{
        Rule *rule = arena_new_of(l->arena, Rule);
        ObjectId id;

        l->rule = y->name ? y->name : "(no name)";
        *rule = (Rule){
                .name = y->name,
                .id = y->id,
                .tag = y->tag,
                .description = y->description,
                .direction = (RuleDirection)y->direction,
                .disabled = y->disabled,
                .connector = y->connector,
                .source_type = y->source_type,
                .target_type = y->target_type,
                .link = (RuleLink)y->link,
                .precedence = (int)y->precedence,
                .at = at,
        };
        if (y->name && (!*y->name || strlen(y->name) > RULE_NAME_MAX))
                finding(l, "name", "a name has 1 to %d bytes", RULE_NAME_MAX);
        if (y->id && !guid_parse(y->id, &id))
                finding(l, "id", "\"%s\" is not a GUID", y->id);
        if (!y->id && y->name)
                rule->id = id_of_name(l->arena, y->name);
        check_type(l, "source_type", y->source_type);
        check_type(l, "target_type", y->target_type);
        load_scope(l, &y->scope, rule);
        load_join(l, &y->join, rule);
        load_flows(l, &y->flows, rule);

        if (rule->link == RULE_LINK_STICKY_JOIN && rule->n_join == 0)
                finding(l, "link", "StickyJoin needs join rules: it may not create its target");
        if (rule->n_flows == 0 && !rule_decides(rule))
                finding(l, "", "does nothing: no flows, no join rules, and link type Join");
        return rule;
}
