/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/http.h"

#include "base/error.h"
#include "base/thread.h"
#include "base/wait.h"
#include "engine/target/http-transfer.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

/* Connections are kept this far; with HTTP/2 one or two carry everything. */
#define CONNECTIONS_MAX 128L
/* Of so many requests that leave, one goes to each lower lane that waits. */
#define TURN     16
#define POLL_MAX INT64_C(1000000)
/* So often it is asked who is unwanted. */
#define UNWANTED_EVERY INT64_C(200000)

typedef struct HttpCurl HttpCurl;

struct HttpCurl {
        Http http;
        HttpOptions options;
        pthread_t thread;
        bool started;
        CURLM *multi;

        pthread_mutex_t lock;
        pthread_cond_t left; /* lock: for the thread: there is something to do, and nobody does it */
        List inbox;          /* lock */
        bool driven;         /* lock: somebody drives */
        bool asleep;         /* lock: who drives is in poll, or about to be, and nobody has woken it yet */
        bool stopped;        /* lock: all ends */
        bool draining;       /* lock: nothing waits any more */

        /* Of the one that drives; while nobody does, of the one that has the lock. */
        Mono tick;
        Mono unwanted; /* asked again then who is */
        List waiting[_LANE_N][_LIMITER_SCOPE_N];
        List active;
        unsigned n_active;
        List joined[_LANE_N]; /* may leave now, and wait for the end of this round for company */
        unsigned n_joined[_LANE_N];
        CURL *spare[64];
        size_t n_spare;
        unsigned turn;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
        curl_global_init(CURL_GLOBAL_DEFAULT);
}

static HttpCurl *http_curl(Http *h)
{
        return (HttpCurl *)h;
}

void http_request_init(HttpRequest *r)
{
        memset(r, 0, sizeof(*r));
        list_init(&r->list);
        sem_init(&r->ended, 0, 0);
        r->deadline = MONO_NEVER;
        r->patience = MONO_NEVER;
}

void http_request_deinit(HttpRequest *r)
{
        free(r->answer.body);
        r->answer.body = NULL;
        sem_destroy(&r->ended);
}

void http_submit(Http *h, HttpRequest *request)
{
        h->ops->submit(h, request);
}

void http_stop(Http *h, bool all)
{
        h->ops->stop(h, all);
}

Http *http_free(Http *h)
{
        return h ? h->ops->free(h) : NULL;
}

static void sleep_on(HttpRequest *r)
{
        while (sem_wait(&r->ended) < 0 && errno == EINTR)
                ;
}

void http_wait(Http *h, HttpRequest *r)
{
        if (h->ops->wait)
                h->ops->wait(h, r);
        else
                sleep_on(r);
}

void http_wake(HttpRequest *r)
{
        sem_post(&r->ended);
}

void http_finish(HttpRequest *r, HttpEnd end)
{
        r->end = end;
        if (r->done)
                r->done(r);
        else
                http_wake(r);
}

static void http_curl_submit(Http *http, HttpRequest *r)
{
        HttpCurl *h = http_curl(http);
        bool wake, stopped;

        pthread_mutex_lock(&h->lock);
        stopped = h->stopped;
        wake = h->asleep;
        if (!stopped) {
                list_push(&h->inbox, &r->list);
                h->asleep = false;
                if (r->unattended && !h->driven)
                        pthread_cond_signal(&h->left);
        }
        pthread_mutex_unlock(&h->lock);
        if (stopped)
                http_finish(r, HTTP_STOPPED);
        else if (wake)
                curl_multi_wakeup(h->multi);
}

static void http_curl_stop(Http *http, bool all)
{
        HttpCurl *h = http_curl(http);

        pthread_mutex_lock(&h->lock);
        h->draining = true;
        h->stopped |= all;
        pthread_cond_signal(&h->left);
        pthread_mutex_unlock(&h->lock);
        curl_multi_wakeup(h->multi);
}

static CURL *take_easy(HttpCurl *h)
{
        CURL *c;

        if (h->n_spare > 0)
                return h->spare[--h->n_spare];
        c = curl_easy_init();
        if (!c)
                error_oom(0);
        return c;
}

static void give_easy(HttpCurl *h, CURL *c)
{
        if (h->n_spare == N_ELEMENTS(h->spare)) {
                curl_easy_cleanup(c);
                return;
        }
        curl_easy_reset(c); /* keeps connections, sessions and the DNS cache */
        h->spare[h->n_spare++] = c;
}

static void begin(HttpCurl *h, HttpRequest *r, Mono now)
{
        list_remove(&r->list);
        r->curl = take_easy(h);
        r->left = now;
        http_transfer_prepare(r, &h->options, now);
        list_push(&h->active, &r->list);
        h->n_active++;
        if (curl_multi_add_handle(h->multi, r->curl) != CURLM_OK)
                error_oom(0); /* nothing else can be wrong with a handle that is ours */
}

static void finish_bundle(HttpCurl *h, HttpBundle *b, HttpEnd end);

/* A request leaves us; `end` is not changed if it is the translated one. */
static void finish(HttpCurl *h, HttpRequest *r, HttpEnd end)
{
        Mono now = clock_mono(h->options.clock);

        list_remove(&r->list);
        if (r->curl) {
                curl_multi_remove_handle(h->multi, r->curl);
                give_easy(h, r->curl);
                r->curl = NULL;
                h->n_active--;
        }
        r->answered = now;
        if (r->charged && !r->sent && h->options.refund)
                h->options.refund(h->options.context, r, now);
        if (!r->sent)
                r->left = (Mono){ 0 };
        if (r->bundle)
                finish_bundle(h, r->bundle, end);
        else
                http_finish(r, end);
}

/* The carrier has ended, and so do those that travelled in it. */
static void finish_bundle(HttpCurl *h, HttpBundle *b, HttpEnd end)
{
        b->carrier.end = end;
        for (size_t i = 0; i < b->n_items; ++i) {
                HttpRequest *r = b->items[i];

                r->sent = b->carrier.sent;
                r->left = b->carrier.left;
                r->answered = b->carrier.answered;
                if (r->charged && !r->sent && h->options.refund)
                        h->options.refund(h->options.context, r, r->answered);
        }
        h->options.unbundle(h->options.context, b);
        for (size_t i = 0; i < b->n_items; ++i)
                http_finish(b->items[i], b->items[i]->end);
        http_request_deinit(&b->carrier);
        free(b->url);
        free(b->body);
        free(b);
}

static void finish_held(HttpCurl *h, HttpRequest *r, Mono until)
{
        r->held_until = until;
        snprintf(r->error, sizeof(r->error), "held back by the limiter");
        finish(h, r, HTTP_HELD);
}

/* What has joined leaves: alone, or in one. */
static void depart(HttpCurl *h, Lane lane, Mono now)
{
        HttpBundle *b;

        if (h->n_joined[lane] == 1)
                begin(h, list_entry(list_first(&h->joined[lane]), HttpRequest, list), now);
        if (h->n_joined[lane] > 1) {
                b = calloc(1, sizeof(*b));
                if (!b)
                        error_oom(sizeof(*b));
                http_request_init(&b->carrier);
                b->carrier.bundle = b;
                b->carrier.lane = lane;
                while (b->n_items < h->n_joined[lane]) {
                        HttpRequest *r = list_entry(list_first(&h->joined[lane]), HttpRequest, list);

                        list_remove(&r->list);
                        if (r->deadline.us < b->carrier.deadline.us)
                                b->carrier.deadline = r->deadline;
                        b->items[b->n_items++] = r;
                }
                h->options.bundle(h->options.context, b);
                begin(h, &b->carrier, now);
        }
        h->n_joined[lane] = 0;
}

/* It may leave now. Urgent ones never join: they would wait for the slowest of a bundle. */
static void leave(HttpCurl *h, HttpRequest *r, Mono now)
{
        if (!r->joins || r->fresh || r->is_unwanted || r->lane == LANE_URGENT || !h->options.bundle_above ||
            h->n_active <= h->options.bundle_above) {
                begin(h, r, now);
                return;
        }
        list_remove(&r->list);
        list_push(&h->joined[r->lane], &r->list);
        if (++h->n_joined[r->lane] == HTTP_BUNDLE_MAX)
                depart(h, r->lane, now);
}

/* One queue: what may leave leaves, what has waited too long ends. Returns when to look again. */
static Mono serve(HttpCurl *h, List *queue, unsigned most, unsigned *ret_left, Mono now)
{
        Mono next = MONO_NEVER;
        bool blocked = false;

        list_for_each_safe (i, queue) {
                HttpRequest *r = list_entry(i, HttpRequest, list);
                Mono last = r->patience.us < r->deadline.us ? r->patience : r->deadline, again;
                int64_t wait = 0;

                if (*ret_left >= most)
                        return now; /* more may follow at once */
                if (!blocked) {
                        wait = r->metered ? h->options.admit(h->options.context, r, now) : 0;
                        r->charged = r->metered && wait == 0;
                        if (wait == 0 && now.us < r->deadline.us) {
                                leave(h, r, now);
                                ++*ret_left;
                                continue;
                        }
                        again = mono_add(now, wait);
                        if (again.us > last.us || wait == 0) {
                                finish_held(h, r, again);
                                continue;
                        }
                        if (again.us < next.us)
                                next = again;
                        blocked = true; /* the others of this queue come after it */
                } else if (now.us >= last.us) {
                        finish_held(h, r, now);
                        continue;
                }
                if (last.us < next.us)
                        next = last;
        }
        return next;
}

/*
 * Lanes in the order of their rights, and of every TURN requests one for each lower lane: the lane whose turn
 * it is comes first.
 */
static Mono serve_all(HttpCurl *h, LimiterScope scope, Mono now)
{
        for (;;) {
                static const Lane order[][_LANE_N] = {
                        { LANE_URGENT, LANE_NORMAL, LANE_RECONCILE },
                        { LANE_NORMAL, LANE_URGENT, LANE_RECONCILE },
                        { LANE_RECONCILE, LANE_URGENT, LANE_NORMAL },
                };
                unsigned turn = h->turn % TURN, which = turn == TURN / 2 ? 1 : turn == TURN - 1 ? 2 : 0;
                Mono next = MONO_NEVER;
                unsigned left = 0;

                for (size_t i = 0; i < _LANE_N && left == 0; ++i) {
                        Mono t = serve(h, &h->waiting[order[which][i]][scope], 1, &left, now);

                        if (t.us < next.us)
                                next = t;
                }
                if (left == 0)
                        return next;
                ++h->turn;
        }
}

static bool collect(HttpCurl *h, bool *ret_draining)
{
        bool stopped;
        List *i;

        pthread_mutex_lock(&h->lock);
        while ((i = list_first(&h->inbox))) {
                HttpRequest *r = list_entry(i, HttpRequest, list);

                list_remove(i);
                list_push(&h->waiting[r->lane][r->scope], i);
                if (r->is_unwanted)
                        h->unwanted = (Mono){ 0 };
        }
        h->asleep = false;
        stopped = h->stopped;
        *ret_draining = h->draining;
        pthread_mutex_unlock(&h->lock);
        return !stopped;
}

/* False: something has come meanwhile. From here on a submit wakes us. */
static bool fall_asleep(HttpCurl *h)
{
        bool asleep;

        pthread_mutex_lock(&h->lock);
        h->asleep = asleep = !h->stopped && list_is_empty(&h->inbox);
        pthread_mutex_unlock(&h->lock);
        return asleep;
}

static void reap(HttpCurl *h)
{
        CURLMsg *m;
        int left;

        while ((m = curl_multi_info_read(h->multi, &left))) {
                CURLcode code = m->data.result;
                HttpRequest *r = NULL;

                curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &r);
                http_transfer_translate(r, code);
                finish(h, r, r->end);
        }
}

/* One that is under way, or waits to be. */
static void stop_one(HttpCurl *h, HttpRequest *r)
{
        if (r->curl)
                http_transfer_translate(r, CURLE_ABORTED_BY_CALLBACK);
        finish(h, r, HTTP_STOPPED);
}

/* Return: is there one left that may become unwanted? */
static bool end_unwanted_of(HttpCurl *h, List *list)
{
        bool left = false;

        list_for_each_safe (i, list) {
                HttpRequest *r = list_entry(i, HttpRequest, list);

                if (r->is_unwanted && r->is_unwanted(r->unwanted_context))
                        stop_one(h, r);
                else
                        left |= r->is_unwanted != NULL;
        }
        return left;
}

static void end_unwanted(HttpCurl *h, Mono now)
{
        bool left;

        if (now.us < h->unwanted.us)
                return;
        left = end_unwanted_of(h, &h->active);
        for (int lane = 0; lane < _LANE_N; ++lane) {
                for (int scope = 0; scope < _LIMITER_SCOPE_N; ++scope)
                        left |= end_unwanted_of(h, &h->waiting[lane][scope]);
        }
        h->unwanted = left ? mono_add(now, UNWANTED_EVERY) : MONO_NEVER;
}

static void end_waiting(HttpCurl *h)
{
        List *i;

        for (int lane = 0; lane < _LANE_N; ++lane) {
                for (int scope = 0; scope < _LIMITER_SCOPE_N; ++scope) {
                        while ((i = list_first(&h->waiting[lane][scope])))
                                finish(h, list_entry(i, HttpRequest, list), HTTP_STOPPED);
                }
        }
}

static void end_active(HttpCurl *h)
{
        List *i;

        while ((i = list_first(&h->active)))
                stop_one(h, list_entry(i, HttpRequest, list));
}

static int poll_ms(Mono next, Mono now)
{
        int64_t us = next.us - now.us;

        if (us > POLL_MAX)
                us = POLL_MAX;
        return us <= 0 ? 0 : (int)((us + 999) / 1000);
}

/* All that can be done now. False: it has been stopped, and everything has ended. */
static bool turn(HttpCurl *h, int *ret_ms)
{
        Mono now = clock_mono(h->options.clock), next;
        bool draining;
        int running;

        if (!collect(h, &draining)) {
                end_waiting(h);
                end_active(h);
                return false;
        }
        end_unwanted(h, now);
        next = h->unwanted;
        if (h->options.tick && now.us >= h->tick.us)
                h->tick = mono_add(now, h->options.tick(h->options.context, now));
        if (h->options.tick && h->tick.us < next.us)
                next = h->tick;
        for (int scope = 0; scope < _LIMITER_SCOPE_N; ++scope) {
                Mono t = serve_all(h, (LimiterScope)scope, now);

                if (t.us < next.us)
                        next = t;
        }
        if (draining)
                end_waiting(h);
        for (int lane = 0; lane < _LANE_N; ++lane)
                depart(h, (Lane)lane, now);
        curl_multi_perform(h->multi, &running);
        reap(h);
        *ret_ms = poll_ms(next, now);
        return true;
}

/* Of what has been collected. */
static bool has_requests(const HttpCurl *h)
{
        for (int lane = 0; lane < _LANE_N; ++lane) {
                for (int scope = 0; scope < _LIMITER_SCOPE_N; ++scope) {
                        if (!list_is_empty(&h->waiting[lane][scope]))
                                return true;
                }
        }
        return h->n_active > 0;
}

/* Has our request ended, if we have one; else, is there nothing left? */
static bool is_done(const HttpCurl *h, HttpRequest *own)
{
        return own ? sem_trywait(&own->ended) == 0 : !has_requests(h);
}

/* The lock is held, and nobody drives. */
static bool is_something_left(const HttpCurl *h)
{
        return has_requests(h) || !list_is_empty(&h->inbox);
}

/* Until our own request has ended; without one, until nothing is left. The lock is held, and nobody drives.
 */
static void drive(HttpCurl *h, HttpRequest *own)
{
        int ms;

        h->driven = true;
        pthread_mutex_unlock(&h->lock);
        while (turn(h, &ms) && !is_done(h, own))
                curl_multi_poll(h->multi, NULL, 0, fall_asleep(h) ? ms : 0, NULL);
        pthread_mutex_lock(&h->lock);
        h->driven = h->asleep = false;
        if (h->stopped || is_something_left(h))
                pthread_cond_signal(&h->left);
}

static void http_curl_wait(Http *http, HttpRequest *r)
{
        HttpCurl *h = http_curl(http);
        bool ended;

        pthread_mutex_lock(&h->lock);
        ended = sem_trywait(&r->ended) == 0;
        if (!ended && !h->driven && !h->stopped) {
                drive(h, r);
                ended = true;
        }
        pthread_mutex_unlock(&h->lock);
        if (!ended)
                sleep_on(r);
}

/* What nobody waits for, what is left when the one that drove has its answer, and the ticks. */
static void *run(void *context)
{
        HttpCurl *h = context;
        int ms;

        pthread_mutex_lock(&h->lock);
        while (!h->stopped || h->driven) {
                if (!h->driven)
                        drive(h, NULL);
                if (h->driven || !is_something_left(h))
                        wait_until(&h->left, &h->lock, wait_in(POLL_MAX));
        }
        pthread_mutex_unlock(&h->lock);
        turn(h, &ms); /* what has come since ends */
        return NULL;
}

static Http *http_curl_free(Http *http)
{
        HttpCurl *h = http_curl(http);

        if (h->started) {
                http_curl_stop(http, true);
                pthread_join(h->thread, NULL);
        }
        while (h->n_spare > 0)
                curl_easy_cleanup(h->spare[--h->n_spare]);
        if (h->multi)
                curl_multi_cleanup(h->multi);
        pthread_cond_destroy(&h->left);
        pthread_mutex_destroy(&h->lock);
        free(h);
        return NULL;
}

static const HttpOps http_curl_ops = {
        .submit = http_curl_submit,
        .wait = http_curl_wait,
        .stop = http_curl_stop,
        .free = http_curl_free,
};

/**
 * http_new() - start the thread
 *
 * Return: 0, -errno.
 */
int http_new(Http **ret_http, const HttpOptions *options)
{
        _cleanup_(http_freep) Http *http = NULL;
        HttpCurl *h;
        int r;

        pthread_once(&curl_once, start_curl);
        h = calloc(1, sizeof(*h));
        if (!h)
                error_oom(sizeof(*h));
        h->http.ops = &http_curl_ops;
        h->options = *options;
        pthread_mutex_init(&h->lock, NULL);
        wait_init(&h->left);
        list_init(&h->inbox);
        list_init(&h->active);
        for (int lane = 0; lane < _LANE_N; ++lane) {
                for (int scope = 0; scope < _LIMITER_SCOPE_N; ++scope)
                        list_init(&h->waiting[lane][scope]);
                list_init(&h->joined[lane]);
        }
        http = &h->http;
        h->multi = curl_multi_init();
        if (!h->multi)
                return error_origin(-ENOMEM);
        curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, CONNECTIONS_MAX);
        curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
        r = thread_start(&h->thread, run, h, "graph");
        if (r)
                return r;
        h->started = true;
        *ret_http = TAKE(http);
        return 0;
}
