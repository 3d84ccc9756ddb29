/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/rules-internal.h"
#include "engine/rules/rules-yaml.h"

#include <string.h>
#include <strings.h>

#define EXPANDED_MAX \
        1024 /* a clause's value with its parameters put in; longer is not a value anyone compares */

const char *scope_operator_name(ScopeOperator o)
{
        return o < _SCOPE_OPERATOR_N ? rules_operator_names[o] : "?";
}

/* A mask as rule writers have it: 2, &H2 as in expressions, 0x2. */
bool text_to_mask(const char *text, int64_t *ret_mask)
{
        int64_t mask = 0;

        if (strncasecmp(text, "&h", 2) != 0 && strncasecmp(text, "0x", 2) != 0)
                return str_to_int64(text, ret_mask);
        text += 2;
        if (!*text || strlen(text) > 15)
                return false;
        for (; *text; text++) {
                static const char digits[] = "0123456789abcdef";
                const char *digit = strchr(digits, *text >= 'A' && *text <= 'F' ? *text + 32 : *text);

                if (!digit)
                        return false;
                mask = mask * 16 + (digit - digits);
        }
        *ret_mask = mask;
        return true;
}

static const char *find_parameter(const ExprParameter *parameters, size_t n_parameters, const char *name,
                                  size_t n)
{
        for (size_t i = 0; i < n_parameters; i++)
                if (strlen(parameters[i].name) == n && memcmp(parameters[i].name, name, n) == 0)
                        return parameters[i].value;
        return NULL;
}

/**
 * text_expand() - put parameters into a text
 * @text:       text with %Name% in it; NULL gives NULL
 * @parameters: what is known
 * @n_parameters: their number
 * @buf:        room for the result
 * @size:       of @buf
 *
 * Return: @text itself if there is nothing to replace, else @buf. NULL: a parameter is not known, or the
 * result is too long.
 */
const char *text_expand(const char *text, const ExprParameter *parameters, size_t n_parameters, char *buf,
                        size_t size)
{
        size_t n = 0;

        if (!text || !strchr(text, '%'))
                return text;
        while (*text) {
                const char *from = text, *end = *text == '%' ? strchr(text + 1, '%') : NULL;
                size_t length;

                if (end) {
                        from = find_parameter(parameters, n_parameters, text + 1, (size_t)(end - text - 1));
                        if (!from)
                                return NULL;
                        length = strlen(from);
                        text = end + 1;
                } else {
                        /* A percent sign alone is one. */
                        length = *text == '%' ? 1 : strcspn(text, "%");
                        text += length;
                }
                if (n + length >= size)
                        return NULL;
                memcpy(buf + n, from, length);
                n += length;
        }
        buf[n] = '\0';
        return buf;
}

static bool text_is_ascii(const char *s)
{
        for (; *s; s++)
                if ((unsigned char)*s >= 0x80)
                        return false;
        return true;
}

/* Compare as directories do, without regard to case. Names in other letters than ASCII are folded first,
 * which costs memory; nearly all values never come here. */
static bool text_test(ScopeOperator op, const char *text, const char *value)
{
        size_t n = strlen(text), m = strlen(value);

        switch (op) {
        case SCOPE_EQUAL:
                return strcasecmp(text, value) == 0;
        case SCOPE_LESSTHAN:
                return strcasecmp(text, value) < 0;
        case SCOPE_LESSTHAN_OR_EQUAL:
                return strcasecmp(text, value) <= 0;
        case SCOPE_GREATERTHAN:
                return strcasecmp(text, value) > 0;
        case SCOPE_GREATERTHAN_OR_EQUAL:
                return strcasecmp(text, value) >= 0;
        case SCOPE_CONTAINS:
                return strcasestr(text, value) != NULL;
        case SCOPE_STARTSWITH:
                return n >= m && strncasecmp(text, value, m) == 0;
        case SCOPE_ENDSWITH:
                return n >= m && strcasecmp(text + n - m, value) == 0;
        default:
                return false;
        }
}

static bool text_test_folded(ScopeOperator op, const char *text, const char *value)
{
        _cleanup_(arena_freep) Arena *a = NULL;

        if (text_is_ascii(text) && text_is_ascii(value))
                return text_test(op, text, value);
        a = arena_new(0);
        return text_test(op, str_fold(a, text), str_fold(a, value));
}

static bool number_test(ScopeOperator op, int64_t number, int64_t value)
{
        switch (op) {
        case SCOPE_EQUAL:
                return number == value;
        case SCOPE_LESSTHAN:
                return number < value;
        case SCOPE_LESSTHAN_OR_EQUAL:
                return number <= value;
        case SCOPE_GREATERTHAN:
                return number > value;
        case SCOPE_GREATERTHAN_OR_EQUAL:
                return number >= value;
        default:
                return false;
        }
}

/* Equal without regard to case, in all letters. */
bool text_is_nocase(const char *a, const char *b)
{
        return text_test_folded(SCOPE_EQUAL, a, b);
}

/* One value against a clause's value, for the operators that are not the negation of another. */
static bool value_test(ScopeOperator op, Value v, const char *value)
{
        char buf[GUID_TEXT_MAX];
        ObjectId id;
        int64_t number;

        switch (v.type) {
        case VALUE_BOOL:
                return text_test(op, v.b ? "True" : "False", value);
        case VALUE_INT:
        case VALUE_TIME:
                /* As number where the clause has one: memberCount LESSTHAN 50000 holds for 900. */
                if (str_to_int64(value, &number))
                        return op <= SCOPE_GREATERTHAN_OR_EQUAL ? number_test(op, v.i, number) : false;
                return false;
        case VALUE_STRING:
                return text_test_folded(op, v.s, value);
        case VALUE_REF:
                return v.ref->text && text_test_folded(op, v.ref->text, value);
        case VALUE_BYTES:
                if (v.n != sizeof(id.bytes))
                        return false;
                memcpy(id.bytes, v.bytes, sizeof(id.bytes));
                return text_test(op, guid_format(&id, buf), value);
        default:
                return false;
        }
}

static bool any_test(ScopeOperator op, Value v, const char *value)
{
        size_t n = value_count(v);

        for (size_t i = 0; i < n; i++)
                if (value_test(op, value_at(v, i), value))
                        return true;
        return false;
}

/* All bits of the mask. A directory without schema may give the number as text. */
static bool bits_test(Value v, const char *value)
{
        Value first = value_count(v) ? value_at(v, 0) : VALUE_NULL;
        int64_t number = 0, mask;

        if (!text_to_mask(value, &mask))
                return false;
        if (first.type == VALUE_INT)
                number = first.i;
        else if (first.type != VALUE_STRING || !str_to_int64(first.s, &number))
                return false;
        return (number & mask) == mask;
}

static bool value_is_null(Value v)
{
        return value_is_none(v) || (v.type == VALUE_STRING && v.n == 0);
}

static bool clause_test(ScopeOperator op, Value v, const char *value)
{
        switch (op) {
        case SCOPE_ISNULL:
                return value_is_null(v);
        case SCOPE_ISNOTNULL:
                return !value_is_null(v);
        case SCOPE_ISBITSET:
                return bits_test(v, value);
        case SCOPE_ISBITNOTSET:
                return !bits_test(v, value);
        case SCOPE_NOTEQUAL:
        case SCOPE_ISNOTIN:
                return !any_test(SCOPE_EQUAL, v, value);
        case SCOPE_ISIN:
                return any_test(SCOPE_EQUAL, v, value);
        case SCOPE_NOTCONTAINS:
                return !any_test(SCOPE_CONTAINS, v, value);
        case SCOPE_NOTSTARTSWITH:
                return !any_test(SCOPE_STARTSWITH, v, value);
        case SCOPE_NOTENDSWITH:
                return !any_test(SCOPE_ENDSWITH, v, value);
        default:
                return any_test(op, v, value);
        }
}

/* An attribute as rules name it: expressions say [dn], which no directory has as an attribute. */
Value attribute_value(const Object *o, const char *name)
{
        Value v = object_get(o, name);

        return value_is_none(v) && o->dn && strcmp(name, "dn") == 0 ? value_string(o->dn) : v;
}

bool clause_asks_member(const ScopeClause *c)
{
        return c->op == SCOPE_ISMEMBEROF || c->op == SCOPE_ISNOTMEMBEROF;
}

static bool is_member(const ScopeClause *c, const Object *o)
{
        Value v = c->group ? object_get(o, c->group) : VALUE_NULL;

        return v.type == VALUE_BOOL && v.b;
}

static bool clause_is_met(const ScopeClause *c, const Object *o, const ExprParameter *parameters,
                          size_t n_parameters)
{
        char buf[EXPANDED_MAX];
        const char *value;

        if (clause_asks_member(c))
                return is_member(c, o) == (c->op == SCOPE_ISMEMBEROF);
        value = text_expand(c->value, parameters, n_parameters, buf, sizeof(buf));
        /* A parameter that nobody has set is compared as it is written: equal to nothing. */
        if (!value)
                value = c->value ? c->value : "";
        return clause_test(c->op, attribute_value(o, c->attribute), value);
}

/**
 * rule_in_scope() - apply a rule's scoping filter to an object
 * @rule:       rule
 * @o:          object of the rule's source type
 * @parameters: for %Name% in values
 * @n_parameters: their number
 *
 * Clauses of a group must all be met, and one group must be. Without groups every object is in scope. An
 * absent attribute meets ISNULL and every negated operator, and nothing else.
 *
 * Return: whether the object is in scope.
 */
bool rule_in_scope(const Rule *rule, const Object *o, const ExprParameter *parameters, size_t n_parameters)
{
        for (size_t i = 0; i < rule->n_scope; i++) {
                const ScopeGroup *group = &rule->scope[i];
                size_t k = 0;

                while (k < group->n_clauses && clause_is_met(&group->clauses[k], o, parameters, n_parameters))
                        k++;
                if (k == group->n_clauses)
                        return true;
        }
        return rule->n_scope == 0;
}

/* The clause that kept an object out, of the group that came farthest: of several alternatives the one that
 * was nearly met is the one a person asks about. */
const char *rule_why_not(const Rule *r, const Object *o, const ExprParameter *parameters, size_t n_parameters,
                         Arena *a)
{
        const ScopeClause *failed = NULL;
        size_t farthest = 0;
        const char *is;
        Value v;

        for (size_t i = 0; i < r->n_scope; i++) {
                const ScopeGroup *group = &r->scope[i];
                size_t k = 0;

                while (k < group->n_clauses && clause_is_met(&group->clauses[k], o, parameters, n_parameters))
                        k++;
                if (k < group->n_clauses && (!failed || k > farthest)) {
                        failed = &group->clauses[k];
                        farthest = k;
                }
        }
        if (!failed)
                return arena_printf(a, "rule \"%s\" is in scope", r->name);
        if (clause_asks_member(failed))
                return arena_printf(a, "rule \"%s\" asks for %s of %s, and the object is %s%s", r->name,
                                    failed->op == SCOPE_ISMEMBEROF ? "members" : "everybody but members",
                                    failed->value, is_member(failed, o) ? "one" : "none",
                                    r->n_scope > 1 ? "; none of its other groups of clauses is met either"
                                                   : "");
        v = attribute_value(o, failed->attribute);
        is = value_is_none(v) ? "is absent" : arena_printf(a, "is \"%s\"", value_text(a, v, 80));
        return arena_printf(a, "rule \"%s\" asks for %s %s%s%s, and %s %s%s", r->name, failed->attribute,
                            scope_operator_name(failed->op), failed->value && *failed->value ? " " : "",
                            failed->value ? failed->value : "", failed->attribute, is,
                            r->n_scope > 1 ? "; none of its other groups of clauses is met either" : "");
}

/* Is this an object for the rule at all, before its scoping filter is asked? */
bool rule_takes(const Rule *r, const Object *o, const char *connector)
{
        if (!str_is(r->source_type, o->type))
                return false;
        if (r->connector)
                return connector && str_is_nocase(r->connector, connector);
        /* "Any source" means the directories; what comes back from the tenant is asked for by name. */
        return !connector || !str_is_nocase(connector, RULES_CONNECTOR_ENTRA);
}

bool rule_is_to_tenant(const Rule *r)
{
        return !r->connector || str_is_nocase(r->connector, RULES_CONNECTOR_ENTRA);
}
