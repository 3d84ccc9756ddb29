/* SPDX-License-Identifier: Apache-2.0 */

#include "report/console/visitor.h"

#include "base/str.h"
#include "report/console/request.h"

#include <string.h>
#include <strings.h>

#define COOKIE "sosync"

const char *visitor_cookie(struct evhttp_request *req, Arena *a)
{
        const char *p = request_header(req, "Cookie");

        while (p && *p) {
                size_t n = strcspn(p, ";");

                while (n && *p == ' ') {
                        p++;
                        n--;
                }
                if (n > strlen(COOKIE "=") && strncmp(p, COOKIE "=", strlen(COOKIE "=")) == 0)
                        return arena_strndup(a, p + strlen(COOKIE "="), n - strlen(COOKIE "="));
                p += n;
                p += *p == ';';
        }
        return NULL;
}

static bool is_https(Console *c, struct evhttp_request *req)
{
        const char *proto = c->options.config->proxy.header ? request_header(req, "X-Forwarded-Proto") : NULL;

        return c->tls || (proto && str_is_nocase(proto, "https"));
}

void visitor_set_cookie(Console *c, struct evhttp_request *req, Arena *a, const char *value, int64_t seconds)
{
        const char *path = *c->options.config->path ? c->options.config->path : "/";

        evhttp_remove_header(evhttp_request_get_output_headers(req), "Set-Cookie"); /* the last word counts */
        /* Lax: a link in a ticket finds the session; nothing is changed by a GET. */
        evhttp_add_header(evhttp_request_get_output_headers(req), "Set-Cookie",
                          arena_printf(a, COOKIE "=%s; Path=%s; Max-Age=%lld; HttpOnly; SameSite=Lax%s",
                                       value, path, (long long)seconds, is_https(c, req) ? "; Secure" : ""));
}

static bool is_of_proxy(Console *c, struct evhttp_request *req)
{
        const ConsoleConfig *config = c->options.config;
        const char *const *from = config->proxy.from.items;
        char *peer = NULL;
        ev_uint16_t port;

        evhttp_connection_get_peer(evhttp_request_get_connection(req), &peer, &port);
        for (size_t i = 0; peer && i < config->proxy.from.n_items; i++)
                if (str_is(from[i], peer))
                        return true;
        return false;
}

/* Whom a trusted proxy names. NULL: it names nobody, or `ret_stranger`, whom the configuration does not know.
 */
static const ConsoleUser *user_of_proxy(Console *c, struct evhttp_request *req, Arena *a,
                                        const char **ret_stranger)
{
        const char *header = c->options.config->proxy.header;
        size_t n = header ? request_n_headers(req, header) : 0;
        const ConsoleUser *user;

        *ret_stranger = NULL;
        if (n == 0 || !is_of_proxy(c, req))
                return NULL;
        user = n == 1 ? users_by_name(&c->users, request_header(req, header)) : NULL;
        if (!user)
                *ret_stranger = n == 1 ? arena_strdup(a, request_header(req, header)) : "";
        return user;
}

/* The session of the browser, unless the proxy names another person than the one it was begun for: that one
 * has left, and the session ends. */
static Session *session_of(Console *c, struct evhttp_request *req, Ask *q, const ConsoleUser *named, Mono now)
{
        const char *cookie = visitor_cookie(req, q->arena);
        Session *s = cookie ? users_find(&c->users, cookie, now) : NULL;

        if (!named && !q->stranger)
                return s;
        if (s && named && str_is(s->name, named->name))
                return s;
        if (s)
                users_end(s);
        if (named) {
                s = users_begin(&c->users, named, now);
                visitor_set_cookie(c, req, q->arena, s->id, c->options.config->session_us / 1000000);
                return s;
        }
        if (cookie)
                visitor_set_cookie(c, req, q->arena, "", 0);
        return NULL;
}

void visitor_see(Console *c, struct evhttp_request *req, Ask *q)
{
        Mono now = clock_mono(c->options.clock);
        const ConsoleUser *user = user_of_proxy(c, req, q->arena, &q->stranger);
        const char *bearer = request_header(req, "Authorization");
        Session *s = session_of(c, req, q, user, now);
        bool wait;

        if (s) {
                q->user = s->name;
                q->role = s->role;
                q->csrf = arena_strdup(q->arena, s->csrf);
                q->session = arena_strdup(q->arena, s->id);
                return;
        }
        if (!bearer || strncasecmp(bearer, "Bearer ", 7) != 0)
                return;
        user = users_by_token(&c->users, bearer + 7, now, &wait);
        if (user) {
                q->user = user->name;
                q->role = (ConsoleRole)user->role;
        }
}
