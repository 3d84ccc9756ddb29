/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"
#include "answer.h"
#include "mem.h"
#include "store.h"

#define none        NULL
#define FIELDS(...) ((const Field[]){ __VA_ARGS__, { 0 } })
#define TEXT(n, m)                                       \
        {                                                \
                .name = n, .type = TYPE_STRING, .max = m \
        }
#define FLAG(n)                              \
        {                                    \
                .name = n, .type = TYPE_BOOL \
        }
#define EXTENSION(n) TEXT("extensionAttribute" #n, 1024)

#define passwordProfile                                                      \
        FIELDS(TEXT("password", 256), FLAG("forceChangePasswordNextSignIn"), \
               FLAG("forceChangePasswordNextSignInWithMfa"))
#define onPremisesExtensionAttributes                                                                 \
        FIELDS(EXTENSION(1), EXTENSION(2), EXTENSION(3), EXTENSION(4), EXTENSION(5), EXTENSION(6),    \
               EXTENSION(7), EXTENSION(8), EXTENSION(9), EXTENSION(10), EXTENSION(11), EXTENSION(12), \
               EXTENSION(13), EXTENSION(14), EXTENSION(15))
#define employeeOrgData FIELDS(TEXT("costCenter", 256), TEXT("division", 256))
#define objectIdentity  FIELDS(TEXT("issuer", 512), TEXT("issuerAssignedId", 256), TEXT("signInType", 64))
#define assignedLabel   FIELDS(TEXT("displayName", 256), TEXT("labelId", 64))

#define ROW(name_, type_, max_, flags_, ops_, fields_) \
        { .name = #name_,                              \
          .type = TYPE_##type_,                        \
          .max = max_,                                 \
          .flags = flags_,                             \
          .ops = ops_,                                 \
          .fields = fields_ },

static const Property user_properties[] = { USER_PROPERTIES(ROW) };
static const Property group_properties[] = { GROUP_PROPERTIES(ROW) };

const Schema schema_user = {
        .name = "user",
        .resource = "User",
        .set = "users",
        .properties = user_properties,
        .n = N_USER,
};

const Schema schema_group = {
        .name = "group",
        .resource = "Group",
        .set = "groups",
        .properties = group_properties,
        .n = N_GROUP,
};

int schema_find(const Schema *schema, const char *name)
{
        size_t low = 0, high = schema->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int r = strcmp(name, schema->properties[middle].name);

                if (!r)
                        return (int)middle;
                if (r < 0)
                        high = middle;
                else
                        low = middle + 1;
        }
        return -1;
}

const char *schema_type_name(PropertyType type)
{
        static const char *const names[] = {
                [TYPE_STRING] = "Edm.String",
                [TYPE_BOOL] = "Edm.Boolean",
                [TYPE_INT] = "Edm.Int32",
                [TYPE_TIME] = "Edm.DateTimeOffset",
                [TYPE_STRINGS] = "Collection(Edm.String)",
                [TYPE_COMPLEX] = "Edm.ComplexType",
                [TYPE_COMPLEXES] = "Collection(Edm.ComplexType)",
        };

        return names[type];
}

size_t schema_length(const char *s)
{
        size_t n = 0;

        for (; *s; ++s) {
                if (((unsigned char)*s & 0xc0) != 0x80)
                        n += ((unsigned char)*s & 0xf8) == 0xf0 ? 2 : 1;
        }
        return n;
}

/* 2026-08-22T10:00:00Z, with fractions and offsets as ISO 8601 has them */
bool schema_is_time(const char *s)
{
        static const char form[] = "0000-00-00T00:00:00";

        for (size_t i = 0; form[i]; ++i, ++s) {
                if (form[i] == '0' ? *s < '0' || *s > '9' : *s != form[i])
                        return false;
        }
        if (*s == '.' && s[1] >= '0' && s[1] <= '9')
                s += 1 + strspn(s + 1, "0123456789");
        if ((*s == 'Z' || *s == 'z') && !s[1])
                return true;
        return (*s == '+' || *s == '-') && strlen(s) == 6 && s[3] == ':' && strspn(s + 1, "0123456789:") == 5;
}

static bool check_text(const char *resource, const char *name, PropertyType type, size_t max, const json_t *v,
                       Answer *answer)
{
        _cleanup_(text_deinit) Text literal = { 0 };

        if (type == TYPE_STRING && json_is_string(v) && !*json_string_value(v)) {
                /* Graph clears with null; an empty text is not a value */
                answer_error(answer, 400, "Request_BadRequest",
                             "Invalid value specified for property '%s' of resource '%s'.", name, resource);
                answer_detail(answer, "InvalidValue", name, "The value of '%s' is empty.", name);
                return false;
        }
        if (type == TYPE_STRING && json_is_string(v)) {
                if (!max || schema_length(json_string_value(v)) <= max)
                        return true;
                answer_error(answer, 400, "Request_BadRequest",
                             "Invalid value specified for property '%s' of resource '%s'.", name, resource);
                answer_detail(answer, "InvalidLength", name,
                              "The value of '%s' is longer than %zu characters.", name, max);
                return false;
        }
        if ((type == TYPE_BOOL && json_is_boolean(v)) || (type == TYPE_INT && json_is_integer(v)) ||
            (type == TYPE_TIME && json_is_string(v) && schema_is_time(json_string_value(v))))
                return true;
        if (json_is_object(v) || json_is_array(v)) {
                answer_error(answer, 400, "Request_BadRequest",
                             "An unexpected '%s' node was found when reading from the JSON reader. A "
                             "'PrimitiveValue' node "
                             "was expected.",
                             json_is_object(v) ? "StartObject" : "StartArray");
        } else {
                text_value(&literal, v);
                answer_error(answer, 400, "Request_BadRequest",
                             "Cannot convert the literal '%.*s' to the expected type '%s'.",
                             json_is_string(v) ? (int)literal.n - 2 : (int)literal.n,
                             literal.data + json_is_string(v), schema_type_name(type));
        }
        answer_detail(answer, "InvalidValue", name, "The value of '%s' has the wrong type.", name);
        return false;
}

static bool check_node(const char *name, const char *wanted, bool right, const json_t *v, Answer *answer)
{
        const char *found = json_is_object(v)  ? "StartObject"
                            : json_is_array(v) ? "StartArray"
                                               : "PrimitiveValue";

        if (right)
                return true;
        answer_error(answer, 400, "Request_BadRequest",
                     "An unexpected '%s' node was found when reading from the JSON reader. A '%s' node was "
                     "expected.",
                     found, wanted);
        answer_detail(answer, "InvalidValue", name, "The value of '%s' has the wrong type.", name);
        return false;
}

static bool check_complex(const Schema *schema, const Property *p, const json_t *v, Answer *answer)
{
        const char *key;
        json_t *child;

        if (!check_node(p->name, "StartObject", json_is_object(v), v, answer))
                return false;
        if (!p->fields)
                return true;
        json_object_foreach((json_t *)(uintptr_t)v, key, child)
        {
                const Field *f = p->fields;

                if (strchr(key, '@'))
                        continue;
                while (f->name && strcmp(f->name, key))
                        ++f;
                if (!f->name) {
                        answer_error(answer, 400, "Request_BadRequest",
                                     "The property '%s' does not exist on type 'microsoft.graph.%s'. Make "
                                     "sure to only use "
                                     "property names that are defined by the type.",
                                     key, p->name);
                        answer_detail(answer, "InvalidProperty", key, "'%s' has no property '%s'.", p->name,
                                      key);
                        return false;
                }
                if (!json_is_null(child) &&
                    !check_text(schema->resource, key, f->type, f->max, child, answer))
                        return false;
        }
        return true;
}

static bool check_value(const Schema *schema, const Property *p, const json_t *v, Answer *answer)
{
        switch (p->type) {
        case TYPE_COMPLEX:
                return check_complex(schema, p, v, answer);
        case TYPE_STRINGS:
        case TYPE_COMPLEXES:
                if (!check_node(p->name, "StartArray", json_is_array(v), v, answer))
                        return false;
                for (size_t i = 0; i < json_array_size(v); ++i) {
                        const json_t *item = json_array_get(v, i);

                        if (p->type == TYPE_STRINGS ? !check_text(schema->resource, p->name, TYPE_STRING,
                                                                  p->max, item, answer)
                                                    : !check_complex(schema, p, item, answer))
                                return false;
                }
                return true;
        default:
                return check_text(schema->resource, p->name, p->type, p->max, v, answer);
        }
}

static bool refuse_read_only(const Property *p, Answer *answer)
{
        answer_error(answer, 400, "Request_BadRequest", "Property '%s' is read-only and cannot be set.",
                     p->name);
        answer_detail(answer, "ReadOnlyProperty", p->name, "Property '%s' is read-only and cannot be set.",
                      p->name);
        return false;
}

static bool refuse_missing(const Schema *schema, const Property *p, Answer *answer)
{
        answer_error(answer, 400, "Request_BadRequest",
                     "A value is required for property '%s' of resource '%s'.", p->name, schema->resource);
        answer_detail(answer, "MissingValue", p->name,
                      "A value is required for property '%s' of resource '%s'.", p->name, schema->resource);
        return false;
}

static bool refuse_unknown(const char *name, Answer *answer)
{
        answer_error(answer, 400, "Request_BadRequest",
                     "Property '%s' does not exist as a declared property or extension property.", name);
        answer_detail(answer, "InvalidProperty", name,
                      "Property '%s' does not exist as a declared property or extension property.", name);
        return false;
}

static bool check_one(const Schema *schema, const Property *p, const json_t *v, const Object *object,
                      Answer *answer)
{
        const json_t *old = object ? object->values[p - schema->properties] : NULL;
        bool null = json_is_null(v);

        if (p->flags & P_READ_ONLY)
                return refuse_read_only(p, answer);
        if ((null || (json_is_string(v) && !*json_string_value(v))) && (p->flags & P_REQUIRED))
                return refuse_missing(schema, p, answer);
        if (null && (p->flags & P_NOT_NULL))
                return check_node(p->name, "StartArray", false, v, answer);
        if (!null && !check_value(schema, p, v, answer))
                return false;
        if (object && (p->flags & P_CREATE_ONLY) && !json_equal(old ? old : json_null(), v))
                return refuse_read_only(p, answer);
        if (old && (p->flags & P_ONCE) && !json_equal(old, v))
                return refuse_read_only(p, answer);
        return true;
}

bool schema_check(const Schema *schema, const json_t *body, const Object *object, Answer *answer)
{
        size_t n_apart = 0, n_here = 0;
        const char *key;
        json_t *v;

        json_object_foreach((json_t *)(uintptr_t)body, key, v)
        {
                int i = strchr(key, '@') ? -2 : schema_find(schema, key);

                if (i == -1)
                        return refuse_unknown(key, answer);
                if (i < 0)
                        continue;
                if (!check_one(schema, &schema->properties[i], v, object, answer))
                        return false;
                ++*(schema->properties[i].flags & P_APART ? &n_apart : &n_here);
        }
        for (size_t i = 0; !object && i < schema->n; ++i) {
                const Property *p = &schema->properties[i];

                if ((p->flags & P_REQUIRED) && !(p->flags & P_BY_DOMAIN) && !json_object_get(body, p->name))
                        return refuse_missing(schema, p, answer);
        }
        if (n_apart && (n_here || !object)) {
                answer_error(answer, 400, "Request_BadRequest",
                             "The request is currently not supported on the targeted entity set: properties "
                             "of another service "
                             "must be updated in a request of their own.");
                return false;
        }
        return true;
}

bool schema_check_planted(const Schema *schema, const json_t *body, Answer *answer)
{
        const char *key;
        json_t *v;

        json_object_foreach((json_t *)(uintptr_t)body, key, v)
        {
                int i = strchr(key, '@') ? -2 : schema_find(schema, key);

                if (i == -1)
                        return refuse_unknown(key, answer);
                if (i >= 0 && !json_is_null(v) && !check_value(schema, &schema->properties[i], v, answer))
                        return false;
        }
        return true;
}
