/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/sync-cookie.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <inttypes.h>
#include <string.h>

#define CSN_MAX 64

typedef struct Csns {
        Arena *arena;
        const char *list[SYNC_COOKIE_CSNS];
        size_t n;
} Csns;

/* The third field; NULL: it is no csn. */
static const char *server_of(const char *csn)
{
        const char *at = strchr(csn, '#');

        at = at ? strchr(at + 1, '#') : NULL;
        return at && strchr(at + 1, '#') ? at + 1 : NULL;
}

static bool is_same_server(const char *a, const char *b)
{
        const char *x = server_of(a), *y = server_of(b);
        size_t n = strcspn(x, "#");

        return n == strcspn(y, "#") && memcmp(x, y, n) == 0;
}

/* csns are made to be compared as text. */
static void take(Csns *c, const char *csn)
{
        if (!server_of(csn))
                return;
        for (size_t i = 0; i < c->n; i++)
                if (is_same_server(c->list[i], csn)) {
                        if (strcmp(c->list[i], csn) < 0)
                                c->list[i] = csn;
                        return;
                }
        if (c->n < N_ELEMENTS(c->list))
                c->list[c->n++] = csn;
}

static void take_all(Csns *c, const char *cookie, size_t n)
{
        const char *text = arena_strndup(c->arena, cookie, n);
        const char *at = str_starts(text, "csn=") ? text : strstr(text, ",csn=");

        if (!at)
                return;
        for (at = strchr(at, '=') + 1; *at && *at != ',';) {
                size_t length = strcspn(at, ";,");

                if (length < CSN_MAX)
                        take(c, arena_strndup(c->arena, at, length));
                at += length;
                at += *at == ';';
        }
}

bool sync_cookie_merge(Arena *a, const char *old, size_t n_old, const char *new, size_t n_new,
                       const char **ret_cookie, size_t *ret_n)
{
        Csns *c = arena_new_of(a, Csns);
        _cleanup_(str_deinit) Str s = { 0 };

        c->arena = a;
        take_all(c, new, n_new);
        if (c->n == 0)
                return false;
        c->n = 0;
        if (old)
                take_all(c, old, n_old);
        take_all(c, new, n_new);
        str_init(&s, SYNC_COOKIE_CSNS * (CSN_MAX + 1));
        str_add(&s, "rid=000,csn=");
        for (size_t i = 0; i < c->n; i++)
                str_printf(&s, "%s%s", i ? ";" : "", c->list[i]);
        *ret_cookie = arena_strdup(a, s.data);
        *ret_n = s.n;
        return true;
}

bool sync_cookie_back(Arena *a, const char *cookie, size_t n, const char **ret_cookie, size_t *ret_n)
{
        const char *text = arena_strndup(a, cookie, n), *mark = strrchr(text, '#');
        int64_t number;

        *ret_cookie = cookie;
        *ret_n = n;
        if (!mark || !str_to_int64(mark + 1, &number) || number < 0)
                return true;
        if (number == UINT32_MAX)
                return false;
        *ret_cookie = arena_printf(a, "%.*s#%" PRId64, (int)(mark - text), text,
                                   number > SYNC_COOKIE_BACK ? number - SYNC_COOKIE_BACK
                                   : number                  ? 1
                                                             : 0);
        *ret_n = strlen(*ret_cookie);
        return true;
}
