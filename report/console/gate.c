/* SPDX-License-Identifier: Apache-2.0 */

/* Gate: what a request must be, and who must send it, before a page sees it. */

#include "report/console/assets.h"
#include "report/console/console-internal.h"
#include "report/console/request.h"
#include "report/console/visitor.h"

#include "base/error.h"

#include <event2/keyvalq_struct.h>
#include <string.h>

typedef struct Visit Visit;

/* A request at the desk. */
struct Visit {
        DeskWork work; /* first */
        Console *console;
        struct evhttp_request *req;
        const PageRoute *route;
        Ask ask;
};

static const char policy[] =
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/* -- answers --------------------------------------------------------------------------------------------- */

static void add_headers(Console *c, struct evhttp_request *req, bool keep)
{
        static const struct {
                const char *name, *value;
        } all[] = {
                { "Content-Security-Policy", policy },
                { "X-Content-Type-Options", "nosniff" },
                { "X-Frame-Options", "DENY" },
                /* Not no-referrer: with that, browsers send "Origin: null" with our own forms. */
                { "Referrer-Policy", "same-origin" },
                { "Cross-Origin-Opener-Policy", "same-origin" },
                { "Cross-Origin-Resource-Policy", "same-origin" },
        };
        struct evkeyvalq *headers = evhttp_request_get_output_headers(req);

        for (size_t i = 0; i < N_ELEMENTS(all); i++)
                evhttp_add_header(headers, all[i].name, all[i].value);
        evhttp_add_header(headers, "Cache-Control", keep ? "no-cache" : "no-store");
        if (c->tls)
                evhttp_add_header(headers, "Strict-Transport-Security", "max-age=31536000");
}

static void send_word(Console *c, struct evhttp_request *req, int status, const char *text)
{
        struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
        char line[256];

        console_busy(c, req, false);
        add_headers(c, req, false);
        if (status == 400)
                evhttp_add_header(headers, "Connection", "close");
        snprintf(line, sizeof(line), "%s\n", text);
        console_send(c, req, status, "text/plain; charset=utf-8", line, strlen(line));
}

static void visit_free(Visit *v)
{
        str_deinit(&v->ask.answer.body);
        arena_free(v->ask.arena); /* the visit is in it */
}

static void send_answer(Visit *v)
{
        struct evkeyvalq *headers = evhttp_request_get_output_headers(v->req);
        const Answer *a = &v->ask.answer;

        add_headers(v->console, v->req, false);
        if (a->location)
                evhttp_add_header(headers, "Location",
                                  arena_printf(v->ask.arena, "%s%s", v->ask.prefix, a->location));
        console_send(v->console, v->req, a->status ? a->status : 200,
                     a->type ? a->type : "text/html; charset=utf-8", a->body.data,
                     a->location ? 0 : a->body.n);
}

static void at_desk(DeskWork *w)
{
        Visit *v = (Visit *)w;

        v->route->page(&v->ask);
}

static void from_desk(DeskWork *w)
{
        Visit *v = (Visit *)w;

        send_answer(v);
        visit_free(v);
}

/* -- the page of a path ---------------------------------------------------------------------------------- */

static const PageRoute *find_route(const char *path, const char **ret_rest)
{
        for (const PageRoute *r = page_routes; r->path; r++) {
                size_t n = strlen(r->path);

                *ret_rest = "";
                if (str_is(r->path, path))
                        return r;
                if (n > 1 && r->path[n - 1] == '/' && strncmp(path, r->path, n) == 0 && path[n]) {
                        *ret_rest = path + n;
                        return r;
                }
        }
        return NULL;
}

/* -- signing in and out ---------------------------------------------------------------------------------- */

/* "/changes?q=x": one of our pages, and nobody else's; in characters that a URL has (RFC 3986 2). */
static bool is_our_page(const char *next)
{
        static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                  "-._~:/?#[]@!$&'()*+,;=%";

        return next[0] == '/' && next[1] != '/' && !next[strspn(next, url)];
}

static void sign_in(Visit *v)
{
        Console *c = v->console;
        Ask *q = &v->ask;
        Mono now = clock_mono(c->options.clock);
        const char *next = ask_field(q, "next");
        const ConsoleUser *user = NULL;
        bool wait = false;

        if (q->stranger && q->post) {
                q->answer.status = 403; /* the session would end with the next request */
        } else if (q->post) {
                user = users_by_token(&c->users, ask_field(q, "token"), now, &wait);
                if (user) {
                        visitor_set_cookie(c, v->req, q->arena, users_begin(&c->users, user, now)->id,
                                           c->options.config->session_us / 1000000);
                        log_info(c->options.log, "console", LOG_STR("user", user->name),
                                 LOG_STR("act", "sign-in"));
                        page_go(q, is_our_page(next) ? arena_strdup(q->arena, next) : "/");
                        send_answer(v);
                        return;
                }
                if (!wait)
                        log_warning(c->options.log, "console", LOG_STR("act", "sign-in refused"),
                                    LOG_STR("why", "nobody's token"));
                q->answer.status = wait ? 429 : 403;
        }
        q->user = NULL;
        q->csrf = NULL;
        page_sign_in(q);
        send_answer(v);
}

static void sign_out(Visit *v)
{
        Console *c = v->console;
        const char *cookie = visitor_cookie(v->req, v->ask.arena);
        Session *s = cookie ? users_find(&c->users, cookie, clock_mono(c->options.clock)) : NULL;

        if (s)
                users_end(s);
        visitor_set_cookie(c, v->req, v->ask.arena, "", 0);
        page_go(&v->ask, "/sign-in");
        send_answer(v);
}

/* Where somebody wanted to go who has to sign in first. */
static void ask_to_sign_in(Visit *v, const char *path)
{
        Ask *q = &v->ask;
        AskField *fields = arena_new_array(q->arena, AskField, 1);

        fields[0] = (AskField){ "next", *q->query ? arena_printf(q->arena, "%s?%s", path, q->query) : path };
        q->fields = fields;
        q->n_fields = 1;
        q->answer.status = 401;
        page_sign_in(q);
        send_answer(v);
}

/* -- the way through ------------------------------------------------------------------------------------- */

static bool send_asset(Console *c, struct evhttp_request *req, const char *path)
{
        const char *seen = request_header(req, "If-None-Match");
        char tag[32];

        for (const ConsoleAsset *a = console_assets; a->path; a++) {
                if (!str_is(a->path, path))
                        continue;
                snprintf(tag, sizeof(tag), "\"%s\"", console_assets_version);
                console_busy(c, req, false);
                add_headers(c, req, true);
                evhttp_add_header(evhttp_request_get_output_headers(req), "ETag", tag);
                if (str_is(seen, tag))
                        console_send(c, req, 304, NULL, "", 0);
                else
                        console_send(c, req, 200, a->type, a->text, strlen(a->text));
                return true;
        }
        return false;
}

/* May it be done? Else it has been answered. */
static bool may(Visit *v, const char *path)
{
        const PageRoute *route = v->route;
        Ask *q = &v->ask;

        if (route->open || (route->metrics && v->console->options.config->metrics == CONSOLE_METRICS_OPEN))
                return true;
        if (!q->user) {
                if (route->metrics || route->post)
                        send_word(v->console, v->req, 401, "a token is needed");
                else
                        ask_to_sign_in(v, path);
                return false;
        }
        if (route->post && q->role != CONSOLE_OPERATE) {
                page_say(q, 403, "Not yours to do", "This takes the role operate; yours is read.");
                send_answer(v);
                return false;
        }
        return true;
}

/* The token of the session's forms; a bearer token is proof enough, for no other site can send it. */
static bool has_form_token(const Ask *q)
{
        return !q->csrf || users_is_same(q->csrf, ask_field(q, "csrf"));
}

static void enter(Visit *v)
{
        Console *c = v->console;
        struct evhttp_request *req = v->req;
        Ask *q = &v->ask;
        const char *path = arena_strdup(q->arena, request_path(c, req));
        bool in = str_is(path, "/sign-in"), out = str_is(path, "/sign-out");
        const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
        const AskField *decoded;
        size_t n;

        q->path = path;
        q->query = query ? arena_strdup(q->arena, query) : "";
        visitor_see(c, req, q);
        if (q->post ? !request_read_form(req, q) : !ask_parse(q->arena, q->query, &q->fields, &q->n_fields)) {
                send_word(c, req, 400, "the form cannot be read");
        } else if (q->post && !request_is_of_ours(c, req)) {
                send_word(c, req, 403, "this form is of another site");
        } else if (in) {
                sign_in(v);
        } else if (q->post && q->user && !has_form_token(q)) {
                page_say(q, 403, "This form is too old",
                         "Go back, load the page again, and repeat what you did.");
                send_answer(v);
        } else if (out && q->post) {
                sign_out(v);
        } else if (str_is(path, "/events") && !q->post) {
                if (!q->user)
                        send_word(c, req, 401, "a token is needed");
                else if (evhttp_request_get_command(req) == EVHTTP_REQ_HEAD)
                        console_send(c, req, 200, EVENTS_TYPE, "", 0);
                else
                        events_follow(c, req, q);
        } else {
                v->route = find_route(path, &q->rest);
                if (!v->route || v->route->post != q->post ||
                    !ask_parse(q->arena, arena_printf(q->arena, "x=%s", q->rest), &decoded, &n) || n != 1) {
                        if (q->user)
                                page_say(q, 404, "There is no such page",
                                         "Perhaps the address is incomplete.");
                        if (q->user)
                                send_answer(v);
                        else
                                send_word(c, req, 404, "there is no such page");
                } else if (may(v, path)) {
                        q->rest = decoded[0].value;
                        v->work = (DeskWork){ .slow = v->route->slow, .run = at_desk, .done = from_desk };
                        if (desk_put(c->desk, &v->work))
                                return; /* it is the desk's now */
                        send_word(c, req, 503, "too much is asked at once");
                }
        }
        visit_free(v);
}

void gate_request(struct evhttp_request *req, void *context)
{
        Console *c = context;
        const char *wrong = request_what_is_wrong(c, req);
        bool get = evhttp_request_get_command(req) != EVHTTP_REQ_POST;
        Arena *a;
        Visit *v;

        console_busy(c, req, false);
        /* Those who ask this have no name for us, and learn nothing. */
        if (get && evhttp_request_get_evhttp_uri(req) && str_is(request_path(c, req), "/healthz")) {
                send_word(c, req, 200, "alive");
                return;
        }
        if (wrong) {
                send_word(c, req, 400, wrong);
                return;
        }
        if (get && send_asset(c, req, request_path(c, req)))
                return;
        a = arena_new(0);
        v = arena_new_of(a, Visit);
        v->console = c;
        v->req = req;
        v->ask = (Ask){
                .console = &c->options,
                .arena = a,
                .now = clock_wall(c->options.clock),
                .prefix = c->options.config->path,
                .post = !get,
                .rest = "",
        };
        str_init(&v->ask.answer.body, CONSOLE_PAGE_MAX);
        enter(v);
}
