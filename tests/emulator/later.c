/* SPDX-License-Identifier: Apache-2.0 */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <sys/socket.h>

#include "later.h"
#include "mem.h"

typedef struct Reason Reason;

struct Later {
        Later *next;
        Later **link; /* what points here */
        struct event *timer;
        struct evhttp_request *request;
        struct evbuffer *body;
        int status;
        ResetKind reset;
        int64_t drip_ms; /* 0: all at once */
        size_t slice;
        bool started;
};

struct Reason {
        int status;
        const char *text;
};

static const Reason reasons[] = {
        { .status = 200, .text = "OK" },
        { .status = 201, .text = "Created" },
        { .status = 204, .text = "No Content" },
        { .status = 400, .text = "Bad Request" },
        { .status = 401, .text = "Unauthorized" },
        { .status = 403, .text = "Forbidden" },
        { .status = 404, .text = "Not Found" },
        { .status = 405, .text = "Method Not Allowed" },
        { .status = 409, .text = "Conflict" },
        { .status = 415, .text = "Unsupported Media Type" },
        { .status = 429, .text = "Too Many Requests" },
        { .status = 500, .text = "Internal Server Error" },
        { .status = 502, .text = "Bad Gateway" },
        { .status = 503, .text = "Service Unavailable" },
        { .status = 504, .text = "Gateway Timeout" },
};

const char *later_reason(int status)
{
        for (size_t i = 0; i < ARRAY_LENGTH(reasons); ++i) {
                if (reasons[i].status == status)
                        return reasons[i].text;
        }
        return "Status";
}

static void later_free(Later *later)
{
        *later->link = later->next;
        if (later->next)
                later->next->link = later->link;
        event_free(later->timer);
        evbuffer_free(later->body);
        free(later);
}

static void later_drop(Later *later)
{
        if (!evhttp_request_get_connection(later->request))
                evhttp_request_free(later->request);
        later_free(later);
}

static void later_arm(Later *later, int64_t ms)
{
        struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

        evtimer_add(later->timer, &tv);
}

/* A reset, not an orderly end: the client must not be able to tell how far we came. */
static void connection_reset(struct evhttp_connection *connection)
{
        struct linger linger = { .l_onoff = 1 };
        int fd = bufferevent_getfd(evhttp_connection_get_bufferevent(connection));

        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
        evhttp_connection_free(connection); /* frees the request with it */
}

static void send_slice(Later *later)
{
        struct evbuffer *slice;
        int n;

        if (!later->started)
                evhttp_send_reply_start(later->request, later->status, later_reason(later->status));
        later->started = true;
        slice = mem_need(evbuffer_new());
        n = evbuffer_remove_buffer(later->body, slice, later->slice);
        if (n > 0) {
                evhttp_send_reply_chunk(later->request, slice);
                later_arm(later, later->drip_ms);
        } else {
                evhttp_send_reply_end(later->request);
                later_free(later);
        }
        evbuffer_free(slice);
}

static void on_due(evutil_socket_t fd, short what, void *context)
{
        Later *later = context;
        struct evhttp_connection *connection = evhttp_request_get_connection(later->request);

        if (!connection) {
                later_drop(later);
        } else if (later->reset) {
                connection_reset(connection);
                later_free(later);
        } else if (later->drip_ms) {
                send_slice(later);
        } else {
                evhttp_send_reply(later->request, later->status, later_reason(later->status), later->body);
                later_free(later);
        }
}

void later_send(Later **list, struct event_base *base, struct evhttp_request *request, int status,
                const Text *body, int64_t delay_ms, const Fault *fault)
{
        Later *later = mem_zero(1, sizeof(*later));

        later->request = request;
        later->status = status;
        later->reset = fault ? fault->reset : RESET_NONE;
        later->drip_ms = fault ? fault->drip_ms : 0;
        later->slice = body->n / 8 + 1;
        later->body = mem_need(evbuffer_new());
        evbuffer_add(later->body, body->data ? body->data : "", body->n);
        later->next = *list;
        later->link = list;
        if (later->next)
                later->next->link = &later->next;
        *list = later;
        later->timer = mem_need(evtimer_new(base, on_due, later));
        later_arm(later, delay_ms);
}

void later_drop_all(Later **list)
{
        while (*list)
                later_drop(*list);
}
