/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/token-claims.h"
#include "base/str.h"

#include <jansson.h>
#include <string.h>

/* A token with all permissions there are is a few kB. */
#define TOKEN_MAX ((size_t)64 << 10)

/* The text between the first and the second dot, as str_unbase64 takes it (RFC 4648 section 4, padded). */
static char *payload_of(const char *token, size_t n, Arena *a)
{
        const char *first = memchr(token, '.', n), *second;
        char *text;
        size_t length;

        if (!first)
                return NULL;
        ++first;
        second = memchr(first, '.', n - (size_t)(first - token));
        if (!second)
                return NULL;
        length = (size_t)(second - first);
        text = arena_alloc(a, length + 4);
        memcpy(text, first, length);
        for (size_t i = 0; i < length; i++) {
                text[i] = text[i] == '-' ? '+' : text[i];
                text[i] = text[i] == '_' ? '/' : text[i];
        }
        while (length % 4)
                text[length++] = '=';
        text[length] = 0;
        return text;
}

static const char *claim(const json_t *claims, const char *name, Arena *a)
{
        return arena_strdup(a, json_string_value(json_object_get(claims, name)));
}

bool token_claims_parse(const char *token, size_t n, Arena *a, TokenClaims *ret_claims)
{
        const char *text = n < TOKEN_MAX ? payload_of(token, n, a) : NULL;
        const char **roles;
        json_t *claims, *list, *item;
        uint8_t *data;
        size_t n_data, i;

        if (!text || !str_unbase64(a, text, &data, &n_data))
                return false;
        claims = json_loadb((const char *)data, n_data, 0, NULL);
        if (!json_is_object(claims)) {
                json_decref(claims);
                return false;
        }
        list = json_object_get(claims, "roles");
        roles = arena_new_array(a, const char *, json_array_size(list) + 1);
        *ret_claims = (TokenClaims){
                .app_id = claim(claims, "appid", a),
                .app_name = claim(claims, "app_displayname", a),
                .object_id = claim(claims, "oid", a),
                .roles = roles,
        };
        json_array_foreach(list, i, item) if (json_is_string(item)) roles[ret_claims->n_roles++] =
                arena_strdup(a, json_string_value(item));
        json_decref(claims);
        return true;
}
