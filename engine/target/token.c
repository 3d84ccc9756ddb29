/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/token.h"

#include "base/error.h"
#include "base/str.h"
#include "base/wait.h"
#include "engine/target/token-request.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define REQUEST_TIMEOUT INT64_C(30000000)
/* A refusal is told to everybody who asks within this time, instead of asking the service again. */
#define REFUSED_FOR INT64_C(1000000)
/* The longest Retry-After that is obeyed as it is: nothing can be done without a token. */
#define REST_MAX INT64_C(300000000)
/* Ahead of the end a failed renewal is tried again so often. */
#define AHEAD_RETRY INT64_C(15000000)
/* A consent is in the tokens that are made after it; one that is as young as this would say the same again.
 */
#define DOUBT_AFTER INT64_C(10000000)
#define TICK_MAX    INT64_C(1000000)
/* The same address on every virtual machine in every cloud; answers only from within. */
#define IMDS "http://169.254.169.254"
/* Of two clocks that differ by less than this, neither is wrong: an assertion is good for 10 minutes, and the
 * service allows for 5. */
#define SKEW_MS INT64_C(60000)

struct Token {
        Http *const *http;
        const GraphOptions *options;
        const Clock *clock;
        const Log *log;
        char *url;
        TokenDesk desk;

        pthread_mutex_t lock;
        pthread_cond_t changed;
        BearerToken *bearer;           /* lock; NULL: none */
        uint64_t generation;           /* lock: of the last token */
        Mono obtained, expires, renew; /* lock */
        bool renewing;                 /* lock: one request for all */
        size_t credential;             /* lock: the one in use */
        size_t n_tried;                /* lock: in this renewal */
        bool set_clock;                /* lock: in this renewal */
        int64_t ahead_ms;     /* lock: the service's clock is so much ahead of ours; 0: as good as ours */
        uint64_t n_renewals;  /* lock: ended ones, for those who wait */
        int error;            /* lock: of the last renewal; 0: fine */
        char error_text[512]; /* lock */
        Mono quiet;           /* lock: nothing is asked before; that error is told instead */

        /* Of the renewal under way; touched by who renews. */
        HttpRequest request;
        TokenRequest content;
};

static void start(Token *t);

BearerToken *bearer_unref(BearerToken *b)
{
        if (b && atomic_fetch_sub_explicit(&b->n_refs, 1, memory_order_acq_rel) == 1) {
                explicit_bzero(b->header, b->n);
                free(b);
        }
        return NULL;
}

static BearerToken *bearer_new(const char *text, uint64_t generation)
{
        size_t n = strlen("Authorization: Bearer ") + strlen(text) + 1;
        BearerToken *b = malloc(sizeof(*b) + n);

        if (!b)
                error_oom(sizeof(*b) + n);
        atomic_init(&b->n_refs, 1);
        b->generation = generation;
        b->n = n;
        snprintf(b->header, n, "Authorization: Bearer %s", text);
        return b;
}

/* A renewal has ended, well or not: everybody who waits looks again. Lock held. */
static void conclude(Token *t, int error, const char *text, int64_t rest)
{
        Mono now = clock_mono(t->clock);

        t->renewing = false;
        ++t->n_renewals;
        t->error = error;
        t->quiet = mono_add(now, rest > REFUSED_FOR ? rest : REFUSED_FOR);
        snprintf(t->error_text, sizeof(t->error_text), "%s", text);
        if (error)
                t->renew = mono_add(now, rest > AHEAD_RETRY ? rest : AHEAD_RETRY);
        pthread_cond_broadcast(&t->changed);
}

static void accept_token(Token *t, const char *text, int64_t expires_in)
{
        int64_t life = expires_in * 1000000;
        Mono now = clock_mono(t->clock);

        bearer_unref(t->bearer);
        t->bearer = bearer_new(text, ++t->generation);
        t->obtained = now;
        t->expires = mono_add(now, life);
        t->renew = mono_add(now, life - token_renew_ahead(life));
        conclude(t, 0, "", 0);
}

/* Does the next credential get its turn? Where there is no metadata service, there is no managed identity. */
static bool gives_way(const Token *t, int r)
{
        return r == TARGET_E_REFUSED || (r == TARGET_E_UNREACHABLE && t->content.url);
}

/*
 * A signed assertion says from when to when it is good, so a clock that is an hour off gets nobody in. Who
 * refuses it tells the time beside: the same credential is tried once more by that clock. Lock held.
 */
static bool learn_clock(Token *t, const HttpRequest *request)
{
        const GraphCredential *c = &((const GraphCredential *)t->options->credentials.items)[t->credential];
        time_t said = curl_getdate(request->answer.date, NULL);
        int64_t ahead_ms = said * INT64_C(1000) - clock_wall(t->clock).ms;

        if (credential_kind(c) != CREDENTIAL_CERTIFICATE || t->set_clock || said < 0 ||
            llabs(ahead_ms - t->ahead_ms) < SKEW_MS)
                return false;
        t->set_clock = true;
        t->ahead_ms = llabs(ahead_ms) < SKEW_MS ? 0 : ahead_ms;
        return true;
}

/* The sign-in service, or that of a virtual machine, wants to be left alone for so long. Lock held. */
static int64_t rest_of(const Token *t, const HttpRequest *request)
{
        const HttpAnswer *a = &request->answer;
        int64_t rest = request->end == HTTP_ANSWERED && (a->status == 429 || a->status == 503)
                               ? http_retry_after(a->retry_after, a->date, clock_wall(t->clock))
                               : 0;

        return rest < REST_MAX ? rest : REST_MAX;
}

/* On the thread that drives Http. */
static void on_done(HttpRequest *request)
{
        Token *t = request->token;
        char text[512] = "", *token = NULL;
        int64_t life_s = 0;
        bool again = false, other_clock = false;
        int64_t ahead_s;
        int r;

        pthread_mutex_lock(&t->lock);
        r = token_answer_read(request, &token, &life_s, text, sizeof(text));
        if (r == 0)
                accept_token(t, token, life_s);
        if (r == TARGET_E_REFUSED)
                again = other_clock = learn_clock(t, request);
        if (again) {
                ;
        } else if (gives_way(t, r) && ++t->n_tried < t->options->credentials.n_items) {
                t->credential = (t->credential + 1) % t->options->credentials.n_items;
                again = true;
        } else if (r) {
                conclude(t, r, text, rest_of(t, request));
        }
        if (token) {
                explicit_bzero(token, strlen(token));
                free(token);
        }
        if (request->answer.body)
                explicit_bzero(request->answer.body, request->answer.n_body);
        token_request_deinit(&t->content);
        ahead_s = t->ahead_ms / 1000;
        pthread_mutex_unlock(&t->lock);
        if (other_clock)
                log_warning(t->log, "the sign-in service has another time; its own is used to sign in",
                            LOG_INT("ahead_s", ahead_s), LOG_STR("reason", text));
        else if (r)
                log_warning(t->log, again ? "credential refused, trying the next" : "no token",
                            LOG_STR("reason", text));
        else
                log_debug(t->log, "token renewed");
        if (again)
                start(t);
}

/* Prepare the next credential that can be read. Return: 0, or TARGET_E_REFUSED with the text. */
static int next_request(Token *t, char *text, size_t size)
{
        const GraphCredential *credentials = t->options->credentials.items;
        size_t n = t->options->credentials.n_items;
        Diag diag = DIAG_INIT;
        int r = TARGET_E_REFUSED;

        snprintf(text, size, "no credential is configured");
        token_request_deinit(&t->content);
        for (; t->n_tried < n; ++t->n_tried, t->credential = (t->credential + 1) % n) {
                r = token_request_prepare(&t->desk, &credentials[t->credential],
                                          wall_add(clock_wall(t->clock), t->ahead_ms), &t->content, &diag);
                if (r == 0)
                        break;
                snprintf(text, size, "%s", diag_text(&diag));
                if (t->n_tried + 1 < n)
                        log_warning(t->log, "credential cannot be used, trying the next",
                                    LOG_STR("reason", text));
        }
        diag_deinit(&diag);
        return r;
}

static void fill_request(Token *t)
{
        HttpRequest *r = &t->request;

        http_request_deinit(r);
        http_request_init(r);
        r->unattended = true;
        r->method = t->content.body ? "POST" : "GET";
        r->url = t->content.url ? t->content.url : t->url;
        if (t->content.body) {
                r->headers[r->n_headers++] = "Content-Type: application/x-www-form-urlencoded";
                r->headers[r->n_headers++] = "Expect:";
        } else {
                r->headers[r->n_headers++] = "Metadata: true";
        }
        r->headers[r->n_headers++] = "Accept: application/json";
        r->body = t->content.body;
        r->n_body = t->content.n_body;
        r->lane = LANE_URGENT;
        r->deadline = mono_add(clock_mono(t->clock), REQUEST_TIMEOUT);
        r->patience = r->deadline;
        r->done = on_done;
        r->token = t;
}

/* Begin, or go on with, the renewal that the caller has set `renewing` for. Lock not held. */
static void start(Token *t)
{
        char text[512];
        int r;

        pthread_mutex_lock(&t->lock);
        r = next_request(t, text, sizeof(text));
        if (r) {
                conclude(t, r, text, 0);
                pthread_mutex_unlock(&t->lock);
                log_warning(t->log, "no token", LOG_STR("reason", text));
                return;
        }
        fill_request(t);
        pthread_mutex_unlock(&t->lock);
        http_submit(*t->http, &t->request);
}

/* An asker is looked at now and then. */
static void wait_for_change(Token *t, Mono deadline, const TargetAsker *asker)
{
        int64_t us = deadline.us - clock_mono(t->clock).us, most = asker ? 1000000 : 60000000;

        wait_until(&t->changed, &t->lock, wait_in(us < most ? us : most));
}

/* Lock held. */
static bool claim(Token *t)
{
        if (t->renewing)
                return false;
        t->renewing = true;
        t->n_tried = 0;
        t->set_clock = false;
        return true;
}

static int get(Token *t, Mono deadline, const TargetAsker *asker, BearerToken **ret_bearer, Diag *diag)
{
        bool waited = false;

        for (;;) {
                Mono now = clock_mono(t->clock);

                if (t->bearer && now.us < t->expires.us) {
                        atomic_fetch_add_explicit(&t->bearer->n_refs, 1, memory_order_relaxed);
                        *ret_bearer = t->bearer;
                        return 0;
                }
                if (!t->renewing && t->error && (waited || now.us < t->quiet.us)) {
                        diag_set(diag, "%s", t->error_text);
                        return t->error;
                }
                if (target_asker_is_gone(asker)) {
                        diag_set(diag, "stopped");
                        return TARGET_E_TRANSIENT;
                }
                if (now.us >= deadline.us) {
                        diag_set(diag, "no token before the deadline");
                        return TARGET_E_TRANSIENT;
                }
                if (claim(t)) {
                        t->error = 0;
                        pthread_mutex_unlock(&t->lock);
                        start(t);
                        pthread_mutex_lock(&t->lock);
                }
                waited = true;
                if (t->renewing)
                        wait_for_change(t, deadline, asker);
        }
}

/**
 * token_get() - the current token, or a new one
 *
 * Return: 0, TARGET_E_REFUSED, TARGET_E_TRANSIENT, TARGET_E_UNREACHABLE, TARGET_E_GARBAGE.
 */
int token_get(Token *t, Mono deadline, const TargetAsker *asker, BearerToken **ret_bearer, Diag *diag)
{
        int r;

        pthread_mutex_lock(&t->lock);
        r = get(t, deadline, asker, ret_bearer, diag);
        pthread_mutex_unlock(&t->lock);
        return r;
}

/**
 * token_reject() - the service did not accept this token
 */
void token_reject(Token *t, uint64_t generation)
{
        pthread_mutex_lock(&t->lock);
        if (t->bearer && t->bearer->generation == generation)
                t->bearer = bearer_unref(t->bearer);
        pthread_mutex_unlock(&t->lock);
}

/**
 * token_doubt() - a permission was refused that may have been granted since the token was made
 *
 * Return: true: there is another token now.
 */
bool token_doubt(Token *t, uint64_t generation, Mono deadline, const TargetAsker *asker)
{
        Mono now = clock_mono(t->clock);
        bool mine, renewed;

        pthread_mutex_lock(&t->lock);
        mine = t->bearer && t->generation == generation && now.us >= t->obtained.us + DOUBT_AFTER &&
               (!t->error || now.us >= t->quiet.us) && claim(t);
        if (mine) {
                pthread_mutex_unlock(&t->lock);
                start(t);
                pthread_mutex_lock(&t->lock);
        }
        while (t->renewing && t->generation == generation && clock_mono(t->clock).us < deadline.us &&
               !target_asker_is_gone(asker))
                wait_for_change(t, deadline, asker);
        renewed = t->bearer && t->generation != generation;
        pthread_mutex_unlock(&t->lock);
        return renewed;
}

/**
 * token_tick() - renew ahead of the end, also when nobody asks
 *
 * Return: microseconds until it makes sense to call again.
 */
int64_t token_tick(Token *t, Mono now)
{
        bool renew;
        int64_t wait;

        pthread_mutex_lock(&t->lock);
        renew = t->generation > 0 && now.us >= t->renew.us && claim(t);
        wait = t->generation > 0 && !t->renewing ? t->renew.us - now.us : TICK_MAX;
        pthread_mutex_unlock(&t->lock);
        if (renew)
                start(t);
        return wait < 0 ? 0 : wait < TICK_MAX ? wait : TICK_MAX;
}

/**
 * token_new() - nothing is asked before somebody needs it
 * @login: "https://login.microsoftonline.com"
 * @audience: "https://graph.microsoft.com", of the cloud even if requests go to another endpoint
 *
 * Return: the token.
 */
Token *token_new(Http *const *http, const GraphOptions *options, const char *login, const char *audience,
                 const Clock *clock, const Log *log)
{
        Token *t = calloc(1, sizeof(*t));
        char encoded[3 * 256 + 1];

        if (!t)
                error_oom(sizeof(*t));
        t->http = http;
        t->options = options;
        t->clock = clock;
        t->log = log;
        token_form_encode(encoded, options->tenant_id);
        if (asprintf(&t->url, "%s/%s/oauth2/v2.0/token", login, encoded) < 0)
                error_oom(sizeof(encoded));
        t->desk =
                (TokenDesk){ .url = t->url,
                             .imds = options->endpoints.managed_identity ? options->endpoints.managed_identity
                                                                         : IMDS,
                             .audience = audience,
                             .client_id = options->client_id };
        http_request_init(&t->request);
        pthread_mutex_init(&t->lock, NULL);
        wait_init(&t->changed);
        return t;
}

Token *token_free(Token *t)
{
        if (!t)
                return NULL;
        bearer_unref(t->bearer);
        token_request_deinit(&t->content);
        http_request_deinit(&t->request);
        pthread_cond_destroy(&t->changed);
        pthread_mutex_destroy(&t->lock);
        free(t->url);
        free(t);
        return NULL;
}
