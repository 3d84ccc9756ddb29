/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Http: the requests of all workers, over connections that they share
 *
 *      worker --- http_submit() ---> lanes --- admit() ---> libcurl's multi handle ---> the network
 *         ^                                                          |
 *         '------------------- http_wait() <---- done() -------------'
 *
 * A caller fills an HttpRequest, hands it over and waits for it; it may hand over several before it waits.
 * One thread at a time drives libcurl for all: who waits and finds nobody doing it does it until its own
 * request has ended, so that a lone request crosses no thread; what is left then is the thread's of Http,
 * which drives until nothing is left.
 *
 * Requests wait in one queue per lane and kind (read, write). Before one leaves, `admit` is asked (the
 * limiter stands behind it). One that would have to wait beyond its patience ends as HTTP_HELD at once, so
 * that nobody sits in a hold of minutes.
 *
 * What an end means for whoever repeats: `sent` is false only if certainly no byte of the request has left.
 * libcurl repeats a request by itself when a kept connection turns out to be dead; one with a body is asked
 * for before it begins (CURLOPT_PREREQFUNCTION), and never leaves twice.
 *
 * Requests that may join travel together when many are under way: those of one lane that may leave at this
 * very moment become one request, a bundle (Graph's $batch), which `bundle` writes and whose answer
 * `unbundle` gives to each. Nothing waits for company. Each is admitted, counted, answered and refunded by
 * itself, as if it were alone.
 *
 * An answer is hostile: at most `answer_max` bytes are taken. TLS is at least 1.2 and always verified.
 * Redirects are never followed, so a token goes nowhere but to the host it was meant for.
 *
 * http_submit and http_wait may be called from any thread; `done`, `admit` and the other functions of
 * HttpOptions run on the thread that drives, never on two at once, and must not block.
 */

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/list.h"
#include "engine/target/limiter.h"

#include <curl/curl.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct Http Http;
typedef struct HttpAnswer HttpAnswer;
typedef struct HttpBundle HttpBundle;
typedef struct HttpOps HttpOps;
typedef struct HttpOptions HttpOptions;
typedef struct HttpRequest HttpRequest;

typedef enum HttpEnd {
        HTTP_ANSWERED,    /* there is a status, and the body is whole */
        HTTP_CUT,         /* there is a status, but the body is not whole */
        HTTP_HELD,        /* not sent: would have to wait until `held_until` */
        HTTP_UNREACHABLE, /* not sent: name, connection or TLS */
        HTTP_LOST,        /* sent, or partly; no answer. It may have had its effect */
        HTTP_GARBAGE,     /* what came is not HTTP, or larger than allowed */
        HTTP_STOPPED,     /* by http_stop, or nobody wants it any more; look at `sent` */
} HttpEnd;

#define HTTP_HEADERS_MAX 10
#define HTTP_ERROR_MAX   256

/* The headers that mean something to us; "" if absent. Longer values are cut. */
struct HttpAnswer {
        int status;
        char content_type[64];
        char date[64];
        char retry_after[64];
        char request_id[64];
        char throttle_scope[128];
        char throttle_percentage[16];
        char resource_unit[16];
        char *body; /* malloc, terminated; NULL: none */
        size_t n_body;
};

struct HttpRequest {
        /* To be filled; borrowed until it has ended. */
        const char *method;
        const char *url;
        const char *headers[HTTP_HEADERS_MAX]; /* "Name: value" */
        size_t n_headers;
        const char *body; /* NULL: none */
        size_t n_body;
        bool metered;    /* ask admit(); the token's requests are not */
        bool apart;      /* its answers say nothing about the limits of other requests */
        bool joins;      /* may travel in a bundle */
        bool fresh;      /* on a new connection: the service asks for that after a 503 */
        bool unattended; /* nobody calls http_wait: `done` takes it on */
        LimiterScope scope;
        unsigned units;
        Lane lane;
        Mono deadline;
        Mono patience;                      /* must have left by then */
        void (*done)(HttpRequest *request); /* NULL: http_wake. It may also call that itself */
        /* Asked now and then by the thread that drives; true: nobody waits for the answer any more, and it
         * ends as HTTP_STOPPED. Such a one does not join others. NULL: never. */
        bool (*is_unwanted)(void *context);
        void *unwanted_context;
        struct Token *token; /* whose done() it is */
        struct TargetGraph *graph;

        /* Filled. */
        HttpEnd end;
        bool sent;
        HttpAnswer answer;
        Mono left; /* 0: never */
        Mono answered;
        Mono held_until; /* HTTP_HELD; done() may set it too */
        char error[HTTP_ERROR_MAX];

        /* Private. */
        List list;
        sem_t ended;
        bool charged;
        HttpBundle *bundle; /* it is the carrier of this one; NULL: it is not */
        struct curl_slist header_nodes[HTTP_HEADERS_MAX];
        CURL *curl;
        size_t size_body;
        bool begun; /* of one with a body */
        bool too_large;
        size_t answer_max;
};

/* "At most 20 requests" (json-batching). */
#define HTTP_BUNDLE_MAX 20

/* Several requests in one. They are borrowed, and end when the carrier has ended. */
struct HttpBundle {
        HttpRequest carrier;
        HttpRequest *items[HTTP_BUNDLE_MAX];
        size_t n_items;
        char *url, *body; /* malloc; of the carrier */
};

/* So that tests can script the other side. */
struct HttpOps {
        void (*submit)(Http *h, HttpRequest *request);
        void (*wait)(Http *h, HttpRequest *request); /* NULL: somebody else ends it */
        void (*stop)(Http *h, bool all);
        Http *(*free)(Http *h);
};

struct Http {
        const HttpOps *ops;
};

struct HttpOptions {
        const Clock *clock;
        const char *ca_file; /* NULL: the system's */
        const char *proxy;   /* NULL: https_proxy and no_proxy of the environment */
        size_t answer_max;
        /* Microseconds to wait before this request may leave; 0: now, and it is charged. */
        int64_t (*admit)(void *context, HttpRequest *request, Mono now);
        /* A charged request has not left after all. */
        void (*refund)(void *context, HttpRequest *request, Mono now);
        /* More requests than this under way: those that join and may leave now are bundled. 0: never. */
        unsigned bundle_above;
        /* Fill the carrier: method, url, headers, body. */
        void (*bundle)(void *context, HttpBundle *b);
        /* Fill `end`, `error` and `answer` of each item from the carrier's. `sent`, `left` and `answered` are
         * theirs already. */
        void (*unbundle)(void *context, HttpBundle *b);
        /* Called about once in the time it returned (µs, a second at most): for the token's renewal. May be
         * NULL. */
        int64_t (*tick)(void *context, Mono now);
        void *context;
};

/* Retry-After: seconds, fractions, or an HTTP date (measured from the answer's own Date if it has one).
 * Return: microseconds; -1: there is none that makes sense. */
int64_t http_retry_after(const char *value, const char *date, Wall now);

/* Starts the thread. Return: 0, -errno. */
int http_new(Http **ret_http, const HttpOptions *options);

void http_request_init(HttpRequest *request);
void http_request_deinit(HttpRequest *request); /* wipes nothing: the body that was sent is the caller's */

void http_submit(Http *h, HttpRequest *request);
void http_wait(Http *h, HttpRequest *request);
void http_wake(HttpRequest *request);                /* its owner may free it from now on */
void http_finish(HttpRequest *request, HttpEnd end); /* for implementations: ends a request */
Http *http_free(Http *h);                            /* nobody may be waiting any more */

/* What cannot leave at once ends, now and from now on; with `all` everything does. */
void http_stop(Http *h, bool all);

DEFINE_CLEANUP(Http, http_free)
