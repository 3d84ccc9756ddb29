/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "admin.h"
#include "later.h"
#include "mem.h"
#include "server.h"
#include "wait.h"

#define MAX_BODY    (8 << 20)
#define MAX_HEADERS (64 << 10)

/* Graph's front doors keep an idle connection for some minutes. */
#define IDLE_S 240

/* What Graph writes in Content-Type */
#define GRAPH_JSON \
        "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"

struct Server {
        struct event_base *base;
        struct evhttp *http;
        Emulator *emulator;
        Later *later;
        Wait *waits;
};

int64_t server_clock_us(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_MONOTONIC, &ts);
        return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int64_t wall_clock_ms(void)
{
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* evhttp would write one by the real clock. */
static void add_date(struct evkeyvalq *headers, const Call *call)
{
        time_t now = (time_t)(call->wall_ms / 1000);
        struct tm tm;
        char text[64];

        gmtime_r(&now, &tm);
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        evhttp_add_header(headers, "Date", text);
}

static void add_headers(struct evhttp_request *request, const Call *call, const Answer *answer)
{
        struct evkeyvalq *headers = evhttp_request_get_output_headers(request);

        for (size_t i = 0; i < answer->n_headers; ++i)
                evhttp_add_header(headers, answer->headers[i].name, answer->headers[i].value);
        if (answer->body.n || answer->status != 204)
                evhttp_add_header(headers, "Content-Type",
                                  answer->content_type ? answer->content_type : GRAPH_JSON);
        evhttp_add_header(headers, "request-id", call->request_id);
        evhttp_add_header(headers, "client-request-id",
                          call->client_request_id ? call->client_request_id : call->request_id);
        if (!evhttp_find_header(headers, "Date"))
                add_date(headers, call);
}

static void reply(Server *server, struct evhttp_request *request, const Call *call, const Answer *answer,
                  const Fault *fault)
{
        const Emulator *e = server->emulator;
        int64_t spread = e->latency_max_ms - e->latency_min_ms;
        int64_t delay_ms =
                answer->delay_ms + e->latency_min_ms +
                (spread ? (int64_t)(random_next(&server->emulator->random) % ((uint64_t)spread + 1)) : 0);
        struct evbuffer *body = evhttp_request_get_output_buffer(request);

        add_headers(request, call, answer);
        if (delay_ms || (fault && (fault->reset || fault->drip_ms))) {
                later_send(&server->later, server->base, request, answer->status, &answer->body, delay_ms,
                           fault);
                return;
        }
        if (answer->body.n)
                evbuffer_add(body, answer->body.data, answer->body.n);
        evhttp_send_reply(request, answer->status, later_reason(answer->status), NULL);
}

static Method method_of(struct evhttp_request *request)
{
        switch (evhttp_request_get_command(request)) {
        case EVHTTP_REQ_GET:
                return METHOD_GET;
        case EVHTTP_REQ_POST:
                return METHOD_POST;
        case EVHTTP_REQ_PATCH:
                return METHOD_PATCH;
        case EVHTTP_REQ_PUT:
                return METHOD_PUT;
        case EVHTTP_REQ_DELETE:
                return METHOD_DELETE;
        default:
                return METHOD_OTHER;
        }
}

/* One walk over the headers; the last of several wins. */
static void read_headers(struct evhttp_request *request, Call *call)
{
        const struct {
                const char *name;
                const char **field;
        } wanted[] = {
                { "Authorization", &call->authorization },
                { "client-request-id", &call->client_request_id },
                { "ConsistencyLevel", &call->consistency },
                { "Content-Type", &call->content_type },
                { "Host", &call->host },
                { "Prefer", &call->prefer },
        };
        const struct evkeyval *h;

        for (h = evhttp_request_get_input_headers(request)->tqh_first; h; h = h->next.tqe_next) {
                for (size_t i = 0; i < ARRAY_LENGTH(wanted); ++i) {
                        if (!strcasecmp(h->key, wanted[i].name))
                                *wanted[i].field = h->value;
                }
        }
}

/* The id goes into a header of the answer and the host into links; neither may bring anything with it. */
static const char *plain_or_null(const char *s)
{
        for (const char *p = s; p && *p; ++p) {
                if (*p < 0x21 || *p > 0x7e || *p == '"' || *p == '\\' || *p == '<' || *p == '>' ||
                    p - s > 255)
                        return NULL;
        }
        return s;
}

static void on_request(struct evhttp_request *request, void *context)
{
        Server *server = context;
        struct evbuffer *input = evhttp_request_get_input_buffer(request);
        const char *target = evhttp_request_get_uri(request);
        _cleanup_(answer_deinit) Answer answer = { 0 };
        _cleanup_(call_deinit) Call call = { 0 };
        const Fault *fault = NULL;
        AdminWait wait = { 0 };

        call.now_us = server_clock_us();
        call.wall_ms = wall_clock_ms() + server->emulator->skew_ms;
        call.method = method_of(request);
        call.n_body = evbuffer_get_length(input);
        call.body = call.n_body ? (const char *)evbuffer_pullup(input, -1) : "";
        call.target = *target == '/' ? target : "/";
        read_headers(request, &call);
        call.client_request_id = plain_or_null(call.client_request_id);
        call.host = plain_or_null(call.host);
        random_guid(&server->emulator->random, call.request_id);
        if (!strncmp(target, "/_emulator/", 11)) {
                answer.content_type = "application/json";
                admin_handle(server->emulator, &call, &answer, &wait);
                if (wait.wanted) {
                        wait_start(&server->waits, server->base, &server->emulator->journal, request, &wait);
                        return;
                }
                evbuffer_add(evhttp_request_get_output_buffer(request),
                             answer.body.data ? answer.body.data : "", answer.body.n);
                add_headers(request, &call, &answer);
                evhttp_send_reply(request, answer.status, later_reason(answer.status), NULL);
                return;
        }
        fault = emulator_serve(server->emulator, &call, 0, &answer);
        reply(server, request, &call, &answer, fault);
        if (server->waits)
                wait_look(&server->waits);
}

static uint16_t bound_port(evutil_socket_t fd)
{
        struct sockaddr_storage address = { 0 };
        socklen_t n = sizeof(address);

        if (getsockname(fd, (struct sockaddr *)&address, &n) < 0)
                return 0;
        return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                                   : ((struct sockaddr_in *)&address)->sin_port);
}

int server_new(Server **ret, struct event_base *base, Emulator *emulator, const char *address, uint16_t port,
               uint16_t *ret_port)
{
        Server *server = mem_zero(1, sizeof(*server));
        struct evhttp_bound_socket *socket;

        server->base = base;
        server->emulator = emulator;
        server->http = mem_need(evhttp_new(base));
        evhttp_set_allowed_methods(server->http, 0xffff);
        evhttp_set_timeout(server->http, IDLE_S);
        evhttp_set_max_body_size(server->http, MAX_BODY);
        evhttp_set_max_headers_size(server->http, MAX_HEADERS);
        evhttp_set_gencb(server->http, on_request, server);
        errno = 0;
        socket = evhttp_bind_socket_with_handle(server->http, address, port);
        if (!socket) {
                int r = errno ? -errno : -EADDRNOTAVAIL;

                server_free(server);
                return r;
        }
        *ret_port = bound_port(evhttp_bound_socket_get_fd(socket));
        *ret = server;
        return 0;
}

Server *server_free(Server *server)
{
        if (!server)
                return NULL;
        later_drop_all(&server->later);
        wait_drop_all(&server->waits);
        evhttp_free(server->http);
        free(server);
        return NULL;
}

void server_freep(Server **server)
{
        *server = server_free(*server);
}
