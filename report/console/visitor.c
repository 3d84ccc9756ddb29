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

        /* Lax: a link in a ticket finds the session; nothing is changed by a GET. */
        evhttp_add_header(evhttp_request_get_output_headers(req), "Set-Cookie",
                          arena_printf(a, COOKIE "=%s; Path=%s; Max-Age=%lld; HttpOnly; SameSite=Lax%s",
                                       value, path, (long long)seconds, is_https(c, req) ? "; Secure" : ""));
}

static const ConsoleUser *user_of_proxy(Console *c, struct evhttp_request *req)
{
        const ConsoleConfig *config = c->options.config;
        const char *const *from = config->proxy.from.items, *name;
        char *peer = NULL;
        ev_uint16_t port;

        if (!config->proxy.header || request_n_headers(req, config->proxy.header) != 1)
                return NULL;
        name = request_header(req, config->proxy.header);
        evhttp_connection_get_peer(evhttp_request_get_connection(req), &peer, &port);
        for (size_t i = 0; peer && i < config->proxy.from.n_items; i++)
                if (str_is(from[i], peer))
                        return users_by_name(&c->users, name);
        return NULL;
}

/* Who asks. A proxy's word comes first: it may have signed in another person than the cookie is of. */
void visitor_see(Console *c, struct evhttp_request *req, Ask *q)
{
        Mono now = clock_mono(c->options.clock);
        const ConsoleUser *user = user_of_proxy(c, req);
        const char *cookie = visitor_cookie(req, q->arena), *bearer = request_header(req, "Authorization");
        Session *s = cookie ? users_find(&c->users, cookie, now) : NULL;
        bool wait;

        if (user && !(s && str_is(s->name, user->name))) {
                s = users_begin(&c->users, user, now);
                visitor_set_cookie(c, req, q->arena, s->id, c->options.config->session_us / 1000000);
        }
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
