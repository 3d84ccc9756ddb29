/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/feed-link.h"

/* A server that restarts is back within seconds: begin short, so that it is found at once. */
#define BACKOFF_FIRST_US 250000
#define BACKOFF_MAX_US   30000000
/* Five bad logons in half an hour is a common lockout rule; 2, 4, 8, 15 minutes stay below it. */
#define REFUSED_FIRST_US 120000000
#define REFUSED_MAX_US   900000000
/* What only a person can put right is asked for less often. */
#define UNFIT_FIRST_US 5000000
#define UNFIT_MAX_US   60000000
/* A server that stays away is said once, and now and then again. */
#define SAY_AGAIN_US 600000000
/* Of a stream. A socket takes what a server sends meanwhile: slapd some sixty entries. */
#define GATHER_US 1000
/* How often the secret's file is looked at while it is refused, and the state told when nothing happens. */
#define WATCH_US  1000000
#define REPORT_US 1000000

static void report(FeedLink *l, Mono now)
{
        FeedStatus status = {
                .state = l->state,
                .server = *l->host ? l->host : NULL,
                .server_id = l->server_id,
                .text = l->text.data,
                .proof_age_us = l->heard.us ? now.us - l->heard.us : 0,
                .n_entries = l->n_entries,
                .n_looks = l->n_looks,
        };

        l->reported = now;
        if (l->sink->state)
                l->sink->state(l->sink, &status);
}

void link_set_state(FeedLink *l, FeedState state, const char *format, ...)
{
        va_list ap;

        str_reset(&l->text);
        va_start(ap, format);
        str_vprintf(&l->text, format, ap);
        va_end(ap);
        l->state = state;
        report(l, link_now(l));
}

void link_owes(FeedLink *l)
{
        if (l->n_owed++ == 0)
                l->listening = link_now(l);
}

void link_owes_stream(FeedLink *l)
{
        link_owes(l);
        l->streams = true;
}

void link_paid(FeedLink *l)
{
        if (l->n_owed)
                l->n_owed--;
        if (!l->n_owed)
                l->streams = false;
}

void link_works(FeedLink *l)
{
        l->is_well = true;
        if (l->conn)
                snprintf(l->last, sizeof(l->last), "%s", l->conn->uri.text);
        shunned_clear(&l->shunned);
}

void link_is_well(FeedLink *l)
{
        l->backoff_us = 0;
        l->failure = 0;
        *l->said = '\0';
        link_works(l);
}

/* -- back-off -------------------------------------------------------------------------------------------- */

/* Half of it for certain and half by lot, so that many feeds do not come back to a server all at once. */
static int64_t jittered(int64_t us)
{
        uint32_t lot = 0;

        if (getrandom(&lot, sizeof(lot), GRND_NONBLOCK) != (ssize_t)sizeof(lot))
                lot = UINT32_MAX / 2;
        return us / 2 + (int64_t)((double)us / 2 * ((double)lot / UINT32_MAX));
}

/* `bound`: the connection was there, so what is refused is a right and no credentials: to ask again locks no
 * account, and who gives the right back waits for it to work. */
static void back_off(FeedLink *l, int condition, bool bound, Mono now)
{
        int64_t first = BACKOFF_FIRST_US, max = BACKOFF_MAX_US;

        if (condition == CONN_E_REFUSED && !bound) {
                first = REFUSED_FIRST_US;
                max = REFUSED_MAX_US;
        } else if (condition != CONN_E_UNREACHABLE && condition != CONN_E_LIMIT) {
                first = UNFIT_FIRST_US;
                max = UNFIT_MAX_US;
        }
        l->backoff_us = l->failure != condition || l->backoff_us == 0 ? first : 2 * l->backoff_us;
        if (l->backoff_us > max)
                l->backoff_us = max;
        l->failure = condition;
        l->stamp = secret_stamp(conn_secret_file(l->ldap));
        l->retry_at = mono_add(now, jittered(l->backoff_us));
        if (condition == CONN_E_REFUSED && !bound && now.us < l->refused_until.us)
                l->retry_at = l->refused_until;
}

static bool may_retry(FeedLink *l, Mono now)
{
        SecretStamp stamp;

        if (now.us >= l->retry_at.us)
                return true;
        if (l->failure != CONN_E_REFUSED)
                return false;
        stamp = secret_stamp(conn_secret_file(l->ldap));
        return !secret_stamp_is(&stamp, &l->stamp);
}

/* -- connection ------------------------------------------------------------------------------------------ */

static void on_readable(evutil_socket_t fd, short what, void *context);

static void stop_reading(FeedLink *l)
{
        if (l->readable)
                event_free(l->readable);
        l->readable = NULL;
        l->reading = false;
        l->n_owed = 0;
        l->streams = false;
        l->is_drained = false;
}

static void close_conn(FeedLink *l)
{
        stop_reading(l);
        l->conn = conn_free(l->conn);
}

/* The same again, a moment later: once is enough for people, who have the state to look at. */
static bool is_news(FeedLink *l, const char *reason, Mono now)
{
        char said[sizeof(l->said)];

        snprintf(said, sizeof(said), "%s", reason);
        if (str_is(said, l->said) && now.us - l->said_at.us < SAY_AGAIN_US)
                return false;
        memcpy(l->said, said, sizeof(said));
        l->said_at = now;
        return true;
}

static void say_lost(FeedLink *l, int condition, bool was_open, const Diag *diag, Mono now)
{
        LogLevel level = condition == CONN_E_UNREACHABLE ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR;
        const char *what = condition != CONN_E_UNREACHABLE ? "the feed cannot go on"
                           : was_open                      ? "the feed has lost its server"
                                                           : "no server answers";

        if (!is_news(l, diag_text(diag), now))
                level = LOG_LEVEL_DEBUG;
        log_at_(level, l->log, what, LOG_STR("reason", diag_text(diag)),
                LOG_INT("retry_ms", (l->retry_at.us - now.us) / 1000));
        for (size_t i = 1; i < diag->n_items; i++)
                log_at_(level, l->log, "another server", LOG_STR("reason", diag->items[i].text));
}

static void drop(FeedLink *l, int condition, Diag *diag)
{
        bool was_open = l->conn != NULL;
        Mono now = link_now(l);

        if (was_open) {
                l->ops->lost(l);
                if (!l->is_well)
                        shunned_add(&l->shunned, l->conn->uri.text);
                close_conn(l);
        }
        back_off(l, condition, was_open, now);
        say_lost(l, condition, was_open, diag, now);
        link_set_state(l, FEED_BROKEN, "%s", diag_text(diag));
}

static const char *server_name(const Conn *c)
{
        return c->dse.dns_host_name ? c->dse.dns_host_name : c->uri.host;
}

static bool asked_to_stop(void *context)
{
        FeedLink *l = context;

        return atomic_load(&l->stop);
}

static int find_server(FeedLink *l, Conn **ret_conn, Diag *diag)
{
        const DoorLink link = { secret_stamp(conn_secret_file(l->ldap)), l->gives_way };
        const ConnChoice choice = {
                .first = l->index,
                .prefer = *l->last ? l->last : NULL,
                .shunned = &l->shunned,
                .stop = asked_to_stop,
                .context = l,
        };
        int r = 0;

        if (l->first && l->first->conn) {
                l->index = l->first->index;
                *ret_conn = TAKE(l->first->conn);
                return 0;
        }
        if (l->door)
                r = server_door_link_enter(l->door, link_now(l), &link, &l->refused_until, diag);
        if (r)
                return r;
        r = conn_open_any(ret_conn, l->ldap, &choice, &l->index, diag);
        if (l->door)
                server_door_link_leave(l->door, link_now(l), &link, r, diag_text(diag));
        if (r) {
                l->index = (l->index + 1) % (l->ldap->uris.n_items ? l->ldap->uris.n_items : 1);
                return r;
        }
        log_info(l->log, "connected", LOG_STR("uri", (*ret_conn)->uri.text),
                 LOG_STR("server", server_name(*ret_conn)));
        return 0;
}

static int open_conn(FeedLink *l, Diag *diag)
{
        Conn *c = NULL;
        int r;

        link_set_state(l, FEED_CONNECTING, "connecting");
        r = find_server(l, &c, diag);
        if (r == SERVER_DOOR_E_BUSY) {
                l->retry_at = l->refused_until;
                return 0;
        }
        if (r)
                return r;
        l->conn = c;
        l->is_well = false;
        l->heard = link_now(l);
        l->renew_at = c->lifetime_us ? mono_add(l->heard, c->lifetime_us - c->lifetime_us / 10) : MONO_NEVER;
        l->server_id = c->server_id;
        snprintf(l->host, sizeof(l->host), "%s", server_name(c));
        l->readable = event_new(l->base, c->fd, EV_READ | EV_PERSIST, on_readable, l);
        if (!l->readable)
                error_oom(0);
        r = l->ops->connected(l, diag);
        if (r == 0 && l->pin)
                server_pin_set(l->pin, c->uri.text, l->host, &c->server_id);
        return r;
}

/* Everything that libldap, TLS and SASL hold: as long as one of them has bytes, the socket need not wake us.
 */
static int drain(FeedLink *l, Diag *diag)
{
        while (!l->blocked && !atomic_load(&l->stop)) {
                LDAPMessage *message = NULL;
                int r = conn_next(l->conn, &message, diag);

                l->is_drained = r == 0 && !message;
                l->n_sent = l->conn->n_sent;
                if (r || !message)
                        return r;
                l->heard = link_now(l);
                r = l->ops->message(l, message, diag);
                ldap_msgfree(message);
                l->listening = link_now(l);
                if (r)
                        return r;
        }
        return 0;
}

static int check_silence(FeedLink *l, Mono now, Diag *diag)
{
        if (l->blocked || l->n_owed == 0 || now.us - l->listening.us < l->patience_us)
                return 0;
        diag_set(diag, "%s: no answer for %.1f s", l->conn->uri.text,
                 (double)(now.us - l->listening.us) / 1e6);
        l->conn->broken = true;
        return CONN_E_UNREACHABLE;
}

/* A look costs some system calls, and most turns are beats of a quiet directory. What was sent may have been
 * answered before we wait: libldap reads while it writes. */
static bool may_hold_something(const FeedLink *l)
{
        return !l->is_drained || l->n_sent != l->conn->n_sent;
}

static int work(FeedLink *l, bool readable, Diag *diag)
{
        Mono now;
        int r = 0;

        if (readable || l->n_owed || may_hold_something(l))
                r = drain(l, diag);
        if (r || atomic_load(&l->stop))
                return r;
        now = link_now(l);
        r = check_silence(l, now, diag);
        if (r)
                return r;
        r = l->ops->tick(l, now, diag);
        return r == 0 && may_hold_something(l) ? drain(l, diag) : r;
}

/* -- turns ----------------------------------------------------------------------------------------------- */

static void end(FeedLink *l, const char *why)
{
        if (l->ended)
                return;
        l->ended = true;
        if (l->conn) {
                l->ops->lost(l);
                close_conn(l);
        }
        link_set_state(l, FEED_STOPPED, "%s", why);
        event_del(l->timer);
        event_del(l->wake);
        event_base_loopbreak(l->base);
}

static void schedule(FeedLink *l)
{
        Mono now = link_now(l), next = mono_add(now, REPORT_US);
        struct timeval tv;
        int64_t us;

        if (!l->conn) {
                if (l->retry_at.us < next.us)
                        next = l->retry_at;
                if (l->failure == CONN_E_REFUSED && now.us + WATCH_US < next.us)
                        next = mono_add(now, WATCH_US);
        } else {
                Mono due = l->ops->next(l);

                if (due.us < next.us)
                        next = due;
                if (l->blocked == l->reading) {
                        if (l->blocked)
                                event_del(l->readable);
                        else
                                event_add(l->readable, NULL);
                        l->reading = !l->blocked;
                }
        }
        us = next.us - now.us;
        us = us < 0 ? 0 : us;
        tv = (struct timeval){ .tv_sec = us / 1000000, .tv_usec = us % 1000000 };
        event_add(l->timer, &tv);
}

/* On purpose and between two requests, instead of being thrown out in the middle of one. */
static void renew(FeedLink *l)
{
        log_info(l->log, "the Kerberos ticket is nearly over; connecting anew");
        l->ops->lost(l);
        close_conn(l);
        l->retry_at = (Mono){ 0 };
}

static void turn(FeedLink *l, bool readable)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        Mono now = link_now(l);
        int r = 0;

        if (l->ended)
                return;
        if (l->conn && now.us >= l->renew_at.us && l->n_owed == 0 && !l->blocked)
                renew(l);
        if (!atomic_load(&l->stop)) {
                if (l->conn)
                        r = work(l, readable, &diag);
                else if (may_retry(l, now))
                        r = open_conn(l, &diag);
        }
        if (atomic_load(&l->stop) || r == FEED_E_STOP) {
                end(l, "stopped");
                return;
        }
        if (r < 0) {
                log_error(l->log, "the feed ends", LOG_STR("reason", strerror(-r)));
                end(l, strerror(-r));
                return;
        }
        if (r)
                drop(l, r, &diag);
        else if (now.us - l->reported.us >= REPORT_US)
                report(l, now);
        schedule(l);
}

/* The next turn reads, because something is owed, and waits for the socket again. */
static void gather(FeedLink *l)
{
        static const struct timeval moment = { .tv_usec = GATHER_US };

        event_del(l->readable);
        l->reading = false;
        event_add(l->timer, &moment);
}

static void on_readable(evutil_socket_t fd, short what, void *context)
{
        FeedLink *l = context;

        if (l->streams)
                gather(l);
        else
                turn(l, true);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
        turn(context, false);
}

static void on_wake(evutil_socket_t fd, short what, void *context)
{
        uint64_t n;

        while (read(fd, &n, sizeof(n)) < 0 && errno == EINTR)
                continue;
        turn(context, false);
}

/* -- life ------------------------------------------------------------------------------------------------ */

/**
 * link_init() - prepare; nothing happens before link_start()
 *
 * Return: 0, -errno.
 */
int link_init(FeedLink *l, const FeedLinkOps *ops, const FeedConfig *config, struct event_base *base,
              FeedSink *sink, const Log *log)
{
        l->wake_fd = -1;
        l->ops = ops;
        l->ldap = config->ldap;
        l->clock = config->clock;
        l->pin = config->pin;
        l->first = config->first;
        l->door = config->door;
        l->gives_way = config->gives_way;
        l->sink = sink;
        l->log = log;
        l->base = base;
        l->patience_us = config->ldap->keepalive_us;
        l->renew_at = MONO_NEVER;
        str_init(&l->text, 4096);
        l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (l->wake_fd < 0)
                return error_origin(-errno);
        l->wake = event_new(base, l->wake_fd, EV_READ | EV_PERSIST, on_wake, l);
        l->timer = event_new(base, -1, 0, on_timer, l);
        if (!l->wake || !l->timer)
                return error_origin(-ENOMEM);
        return 0;
}

void link_deinit(FeedLink *l)
{
        close_conn(l);
        shunned_clear(&l->shunned);
        if (l->wake)
                event_free(l->wake);
        if (l->timer)
                event_free(l->timer);
        if (l->wake_fd >= 0)
                close(l->wake_fd);
        str_deinit(&l->text);
}

void link_give(FeedLink *l, FeedFirst *ret_first)
{
        stop_reading(l);
        *ret_first = (FeedFirst){ TAKE(l->conn), l->index };
}

void link_start(FeedLink *l)
{
        static const struct timeval now = { 0 };

        event_add(l->wake, NULL);
        event_add(l->timer, &now);
}

static void wake_up(FeedLink *l)
{
        uint64_t one = 1;

        /* A full counter is a wake-up too. */
        (void)!write(l->wake_fd, &one, sizeof(one));
}

void link_pause(FeedLink *l, bool paused)
{
        atomic_store(&l->paused, paused);
        wake_up(l);
}

void link_stop(FeedLink *l)
{
        atomic_store(&l->stop, true);
        wake_up(l);
}

/* -- what feeds ask for ---------------------------------------------------------------------------------- */

const char *const *link_attributes(Arena *a, const FeedConfig *c, const char *const *own, size_t n_own,
                                   size_t *ret_n)
{
        const char **names = arena_new_array(a, const char *, n_own + c->n_attributes);
        size_t n = 0;

        for (size_t i = 0; i < n_own; i++)
                names[n++] = own[i];
        for (size_t i = 0; i < c->n_attributes; i++) {
                bool known = false;

                for (size_t k = 0; k < n && !known; k++)
                        known = str_is_nocase(names[k], c->attributes[i]);
                if (!known)
                        names[n++] = arena_strdup(a, c->attributes[i]);
        }
        *ret_n = n;
        return names;
}

const char *link_identity(Arena *a, const FeedConfig *c)
{
        const BindConfig *b = &c->ldap->bind;

        switch (b->mechanism) {
        case BIND_SIMPLE:
                return arena_printf(a, "simple:%s", b->dn);
        case BIND_GSSAPI:
                return arena_printf(a, "gssapi:%s", b->principal ? b->principal : b->keytab ? b->keytab : "");
        default:
                return "external";
        }
}

void link_feed_pause(Feed *feed, bool paused)
{
        link_pause(&((LinkFeed *)feed)->link, paused);
}

void link_feed_stop(Feed *feed)
{
        link_stop(&((LinkFeed *)feed)->link);
}
