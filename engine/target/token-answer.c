/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/str.h"
#include "engine/target/token.h"

#include <jansson.h>
#include <string.h>

/* Longer than any token lives; keeps a nonsensical number from overflowing. */
#define LIFE_MAX_S (INT64_C(30) * 86400)

/* Numbers are texts when they come from a managed identity. */
static int64_t seconds_of(const json_t *v)
{
        int64_t n = json_integer_value(v);

        if (json_is_string(v) && !str_to_int64(json_string_value(v), &n))
                n = 0;
        return n < 0 || n > LIFE_MAX_S ? 0 : n;
}

/* The first line; what follows are trace ids. */
static int first_line(const char *text)
{
        size_t n = strcspn(text, "\r\n");

        return n < 256 ? (int)n : 256;
}

static int refused(const json_t *answer, const char *error, char *text, size_t size)
{
        const char *description = json_string_value(json_object_get(answer, "error_description"));
        const char *words = token_error_words(description), *detail = description ? description : error;
        bool passing = str_is(error, "temporarily_unavailable") ||
                       (description && strstr(description, "AADSTS90033"));

        snprintf(text, size, "sign-in %s: %s%s%.*s", passing ? "not possible now" : "refused",
                 words ? words : "", words ? ": " : "", first_line(detail), detail);
        return passing ? TARGET_E_TRANSIENT : TARGET_E_REFUSED;
}

/* The token goes into a header: it must not be able to end it. */
static bool is_token(const char *token)
{
        for (const char *s = token; s && *s; ++s) {
                if (*s <= ' ' || *s > '~')
                        return false;
        }
        return token && *token;
}

static int judge(const json_t *answer, int status, char **ret_token, int64_t *ret_life_s, char *text,
                 size_t size)
{
        const char *token = json_string_value(json_object_get(answer, "access_token"));
        const char *type = json_string_value(json_object_get(answer, "token_type"));
        const char *error = json_string_value(json_object_get(answer, "error"));
        int64_t life_s = seconds_of(json_object_get(answer, "expires_in"));

        if (status == 200 && is_token(token) && type && str_is_nocase(type, "bearer") && life_s > 0) {
                *ret_token = strdup(token);
                if (!*ret_token)
                        error_oom(strlen(token));
                *ret_life_s = life_s;
                return 0;
        }
        if (status >= 400 && status < 500 && error)
                return refused(answer, error, text, size);
        snprintf(text, size, "the sign-in service answered %d with something that is no token", status);
        return TARGET_E_GARBAGE;
}

/* jansson frees without wiping. */
static void wipe_text(json_t *v)
{
        const union {
                const char *theirs;
                char *ours;
        } text = { .theirs = json_string_value(v) };

        if (text.ours)
                explicit_bzero(text.ours, json_string_length(v));
}

/**
 * token_answer_read() - what the end of a request for a token means
 * @text: what to tell an operator, if it is not 0
 *
 * Return: 0, TARGET_E_REFUSED, TARGET_E_TRANSIENT, TARGET_E_UNREACHABLE, TARGET_E_GARBAGE.
 */
int token_answer_read(const HttpRequest *r, char **ret_token, int64_t *ret_life_s, char *text, size_t size)
{
        const HttpAnswer *a = &r->answer;
        json_t *answer;
        int result;

        switch (r->end) {
        case HTTP_ANSWERED:
                break;
        case HTTP_UNREACHABLE:
                snprintf(text, size, "the sign-in service cannot be reached: %s", r->error);
                return TARGET_E_UNREACHABLE;
        case HTTP_GARBAGE:
                snprintf(text, size, "the sign-in service: %s", r->error);
                return TARGET_E_GARBAGE;
        default:
                snprintf(text, size, "no answer from the sign-in service: %s", r->error);
                return TARGET_E_TRANSIENT;
        }
        /* 410: the metadata service of a virtual machine is being updated. */
        if (a->status == 429 || a->status == 410 || a->status >= 500) {
                snprintf(text, size, "the sign-in service is busy (%d)", a->status);
                return TARGET_E_TRANSIENT;
        }
        answer = json_loadb(a->body ? a->body : "", a->n_body, 0, NULL);
        result = judge(answer, a->status, ret_token, ret_life_s, text, size);
        wipe_text(json_object_get(answer, "access_token"));
        json_decref(answer);
        return result;
}
