/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/builtins-bytes.h"
#include "base/str.h"
#include "engine/expr/functions.h"
#include "engine/expr/utf16.h"

#include <string.h>

BUILTINS_BYTES(BUILTIN_DECLARE)

int builtin_cbin(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        uint64_t number = (uint64_t)args[0].i;
        uint8_t *bytes;

        if (args[1].i < 1 || args[1].i > 8)
                return eval_fail(v, "CBin makes 1 to 8 bytes, not %lld", (long long)args[1].i);
        bytes = arena_alloc(v->arena, 8);
        for (int i = 0; i < 8; i++)
                bytes[i] = (uint8_t)(number >> 8 * i);
        if (args[1].i < 8 && number >> 8 * args[1].i)
                return eval_fail(v, "CBin of a number that does not fit into %lld byte%s",
                                 (long long)args[1].i, args[1].i == 1 ? "" : "s");
        *ret = value_bytes(bytes, (size_t)args[1].i);
        return 0;
}

int builtin_cguid(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        ObjectId id;

        if (!guid_parse(args[0].s, &id))
                return eval_fail(v, "CGuid of a string that is not a GUID");
        *ret = value_bytes(arena_memdup(v->arena, id.bytes, sizeof(id.bytes)), sizeof(id.bytes));
        return 0;
}

int builtin_isguid(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        ObjectId id;
        bool all = value_count(args[0]) > 0;

        for (size_t i = 0; i < value_count(args[0]); i++) {
                Value item = value_at(args[0], i);

                all = all && item.type == VALUE_STRING && guid_parse(item.s, &id);
        }
        *ret = value_bool(all);
        return eval_charge_values(v, args[0]);
}

static Value guid_value(Eval *v, const ObjectId *id)
{
        char text[GUID_TEXT_MAX];

        return value_string(arena_strdup(v->arena, guid_format(id, text)));
}

int builtin_guid(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        ObjectId id;

        guid_random(&id);
        *ret = guid_value(v, &id);
        return 0;
}

int builtin_stringfromguid(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        ObjectId id;

        if (args[0].n != sizeof(id.bytes))
                return eval_fail(v, "StringFromGuid of %u bytes: a GUID has 16", args[0].n);
        memcpy(id.bytes, args[0].bytes, sizeof(id.bytes));
        *ret = guid_value(v, &id);
        return 0;
}

int builtin_stringfromsid(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        const char *text = sid_format(v->arena, args[0].bytes, args[0].n);

        if (!text)
                return eval_fail(v, "StringFromSid of bytes that are not a SID");
        *ret = value_string(text);
        return 0;
}

int builtin_converttobase64(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        const uint8_t *data = args[0].bytes;
        size_t n = args[0].n;
        int r;

        r = eval_charge(v, 4 * n);
        if (r)
                return r;
        if (args[0].type == VALUE_STRING && !utf16_from_utf8(v->arena, args[0].s, args[0].n, &data, &n))
                return eval_fail(v, "a string that is not UTF-8");
        if (n / 3 * 4 > VALUE_MAX)
                return eval_buffer(v, n / 3 * 4, &(char *){ NULL }); /* which refuses it */
        *ret = value_string(str_base64(v->arena, data, n));
        return 0;
}

/* Bytes that are to be a text. */
static int text_of(Eval *v, const char *what, const uint8_t *data, size_t n, bool ascii, Value *ret)
{
        const char *s = (const char *)data;

        if (memchr(s, 0, n) || !str_is_utf8(s, n))
                return eval_fail(v, "%s of bytes that are not a text", what);
        for (size_t i = 0; ascii && i < n; i++)
                if (data[i] >= 0x80)
                        return eval_fail(v, "%s of bytes that are not ASCII", what);
        *ret = value_string_n(arena_strndup(v->arena, s, n), n);
        return 0;
}

int builtin_convertfrombase64(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        const char *encoding = n_args > 1 ? args[1].s : "Unicode";
        uint8_t *data;
        size_t n;
        int r;

        r = eval_charge(v, 3 * (size_t)args[0].n);
        if (r)
                return r;
        if (!str_unbase64(v->arena, args[0].s, &data, &n))
                return eval_fail(v, "ConvertFromBase64 of a string that is not base64");
        if (strcmp(encoding, "UTF8") == 0 || strcmp(encoding, "ASCII") == 0)
                return text_of(v, "ConvertFromBase64", data, n, encoding[0] == 'A', ret);
        if (strcmp(encoding, "Unicode") != 0)
                return eval_fail(v, "the encoding must be Unicode, UTF8 or ASCII");
        if (!utf16_to_utf8(v->arena, data, n, ret))
                return eval_fail(v, "ConvertFromBase64 of bytes that are not UTF-16");
        return 0;
}

int builtin_convertfromutf8hex(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        uint8_t *data;
        size_t n;
        int r;

        r = eval_charge(v, args[0].n);
        if (r)
                return r;
        if (!str_unhex(v->arena, args[0].s, &data, &n))
                return eval_fail(v, "ConvertFromUTF8Hex of a string that is not hexadecimal");
        return text_of(v, "ConvertFromUTF8Hex", data, n, false, ret);
}

int builtin_converttoutf8hex(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        static const char digits[] = "0123456789ABCDEF";
        char *text;
        int r;

        r = eval_buffer(v, 2 * (size_t)args[0].n, &text);
        if (r)
                return r;
        for (size_t i = 0; i < args[0].n; i++) {
                uint8_t c = (uint8_t)args[0].s[i];

                text[2 * i] = digits[c >> 4];
                text[2 * i + 1] = digits[c & 15];
        }
        text[2 * (size_t)args[0].n] = '\0';
        *ret = value_string_n(text, 2 * (size_t)args[0].n);
        return 0;
}
