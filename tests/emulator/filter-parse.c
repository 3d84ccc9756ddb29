/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <strings.h>

#include "answer.h"
#include "filter-node.h"
#include "mem.h"

typedef struct Parser Parser;
typedef struct Operator Operator;

struct Parser {
        const Schema *schema;
        const char *text;
        const char *s; /* what is left */
        bool advanced;
        unsigned int depth;
        Answer *answer;
};

struct Operator {
        const char *name;
        FilterKind kind;
        unsigned int op;
        bool advanced;
        const char *odata; /* name in messages */
};

static const Operator operators[] = {
        { .name = "eq", .kind = FILTER_EQ, .op = OP_EQ, .odata = "Equal" },
        { .name = "ne", .kind = FILTER_NE, .op = OP_NE, .advanced = true, .odata = "NotEqual" },
        { .name = "ge", .kind = FILTER_GE, .op = OP_GE, .odata = "GreaterThanOrEqual" },
        { .name = "le", .kind = FILTER_LE, .op = OP_LE, .odata = "LessThanOrEqual" },
        { .name = "in", .kind = FILTER_IN, .op = OP_IN, .odata = "In" },
        { .name = "startswith", .kind = FILTER_STARTS, .op = OP_STARTS, .odata = "startswith" },
        { .name = "endswith", .kind = FILTER_ENDS, .op = OP_ENDS, .advanced = true, .odata = "endswith" },
};

static Filter *parse_or(Parser *p);

static Filter *refuse_syntax(Parser *p)
{
        answer_error(p->answer, 400, "BadRequest",
                     "Invalid filter clause: Syntax error at position %zu in '%s'.", (size_t)(p->s - p->text),
                     p->text);
        return NULL;
}

static bool fail_operator(Parser *p, int property)
{
        answer_error(
                p->answer, 400, "Request_UnsupportedQuery",
                "Unsupported or invalid query filter clause specified for property '%s' of resource '%s'.",
                p->schema->properties[property].name, p->schema->resource);
        return false;
}

static bool fail_syntax(Parser *p)
{
        refuse_syntax(p);
        return false;
}

static void skip_space(Parser *p)
{
        while (*p->s == ' ' || *p->s == '\t')
                ++p->s;
}

/* A word is what may stand in a name; operators are words too. */
static size_t word_length(const Parser *p)
{
        size_t n = 0;

        while (isalnum((unsigned char)p->s[n]) || p->s[n] == '_' || p->s[n] == '$')
                ++n;
        return n;
}

static bool take_word(Parser *p, const char *word)
{
        skip_space(p);
        if (word_length(p) != strlen(word) || strncasecmp(p->s, word, strlen(word)))
                return false;
        p->s += strlen(word);
        return true;
}

static bool take_sign(Parser *p, char sign)
{
        skip_space(p);
        if (*p->s != sign)
                return false;
        ++p->s;
        return true;
}

static const Operator *take_operator(Parser *p, size_t from, size_t to)
{
        for (size_t i = from; i < to; ++i) {
                if (take_word(p, operators[i].name))
                        return &operators[i];
        }
        return NULL;
}

static json_t *parse_quoted(Parser *p)
{
        _cleanup_(mem_freep) char *out = mem_zero(strlen(p->s) + 1, 1);
        size_t n = 0;
        const char *s = p->s + 1;

        for (; *s != '\'' || s[1] == '\''; ++s) {
                if (!*s)
                        return NULL;
                out[n++] = *s;
                s += *s == '\'';
        }
        p->s = s + 1;
        return json_stringn(out, n);
}

/* Return: NULL when there is no literal here; p->s stays at the mistake. */
static json_t *parse_literal(Parser *p)
{
        char word[64];
        size_t n;

        skip_space(p);
        if (*p->s == '\'')
                return parse_quoted(p);
        n = strcspn(p->s, " \t,)");
        if (!n || n >= sizeof(word))
                return NULL;
        memcpy(word, p->s, n);
        word[n] = '\0';
        p->s += n;
        if (!strcasecmp(word, "true") || !strcasecmp(word, "false"))
                return json_boolean(tolower((unsigned char)*word) == 't');
        if (!strcasecmp(word, "null"))
                return json_null();
        if (strspn(word, "-0123456789") == n && n < 11)
                return json_integer(strtoll(word, NULL, 10));
        if (schema_is_time(word))
                return json_string(word);
        p->s -= n;
        return NULL;
}

static Filter *parse_path(Parser *p)
{
        _cleanup_(filter_freep) Filter *f = mem_zero(1, sizeof(*f));
        _cleanup_(mem_freep) char *name = NULL;
        Filter *r;

        skip_space(p);
        name = mem_part(p->s, word_length(p));
        if (!*name)
                return refuse_syntax(p);
        f->schema = p->schema;
        f->property = schema_find(p->schema, name);
        if (f->property < 0) {
                answer_error(p->answer, 400, "BadRequest",
                             "Invalid filter clause: Could not find a property named '%s' on type "
                             "'microsoft.graph.%s'.",
                             name, p->schema->name);
                return NULL;
        }
        p->s += strlen(name);
        f->exact = p->schema == &schema_user && f->property == USER_onPremisesImmutableId;
        r = f;
        f = NULL;
        return r;
}

static const char *literal_type(const Property *property, const json_t *literal)
{
        if (json_is_boolean(literal))
                return "Edm.Boolean";
        if (json_is_integer(literal))
                return "Edm.Int32";
        return property->type == TYPE_TIME && json_is_string(literal) &&
                               schema_is_time(json_string_value(literal))
                       ? "Edm.DateTimeOffset"
                       : "Edm.String";
}

/* The type of what the filter compares: the items of a collection, the field of a complex property */
static const char *operand_type(const Filter *f)
{
        const Property *property = &f->schema->properties[f->property];

        for (const Field *field = property->fields; f->field && field && field->name; ++field) {
                if (!strcmp(field->name, f->field))
                        return schema_type_name(field->type);
        }
        return f->any ? "Edm.String" : schema_type_name(property->type);
}

static bool check_operator(Parser *p, const Filter *f, const Operator *o)
{
        const Property *property = &p->schema->properties[f->property];
        const char *type = operand_type(f);

        if (!(property->ops & o->op) || ((o->advanced || (property->ops & OP_ADVANCED)) && !p->advanced))
                return fail_operator(p, f->property);
        for (size_t i = 0; i < json_array_size(f->literals); ++i) {
                const json_t *literal = json_array_get(f->literals, i);

                if (json_is_null(literal)) {
                        if (!(property->ops & OP_NULL) || (o->op & ~(unsigned int)(OP_EQ | OP_NE)))
                                return fail_operator(p, f->property);
                } else if (strcmp(literal_type(property, literal), type)) {
                        answer_error(p->answer, 400, "BadRequest",
                                     "Invalid filter clause: A binary operator with incompatible types was "
                                     "detected. Found "
                                     "operand types '%s' and '%s' for operator kind '%s'.",
                                     type, literal_type(property, literal), o->odata);
                        return false;
                }
        }
        return true;
}

static bool parse_literals(Parser *p, Filter *f, bool list)
{
        f->literals = json_array();
        if (list && !take_sign(p, '('))
                return fail_syntax(p);
        do {
                json_t *literal = parse_literal(p);

                if (!literal)
                        return fail_syntax(p);
                json_array_append_new(f->literals, literal);
        } while (list && take_sign(p, ','));
        if (list && !take_sign(p, ')'))
                return fail_syntax(p);
        return true;
}

/* path '/$count' ('eq' | 'ne') 0 */
static bool parse_count(Parser *p, Filter *f)
{
        _cleanup_(mem_json_freep) json_t *zero = NULL;
        const Operator *o = take_operator(p, 0, 2);

        f->kind = FILTER_COUNT;
        f->zero = o && o->kind == FILTER_EQ;
        zero = o ? parse_literal(p) : NULL;
        if (!zero || !json_is_integer(zero) || json_integer_value(zero))
                return fail_syntax(p);
        if (!p->advanced || p->schema->properties[f->property].type != TYPE_STRINGS)
                return fail_operator(p, f->property);
        return true;
}

static bool parse_term_rest(Parser *p, Filter *f, const char *variable);

/* '/any(' name ':' term ')' */
static bool parse_any(Parser *p, Filter *f)
{
        _cleanup_(mem_freep) char *variable = NULL;

        if (p->schema->properties[f->property].type != TYPE_STRINGS)
                return fail_operator(p, f->property);
        if (!take_sign(p, '('))
                return fail_syntax(p);
        skip_space(p);
        variable = mem_part(p->s, word_length(p));
        p->s += strlen(variable);
        if (!*variable || !take_sign(p, ':'))
                return fail_syntax(p);
        f->any = true;
        if (!parse_term_rest(p, f, variable))
                return false;
        return take_sign(p, ')') || fail_syntax(p);
}

/*
 * What is done with the operand f. Inside any() the operand goes by the name of the variable, and the term
 * may be a function of it; elsewhere (variable NULL) the operand has been read already.
 */
static bool parse_term_rest(Parser *p, Filter *f, const char *variable)
{
        const Operator *o = variable ? take_operator(p, 5, 7) : NULL;

        if (o) {
                if (!take_sign(p, '(') || !take_word(p, variable) || !take_sign(p, ','))
                        return fail_syntax(p);
                if (!parse_literals(p, f, false))
                        return false;
                if (!take_sign(p, ')'))
                        return fail_syntax(p);
        } else {
                if (variable && !take_word(p, variable))
                        return fail_syntax(p);
                o = take_operator(p, 0, 5);
                if (!o)
                        return fail_syntax(p);
                if (!parse_literals(p, f, o->kind == FILTER_IN))
                        return false;
        }
        f->kind = o->kind;
        return check_operator(p, f, o);
}

static bool parse_steps(Parser *p, Filter *f)
{
        const Property *property = &p->schema->properties[f->property];

        if (take_word(p, "any"))
                return parse_any(p, f);
        if (take_word(p, "$count"))
                return parse_count(p, f);
        if (property->type == TYPE_COMPLEX && property->fields) {
                for (const Field *field = property->fields; field->name; ++field) {
                        if (take_word(p, field->name)) {
                                f->field = mem_text(field->name);
                                return parse_term_rest(p, f, NULL);
                        }
                }
        }
        return fail_syntax(p);
}

static Filter *parse_function(Parser *p, const Operator *o)
{
        _cleanup_(filter_freep) Filter *f = NULL;
        Filter *r;

        if (!take_sign(p, '('))
                return refuse_syntax(p);
        f = parse_path(p);
        if (!f)
                return NULL;
        f->kind = o->kind;
        if (!take_sign(p, ','))
                return refuse_syntax(p);
        if (!parse_literals(p, f, false))
                return NULL;
        if (!take_sign(p, ')'))
                return refuse_syntax(p);
        if (!check_operator(p, f, o))
                return NULL;
        r = f;
        f = NULL;
        return r;
}

static Filter *parse_term(Parser *p)
{
        const Operator *o = take_operator(p, 5, 7);
        _cleanup_(filter_freep) Filter *f = NULL;
        Filter *r;

        if (o)
                return parse_function(p, o);
        f = parse_path(p);
        if (!f)
                return NULL;
        if (take_sign(p, '/') ? !parse_steps(p, f) : !parse_term_rest(p, f, NULL))
                return NULL;
        r = f;
        f = NULL;
        return r;
}

static Filter *filter_join(FilterKind kind, Filter *left, Filter *right)
{
        Filter *f = mem_zero(1, sizeof(*f));

        f->kind = kind;
        f->left = left;
        f->right = right;
        return f;
}

/* `not` on a property that does not allow it; a compound is allowed when its parts are. */
static bool check_not(Parser *p, const Filter *f)
{
        if (!p->advanced || (!f->left && !(p->schema->properties[f->property].ops & OP_NOT))) {
                while (f->left)
                        f = f->left;
                return fail_operator(p, f->property);
        }
        return true;
}

static Filter *parse_unary(Parser *p)
{
        Filter *f;

        if (++p->depth > FILTER_DEPTH) {
                answer_error(p->answer, 400, "BadRequest",
                             "Invalid filter clause: Recursion depth exceeded allowed limit.");
                return NULL;
        }
        if (take_word(p, "not")) {
                f = parse_unary(p);
                if (f && !check_not(p, f))
                        f = filter_free(f);
                f = f ? filter_join(FILTER_NOT, f, NULL) : NULL;
        } else if (take_sign(p, '(')) {
                f = parse_or(p);
                if (f && !take_sign(p, ')')) {
                        f = filter_free(f);
                        refuse_syntax(p);
                }
        } else {
                f = parse_term(p);
        }
        --p->depth;
        return f;
}

static Filter *parse_chain(Parser *p, const char *word, FilterKind kind, Filter *(*part)(Parser *p))
{
        Filter *left = part(p);

        while (left && take_word(p, word)) {
                Filter *right = part(p);

                if (!right)
                        return filter_free(left);
                left = filter_join(kind, left, right);
        }
        return left;
}

static Filter *parse_and(Parser *p)
{
        return parse_chain(p, "and", FILTER_AND, parse_unary);
}

static Filter *parse_or(Parser *p)
{
        return parse_chain(p, "or", FILTER_OR, parse_and);
}

bool filter_parse(Filter **ret, const Schema *schema, const char *text, bool advanced, Answer *answer)
{
        Parser p = { .schema = schema, .text = text, .s = text, .advanced = advanced, .answer = answer };
        Filter *f = parse_or(&p);

        skip_space(&p);
        if (f && *p.s) {
                f = filter_free(f);
                refuse_syntax(&p);
        }
        if (!f)
                return false;
        *ret = f;
        return true;
}
