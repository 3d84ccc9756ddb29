/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events: what is new, sent to those who look (server-sent events)
 *
 * Nothing is kept for a follower but the number of the last line it has got. Twice a second it gets what has
 * come since, at most LINES_MAX of it: a list that shows no more has no hole. One that does not read what it
 * has been sent is let go; its browser comes again. So is one whose session has ended, and whoever came by a
 * token and has been here for as long as a session lasts: who comes again is asked who it is.
 *
 * A stream of changes begins behind the mark (live.h) that its page had, or that the browser says it has
 * seen; without one, with what is new then. Where lines are gone in between, the event "missed" says so, and
 * its script loads the list anew.
 */

#include "report/console/console-internal.h"
#include "report/console/request.h"

#include "base/error.h"

#include <event2/buffer.h>
#include <string.h>

#define BEAT_MS     500
#define OVERVIEW_MS 2000
#define QUIET_MS    15000 /* a word, so that proxies keep the connection and the browser sees that we live */
#define LINES_MAX   100   /* as many as the list shows: what is older than these is not in it */
#define BEHIND_MAX  ((size_t)512 << 10)

typedef struct Drawing Drawing;
typedef struct Follower Follower;

struct Follower {
        List link;
        struct evhttp_request *req;
        Arena *arena;
        Ask ask; /* its filter */
        PageFilter filter;
        bool overview;
        uint64_t last;              /* number of a line */
        bool missed;                /* what came before that is gone, and it has not been told */
        char session[USERS_ID_MAX]; /* "": it came by a token */
        Mono ends;                  /* of that */
        int64_t spoke_ms;
};

/* An overview at the desk: one for all who follow it. */
struct Drawing {
        DeskWork work; /* first */
        Console *console;
        Arena *arena;
        Str body;
};

static int64_t now_ms(const Console *c)
{
        return clock_mono(c->options.clock).us / 1000;
}

static void follower_free(Console *c, Follower *f)
{
        list_remove(&f->link);
        c->n_followers--;
        evhttp_send_reply_end(f->req);
        arena_free(f->arena); /* it is in it */
}

/* Has it gone, or does it not read? */
static bool is_lost(Follower *f)
{
        struct evhttp_connection *connection = evhttp_request_get_connection(f->req);

        return !connection ||
               evbuffer_get_length(bufferevent_get_output(evhttp_connection_get_bufferevent(connection))) >
                       BEHIND_MAX;
}

/* May it follow no longer? */
static bool is_over(Console *c, const Follower *f, Mono now)
{
        return *f->session ? !users_find(&c->users, f->session, now) : now.us >= f->ends.us;
}

/* An event's data is lines, each behind its "data: ". An event of changes is known by the mark of the last.
 */
static void speak(Console *c, Follower *f, const char *event, const char *data)
{
        struct evbuffer *out = evbuffer_new();
        char mark[LIVE_MARK_MAX];

        if (!out)
                error_oom(1);
        if (!event) {
                evbuffer_add_printf(out, ":\n\n");
        } else {
                evbuffer_add_printf(out, "event: %s\n", event);
                if (!f->overview)
                        evbuffer_add_printf(out, "id: %s\n", live_mark(c->options.live, f->last, mark));
                while (*data) {
                        size_t n = strcspn(data, "\r\n");

                        evbuffer_add(out, "data: ", 6);
                        evbuffer_add(out, data, n);
                        evbuffer_add(out, "\n", 1);
                        data += n;
                        data += *data != '\0';
                }
                evbuffer_add(out, "\n", 1);
        }
        evhttp_send_reply_chunk(f->req, out);
        evbuffer_free(out);
        f->spoke_ms = now_ms(c);
}

static void send_lines(Console *c, Follower *f)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        uint64_t last = live_last(c->options.live), missed;
        Wall now = clock_wall(c->options.clock);
        size_t n, n_sent = 0;
        LiveLine *lines;
        Str rows;

        if (last == f->last && !f->missed)
                return;
        n = live_read(c->options.live, f->last, LIVE_LINES, a, &lines, &missed);
        if (n)
                f->last = lines[n - 1].number;
        str_init(&rows, BEHIND_MAX);
        for (size_t i = n; i-- > 0 && n_sent < LINES_MAX;) {
                PageRow row = page_row_of_line(&lines[i]);

                if (!page_filter_takes(&f->filter, a, &lines[i]))
                        continue;
                page_row(&rows, f->ask.prefix, &row, now);
                n_sent++;
        }
        if (n_sent)
                speak(c, f, "changes", rows.data);
        if ((f->missed || missed) && n_sent < LINES_MAX)
                speak(c, f, "missed", "Some are gone.");
        f->missed = false;
        str_deinit(&rows);
}

static void draw(DeskWork *w)
{
        Drawing *d = (Drawing *)w;

        page_overview_parts(&d->console->options, d->console->options.config->path, d->arena, &d->body);
}

static void drawn(DeskWork *w)
{
        Drawing *d = (Drawing *)w;
        Console *c = d->console;

        list_for_each (i, &c->followers) {
                Follower *f = list_entry(i, Follower, link);

                if (f->overview && !is_lost(f) && !is_over(c, f, clock_mono(c->options.clock)))
                        speak(c, f, "overview", d->body.data);
        }
        c->drawing = false;
        str_deinit(&d->body);
        arena_free(d->arena);
}

static void begin_drawing(Console *c)
{
        Arena *a = arena_new(0);
        Drawing *d = arena_new_of(a, Drawing);

        d->work = (DeskWork){ .run = draw, .done = drawn };
        d->console = c;
        d->arena = a;
        str_init(&d->body, CONSOLE_PAGE_MAX);
        c->drawing = desk_put(c->desk, &d->work);
        c->drawn_ms = now_ms(c);
        if (!c->drawing) {
                str_deinit(&d->body);
                arena_free(a);
        }
}

static void on_beat(evutil_socket_t fd, short what, void *context)
{
        Console *c = context;
        Mono now = clock_mono(c->options.clock);
        bool overview = false;

        list_for_each_safe (i, &c->followers) {
                Follower *f = list_entry(i, Follower, link);

                if (is_lost(f) || is_over(c, f, now)) {
                        follower_free(c, f);
                        continue;
                }
                overview |= f->overview;
                if (!f->overview)
                        send_lines(c, f);
                if (now_ms(c) - f->spoke_ms > QUIET_MS)
                        speak(c, f, NULL, "");
        }
        if (overview && !c->drawing && now_ms(c) - c->drawn_ms >= OVERVIEW_MS)
                begin_drawing(c);
        if (list_is_empty(&c->followers))
                event_del(c->beat);
}

/* Behind what it has seen. */
static void begin_at(Console *c, Follower *f)
{
        const char *seen = request_header(f->req, "Last-Event-ID");

        if (!seen)
                seen = ask_field(&f->ask, "after");
        f->last = live_last(c->options.live);
        if (*seen)
                f->missed = !live_parse_mark(c->options.live, seen, &f->last);
}

void events_follow(Console *c, struct evhttp_request *req, Ask *q)
{
        static const struct timeval beat = { .tv_usec = BEAT_MS * 1000 };
        struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
        Arena *a;
        Follower *f;

        if (c->n_followers >= CONSOLE_FOLLOWERS) {
                console_send(c, req, 503, "text/plain", "too many follow\n", 16);
                return;
        }
        a = arena_new(0);
        f = arena_new_of(a, Follower);
        f->arena = a;
        f->req = req;
        /* A copy: the question goes, its filter stays. */
        f->ask = (Ask){ .console = q->console, .arena = a, .now = q->now, .prefix = q->prefix };
        ask_parse(a, arena_strdup(a, q->query), &f->ask.fields, &f->ask.n_fields);
        page_filter(&f->ask, &f->filter);
        f->overview = str_is(ask_field(&f->ask, "page"), "overview");
        begin_at(c, f);
        f->spoke_ms = now_ms(c);
        if (q->session)
                snprintf(f->session, sizeof(f->session), "%s", q->session);
        f->ends = mono_add(clock_mono(c->options.clock), c->options.config->session_us);
        console_busy(c, req, true);
        evhttp_add_header(headers, "Content-Type", EVENTS_TYPE);
        evhttp_add_header(headers, "Cache-Control", "no-store");
        evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
        evhttp_add_header(headers, "X-Accel-Buffering", "no"); /* nginx */
        evhttp_send_reply_start(req, 200, NULL);
        list_push(&c->followers, &f->link);
        if (c->n_followers++ == 0)
                event_add(c->beat, &beat);
        speak(c, f, NULL, "");
}

int events_init(Console *c)
{
        c->beat = event_new(c->base, -1, EV_PERSIST, on_beat, c);
        if (!c->beat)
                error_oom(1);
        return 0;
}

void events_deinit(Console *c)
{
        list_for_each_safe (i, &c->followers)
                follower_free(c, list_entry(i, Follower, link));
        if (c->beat)
                event_free(c->beat);
        c->beat = NULL;
}
