/* SPDX-License-Identifier: Apache-2.0 */

/* New-Object ScopeCondition and JoinCondition, and the groups that they are put into */

#include "engine/rules/import-cmdlet.h"

#include "base/str.h"
#include "engine/rules/rules-yaml.h"

#define CONDITIONS_MAX 4096 /* that were made and not yet put into a group */

static void skip(Script *s, const char *text)
{
        if (!s->rule->skipped)
                import_skip(s->im, s->rule->rule.name, NULL, "%s", text);
        s->rule->skipped = true;
}

/* attribute, value, operator */
static int scope_condition(Script *s, const ShellArgument *list, Condition *c)
{
        const ShellValue *v = list->values;
        int op;

        if (list->n_values != 3 || v->kind || v->next->next->kind ||
            (v->next->kind && !cmdlet_is_variable(v->next, "null")))
                return cmdlet_fail_argument(s, list, "of a ScopeCondition is attribute, value, operator");
        if (!import_parse_choice(rules_operator_names, v->next->next->text, &op)) {
                skip(s, arena_printf(s->im->arena, "line %d: operator \"%s\" is not known", list->line,
                                     v->next->next->text));
                op = SCOPE_EQUAL;
        }
        c->scope = (ScopeClause){
                .attribute = v->text,
                .op = op == _SCOPE_OPERATOR_N ? SCOPE_ISBITNOTSET : (ScopeOperator)op,
                .value = v->next->kind ? NULL : v->next->text,
        };
        return 0;
}

/* connector-space attribute, metaverse attribute, $true or $false */
static int join_condition(Script *s, const ShellArgument *list, Condition *c)
{
        const ShellValue *v = list->values;

        if (list->n_values != 3 || v->kind || v->next->kind ||
            !(cmdlet_is_variable(v->next->next, "true") || cmdlet_is_variable(v->next->next, "false")))
                return cmdlet_fail_argument(s, list,
                                            "of a JoinCondition is attribute, attribute, $true or $false");
        c->join = true;
        c->clause = (JoinClause){
                .source = v->text,
                .metaverse = v->next->text,
                .case_sensitive = cmdlet_is_variable(v->next->next, "true"),
        };
        return 0;
}

int cmdlet_new_object(Script *s)
{
        static const char *const known[] = { "TypeName", "ArgumentList", "OutVariable", NULL };
        const ShellArgument *list = shell_find(s->now, "ArgumentList");
        const char *type, *variable;
        Condition *c;

        if (cmdlet_check_arguments(s, known) || cmdlet_take_needed(s, "TypeName", &type) ||
            cmdlet_take_needed(s, "OutVariable", &variable))
                return IMPORT_E_INVALID;
        if (!s->rule)
                return cmdlet_fail(s, "there is no New-ADSyncRule before it");
        if (!list)
                return cmdlet_fail(s, "-ArgumentList is missing");
        if (s->conditions.n == CONDITIONS_MAX)
                return cmdlet_fail(s, "too many conditions without a group");
        c = import_list_add(s->im->arena, &s->conditions, sizeof(Condition));
        c->variable = variable;
        if (str_ends(type, ".ScopeCondition"))
                return scope_condition(s, list, c);
        if (str_ends(type, ".JoinCondition"))
                return join_condition(s, list, c);
        return cmdlet_fail(s, "-TypeName is neither a ScopeCondition nor a JoinCondition");
}

/* The last one of that name: numbers begin anew in each group. */
static const Condition *find_condition(const Script *s, const char *name, bool join)
{
        const Condition *c = s->conditions.items;

        for (size_t i = s->conditions.n; i > 0; i--)
                if (str_is_nocase(c[i - 1].variable, name))
                        return c[i - 1].join == join ? &c[i - 1] : NULL;
        return NULL;
}

int cmdlet_add_group(Script *s, bool join)
{
        const char *name = join ? "JoinConditions" : "ScopeConditions";
        const char *const known[] = { "SynchronizationRule", name, "OutVariable", NULL };
        const ShellArgument *list = shell_find(s->now, name);
        Arena *a = s->im->arena;
        ScopeClause *scope;
        JoinClause *clauses;
        size_t n = 0;

        if (cmdlet_check_rule(s) || cmdlet_check_arguments(s, known))
                return IMPORT_E_INVALID;
        if (!list || list->n_values == 0)
                return cmdlet_fail(s, arena_printf(a, "-%s @($condition0[0]) is missing", name));
        scope = arena_new_array(a, ScopeClause, join ? 0 : list->n_values);
        clauses = arena_new_array(a, JoinClause, join ? list->n_values : 0);
        for (const ShellValue *v = list->values; v; v = v->next, n++) {
                const Condition *c = v->kind == SHELL_VARIABLE ? find_condition(s, v->text, join) : NULL;

                if (!c)
                        return cmdlet_fail_argument(
                                s, list,
                                arena_printf(a,
                                             "\"%s\" is not a condition of this kind that was "
                                             "made before",
                                             v->text));
                if (join)
                        clauses[n] = c->clause;
                else
                        scope[n] = c->scope;
        }
        if (join)
                *(JoinGroup *)import_list_add(a, &s->join, sizeof(JoinGroup)) =
                        (JoinGroup){ .clauses = clauses, .n_clauses = n };
        else
                *(ScopeGroup *)import_list_add(a, &s->scope, sizeof(ScopeGroup)) =
                        (ScopeGroup){ .clauses = scope, .n_clauses = n };
        s->conditions.n = 0;
        return 0;
}
