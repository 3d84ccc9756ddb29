/* SPDX-License-Identifier: Apache-2.0 */

#include "app/rules/object-json.h"

#include "base/clock.h"
#include "base/str.h"
#include "engine/scope/scope.h"

#include <string.h>

static bool text_value(Arena *a, const json_t *j, Value *ret)
{
        /* A value holds no NUL: no directory has one in a text. */
        if (memchr(json_string_value(j), 0, json_string_length(j)))
                return false;
        *ret = value_string(arena_strdup(a, json_string_value(j)));
        return true;
}

static bool marked_value(Arena *a, const json_t *j, Value *ret)
{
        const char *text;
        uint8_t *data;
        Ref *ref;
        size_t n;
        Wall t;

        if (json_object_size(j) != 1)
                return false;
        if ((text = json_string_value(json_object_get(j, "hex")))) {
                if (!str_unhex(a, text, &data, &n))
                        return false;
                *ret = value_bytes(data, n);
                return true;
        }
        if ((text = json_string_value(json_object_get(j, "ref")))) {
                ref = arena_new_of(a, Ref);
                ref->text = arena_strdup(a, text);
                *ret = value_ref(ref);
                return true;
        }
        if ((text = json_string_value(json_object_get(j, "time")))) {
                if (!wall_parse(text, &t))
                        return false;
                *ret = value_time(filetime_from_unix_ms(t.ms));
                return true;
        }
        text = json_string_value(json_object_get(j, "token"));
        if (!str_is(text, "IgnoreThisFlow") && !str_is(text, "AuthoritativeNull"))
                return false;
        *ret = value_token(str_is(text, "IgnoreThisFlow") ? VALUE_IGNORE_THIS_FLOW
                                                          : VALUE_AUTHORITATIVE_NULL);
        return true;
}

static bool one_value(Arena *a, const json_t *j, Value *ret)
{
        switch (json_typeof(j)) {
        case JSON_TRUE:
        case JSON_FALSE:
                *ret = value_bool(json_is_true(j));
                return true;
        case JSON_INTEGER:
                *ret = value_int(json_integer_value(j));
                return true;
        case JSON_STRING:
                return text_value(a, j, ret);
        case JSON_OBJECT:
                return marked_value(a, j, ret);
        case JSON_NULL:
                *ret = VALUE_NULL;
                return true;
        default:
                return false;
        }
}

static bool any_value(Arena *a, const json_t *j, Value *ret)
{
        Value *list;
        size_t n = 0;

        if (!json_is_array(j))
                return one_value(a, j, ret);
        list = arena_new_array(a, Value, json_array_size(j));
        for (size_t i = 0; i < json_array_size(j); i++) {
                if (!one_value(a, json_array_get(j, i), &list[n]))
                        return false;
                n += !value_is_none(list[n]);
        }
        *ret = value_list(list, n);
        return true;
}

static bool read_object(Arena *a, const char *path, const char *type, json_t *j, ObjectFile *ret, Diag *diag)
{
        ExprParameter *parameters = arena_new_array(a, ExprParameter, json_object_size(j));
        ObjectBuilder object, imported;
        const char *dn, *key;
        json_t *value;
        Value classes;

        *ret = (ObjectFile){ .parameters = parameters };
        object_build(&object, a);
        object_build(&imported, a);
        json_object_foreach(j, key, value)
        {
                size_t n = strlen(key);
                Value v;

                if (!any_value(a, value, &v)) {
                        diag_add(diag,
                                 "%s: \"%s\" is not a value: text, whole number, true, false, null, "
                                 "{\"hex\"}, {\"ref\"}, {\"time\"}, or a list of them",
                                 path, key);
                        return false;
                }
                if (n > 2 && key[0] == '%' && key[n - 1] == '%') {
                        if (v.type != VALUE_STRING) {
                                diag_add(diag, "%s: the parameter \"%s\" is not a text", path, key);
                                return false;
                        }
                        parameters[ret->n_parameters++] =
                                (ExprParameter){ .name = arena_strndup(a, key + 1, n - 2), .value = v.s };
                } else if (str_starts(key, "imported:")) {
                        object_add(&imported, arena_strdup(a, key + strlen("imported:")), v);
                } else {
                        object_add(&object, arena_strdup(a, key), v);
                }
        }
        dn = arena_strdup(a, json_string_value(json_object_get(j, "dn")));
        if (!type && json_object_get(j, "objectClass") &&
            any_value(a, json_object_get(j, "objectClass"), &classes))
                type = scope_type_of(classes);
        type = type && *type ? arena_strdup(a, type) : "user";
        ret->object = object_finish(&object, NULL, type, dn);
        if (imported.n_attributes)
                ret->imported = object_finish(&imported, NULL, type, dn);
        return true;
}

/**
 * object_json_read() - read an object from a file
 * @a:          it lives here
 * @path:       the file; "-": standard input
 * @type:       its type; NULL: what objectClass says, else user
 * @ret:        the object
 * @diag:       what is wrong
 *
 * Return: whether it could be read.
 */
bool object_json_read(Arena *a, const char *path, const char *type, ObjectFile *ret, Diag *diag)
{
        _cleanup_(cleanup_free) char *text = NULL;
        json_error_t error;
        json_t *j;
        size_t n;
        bool ok;
        int r = str_read_file(str_is(path, "-") ? "/dev/stdin" : path, ENTRY_MAX, &text, &n);

        if (r) {
                diag_add(diag, "%s: %s", path, strerror(-r));
                return false;
        }
        j = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(j)) {
                diag_add_at(diag,
                            (DiagMark){ .file = path,
                                        .line = j ? 0 : error.line,
                                        .column = j ? 0 : error.column },
                            "%s", j ? "is not a JSON object of attributes" : error.text);
                json_decref(j);
                return false;
        }
        ok = read_object(a, path, type, j, ret, diag);
        json_decref(j);
        return ok;
}

/* ---- out ---- */

static json_t *hex_value(const uint8_t *data, size_t n)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        return json_pack("{s:s}", "hex", str_hex(a, data, n));
}

static json_t *time_value(Value v)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);

        return json_string(value_text(a, v, 64));
}

static json_t *list_value(Value v)
{
        json_t *list = json_array();

        for (size_t i = 0; i < v.n; i++)
                json_array_append_new(list, object_json_value(v.list[i]));
        return list;
}

/* A value of a directory need not be UTF-8, although it says that it is text. */
static json_t *string_value(const char *s, size_t n)
{
        return str_is_utf8(s, n) ? json_stringn(s, n) : hex_value((const uint8_t *)s, n);
}

json_t *object_json_value(Value v)
{
        switch ((ValueType)v.type) {
        case VALUE_BOOL:
                return json_boolean(v.b);
        case VALUE_INT:
                return json_integer(v.i);
        case VALUE_TIME:
                return time_value(v);
        case VALUE_STRING:
                return string_value(v.s, v.n);
        case VALUE_BYTES:
                return hex_value(v.bytes, v.n);
        case VALUE_REF:
                return json_pack("{s:o}", "ref",
                                 v.ref->text ? string_value(v.ref->text, strlen(v.ref->text))
                                             : hex_value(v.ref->id.bytes, sizeof(v.ref->id.bytes)));
        case VALUE_LIST:
                return list_value(v);
        case VALUE_TOKEN:
                return json_pack("{s:s}", "token",
                                 v.token == VALUE_IGNORE_THIS_FLOW ? "IgnoreThisFlow" : "AuthoritativeNull");
        default:
                return json_null();
        }
}

const char *object_json_type(Value v)
{
        static const char *const one[] = { "null", "bool", "num", "dt", "str", "bin", "ref", "mv", "token" };

        if (v.type != VALUE_LIST || v.n == 0)
                return v.type < _VALUE_TYPE_N ? one[v.type] : "?";
        for (size_t i = 1; i < v.n; i++)
                if (v.list[i].type != v.list[0].type)
                        return "mv";
        switch (v.list[0].type) {
        case VALUE_STRING:
                return "mvstr";
        case VALUE_BYTES:
                return "mvbin";
        case VALUE_REF:
                return "mvref";
        default:
                return "mv";
        }
}
