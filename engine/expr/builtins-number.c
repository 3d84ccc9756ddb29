/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/builtins-number.h"
#include "base/str.h"
#include "engine/expr/functions.h"
#include "engine/expr/text.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

BUILTINS_NUMBER(BUILTIN_DECLARE)

int builtin_bitand(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        *ret = value_int(args[0].i & args[1].i);
        return 0;
}

int builtin_bitor(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        *ret = value_int(args[0].i | args[1].i);
        return 0;
}

int builtin_isbitset(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        *ret = value_bool((args[0].i & args[1].i) != 0);
        return 0;
}

/* White space around a number is nothing, as for .NET. */
static bool text_to_number(Value text, int64_t *ret)
{
        char digits[24];
        const char *s = text.s;
        size_t n = text.n, white;

        while ((white = text_white(s, n)) > 0) {
                s += white;
                n -= white;
        }
        while (n > 0 && (white = text_white_end(s, n)) > 0)
                n -= white;
        if (n >= sizeof(digits))
                return false;
        memcpy(digits, s, n);
        digits[n] = '\0';
        return str_to_int64(digits + (digits[0] == '+' && n > 1 && digits[1] != '-'), ret);
}

/* Lowest byte first, as CBin writes it and as the lengths in a device key are. */
static bool bytes_to_number(Value bytes, int64_t *ret)
{
        uint64_t number = 0;

        if (bytes.n < 1 || bytes.n > 8)
                return false;
        for (size_t i = bytes.n; i > 0; i--)
                number = number << 8 | bytes.bytes[i - 1];
        *ret = (int64_t)number;
        return true;
}

static bool to_number(Value value, int64_t *ret)
{
        switch (value.type) {
        case VALUE_INT:
                *ret = value.i;
                return true;
        case VALUE_STRING:
                return text_to_number(value, ret);
        case VALUE_BYTES:
                return bytes_to_number(value, ret);
        default:
                return false;
        }
}

int builtin_cnum(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        int64_t number;

        *ret = args[0];
        if (value_is_none(args[0]) || args[0].type == VALUE_INT)
                return 0;
        if (!to_number(args[0], &number))
                return eval_fail(v, "CNum of %s that is not an integer", value_type_name(args[0]));
        *ret = value_int(number);
        return 0;
}

static bool all_numeric(Value value)
{
        int64_t number;

        for (size_t i = 0; i < value_count(value); i++)
                if (!to_number(value_at(value, i), &number))
                        return false;
        return value_count(value) > 0;
}

int builtin_isnumeric(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        *ret = value_bool(all_numeric(args[0]));
        return eval_charge_values(v, args[0]);
}

int builtin_cbool(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        int64_t number;

        switch (args[0].type) {
        case VALUE_NONE:
                *ret = value_bool(false);
                return 0;
        case VALUE_BOOL:
                *ret = args[0];
                return 0;
        case VALUE_INT:
                *ret = value_bool(args[0].i != 0);
                return 0;
        case VALUE_STRING:
                if (str_is_nocase(args[0].s, "true") || str_is_nocase(args[0].s, "false")) {
                        *ret = value_bool(str_is_nocase(args[0].s, "true"));
                        return 0;
                }
                if (text_to_number(args[0], &number)) {
                        *ret = value_bool(number != 0);
                        return 0;
                }
                return eval_fail(v, "CBool of a string that is neither True nor False nor a number");
        default:
                return eval_fail(v, "CBool of %s", value_type_name(args[0]));
        }
}

int builtin_randomnum(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        uint64_t range = (uint64_t)args[1].i - (uint64_t)args[0].i + 1, random, limit;

        if (args[1].i < args[0].i)
                return eval_fail(v, "RandomNum from a higher to a lower number");
        /* What is left over at the top would make low numbers likelier. */
        limit = range ? UINT64_MAX - UINT64_MAX % range : UINT64_MAX;
        do {
                if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random)) {
                        if (errno != EINTR)
                                return eval_fail(v, "the system has no random numbers");
                        random = UINT64_MAX;
                }
        } while (range && random >= limit);
        *ret = value_int((int64_t)((uint64_t)args[0].i + (range ? random % range : random)));
        return 0;
}
