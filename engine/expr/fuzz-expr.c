/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/expr.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const Object *object(Arena *a)
{
        static const Ref manager = { .text = "CN=Bob\\, Jr.,OU=Corp,DC=contoso,DC=test" };
        Value *addresses = arena_new_array(a, Value, 3);
        ObjectBuilder b;

        addresses[0] = value_string("SMTP:ada@contoso.test");
        addresses[1] = value_string(" smtp:a.l@contoso.test");
        addresses[2] = value_string("sip:\xc3\xa4\xc3\xb6");
        object_build(&b, a);
        object_add(&b, "a", value_string("Ada \xc3\x84 Lovelace"));
        object_add(&b, "b", value_bool(true));
        object_add(&b, "g", value_bytes("0123456789abcdef", 16));
        object_add(&b, "m", value_ref(&manager));
        object_add(&b, "n", value_int(-2147483646));
        object_add(&b, "t", value_time(129699324000000000));
        object_add(&b, "x", value_list(addresses, 3));
        object_add(&b, "y", value_list(addresses, 1));
        return object_finish(&b, NULL, "user", "CN=Ada\\0ACNF:1,DC=test");
}

static void check(const char *text, bool strict_operators)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ExprOptions options = { .strict_operators = strict_operators };
        ExprParameter parameters[] = { { "P", "p" } };
        ExprEnv env = { .parameters = parameters, .n_parameters = 1, .now = { 1795336275000 } };
        ExprResult result, again_result;
        const Expr *e, *again;
        const char *printed;
        size_t offset = 0;
        int r, again_r;

        if (expr_parse(a, text, &options, &e, &offset, NULL)) {
                if (offset > strlen(text))
                        abort();
                return;
        }
        printed = expr_print(a, e);
        if (strlen(printed) > EXPR_TEXT_MAX)
                return;
        if (expr_parse(a, printed, &options, &again, NULL, NULL) ||
            strcmp(printed, expr_print(a, again)) != 0)
                abort();

        env.object = env.imported = object(a);
        r = expr_eval(e, &env, a, &result, NULL);
        if (strstr(text, "Guid") || strstr(text, "Random"))
                return;
        again_r = expr_eval(again, &env, a, &again_result, NULL);
        if (r != again_r || (!r && !value_is(result.value, again_result.value)))
                abort();
        if (!r)
                (void)value_text(a, result.value, 200);
        else if (result.offset > strlen(text))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *text = arena_strndup(a, (const char *)data, n);

        check(text, false);
        check(text, true);
        return 0;
}
