/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Http against a server of a few lines on loopback, which does what no real one should: answers with rubbish,
 * closes a kept connection when the next request has arrived, never ends.
 */

#include "base/str.h"
#include "engine/target/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define OK(body)                                                                                 \
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nrequest-id: " \
        "r-1\r\n\r\n" body

typedef struct Server Server;
typedef struct World World;

/* What the n-th request (over all connections) gets. NULL: the connection is closed. */
struct Server {
        int fd;
        uint16_t port;
        pthread_t thread;
        const char *const *answers;
        size_t n_answers;
        atomic_bool close_after; /* each answer */
        atomic_size_t n_requests, n_connections;
        atomic_size_t n_endless; /* bytes to send behind the answer */
        char last[4096];
};

struct World {
        Server server;
        Http *http;
        char url[64];
        atomic_int_fast64_t wait[_LANE_N]; /* what admit() answers */
        atomic_int budget;                 /* requests that may leave; < 0: any number */
        char order[256];
        atomic_size_t n_order;
        atomic_size_t n_refunds;
};

static bool read_request(int fd, char *buf, size_t size)
{
        size_t n = 0, body = 0;
        char *end;

        for (;;) {
                ssize_t len = recv(fd, buf + n, size - n - 1, 0);

                if (len <= 0)
                        return false;
                n += (size_t)len;
                buf[n] = '\0';
                end = strstr(buf, "\r\n\r\n");
                if (!end)
                        continue;
                if (strcasestr(buf, "Content-Length: "))
                        body = strtoul(strcasestr(buf, "Content-Length: ") + 16, NULL, 10);
                if (n >= (size_t)(end + 4 - buf) + body)
                        return true;
        }
}

static bool send_all(int fd, const char *data, size_t n)
{
        while (n > 0) {
                ssize_t len = send(fd, data, n, MSG_NOSIGNAL);

                if (len <= 0)
                        return false;
                data += len;
                n -= (size_t)len;
        }
        return true;
}

static bool serve_one(Server *s, int fd)
{
        static const char zeros[4096];
        const char *answer;
        size_t n;

        if (!read_request(fd, s->last, sizeof(s->last)))
                return false;
        n = atomic_fetch_add(&s->n_requests, 1);
        answer = n < s->n_answers ? s->answers[n] : OK("{}");
        if (!answer || !send_all(fd, answer, strlen(answer)))
                return false;
        for (size_t left = s->n_endless; left > 0; left -= left < sizeof(zeros) ? left : sizeof(zeros)) {
                if (!send_all(fd, zeros, left < sizeof(zeros) ? left : sizeof(zeros)))
                        return false;
        }
        return !s->close_after;
}

/* One connection at a time: that is enough here. */
static void *serve(void *context)
{
        Server *s = context;

        for (;;) {
                int fd = accept(s->fd, NULL, NULL);

                if (fd < 0)
                        return NULL;
                atomic_fetch_add(&s->n_connections, 1);
                while (serve_one(s, fd))
                        ;
                close(fd);
        }
}

static void start_server(Server *s)
{
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(at);

        s->fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(s->fd, (struct sockaddr *)&at, n), 0);
        assert_int_equal(listen(s->fd, 256), 0);
        assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &n), 0);
        s->port = ntohs(at.sin_port);
        assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static int64_t admit(void *context, HttpRequest *r, Mono now)
{
        World *w = context;
        int64_t wait = atomic_load(&w->wait[r->lane]);

        if (wait == 0 && atomic_load(&w->budget) == 0)
                wait = 1000000;
        if (wait == 0) {
                w->order[atomic_fetch_add(&w->n_order, 1) % sizeof(w->order)] = "unr"[r->lane];
                if (atomic_load(&w->budget) > 0)
                        atomic_fetch_sub(&w->budget, 1);
        }
        return wait;
}

static void refund(void *context, HttpRequest *r, Mono now)
{
        World *w = context;

        atomic_fetch_add(&w->n_refunds, 1);
}

static void start_http(World *w, const char *proxy)
{
        HttpOptions options = {
                .clock = &clock_system,
                .answer_max = 100000,
                .proxy = proxy,
                .admit = admit,
                .refund = refund,
                .context = w,
        };

        assert_int_equal(http_new(&w->http, &options), 0);
}

static int setup(void **state)
{
        World *w = calloc(1, sizeof(*w));

        atomic_store(&w->budget, -1);
        start_server(&w->server);
        snprintf(w->url, sizeof(w->url), "http://127.0.0.1:%u/x", w->server.port);
        start_http(w, NULL);
        *state = w;
        return 0;
}

static int teardown(void **state)
{
        World *w = *state;

        http_free(w->http);
        shutdown(w->server.fd, SHUT_RDWR);
        pthread_join(w->server.thread, NULL);
        close(w->server.fd);
        free(w);
        return 0;
}

static void prepare(World *w, HttpRequest *r, const char *method, const char *body, Lane lane)
{
        Mono now = clock_mono(&clock_system);

        http_request_init(r);
        r->method = method;
        r->url = w->url;
        r->body = body;
        r->n_body = body ? strlen(body) : 0;
        r->metered = true;
        r->lane = lane;
        r->deadline = mono_add(now, 5000000);
        r->patience = mono_add(now, 2000000);
}

static HttpEnd run(World *w, HttpRequest *r, const char *method, const char *body)
{
        prepare(w, r, method, body, LANE_NORMAL);
        http_submit(w->http, r);
        http_wait(w->http, r);
        return r->end;
}

static void test_answer(void **state)
{
        World *w = *state;
        HttpRequest r;

        for (int i = 0; i < 5; ++i) {
                assert_int_equal(run(w, &r, i % 2 ? "PATCH" : "GET", i % 2 ? "{\"a\":1}" : NULL),
                                 HTTP_ANSWERED);
                assert_int_equal(r.answer.status, 200);
                assert_string_equal(r.answer.body, "{}");
                assert_string_equal(r.answer.content_type, "application/json");
                assert_string_equal(r.answer.request_id, "r-1");
                assert_true(r.sent && r.left.us > 0 && r.answered.us >= r.left.us);
                http_request_deinit(&r);
        }
        assert_int_equal(w->server.n_connections, 1); /* kept */
        assert_int_equal(w->server.n_requests, 5);
        assert_non_null(strstr(w->server.last, "GET /x HTTP/1.1"));
        assert_null(strcasestr(w->server.last, "Expect:"));
}

/* A kept connection dies when the next request has arrived: libcurl would send it once more. */
static void test_write_never_twice(void **state)
{
        static const char *const answers[] = { OK("{}"), NULL, OK("{}") };
        World *w = *state;
        HttpRequest r;

        w->server.answers = answers;
        w->server.n_answers = 3;
        assert_int_equal(run(w, &r, "GET", NULL), HTTP_ANSWERED);
        http_request_deinit(&r);
        assert_int_equal(run(w, &r, "POST", "{\"a\":1}"), HTTP_LOST);
        assert_true(r.sent);
        http_request_deinit(&r);
        assert_int_equal(w->server.n_requests, 2);
        assert_int_equal(w->n_refunds, 0);
        assert_int_equal(run(w, &r, "PATCH", "{\"a\":1}"), HTTP_ANSWERED);
        http_request_deinit(&r);
        assert_int_equal(w->server.n_requests, 3);
}

static void test_garbage(void **state)
{
        static const char *const answers[] = {
                "\x16\x03\x01 rubbish\r\n\r\n",
                "HTTP/9.9 what\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
                "HTTP/1.1 204 No Content\r\n\r\n",
                "HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 50\r\n\r\nshort",
                "HTTP/1.1 103 Early\r\nrequest-id: old\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                "HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n",
                NULL,
        };
        static const struct {
                HttpEnd end;
                int status;
        } expected[] = {
                { HTTP_GARBAGE, 0 }, { HTTP_GARBAGE, 0 },    { HTTP_CUT, 200 },     { HTTP_ANSWERED, 204 },
                { HTTP_CUT, 503 },   { HTTP_ANSWERED, 200 }, { HTTP_GARBAGE, 200 }, { HTTP_LOST, 0 },
        };
        World *w = *state;

        w->server.answers = answers;
        w->server.n_answers = N_ELEMENTS(answers);
        w->server.close_after = true;
        for (size_t i = 0; i < N_ELEMENTS(answers); ++i) {
                HttpRequest r;
                HttpEnd end;

                w->server.n_endless = i == 6 ? 100001 : 0;
                end = run(w, &r, "POST", "{}");
                if (end != expected[i].end || (expected[i].status && r.answer.status != expected[i].status))
                        fail_msg("answer %zu: %d %d %s", i, end, r.answer.status, r.error);
                if (i == 4)
                        assert_string_equal(r.answer.retry_after, "7");
                if (i == 5)
                        assert_string_equal(r.answer.request_id, "");
                if (i == 6)
                        assert_string_equal(r.error, "the answer is larger than 100000 bytes");
                http_request_deinit(&r);
        }
        assert_int_equal(w->server.n_requests, N_ELEMENTS(answers));
}

static void test_unreachable(void **state)
{
        World *w = *state;
        HttpRequest r;

        prepare(w, &r, "POST", "{}", LANE_NORMAL);
        r.url = "http://127.0.0.1:1/";
        http_submit(w->http, &r);
        http_wait(w->http, &r);
        assert_int_equal(r.end, HTTP_UNREACHABLE);
        assert_false(r.sent);
        assert_int_equal(r.left.us, 0);
        assert_int_equal(w->n_refunds, 1); /* it was charged, and never left */
        http_request_deinit(&r);
}

/* Admitted at the moment when it was too late: nothing has left, and nothing is charged. */
static void test_too_late(void **state)
{
        World *w = *state;
        HttpRequest r;

        prepare(w, &r, "POST", "{}", LANE_NORMAL);
        r.deadline = (Mono){ 1 };
        http_submit(w->http, &r);
        http_wait(w->http, &r);
        assert_int_equal(r.end, HTTP_HELD);
        assert_false(r.sent);
        assert_int_equal(w->n_refunds, 1);
        http_request_deinit(&r);
}

/* What the proxy refuses has not been sent. */
static void test_proxy(void **state)
{
        static const char *const answers[] = {
                "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
                "HTTP/1.1 200 Connection established\r\n\r\nno TLS here",
                NULL,
        };
        World *w = *state;
        char proxy[64];

        w->server.answers = answers;
        w->server.n_answers = N_ELEMENTS(answers);
        w->server.close_after = true;
        snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", w->server.port);
        w->http = http_free(w->http);
        start_http(w, proxy);
        for (size_t i = 0; i < N_ELEMENTS(answers); ++i) {
                HttpRequest r;

                prepare(w, &r, "POST", "{}", LANE_NORMAL);
                r.url = "https://graph.test/v1.0/users";
                http_submit(w->http, &r);
                http_wait(w->http, &r);
                if (r.end != HTTP_UNREACHABLE || r.sent)
                        fail_msg("answer %zu: %d %s", i, r.end, r.error);
                if (i == 0)
                        assert_string_equal(r.error, "the proxy answers 407");
                assert_int_equal(w->server.n_requests, i + 1); /* also: what it has kept may be read */
                assert_non_null(strstr(w->server.last, "CONNECT graph.test:443 HTTP/1.1"));
                http_request_deinit(&r);
        }
        assert_int_equal(w->n_refunds, N_ELEMENTS(answers));
}

static void test_held(void **state)
{
        World *w = *state;
        HttpRequest r;
        Mono now;

        /* Longer than the patience: told at once. */
        atomic_store(&w->wait[LANE_NORMAL], INT64_C(300000000));
        now = clock_mono(&clock_system);
        assert_int_equal(run(w, &r, "POST", "{}"), HTTP_HELD);
        assert_false(r.sent);
        assert_in_range(r.held_until.us, now.us + 299000000, now.us + 301000000);
        assert_in_range(clock_mono(&clock_system).us - now.us, 0, 1000000);
        http_request_deinit(&r);
        assert_int_equal(w->server.n_requests, 0);

        /* Shorter: waited for, and asked again. */
        atomic_store(&w->wait[LANE_NORMAL], 1000);
        prepare(w, &r, "POST", "{}", LANE_NORMAL);
        http_submit(w->http, &r);
        atomic_store(&w->wait[LANE_NORMAL], 0);
        http_wait(w->http, &r);
        assert_int_equal(r.end, HTTP_ANSWERED);
        http_request_deinit(&r);

        /* Always a little longer, until the patience is at its end. */
        atomic_store(&w->wait[LANE_NORMAL], 1000);
        prepare(w, &r, "POST", "{}", LANE_NORMAL);
        r.patience = mono_add(clock_mono(&clock_system), 20000);
        http_submit(w->http, &r);
        http_wait(w->http, &r);
        assert_int_equal(r.end, HTTP_HELD);
        http_request_deinit(&r);
        assert_int_equal(w->n_refunds, 0);
}

/* Urgent overtakes; of sixteen that leave, one goes to each lower lane that waits. */
static void test_lanes(void **state)
{
        enum {
                N = 40
        };
        World *w = *state;
        HttpRequest r[3 * N];
        size_t n_urgent = 0;

        w->server.close_after = true; /* it serves one connection at a time */
        atomic_store(&w->budget, 0);
        for (size_t i = 0; i < 3 * N; ++i) {
                prepare(w, &r[i], "GET", NULL, (Lane)(2 - i / N));
                http_submit(w->http, &r[i]);
        }
        /* Opened when all are in the queue; the thread looks again when the next one comes. */
        atomic_store(&w->budget, -1);
        for (size_t i = 0; i < 3 * N; ++i) {
                http_wait(w->http, &r[i]);
                assert_int_equal(r[i].end, HTTP_ANSWERED);
                http_request_deinit(&r[i]);
        }
        assert_int_equal(w->n_order, 3 * N);
        for (size_t i = 0; i < 40; ++i)
                n_urgent += w->order[i] == 'u';
        assert_in_range(n_urgent, 34, 36);
        assert_non_null(memchr(w->order, 'n', 16));
        assert_non_null(memchr(w->order, 'r', 16));
}

static void note_thread(HttpRequest *r)
{
        r->held_until.us = (int64_t)pthread_self(); /* a field that nobody needs here */
        http_wake(r);
}

/* Who waits for a lone request does it alone; what nobody waits for is the thread's. */
static void test_who_drives(void **state)
{
        World *w = *state;
        HttpRequest r;

        prepare(w, &r, "GET", NULL, LANE_NORMAL);
        r.done = note_thread;
        http_submit(w->http, &r);
        http_wait(w->http, &r);
        assert_int_equal(r.end, HTTP_ANSWERED);
        assert_true(pthread_equal((pthread_t)r.held_until.us, pthread_self()));
        http_request_deinit(&r);
        prepare(w, &r, "GET", NULL, LANE_NORMAL);
        r.done = note_thread;
        r.unattended = true;
        http_submit(w->http, &r);
        while (sem_wait(&r.ended) < 0 && errno == EINTR)
                ;
        assert_int_equal(r.end, HTTP_ANSWERED);
        assert_false(pthread_equal((pthread_t)r.held_until.us, pthread_self()));
        http_request_deinit(&r);
}

static void *ask_often(void *context)
{
        World *w = context;
        HttpRequest r;

        for (int i = 0; i < 100; ++i) {
                if (run(w, &r, "GET", NULL) != HTTP_ANSWERED)
                        return w;
                http_request_deinit(&r);
        }
        return NULL;
}

/* Whoever has its own answer leaves the requests of the others behind, and none is forgotten. */
static void test_left_behind(void **state)
{
        World *w = *state;
        pthread_t threads[8];

        w->server.close_after = true; /* it serves one connection at a time */
        for (size_t i = 0; i < N_ELEMENTS(threads); ++i)
                assert_int_equal(pthread_create(&threads[i], NULL, ask_often, w), 0);
        for (size_t i = 0; i < N_ELEMENTS(threads); ++i) {
                void *failed;

                pthread_join(threads[i], &failed);
                assert_null(failed);
        }
        assert_int_equal(w->server.n_requests, 100 * N_ELEMENTS(threads));
}

/* The end is near, or here, while one waits for the limiter: that one ends. How does one end that comes
 * later, and how many have arrived? */
static void stop(World *w, bool all, HttpEnd late_end, size_t n_arrived)
{
        static const char *const answers[] = { OK("{}") };
        HttpRequest waiting, late;

        w->server.answers = answers;
        w->server.n_answers = 1;
        atomic_store(&w->wait[LANE_NORMAL], 1500000);
        prepare(w, &waiting, "POST", "{}", LANE_NORMAL);
        http_submit(w->http, &waiting);
        http_stop(w->http, all);
        http_wait(w->http, &waiting);
        assert_int_equal(waiting.end, HTTP_STOPPED);
        assert_false(waiting.sent);
        http_request_deinit(&waiting);
        atomic_store(&w->wait[LANE_NORMAL], 0);
        assert_int_equal(run(w, &late, "POST", "{}"), late_end);
        http_request_deinit(&late);
        assert_int_equal(w->server.n_requests, n_arrived);
}

static void test_stop(void **state)
{
        stop(*state, true, HTTP_STOPPED, 0);
}

/* What can leave at once still has its answer. */
/* As soon as the request has arrived. */
static bool has_arrived(void *context)
{
        return ((World *)context)->server.n_requests > 0;
}

static bool always(void *context)
{
        return true;
}

/* Who asked has gone: nobody waits for the end of a server that does not answer, or of a hold. */
static void test_unwanted(void **state)
{
        static const char *const answers[] = { "HTTP/1.1 200 OK\r\n" };
        World *w = *state;
        HttpRequest r;

        w->server.answers = answers;
        w->server.n_answers = 1;
        prepare(w, &r, "POST", "{}", LANE_NORMAL);
        r.is_unwanted = has_arrived;
        r.unwanted_context = w;
        http_submit(w->http, &r);
        http_wait(w->http, &r);
        assert_int_equal(r.end, HTTP_STOPPED);
        assert_true(r.sent);
        http_request_deinit(&r);
        w->wait[LANE_NORMAL] = 1000000;
        prepare(w, &r, "GET", NULL, LANE_NORMAL);
        r.metered = true;
        r.is_unwanted = always;
        http_submit(w->http, &r);
        http_wait(w->http, &r);
        assert_int_equal(r.end, HTTP_STOPPED);
        assert_false(r.sent);
        http_request_deinit(&r);
}

static void test_drain(void **state)
{
        stop(*state, false, HTTP_ANSWERED, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_answer),      TEST(test_write_never_twice),
                TEST(test_garbage),     TEST(test_unreachable),
                TEST(test_too_late),    TEST(test_proxy),
                TEST(test_held),        TEST(test_lanes),
                TEST(test_stop),        TEST(test_who_drives),
                TEST(test_left_behind), TEST(test_unwanted),
                TEST(test_drain),
        };

        return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
