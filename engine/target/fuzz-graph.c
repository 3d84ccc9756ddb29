/* SPDX-License-Identifier: Apache-2.0 */

/* Answers of Graph and of the sign-in service: bytes from outside that we take apart. */

#include "base/str.h"
#include "engine/target/graph-internal.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_object(const char *text, size_t n, const char *type, Arena *a)
{
        json_t *json = json_loadb(text, n, 0, NULL), *body = json_object();
        Diag diag = DIAG_INIT;
        TargetObject o;

        if (json && graph_object_parse(json, NULL, type, a, &o, &diag) == 0) {
                /* What was read may be written again, if the check allows it. */
                for (size_t i = 0; i < o.object->n_attributes; ++i) {
                        const Attribute *v = &o.object->attributes[i];
                        const TargetAttribute *at = target_attribute(NULL, type, v->name);

                        if (!target_value_is(at, v->value, v->value))
                                abort();
                        if (!target_value_check(at, v->value, a, NULL))
                                graph_body_set(body, at, v->value);
                }
        }
        diag_deinit(&diag);
        json_decref(json);
        json_decref(body);
}

static void fuzz_token(char *text, size_t n)
{
        HttpRequest r = { .end = HTTP_ANSWERED, .answer = { .status = 200, .body = text, .n_body = n } };
        char *token = NULL, words[512];
        int64_t life_s;

        if (token_answer_read(&r, &token, &life_s, words, sizeof(words)) == 0 && strpbrk(token, "\r\n"))
                abort();
        free(token);
        r.answer.status = 400;
        token_answer_read(&r, &token, &life_s, words, sizeof(words));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        static const int statuses[] = { 400, 401, 403, 404, 409, 412, 429, 503 };
        Arena *a = arena_new(0);
        GraphError e;
        char *text;

        if (n > 1) {
                text = arena_strndup(a, (const char *)data + 1, n - 1);
                n = strlen(text);
                graph_error_parse(&e, statuses[data[0] % N_ELEMENTS(statuses)], "application/json", text, n,
                                  a);
                if (http_retry_after(text, "", (Wall){ 1000 }) > INT64_C(3600000000))
                        abort();
                graph_throttle_scope(text, LIMITER_READ);
                fuzz_object(text, n, data[0] & 128 ? "user" : "group", a);
                fuzz_token(text, n);
                graph_quote(a, text);
        }
        arena_free(a);
        return 0;
}
