/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/token.h"

#include "base/error.h"
#include "base/secret.h"
#include "base/str.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define REQUEST_TIMEOUT INT64_C(30000000)
/* A refusal is told to everybody who asks within this time, instead of asking the service again. */
#define REFUSED_FOR INT64_C(1000000)
/* Ahead of the end a failed renewal is tried again so often. */
#define AHEAD_RETRY INT64_C(15000000)
#define TICK_MAX    INT64_C(1000000)

struct Token {
        Http *const *http;
        const GraphOptions *options;
        const Clock *clock;
        const Log *log;
        char *url;
        char *scope; /* form-encoded */

        pthread_mutex_t lock;
        pthread_cond_t changed;
        BearerToken *bearer;  /* lock; NULL: none */
        uint64_t generation;  /* lock: of the last token */
        Mono expires, renew;  /* lock */
        bool renewing;        /* lock: one request for all */
        size_t credential;    /* lock: the one in use */
        size_t n_tried;       /* lock: in this renewal */
        uint64_t n_renewals;  /* lock: ended ones, for those who wait */
        int error;            /* lock: of the last renewal; 0: fine */
        char error_text[512]; /* lock */
        Mono error_at;        /* lock */

        /* Of the renewal under way; touched by who renews. */
        HttpRequest request;
        char *body;
        size_t n_body;
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

static void wipe_body(Token *t)
{
        if (!t->body)
                return;
        explicit_bzero(t->body, t->n_body);
        free(t->body);
        t->body = NULL;
}

static char *form_encode(char *to, const char *s)
{
        static const char digits[] = "0123456789ABCDEF";

        for (; *s; ++s) {
                unsigned char c = (unsigned char)*s;

                if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    strchr("-._~", c)) {
                        *to++ = (char)c;
                } else {
                        *to++ = '%';
                        *to++ = digits[c >> 4];
                        *to++ = digits[c & 15];
                }
        }
        *to = '\0';
        return to;
}

/* Everything that a secret passes through has its final size at once, so that no copy stays behind. */
static void set_body(Token *t, const char *secret)
{
        char *at;

        t->n_body = 3 * (strlen(secret) + strlen(t->options->client_id)) + strlen(t->scope) + 128;
        t->body = malloc(t->n_body);
        if (!t->body)
                error_oom(t->n_body);
        at = stpcpy(t->body, "grant_type=client_credentials&client_id=");
        at = form_encode(at, t->options->client_id);
        at = stpcpy(stpcpy(at, "&scope="), t->scope);
        at = form_encode(stpcpy(at, "&client_secret="), secret);
        t->request.body = t->body;
        t->request.n_body = (size_t)(at - t->body);
}

/* A renewal has ended, well or not: everybody who waits looks again. Lock held. */
static void conclude(Token *t, int error, const char *text)
{
        t->renewing = false;
        ++t->n_renewals;
        t->error = error;
        t->error_at = clock_mono(t->clock);
        snprintf(t->error_text, sizeof(t->error_text), "%s", text);
        if (error)
                t->renew = mono_add(t->error_at, AHEAD_RETRY);
        pthread_cond_broadcast(&t->changed);
}

static void accept_token(Token *t, const char *text, int64_t expires_in)
{
        int64_t life = expires_in * 1000000;
        Mono now = clock_mono(t->clock);

        bearer_unref(t->bearer);
        t->bearer = bearer_new(text, ++t->generation);
        t->expires = mono_add(now, life);
        t->renew = mono_add(now, life - token_renew_ahead(life));
        conclude(t, 0, "");
}

/* On the thread of Http. */
static void on_done(HttpRequest *request)
{
        Token *t = request->token;
        char text[512] = "", *token = NULL;
        int64_t life_s = 0;
        bool again = false;
        int r;

        pthread_mutex_lock(&t->lock);
        r = token_answer_read(request, &token, &life_s, text, sizeof(text));
        if (r == 0)
                accept_token(t, token, life_s);
        if (r == TARGET_E_REFUSED && ++t->n_tried < t->options->credentials.n_items) {
                t->credential = (t->credential + 1) % t->options->credentials.n_items;
                again = true;
        } else if (r) {
                conclude(t, r, text);
        }
        if (token) {
                explicit_bzero(token, strlen(token));
                free(token);
        }
        if (request->answer.body)
                explicit_bzero(request->answer.body, request->answer.n_body);
        wipe_body(t);
        pthread_mutex_unlock(&t->lock);
        if (r)
                log_warning(t->log, again ? "credential refused, trying the next" : "no token",
                            LOG_STR("reason", text));
        else
                log_debug(t->log, "token renewed");
        if (again)
                start(t);
}

/* Read the next credential that can be read. Return: 0, or TARGET_E_REFUSED with the text. */
static int next_secret(Token *t, size_t *at, Secret *ret_secret, char *text, size_t size)
{
        const GraphCredential *credentials = t->options->credentials.items;
        size_t n = t->options->credentials.n_items;
        Diag diag = DIAG_INIT;
        int r = SECRET_E_REFUSED;

        snprintf(text, size, "no credential is configured");
        for (; t->n_tried < n; ++t->n_tried, *at = (*at + 1) % n) {
                r = secret_read(credentials[*at].secret_file, ret_secret, &diag);
                if (r == 0)
                        break;
                snprintf(text, size, "%s", diag_text(&diag));
        }
        diag_deinit(&diag);
        return r ? TARGET_E_REFUSED : 0;
}

/* Begin, or go on with, the renewal that the caller has set `renewing` for. Lock not held. */
static void start(Token *t)
{
        char text[512];
        Secret secret;
        size_t at;
        int r;

        pthread_mutex_lock(&t->lock);
        at = t->credential;
        r = next_secret(t, &at, &secret, text, sizeof(text));
        t->credential = at;
        if (r) {
                conclude(t, r, text);
                pthread_mutex_unlock(&t->lock);
                log_warning(t->log, "no token", LOG_STR("reason", text));
                return;
        }
        http_request_deinit(&t->request);
        http_request_init(&t->request);
        t->request.method = "POST";
        t->request.url = t->url;
        t->request.headers[t->request.n_headers++] = "Content-Type: application/x-www-form-urlencoded";
        t->request.headers[t->request.n_headers++] = "Accept: application/json";
        t->request.headers[t->request.n_headers++] = "Expect:";
        t->request.lane = LANE_URGENT;
        t->request.deadline = mono_add(clock_mono(t->clock), REQUEST_TIMEOUT);
        t->request.patience = t->request.deadline;
        t->request.done = on_done;
        t->request.token = t;
        set_body(t, secret.data);
        secret_wipe(&secret);
        pthread_mutex_unlock(&t->lock);
        http_submit(*t->http, &t->request);
}

static void wait_for_change(Token *t, Mono deadline)
{
        int64_t us = deadline.us - clock_mono(t->clock).us;
        struct timespec ts;

        if (us > 60000000)
                us = 60000000;
        if (us < 0)
                us = 0;
        clock_gettime(CLOCK_MONOTONIC, &ts);
        ts.tv_sec += us / 1000000;
        ts.tv_nsec += us % 1000000 * 1000;
        if (ts.tv_nsec >= 1000000000) {
                ts.tv_nsec -= 1000000000;
                ++ts.tv_sec;
        }
        pthread_cond_timedwait(&t->changed, &t->lock, &ts);
}

/* Lock held. */
static bool claim(Token *t)
{
        if (t->renewing)
                return false;
        t->renewing = true;
        t->n_tried = 0;
        return true;
}

static int get(Token *t, Mono deadline, BearerToken **ret_bearer, Diag *diag)
{
        bool waited = false;

        for (;;) {
                Mono now = clock_mono(t->clock);

                if (t->bearer && now.us < t->expires.us) {
                        atomic_fetch_add_explicit(&t->bearer->n_refs, 1, memory_order_relaxed);
                        *ret_bearer = t->bearer;
                        return 0;
                }
                if (!t->renewing && t->error && (waited || now.us < t->error_at.us + REFUSED_FOR)) {
                        diag_set(diag, "%s", t->error_text);
                        return t->error;
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
                        wait_for_change(t, deadline);
        }
}

/**
 * token_get() - the current token, or a new one
 *
 * Return: 0, TARGET_E_REFUSED, TARGET_E_TRANSIENT, TARGET_E_UNREACHABLE, TARGET_E_GARBAGE.
 */
int token_get(Token *t, Mono deadline, BearerToken **ret_bearer, Diag *diag)
{
        int r;

        pthread_mutex_lock(&t->lock);
        r = get(t, deadline, ret_bearer, diag);
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
        pthread_condattr_t attributes;

        if (!t)
                error_oom(sizeof(*t));
        t->http = http;
        t->options = options;
        t->clock = clock;
        t->log = log;
        form_encode(encoded, audience);
        if (asprintf(&t->scope, "%s%%2F.default", encoded) < 0)
                error_oom(sizeof(encoded));
        form_encode(encoded, options->tenant_id);
        if (asprintf(&t->url, "%s/%s/oauth2/v2.0/token", login, encoded) < 0)
                error_oom(sizeof(encoded));
        http_request_init(&t->request);
        pthread_mutex_init(&t->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&t->changed, &attributes);
        pthread_condattr_destroy(&attributes);
        return t;
}

Token *token_free(Token *t)
{
        if (!t)
                return NULL;
        bearer_unref(t->bearer);
        wipe_body(t);
        http_request_deinit(&t->request);
        pthread_cond_destroy(&t->changed);
        pthread_mutex_destroy(&t->lock);
        free(t->url);
        free(t->scope);
        free(t);
        return NULL;
}
