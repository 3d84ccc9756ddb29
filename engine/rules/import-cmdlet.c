/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The cmdlets of an exported rule, in the order in which the Synchronization Rules Editor writes them
 *
 *      New-ADSyncRule ... -OutVariable syncRule
 *      Add-ADSyncAttributeFlowMapping -SynchronizationRule $syncRule[0] ...        any number
 *      New-Object -TypeName ...ScopeCondition -ArgumentList attribute,value,operator -OutVariable condition0
 *      Add-ADSyncScopeConditionGroup -SynchronizationRule $syncRule[0] -ScopeConditions @($condition0[0],...)
 *      New-Object -TypeName ...JoinCondition -ArgumentList cs,mv,$false -OutVariable condition0
 *      Add-ADSyncJoinConditionGroup -SynchronizationRule $syncRule[0] -JoinConditions @($condition0[0])
 *      Add-ADSyncRule -SynchronizationRule $syncRule[0]
 *      Get-ADSyncRule -Identifier ...                                              shows it: passed over
 *
 * What the editor would not write is an error of the file, with its place: a script that does something
 * clever must be run on the server and exported from there.
 */

#include "engine/rules/import-cmdlet.h"

#include "base/str.h"
#include "engine/expr/utf16.h"

#include <string.h>

static int fail_at(Script *s, int line, int column, const char *text)
{
        diag_add_at(s->im->diag, (DiagMark){ .file = s->file, .line = line, .column = column }, "%s: %s",
                    s->now->command, text);
        return IMPORT_E_INVALID;
}

int cmdlet_fail(Script *s, const char *text)
{
        return fail_at(s, s->now->line, s->now->column, text);
}

int cmdlet_fail_argument(Script *s, const ShellArgument *a, const char *text)
{
        return fail_at(s, a->line, a->column, arena_printf(s->im->arena, "-%s %s", a->name, text));
}

/* Arguments that are not in the list mean something that we do not know. */
int cmdlet_check_arguments(Script *s, const char *const *known)
{
        for (size_t i = 0; i < s->now->n_arguments; i++) {
                size_t k = 0;

                while (known[k] && !str_is_nocase(known[k], s->now->arguments[i].name))
                        k++;
                if (!known[k])
                        return cmdlet_fail_argument(s, &s->now->arguments[i], "is not known");
        }
        return 0;
}

/* One text. Return: 0 (also if it is not there: NULL), IMPORT_E_INVALID. */
int cmdlet_take_one(Script *s, const char *name, const char **ret)
{
        const ShellArgument *a = shell_find(s->now, name);

        *ret = NULL;
        if (!a)
                return 0;
        if (a->n_values != 1 || a->values->kind != SHELL_TEXT)
                return cmdlet_fail_argument(s, a, "takes one text");
        *ret = a->values->text;
        return 0;
}

int cmdlet_take_needed(Script *s, const char *name, const char **ret)
{
        int r = cmdlet_take_one(s, name, ret);

        if (r == 0 && !*ret)
                return cmdlet_fail(s, arena_printf(s->im->arena, "-%s is missing", name));
        return r;
}

bool cmdlet_is_variable(const ShellValue *v, const char *name)
{
        return v->kind == SHELL_VARIABLE && str_is_nocase(v->text, name);
}

/* -Switch, -Switch:$true, -Switch $false */
int cmdlet_take_switch(Script *s, const char *name, bool *ret)
{
        const ShellArgument *a = shell_find(s->now, name);

        *ret = a && (a->n_values == 0 || cmdlet_is_variable(a->values, "true"));
        if (a && a->n_values && !*ret && !cmdlet_is_variable(a->values, "false"))
                return cmdlet_fail_argument(s, a, "is a switch");
        return 0;
}

int cmdlet_take_choice(Script *s, const char *name, const char *const *names, int fallback, int *ret)
{
        const char *text;
        int r = cmdlet_take_one(s, name, &text);

        if (r)
                return r;
        if (!text && fallback < 0)
                return cmdlet_fail(s, arena_printf(s->im->arena, "-%s is missing", name));
        if (!text) {
                *ret = fallback;
                return 0;
        }
        if (!import_parse_choice(names, text, ret))
                return cmdlet_fail_argument(s, shell_find(s->now, name),
                                            arena_printf(s->im->arena, "\"%s\" is not known", text));
        return 0;
}

/* The statement must be about the rule that is being put together. */
int cmdlet_check_rule(Script *s)
{
        const ShellArgument *a = shell_find(s->now, "SynchronizationRule");

        if (!s->rule)
                return cmdlet_fail(s, "there is no New-ADSyncRule before it");
        if (!a || a->n_values != 1 || !cmdlet_is_variable(a->values, s->variable))
                return cmdlet_fail(s, arena_printf(s->im->arena, "-SynchronizationRule $%s[0] was expected",
                                                   s->variable));
        return 0;
}

static int add_rule(Script *s)
{
        static const char *const known[] = { "SynchronizationRule", NULL };
        Rule *rule;

        if (cmdlet_check_rule(s) || cmdlet_check_arguments(s, known))
                return IMPORT_E_INVALID;
        rule = &s->rule->rule;
        rule->flows = s->flows.items;
        rule->n_flows = s->flows.n;
        rule->scope = s->scope.items;
        rule->n_scope = s->scope.n;
        rule->join = s->join.items;
        rule->n_join = s->join.n;
        *IMPORT_ADD(s->im, rules, ImportRule *) = s->rule;
        s->rule = NULL;
        return 0;
}

static int run(Script *s)
{
        const char *command = s->now->command;

        if (str_is_nocase(command, "New-ADSyncRule"))
                return cmdlet_new_rule(s);
        if (str_is_nocase(command, "Add-ADSyncAttributeFlowMapping"))
                return cmdlet_add_flow(s);
        if (str_is_nocase(command, "New-Object"))
                return cmdlet_new_object(s);
        if (str_is_nocase(command, "Add-ADSyncScopeConditionGroup"))
                return cmdlet_add_group(s, false);
        if (str_is_nocase(command, "Add-ADSyncJoinConditionGroup"))
                return cmdlet_add_group(s, true);
        if (str_is_nocase(command, "Add-ADSyncRule"))
                return add_rule(s);
        if (str_is_nocase(command, "Get-ADSyncRule"))
                return 0;
        return cmdlet_fail(s, "is not part of an exported rule");
}

/* Editors of Windows write UTF-16, or a mark in front of UTF-8. */
static int decode(Script *s, const char **data, size_t *n)
{
        Value text;

        if (*n >= 2 && (*data)[0] == '\xff' && (*data)[1] == '\xfe') {
                if (!utf16_to_utf8(s->im->arena, (const uint8_t *)*data + 2, *n - 2, &text))
                        return IMPORT_E_INVALID;
                *data = text.s;
                *n = text.n;
                return 0;
        }
        if (*n >= 3 && memcmp(*data, "\xef\xbb\xbf", 3) == 0) {
                *data += 3;
                *n -= 3;
        }
        if (memchr(*data, 0, *n) || !str_is_utf8(*data, *n))
                return IMPORT_E_INVALID;
        *data = arena_strndup(s->im->arena, *data, *n);
        return 0;
}

/* Return: 0, IMPORT_E_INVALID. */
int import_script(Importing *im, const char *file, const char *data, size_t n)
{
        Script s = { .im = im, .file = file };
        ShellStatement now;
        size_t before = im->rules.n;

        s.now = &now;
        if (decode(&s, &data, &n)) {
                diag_add(im->diag, "%s: is neither UTF-8 nor UTF-16 text", file);
                return IMPORT_E_INVALID;
        }
        shell_init(&s.reader, im->arena, file, data, n, im->diag);
        for (;;) {
                if (shell_next(&s.reader, &now))
                        return IMPORT_E_INVALID;
                if (!now.command)
                        break;
                if (run(&s))
                        return IMPORT_E_INVALID;
        }
        if (s.rule) {
                diag_add_at(im->diag, (DiagMark){ .file = file, .line = s.rule->rule.at.line },
                            "rule \"%s\" is never added: Add-ADSyncRule is missing", s.rule->rule.name);
                return IMPORT_E_INVALID;
        }
        if (im->rules.n == before) {
                diag_add(im->diag, "%s: no rules in it", file);
                return IMPORT_E_INVALID;
        }
        return 0;
}
