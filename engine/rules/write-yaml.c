/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/write-yaml.h"

#include "engine/rules/rules-internal.h"
#include "engine/rules/rules-yaml.h"

#include <inttypes.h>
#include <string.h>

#define FOLD_FROM  72 /* an expression that is longer stands on lines of its own */
#define FOLD_WIDTH 96

/* One character of UTF-8; the text is known to be valid. */
static uint32_t next_char(const char **s)
{
        const uint8_t *p = (const uint8_t *)*s;
        size_t n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
        uint32_t c = n == 1 ? *p : *p & (0x7fU >> n);

        for (size_t i = 1; i < n; i++)
                c = c << 6 | (p[i] & 0x3f);
        *s += n;
        return c;
}

/* Characters that YAML takes for a line break or does not allow as they are. */
static bool is_odd(uint32_t c)
{
        return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x2028 || c == 0x2029 || c == 0xfeff ||
               c == 0xfffe || c == 0xffff;
}

static bool has_odd(const char *s)
{
        while (*s)
                if (is_odd(next_char(&s)))
                        return true;
        return false;
}

/* Words that YAML (1.1, as libyaml's users read it) or our reader takes for something else than text. */
static bool is_word(const char *s)
{
        static const char *const words[] = { "null", "yes", "no", "on", "off", "y", "n" };

        for (size_t i = 0; i < N_ELEMENTS(words); i++)
                if (str_is_nocase(words[i], s))
                        return true;
        return false;
}

static bool is_alnum(char c)
{
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* A text that needs no quotes, even between braces. Blanks may stand in it, one at a time. */
static bool is_plain(const char *s)
{
        size_t n = strlen(s);

        if (n == 0 || is_word(s) || !is_alnum(s[0]) || s[n - 1] == ' ')
                return false;
        for (size_t i = 0; i < n; i++) {
                if (is_alnum(s[i]) || strchr("_.@()/", s[i]))
                        continue;
                if ((s[i] == ' ' || s[i] == '-') && s[i + 1] != s[i])
                        continue;
                return false;
        }
        return true;
}

static void add_escaped(Str *out, const char *s)
{
        str_add_char(out, '"');
        while (*s) {
                const char *from = s;
                uint32_t c = next_char(&s);

                if (c == '"' || c == '\\')
                        str_printf(out, "\\%c", (char)c);
                else if (c == '\n')
                        str_add(out, "\\n");
                else if (is_odd(c))
                        str_printf(out, c < 0x100 ? "\\x%02" PRIx32 : "\\u%04" PRIx32, c);
                else
                        str_add_n(out, from, (size_t)(s - from));
        }
        str_add_char(out, '"');
}

static void add_text(Str *out, const char *s)
{
        if (is_plain(s)) {
                str_add(out, s);
                return;
        }
        if (has_odd(s)) {
                add_escaped(out, s);
                return;
        }
        str_add_char(out, '\'');
        for (; *s; s++) {
                if (*s == '\'')
                        str_add_char(out, '\'');
                str_add_char(out, *s);
        }
        str_add_char(out, '\'');
}

static void add_key(Str *out, const char *key, const char *value)
{
        if (!value || !*value)
                return;
        str_printf(out, "    %s: ", key);
        add_text(out, value);
        str_add_char(out, '\n');
}

/* A blank at which a folded text may be broken: it comes back as exactly one blank. */
static bool is_break(const char *text, const char *s)
{
        return *s == ' ' && s > text && s[-1] != ' ' && s[1] && s[1] != ' ';
}

static bool can_fold(const char *text)
{
        return *text != ' ' && text[strlen(text) - 1] != ' ' && !has_odd(text);
}

/* Lines end between tokens rather than within a text in quotes, if there is such a place. */
static const char *line_end(const char *text)
{
        const char *end = NULL;
        bool quoted = false;
        const char *s = text;

        for (; *s && (s - text < FOLD_WIDTH || !end); s++) {
                quoted ^= *s == '"';
                if (!quoted && is_break(text, s))
                        end = s;
        }
        return *s ? end : s;
}

static void add_folded(Str *out, const char *text, const char *indent)
{
        while (*text) {
                const char *end = line_end(text);

                str_add(out, indent);
                str_add_n(out, text, (size_t)(end - text));
                str_add_char(out, '\n');
                text = *end ? end + 1 : end;
        }
}

static void add_extras(Str *out, const Flow *f, const char *before, const char *after)
{
        if (f->merge != FLOW_MERGE_UPDATE)
                str_printf(out, "%smerge: %s%s", before, rules_merge_names[f->merge], after);
        if (f->apply_once)
                str_printf(out, "%sonce: true%s", before, after);
}

static void add_flow(Str *out, const Flow *f)
{
        static const char *const kinds[] = { "source", "constant", "expression" };

        if (f->type == FLOW_EXPRESSION && strlen(f->source) > FOLD_FROM && can_fold(f->source)) {
                str_add(out, "      - target: ");
                add_text(out, f->target);
                str_add(out, "\n        expression: >-\n");
                add_folded(out, f->source, "          ");
                add_extras(out, f, "        ", "\n");
                return;
        }
        str_add(out, "      - {target: ");
        add_text(out, f->target);
        str_printf(out, ", %s: ", kinds[f->type]);
        add_text(out, f->source);
        add_extras(out, f, ", ", "");
        str_add(out, "}\n");
}

static void add_scope(Str *out, const Rule *r)
{
        if (r->n_scope)
                str_add(out, "    scope:\n");
        for (size_t i = 0; i < r->n_scope; i++) {
                str_add(out, "      - clauses:\n");
                for (size_t k = 0; k < r->scope[i].n_clauses; k++) {
                        const ScopeClause *c = &r->scope[i].clauses[k];

                        str_add(out, "          - {attribute: ");
                        add_text(out, c->attribute);
                        str_printf(out, ", operator: %s", scope_operator_name(c->op));
                        if (c->value && (*c->value || (c->op != SCOPE_ISNULL && c->op != SCOPE_ISNOTNULL))) {
                                str_add(out, ", value: ");
                                add_text(out, c->value);
                        }
                        str_add(out, "}\n");
                }
        }
}

static void add_join(Str *out, const Rule *r)
{
        if (r->n_join)
                str_add(out, "    join:\n");
        for (size_t i = 0; i < r->n_join; i++) {
                str_add(out, "      - clauses:\n");
                for (size_t k = 0; k < r->join[i].n_clauses; k++) {
                        const JoinClause *c = &r->join[i].clauses[k];
                        bool in = r->direction == RULE_INBOUND;

                        str_add(out, "          - {source: ");
                        add_text(out, in ? c->source : c->metaverse);
                        str_add(out, ", target: ");
                        add_text(out, in ? c->metaverse : c->source);
                        str_add(out, c->case_sensitive ? ", case_sensitive: true}\n" : "}\n");
                }
        }
}

void write_yaml_rule(Str *out, const Rule *r)
{
        str_add(out, "  - name: ");
        add_text(out, r->name);
        str_add_char(out, '\n');
        add_key(out, "id", r->id);
        add_key(out, "tag", r->tag);
        add_key(out, "description", r->description);
        add_key(out, "direction", rules_direction_names[r->direction]);
        if (r->disabled)
                str_add(out, "    disabled: true\n");
        add_key(out, "connector", r->connector);
        add_key(out, "source_type", r->source_type);
        add_key(out, "target_type", r->target_type);
        add_key(out, "link", rule_link_name(r->link));
        str_printf(out, "    precedence: %d\n", r->precedence);
        add_scope(out, r);
        add_join(out, r);
        if (r->n_flows)
                str_add(out, "    flows:\n");
        for (size_t i = 0; i < r->n_flows; i++)
                add_flow(out, &r->flows[i]);
}

void write_yaml_rules(Str *out, const Rule *const *rules, size_t n)
{
        str_add(out, "rules:\n");
        for (size_t i = 0; i < n; i++) {
                str_add_char(out, '\n');
                write_yaml_rule(out, rules[i]);
        }
}
