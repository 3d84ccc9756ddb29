/* SPDX-License-Identifier: Apache-2.0 */

#include "report/console/console-internal.h"
#include "report/console/tls.h"

#include "base/error.h"
#include "base/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/listener.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef struct Guard Guard;

/*
 * Who watches over a connection. evhttp's time-outs begin anew with each byte, so that one byte a minute
 * holds a connection for ever; this one says when a request must be whole, and when a reply must be gone. It
 * keeps a reference to the bufferevent, and knows by its callbacks, which evhttp takes away when it lets go,
 * that the connection is over. To end one, its socket is shut down, and evhttp does the rest.
 */
struct Guard {
        List link;
        struct bufferevent *bev;
        Mono since;
        bool replying, following;
};

static Mono loop_now(const Console *c)
{
        return clock_mono(c->options.clock);
}

static bool is_over(const Guard *g)
{
        bufferevent_data_cb on_read, on_write;
        bufferevent_event_cb on_event;
        void *context;

        bufferevent_getcb(g->bev, &on_read, &on_write, &on_event, &context);
        return !on_read && !on_write && !on_event;
}

static void guard_free(Console *c, Guard *g)
{
        list_remove(&g->link);
        c->n_guards--;
        bufferevent_decref(g->bev);
        free(g);
}

static struct bufferevent *on_connection(struct event_base *base, void *context)
{
        Console *c = context;
        Guard *g = calloc(1, sizeof(*g));

        if (!g)
                error_oom(sizeof(*g));
        g->bev = c->tls ? console_tls_connection(c->tls, base)
                        : bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
        if (!g->bev)
                error_oom(1);
        bufferevent_incref(g->bev);
        g->since = loop_now(c);
        list_push(&c->guards, &g->link);
        c->n_guards++;
        /* Those beyond wait in the kernel's queue until a place is free. */
        if (c->n_guards >= CONSOLE_CONNECTIONS)
                evconnlistener_disable(c->listener);
        return g->bev;
}

/* How often it is looked whether there is another certificate. */
#define TLS_LOOK_S 5

static void look_at_certificate(Console *c)
{
        Diag diag = DIAG_INIT;
        int r = console_tls_look(c->tls, &diag);

        if (r == CONSOLE_TLS_E_NEW)
                log_info(c->options.log, "console: the certificate was read anew");
        else if (r)
                log_error(c->options.log, "console: the new certificate cannot be used; the one before stays",
                          LOG_STR("why", diag_text(&diag)));
        diag_deinit(&diag);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
        Console *c = context;
        Mono now = loop_now(c);

        list_for_each_safe (i, &c->guards) {
                Guard *g = list_entry(i, Guard, link);
                int64_t age_s = (now.us - g->since.us) / 1000000;

                if (is_over(g))
                        guard_free(c, g);
                else if (!g->following && age_s > (g->replying ? CONSOLE_REPLY_S : CONSOLE_REQUEST_S))
                        shutdown(bufferevent_getfd(g->bev), SHUT_RDWR);
        }
        if (c->n_guards < CONSOLE_CONNECTIONS)
                evconnlistener_enable(c->listener);
        if (c->tls && ++c->n_ticks % TLS_LOOK_S == 0)
                look_at_certificate(c);
}

static Guard *guard_of(Console *c, struct evhttp_request *req)
{
        struct evhttp_connection *connection = evhttp_request_get_connection(req);
        struct bufferevent *bev = connection ? evhttp_connection_get_bufferevent(connection) : NULL;

        list_for_each (i, &c->guards)
                if (list_entry(i, Guard, link)->bev == bev)
                        return list_entry(i, Guard, link);
        return NULL;
}

/* The reply is gone: the time for the next request begins. */
static void on_replied(struct evhttp_request *req, void *context)
{
        Console *c = context;
        Guard *g = guard_of(c, req);

        if (!g)
                return;
        g->replying = g->following = false;
        g->since = loop_now(c);
}

void console_busy(Console *c, struct evhttp_request *req, bool following)
{
        Guard *g = guard_of(c, req);

        if (!g)
                return;
        g->replying = true;
        g->following = following;
        g->since = loop_now(c);
        evhttp_request_set_on_complete_cb(req, on_replied, c);
}

void console_send(Console *c, struct evhttp_request *req, int status, const char *type, const char *body,
                  size_t n)
{
        struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
        struct evbuffer *buffer = evbuffer_new();
        char length[24];

        if (!buffer)
                error_oom(1);
        if (type)
                evhttp_add_header(headers, "Content-Type", type);
        /* evhttp would send the body after a HEAD too, and not say how long it is: whoever keeps the
         * connection would take it for the next answer. */
        if (evhttp_request_get_command(req) != EVHTTP_REQ_HEAD) {
                evbuffer_add(buffer, body, n);
        } else if (status != 304) {
                snprintf(length, sizeof(length), "%zu", n);
                evhttp_add_header(headers, "Content-Length", length);
        }
        evhttp_send_reply(req, status, NULL, buffer);
        evbuffer_free(buffer);
}

/* -- life ------------------------------------------------------------------------------------------------ */

static void on_stop(evutil_socket_t fd, short what, void *context)
{
        Console *c = context;

        events_deinit(c);
        event_base_loopbreak(c->base);
}

static void *console_thread(void *context)
{
        Console *c = context;

        event_base_dispatch(c->base);
        return NULL;
}

/* No file descriptor is left: whoever comes waits in the kernel's queue until the next tick. The context is
 * evhttp's. */
static void on_accept_error(struct evconnlistener *listener, void *context)
{
        evconnlistener_disable(listener);
}

/* A socket of our own: evhttp would not say why it could not be had. */
static int listen_at(Console *c, int *ret_fd, Diag *diag)
{
        const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
        struct sockaddr_storage address;
        socklen_t n = sizeof(address);
        struct addrinfo *found = NULL;
        char port[16];
        int fd, one = 1, r;

        snprintf(port, sizeof(port), "%u", c->port);
        r = getaddrinfo(c->host, port, &hints, &found);
        if (r) {
                diag_set(diag, "console.listen: %s: %s", c->options.config->listen, gai_strerror(r));
                return -EADDRNOTAVAIL;
        }
        fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        r = fd < 0 || bind(fd, found->ai_addr, found->ai_addrlen) || listen(fd, 128) ||
                            getsockname(fd, (struct sockaddr *)&address, &n)
                    ? -errno
                    : 0;
        freeaddrinfo(found);
        if (r) {
                diag_set(diag, "console.listen: %s: %s", c->options.config->listen, strerror(-r));
                if (fd >= 0)
                        close(fd);
                return r;
        }
        c->port = ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                      : ((struct sockaddr_in *)&address)->sin_port);
        *ret_fd = fd;
        return 0;
}

static int open_http(Console *c, Diag *diag)
{
        int fd = -1, r = listen_at(c, &fd, diag);

        if (r)
                return r;
        c->http = evhttp_new(c->base);
        c->listener =
                evconnlistener_new(c->base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
        if (!c->http || !c->listener || !evhttp_bind_listener(c->http, c->listener))
                error_oom(1);
        evconnlistener_set_error_cb(c->listener, on_accept_error);
        evhttp_set_max_headers_size(c->http, CONSOLE_HEADERS_MAX);
        evhttp_set_max_body_size(c->http, CONSOLE_BODY_MAX);
        evhttp_set_allowed_methods(c->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD | EVHTTP_REQ_POST);
        evhttp_set_default_content_type(c->http, NULL);
        evhttp_set_bevcb(c->http, on_connection, c);
        evhttp_set_gencb(c->http, gate_request, c);
        return 0;
}

int console_new(Console **ret_console, const ConsoleOptions *options, Diag *diag)
{
        static const struct timeval second = { .tv_sec = 1 };
        _cleanup_(console_freep) Console *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                error_oom(sizeof(*c));
        c->options = *options;
        list_init(&c->guards);
        list_init(&c->followers);
        users_init(&c->users, options->config);
        if (!console_parse_listen(options->config->listen, c->host, sizeof(c->host), &c->port))
                return error_origin(-EINVAL);
        if (options->config->tls.certificate_file) {
                r = console_tls_new(&c->tls, options->config, diag);
                if (r)
                        return r;
        }
        c->base = event_base_new();
        if (!c->base)
                error_oom(1);
        r = open_http(c, diag);
        if (r == 0)
                r = desk_new(&c->desk, c->base);
        if (r == 0)
                r = events_init(c);
        if (r)
                return r;
        c->tick = event_new(c->base, -1, EV_PERSIST, on_tick, c);
        event_add(c->tick, &second);
        c->stop = event_new(c->base, -1, 0, on_stop, c);
        r = thread_start(&c->thread, console_thread, c, "console");
        if (r)
                return r;
        c->started = true;
        *ret_console = TAKE(c);
        return 0;
}

Console *console_free(Console *c)
{
        if (!c)
                return NULL;
        if (c->started) {
                event_active(c->stop, 0, 0);
                pthread_join(c->thread, NULL);
        }
        c->desk = desk_free(c->desk);
        if (c->http)
                evhttp_free(c->http);
        list_for_each_safe (i, &c->guards)
                guard_free(c, list_entry(i, Guard, link));
        if (c->tick)
                event_free(c->tick);
        if (c->stop)
                event_free(c->stop);
        if (c->base)
                event_base_free(c->base);
        if (c->tls)
                c->tls = console_tls_free(c->tls);
        free(c);
        return NULL;
}

unsigned console_port(const Console *c)
{
        return c->port;
}
