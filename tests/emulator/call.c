/* SPDX-License-Identifier: Apache-2.0 */
#include <strings.h>

#include "call.h"

static const struct {
        Method method;
        const char *name;
} methods[] = {
        { .method = METHOD_GET, .name = "GET" },       { .method = METHOD_POST, .name = "POST" },
        { .method = METHOD_PATCH, .name = "PATCH" },   { .method = METHOD_PUT, .name = "PUT" },
        { .method = METHOD_DELETE, .name = "DELETE" },
};

Method call_method(const char *name)
{
        for (size_t i = 0; i < ARRAY_LENGTH(methods); ++i) {
                if (!strcasecmp(methods[i].name, name))
                        return methods[i].method;
        }
        return METHOD_OTHER;
}

const char *call_method_name(Method method)
{
        for (size_t i = 0; i < ARRAY_LENGTH(methods); ++i) {
                if (methods[i].method == method)
                        return methods[i].name;
        }
        return "OTHER";
}

static int hex_digit(char c)
{
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                      : -1;
}

int call_decode(const char *s, size_t n, bool query, char **ret)
{
        _cleanup_(mem_freep) char *out = mem_zero(n + 1, 1);
        _cleanup_(mem_json_freep) json_t *text = NULL;
        size_t n_out = 0;

        for (size_t i = 0; i < n; ++i) {
                char c = query && s[i] == '+' ? ' ' : s[i];

                if (c == '%') {
                        int high = i + 2 < n ? hex_digit(s[i + 1]) : -1;
                        int low = i + 2 < n ? hex_digit(s[i + 2]) : -1;

                        if (high < 0 || low < 0)
                                return CALL_E_ENCODING;
                        c = (char)(high << 4 | low);
                        i += 2;
                }
                if (!c)
                        return CALL_E_ENCODING;
                out[n_out++] = c;
        }
        text = json_stringn(out, n_out); /* NULL: not UTF-8 */
        if (!text)
                return CALL_E_ENCODING;
        *ret = out;
        out = NULL;
        return 0;
}

static int call_add_segment(Call *call, char *text, char *key)
{
        if (call->n_segments == CALL_SEGMENTS) {
                free(text);
                free(key);
                return CALL_E_LONG;
        }
        call->segments[call->n_segments++] = (Segment){ .text = text, .key = key };
        return 0;
}

/* Reads 'value' with '' for a quote, which must fill the whole of s..end. */
static int parse_quoted(const char *s, const char *end, char **ret)
{
        _cleanup_(mem_freep) char *out = NULL;
        size_t n = 0;

        if (end - s < 2 || *s != '\'' || end[-1] != '\'')
                return CALL_E_BRACKETS;
        out = mem_zero((size_t)(end - s), 1);
        for (++s, --end; s < end; ++s) {
                if (*s == '\'' && (s + 1 == end || *++s != '\''))
                        return CALL_E_BRACKETS;
                out[n++] = *s;
        }
        *ret = out;
        out = NULL;
        return 0;
}

static int call_add_brackets(Call *call, const char *text, const char *open)
{
        const char *end = text + strlen(text) - 1, *inner = open + 1, *equal = inner;
        char *value = NULL;
        int r;

        r = call_add_segment(call, mem_part(text, (size_t)(open - text)), NULL);
        if (r)
                return r;
        if (inner == end)
                return call_is(call, call->n_segments - 1, "delta") ? 0 : CALL_E_BRACKETS;
        while (equal < end && *equal != '=' && *equal != '\'')
                ++equal;
        if (*equal != '=')
                equal = NULL;
        r = parse_quoted(equal ? equal + 1 : inner, end, &value);
        if (r)
                return r;
        return call_add_segment(call, value, equal ? mem_part(inner, (size_t)(equal - inner)) : NULL);
}

static int call_add_path(Call *call, const char *s, size_t n)
{
        _cleanup_(mem_freep) char *text = NULL, *cast = NULL;
        const char *open;
        int r;

        r = call_decode(s, n, false, &text);
        if (r)
                return r;
        open = strchr(text, '(');
        if (open && open > text && text[strlen(text) - 1] == ')')
                return call_add_brackets(call, text, open);
        if (!strncasecmp(text, "graph.", 6)) {
                cast = mem_zero(strlen(text) + sizeof("microsoft."), 1);
                memcpy(cast, "microsoft.", 10);
                memcpy(cast + 10, text, strlen(text));
        }
        return call_add_segment(call, mem_text(cast ? cast : text), NULL);
}

static int call_add_option(Call *call, const char *s, size_t n)
{
        const char *equal = memchr(s, '=', n);
        size_t n_name = equal ? (size_t)(equal - s) : n;
        _cleanup_(mem_freep) char *name = NULL, *value = NULL;
        int r;

        if (call->n_options == CALL_OPTIONS)
                return CALL_E_LONG;
        r = call_decode(s, n_name, true, &name);
        if (r)
                return r;
        r = call_decode(equal ? equal + 1 : "", equal ? n - n_name - 1 : 0, true, &value);
        if (r)
                return r;
        call->options[call->n_options++] = (Option){
                .name = mem_text(name + (*name == '$')),
                .value = value,
                .dollar = *name == '$',
        };
        value = NULL;
        return 0;
}

int call_parse_target(Call *call, const char *target)
{
        const char *s = target, *end = strpbrk(target, "?#");
        int r;

        call->target = target;
        if (!end)
                end = target + strlen(target);
        while (s < end) {
                const char *slash = memchr(s, '/', (size_t)(end - s));
                size_t n = (size_t)((slash ? slash : end) - s);

                r = n ? call_add_path(call, s, n) : 0;
                if (r)
                        return r;
                s += n + !!slash;
        }
        if (*end != '?')
                return 0;
        for (s = end + 1; *s && *s != '#'; s += *s == '&') {
                size_t n = strcspn(s, "&#");

                r = n ? call_add_option(call, s, n) : 0;
                if (r)
                        return r;
                s += n;
        }
        return 0;
}

void call_deinit(Call *call)
{
        for (size_t i = 0; i < call->n_segments; ++i) {
                free(call->segments[i].text);
                free(call->segments[i].key);
        }
        for (size_t i = 0; i < call->n_options; ++i) {
                free(call->options[i].name);
                free(call->options[i].value);
        }
        *call = (Call){ 0 };
}

const char *call_option(const Call *call, const char *name)
{
        for (size_t i = 0; i < call->n_options; ++i) {
                if (!strcasecmp(call->options[i].name, name))
                        return call->options[i].value;
        }
        return NULL;
}

bool call_is(const Call *call, size_t i, const char *text)
{
        return i < call->n_segments && !call->segments[i].key && !strcasecmp(call->segments[i].text, text);
}
