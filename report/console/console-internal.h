/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The console to its own files: console.c listens, gate.c checks, events.c sends what is new. The loop's. */

#include "base/list.h"
#include "report/console/ask.h"
#include "report/console/desk.h"
#include "report/console/page.h"
#include "report/console/users.h"

#include <event2/bufferevent.h>
#include <event2/http.h>
#include <pthread.h>

struct evconnlistener;

struct Console {
        ConsoleOptions options;
        Users users;
        char host[256];
        unsigned port;
        void *tls; /* tls.h; NULL: none */

        struct event_base *base;
        struct evhttp *http;
        struct evconnlistener *listener; /* owned by http */
        struct event *tick, *stop;
        uint64_t n_ticks; /* a second each */
        pthread_t thread;
        bool started;
        Desk *desk;

        List guards; /* one for each connection */
        size_t n_guards;

        List followers;
        size_t n_followers;
        struct event *beat; /* of the events */
        bool drawing;       /* an overview is at the desk */
        int64_t drawn_ms;
};

/* -- console.c ------------------------------------------------------------------------------------------- */

/* A request is being answered: the clock of its connection is that of the reply now. `following`: none. */
void console_busy(Console *c, struct evhttp_request *req, bool following);
void console_send(Console *c, struct evhttp_request *req, int status, const char *type, const char *body,
                  size_t n);

/* -- gate.c ---------------------------------------------------------------------------------------------- */

void gate_request(struct evhttp_request *req, void *console);

/* -- events.c -------------------------------------------------------------------------------------------- */

#define EVENTS_TYPE "text/event-stream; charset=utf-8"

int events_init(Console *c);
void events_deinit(Console *c);
void events_follow(Console *c, struct evhttp_request *req, Ask *q);
