/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define EXTENSIONS "onPremisesExtensionAttributes"

bool graph_wants(const char *const *attributes, size_t n, const char *name)
{
        for (size_t i = 0; i < n; ++i) {
                if (str_is(attributes[i], name))
                        return true;
        }
        return false;
}

static bool is_link(const TargetAttribute *at)
{
        return at->kind == TARGET_LINKS || at->kind == TARGET_REFERENCE;
}

/**
 * graph_select() - the $select that reads these attributes
 * @attributes: names of the connector space; none: all that the directory has. Links are read apart
 * @lists: for a list, where what lives in another service cannot be asked for
 *
 * Return: "id,onPremisesSyncEnabled,...", of groups also isAssignableToRole.
 */
const char *graph_select(const TargetSchema *schema, const char *type, const char *const *attributes,
                         size_t n, bool lists, Arena *a)
{
        const TargetAttribute *rows;
        bool extensions = false;
        const char *text;
        size_t n_rows;
        Str s;

        str_init(&s, 8192);
        str_add(&s, "id,onPremisesSyncEnabled");
        if (str_is(type, "group"))
                str_add(&s, ",isAssignableToRole");
        rows = target_attributes(schema, type, &n_rows);
        for (size_t i = 0; i < n_rows; ++i) {
                const TargetAttribute *at = &rows[i];

                if (!at->property || is_link(at) || (n > 0 && !graph_wants(attributes, n, at->name)) ||
                    (at->service && (n == 0 || lists)))
                        continue;
                if (at->kind == TARGET_EXTENSION) {
                        extensions = true;
                        continue;
                }
                str_add(&s, ",");
                str_add(&s, at->property);
        }
        if (extensions)
                str_add(&s, "," EXTENSIONS);
        text = arena_strdup(a, s.data);
        str_deinit(&s);
        return text;
}

static Value string_of(const json_t *v, Arena *a)
{
        size_t n = json_string_length(v);

        return value_string_n(arena_strndup(a, json_string_value(v), n), n);
}

static int wrong(const char *property, const char *what, Diag *diag)
{
        diag_set(diag, "Microsoft Graph: %s is not %s", property, what);
        return TARGET_E_GARBAGE;
}

static int texts_of(json_t *v, const TargetAttribute *at, Arena *a, Value *ret, Diag *diag)
{
        size_t n = json_array_size(v), i;
        Value *list;
        json_t *item;

        if (!json_is_array(v))
                return wrong(at->property, "a collection", diag);
        list = arena_new_array(a, Value, n);
        json_array_foreach(v, i, item)
        {
                if (!json_is_string(item))
                        return wrong(at->property, "a collection of texts", diag);
                list[i] = string_of(item, a);
        }
        *ret = at->kind == TARGET_FIRST_OF ? (n > 0 ? list[0] : VALUE_NULL) : value_list(list, n);
        return 0;
}

static int value_of(json_t *v, const TargetAttribute *at, Arena *a, Value *ret, Diag *diag)
{
        *ret = VALUE_NULL;
        if (!v || json_is_null(v))
                return 0;
        switch (at->kind) {
        case TARGET_BOOL:
                if (!json_is_boolean(v))
                        return wrong(at->property, "a truth value", diag);
                *ret = value_bool(json_is_true(v));
                return 0;
        case TARGET_INTEGER:
                if (!json_is_integer(v))
                        return wrong(at->property, "a number", diag);
                *ret = value_int(json_integer_value(v));
                return 0;
        case TARGET_FIRST_OF:
        case TARGET_TEXTS:
                return texts_of(v, at, a, ret, diag);
        default:
                if (!json_is_string(v))
                        return wrong(at->property, "a text", diag);
                *ret = string_of(v, a);
                return 0;
        }
}

/**
 * graph_object_parse() - a user or group as Graph writes it
 * @ret_object: lives in the arena
 *
 * Properties that the schema does not know are skipped: Graph may add some at any time.
 *
 * Return: 0, TARGET_E_GARBAGE.
 */
int graph_object_parse(const json_t *json, const TargetSchema *schema, const char *type, Arena *a,
                       TargetObject *ret_object, Diag *diag)
{
        const json_t *sync = json_object_get(json, "onPremisesSyncEnabled");
        const json_t *assignable = json_object_get(json, "isAssignableToRole");
        const json_t *extensions = json_object_get(json, EXTENSIONS);
        const TargetAttribute *rows;
        ObjectBuilder b;
        ObjectId id;
        size_t n;

        if (!json_is_object(json) || !json_is_string(json_object_get(json, "id")) ||
            !guid_parse(json_string_value(json_object_get(json, "id")), &id))
                return wrong("the answer", "an object with an id", diag);
        if (sync && !json_is_boolean(sync) && !json_is_null(sync))
                return wrong("onPremisesSyncEnabled", "a truth value", diag);
        if (assignable && !json_is_boolean(assignable) && !json_is_null(assignable))
                return wrong("isAssignableToRole", "a truth value", diag);
        if (extensions && !json_is_object(extensions) && !json_is_null(extensions))
                return wrong(EXTENSIONS, "an object", diag);
        object_build(&b, a);
        rows = target_attributes(schema, type, &n);
        for (size_t i = 0; i < n; ++i) {
                const json_t *holder = rows[i].kind == TARGET_EXTENSION ? extensions : json;
                Value v;
                int r;

                if (!rows[i].property || is_link(&rows[i]))
                        continue;
                r = value_of(json_object_get(holder, rows[i].property), &rows[i], a, &v, diag);
                if (r)
                        return r;
                object_add(&b, rows[i].name, v);
        }
        ret_object->object = object_finish(&b, &id, type, NULL);
        ret_object->mastered_elsewhere = json_is_true(sync);
        ret_object->role_assignable = json_is_true(assignable);
        return 0;
}

static json_t *json_of_text(Value v)
{
        char buf[32];
        const char *s = v.s;
        size_t n = v.n;

        if (v.type == VALUE_INT) {
                n = (size_t)snprintf(buf, sizeof(buf), "%" PRId64, v.i);
                return json_stringn(buf, n);
        }
        if (v.type != VALUE_STRING)
                return json_null();
        while (n > 0 && isspace((unsigned char)s[0])) {
                ++s;
                --n;
        }
        while (n > 0 && isspace((unsigned char)s[n - 1]))
                --n;
        return n > 0 ? json_stringn(s, n) : json_null();
}

static json_t *json_of_texts(Value v)
{
        json_t *array = json_array();

        for (size_t i = 0; i < value_count(v); ++i) {
                json_t *text = json_of_text(value_at(v, i));

                if (!json_is_null(text))
                        json_array_append_new(array, text);
        }
        return array;
}

static json_t *json_of_bool(Value v)
{
        if (v.type == VALUE_BOOL)
                return json_boolean(v.b);
        if (v.type == VALUE_STRING)
                return json_boolean(str_is_nocase(v.s, "true"));
        return json_null();
}

static json_t *json_of_time(Value v)
{
        char buf[32];

        return target_time_text(v, buf) ? json_string(buf) : json_null();
}

static json_t *json_of_integer(Value v)
{
        int64_t number;

        return target_integer(v, &number) ? json_integer(number) : json_null();
}

static json_t *json_of(const TargetAttribute *at, Value v)
{
        if (at->kind == TARGET_FIRST_OF || at->kind == TARGET_TEXTS)
                return json_of_texts(v);
        if (v.type == VALUE_LIST)
                v = value_at(v, 0);
        switch (at->kind) {
        case TARGET_BOOL:
                return json_of_bool(v);
        case TARGET_TIME:
                return json_of_time(v);
        case TARGET_INTEGER:
                return json_of_integer(v);
        default:
                return json_of_text(v);
        }
}

/**
 * graph_body_set() - add a property to the body of a POST or PATCH
 * @v: checked by target_value_check(); NONE clears it (a collection becomes empty, since it cannot be null)
 */
void graph_body_set(json_t *body, const TargetAttribute *at, Value v)
{
        json_t *holder = body;

        if (at->kind == TARGET_EXTENSION) {
                holder = json_object_get(body, EXTENSIONS);
                if (!holder) {
                        holder = json_object();
                        json_object_set_new(body, EXTENSIONS, holder);
                }
        }
        json_object_set_new(holder, at->property, json_of(at, v));
}

/**
 * graph_quote() - a text between the quotes of an OData literal, in a URL
 *
 * Return: with quotes doubled and percent-encoded.
 */
const char *graph_quote(Arena *a, const char *text)
{
        size_t n = strlen(text), at = 0;
        char *doubled = arena_alloc(a, 2 * n + 1);

        for (; *text; ++text) {
                if (*text == '\'')
                        doubled[at++] = '\'';
                doubled[at++] = *text;
        }
        doubled[at] = '\0';
        return str_urlencode(a, doubled);
}
