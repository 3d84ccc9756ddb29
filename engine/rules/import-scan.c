/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the rules use: functions, and %Parameters%
 *
 * A parameter that sosync finds out by itself stays in the rule. For one that an administrator has defined,
 * the export holds the value: it is put into the rules, as a text, so that they evaluate as before. One
 * without a value is said.
 */

#include "engine/rules/import-model.h"

#include "base/str.h"

#include <string.h>

#define NAME_MAX_ 128 /* of a function or parameter; longer is neither */

typedef struct Scan {
        Importing *im;
        const ImportRule *rule;
        const Flow *flow;
        bool expression;
        Str out;
        bool changed;
} Scan;

static bool is_name_char(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Parameters that sosync knows of each object's source. */
bool import_is_runtime(const char *name)
{
        static const char *const names[] = { "Connector.ID", "Domain.FQDN", "Domain.LDAP",   "Domain.Netbios",
                                             "Forest.FQDN",  "Forest.LDAP", "Forest.Netbios" };

        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

static ImportParameter *find_parameter(Importing *im, const char *name, size_t n)
{
        ImportParameter *p = im->parameters.items;

        for (size_t i = 0; i < im->parameters.n; i++)
                if (strncmp(p[i].name, name, n) == 0 && !p[i].name[n])
                        return &p[i];
        p = IMPORT_ADD(im, parameters, ImportParameter);
        p->name = arena_strndup(im->arena, name, n);
        p->runtime = import_is_runtime(p->name);
        return p;
}

static void count_function(Importing *im, const char *name, size_t n)
{
        ImportCount *f = im->functions.items;

        for (size_t i = 0; i < im->functions.n; i++)
                if (strncmp(f[i].name, name, n) == 0 && !f[i].name[n]) {
                        f[i].n++;
                        return;
                }
        f = IMPORT_ADD(im, functions, ImportCount);
        *f = (ImportCount){ .name = arena_strndup(im->arena, name, n), .n = 1 };
}

static void complain(Scan *s, const char *name, const char *why)
{
        *IMPORT_ADD(s->im, open, ImportNote) = (ImportNote){
                .rule = s->rule->rule.name,
                .attribute = s->flow ? s->flow->target : NULL,
                .text = arena_printf(s->im->arena, "parameter %%%s%% %s", name, why),
        };
}

/* The text from one % to the next. Return: what is behind it. */
static const char *take_parameter(Scan *s, const char *from, const char *end)
{
        size_t n = (size_t)(end - from) - 1;
        ImportParameter *p = find_parameter(s->im, from + 1, n);

        p->n_uses++;
        if (!p->runtime && !p->value)
                complain(s, p->name, "has no value in what was read, so that there will be none in sosync");
        if (p->runtime || !p->value) {
                str_add_n(&s->out, from, n + 2);
                return end + 1;
        }
        if (s->expression && strpbrk(p->value, "\"\r\n")) {
                complain(s, p->name,
                         "has a value with quotes or lines, which an expression cannot hold as text");
                str_add_n(&s->out, from, n + 2);
                return end + 1;
        }
        if (s->expression)
                str_add_char(&s->out, '"');
        str_add(&s->out, p->value);
        if (s->expression)
                str_add_char(&s->out, '"');
        s->changed = true;
        return end + 1;
}

static const char *find_end(const char *from, char c)
{
        const char *end = strchr(from + 1, c);

        return end && end - from <= NAME_MAX_ && end > from + 1 ? end : NULL;
}

static void scan_expression(Scan *s, const char *text)
{
        while (*text) {
                const char *end = NULL;
                size_t n = 0;

                if (*text == '"' || *text == '[') {
                        end = strchr(text + 1, *text == '[' ? ']' : '"');
                        n = end ? (size_t)(end + 1 - text) : strlen(text);
                } else if (*text == '%' && (end = find_end(text, '%'))) {
                        text = take_parameter(s, text, end);
                        continue;
                } else if (is_name_char(*text)) {
                        while (is_name_char(text[n]))
                                n++;
                        if (text[n + strspn(text + n, " \t\r\n")] == '(' && n <= NAME_MAX_)
                                count_function(s->im, text, n);
                } else {
                        n = 1;
                }
                str_add_n(&s->out, text, n);
                text += n;
        }
}

static void scan_text(Scan *s, const char *text)
{
        while (*text) {
                const char *end = *text == '%' ? find_end(text, '%') : NULL;

                if (end)
                        text = take_parameter(s, text, end);
                else
                        str_add_char(&s->out, *text++);
        }
}

/* The text with values put in, or itself. */
static const char *scan(Importing *im, const ImportRule *r, const Flow *flow, bool expression,
                        const char *text)
{
        Scan s = { .im = im, .rule = r, .flow = flow, .expression = expression };

        str_init(&s.out, IMPORT_SCRIPT_MAX);
        if (expression)
                scan_expression(&s, text);
        else
                scan_text(&s, text);
        if (s.changed)
                text = arena_strndup(im->arena, s.out.data, s.out.n);
        str_deinit(&s.out);
        return text;
}

/* An expression that is nothing but a parameter is a constant: the same value, and none where the source does
 * not know it, while the expression would fail. */
static bool is_parameter_alone(const char *text)
{
        size_t n = strlen(text);

        return n > 2 && text[0] == '%' && strchr(text + 1, '%') == text + n - 1;
}

/* Count what a rule uses, and put the values of parameters in. */
void import_scan(Importing *im, ImportRule *r)
{
        Rule *rule = &r->rule;
        /* Made by the readers, in the arena, for this. */
        Flow *flows = (Flow *)(uintptr_t)rule->flows;

        for (size_t i = 0; i < rule->n_flows; i++) {
                if (flows[i].type == FLOW_EXPRESSION && is_parameter_alone(flows[i].source))
                        flows[i].type = FLOW_CONSTANT;
                if (flows[i].type != FLOW_DIRECT)
                        flows[i].source =
                                scan(im, r, &flows[i], flows[i].type == FLOW_EXPRESSION, flows[i].source);
        }
        for (size_t i = 0; i < rule->n_scope; i++) {
                ScopeClause *clauses = (ScopeClause *)(uintptr_t)rule->scope[i].clauses;

                for (size_t k = 0; k < rule->scope[i].n_clauses; k++)
                        if (clauses[k].value)
                                clauses[k].value = scan(im, r, NULL, false, clauses[k].value);
        }
}
