/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Pairs of GET and PATCH a second, through target-graph with 16 threads, against what a bare curl_multi loop
 * with 16 in flight makes of the same requests in the same run; the rounds alternate.
 */

#include "base/str.h"
#include "engine/target/test-peer.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define FLIGHT 16
#define USERS  64
#define ROUNDS 3

typedef struct Bare Bare;
typedef struct Round Round;
typedef struct Worker Worker;

struct Round {
        double pairs, cpu_us;
};

struct Worker {
        Peer *p;
        pthread_t thread;
        size_t number, n;
};

struct Bare {
        CURL *easy;
        struct curl_slist *headers;
        size_t number, n;
        bool patch;
        char url[256], body[64];
};

static double cpu_us(void)
{
        struct rusage u;

        getrusage(RUSAGE_SELF, &u);
        return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 +
               (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static ObjectId user(size_t i)
{
        char text[64];
        ObjectId id;

        snprintf(text, sizeof(text), "00000000-0000-4000-8000-%012zu", i);
        guid_parse(text, &id);
        return id;
}

static const char *const attributes[] = { "sourceAnchor", "userPrincipalName", "accountEnabled",
                                          "displayName",  "surname",           "givenName",
                                          "title",        "department",        "mail" };

static int on_object(ObjectSink *sink, const TargetObject *o)
{
        return 0;
}

static void *work(void *context)
{
        Worker *w = context;
        Arena *arena = arena_new(0);
        ObjectSink sink = { .object = on_object };
        char buf[GUID_TEXT_MAX];

        for (size_t i = 0; i < w->n; ++i) {
                ObjectId id = user((w->number + i * FLIGHT) % USERS);
                Mono now = clock_mono(&clock_system);
                Call call = {
                        .lane = LANE_NORMAL, .now = now, .deadline = mono_add(now, 20000000), .arena = arena
                };
                Match m = { .type = "user",
                            .by = MATCH_ID,
                            .value = guid_format(&id, buf),
                            .attributes = attributes,
                            .n_attributes = N_ELEMENTS(attributes) };
                Op op = op_set("user", &id, "title", arena_printf(arena, "title %zu", i));
                OpResult result;

                if (target_fetch(w->p->target, &call, &m, &sink, NULL) ||
                    target_apply(w->p->target, &call, &op, 1, &result, NULL))
                        abort();
                arena_reset(arena);
        }
        arena_free(arena);
        return NULL;
}

static Round run_target(Peer *p, size_t n)
{
        Worker workers[FLIGHT];
        Mono start = clock_mono(&clock_system);
        double cpu = cpu_us(), seconds;

        for (size_t i = 0; i < FLIGHT; ++i) {
                workers[i] = (Worker){ .p = p, .number = i, .n = n / FLIGHT };
                pthread_create(&workers[i].thread, NULL, work, &workers[i]);
        }
        for (size_t i = 0; i < FLIGHT; ++i)
                pthread_join(workers[i].thread, NULL);
        seconds = (double)(clock_mono(&clock_system).us - start.us) / 1e6;
        return (Round){ (double)n / seconds, (cpu_us() - cpu) / (double)n };
}

static size_t ignore(char *data, size_t size, size_t n, void *context)
{
        return size * n;
}

static void next_bare(Bare *b, const char *base)
{
        char id[GUID_TEXT_MAX];
        ObjectId u = user((b->number + b->n * FLIGHT) % USERS);

        guid_format(&u, id);
        curl_easy_reset(b->easy);
        curl_easy_setopt(b->easy, CURLOPT_PRIVATE, b);
        curl_easy_setopt(b->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(b->easy, CURLOPT_PROXY, "");
        curl_easy_setopt(b->easy, CURLOPT_WRITEFUNCTION, ignore);
        curl_easy_setopt(b->easy, CURLOPT_HTTPHEADER, b->headers);
        snprintf(b->url, sizeof(b->url), "%s/users/%s%s", base, id,
                 b->patch ? ""
                          : "?$select=id,onPremisesSyncEnabled,onPremisesImmutableId,userPrincipalName,"
                            "accountEnabled,displayName,surname,givenName,jobTitle,department,mail");
        curl_easy_setopt(b->easy, CURLOPT_URL, b->url);
        if (b->patch) {
                snprintf(b->body, sizeof(b->body), "{\"jobTitle\":\"title %zu\"}", b->n);
                curl_easy_setopt(b->easy, CURLOPT_POSTFIELDS, b->body);
                curl_easy_setopt(b->easy, CURLOPT_CUSTOMREQUEST, "PATCH");
        }
}

static size_t keep(char *data, size_t size, size_t n, void *context)
{
        str_add_n(context, data, size * n);
        return size * n;
}

static char *sign_in(const char *login)
{
        CURL *c = curl_easy_init();
        char url[256];
        json_t *json;
        char *header;
        Str s;

        str_init(&s, 65536);
        snprintf(url, sizeof(url), "%s/11111111-2222-3333-4444-555555555555/oauth2/v2.0/token", login);
        curl_easy_setopt(c, CURLOPT_URL, url);
        curl_easy_setopt(c, CURLOPT_PROXY, "");
        curl_easy_setopt(c, CURLOPT_POSTFIELDS,
                         "grant_type=client_credentials&client_id=aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
                         "&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
                         "&client_secret=a%20secret%20%2B%20with%20%26%20signs");
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, keep);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, &s);
        curl_easy_perform(c);
        curl_easy_cleanup(c);
        json = json_loads(s.data, 0, NULL);
        str_deinit(&s);
        if (asprintf(&header, "Authorization: Bearer %s",
                     json_string_value(json_object_get(json, "access_token"))) < 0)
                abort();
        json_decref(json);
        return header;
}

static Round run_bare(const char *base, const char *authorization, size_t n)
{
        CURLM *multi = curl_multi_init();
        Mono start = clock_mono(&clock_system);
        double cpu = cpu_us(), seconds;
        Bare bare[FLIGHT] = { 0 };
        size_t left = FLIGHT;
        CURLMsg *m;
        int running, queued;

        for (size_t i = 0; i < FLIGHT; ++i) {
                Bare *b = &bare[i];

                b->easy = curl_easy_init();
                b->number = i;
                b->headers = curl_slist_append(NULL, authorization);
                b->headers = curl_slist_append(b->headers, "Accept: application/json");
                b->headers = curl_slist_append(b->headers, "Content-Type: application/json");
                b->headers = curl_slist_append(b->headers,
                                               "client-request-id: 00000000-0000-4000-8000-000000000000");
                next_bare(b, base);
                curl_multi_add_handle(multi, b->easy);
        }
        while (left > 0) {
                curl_multi_perform(multi, &running);
                while ((m = curl_multi_info_read(multi, &queued))) {
                        long status = 0;
                        Bare *b;

                        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &b);
                        curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
                        if (m->data.result != CURLE_OK || status != (b->patch ? 204 : 200))
                                abort();
                        curl_multi_remove_handle(multi, b->easy);
                        b->n += b->patch;
                        b->patch = !b->patch;
                        if (b->n == n / FLIGHT) {
                                --left;
                                continue;
                        }
                        next_bare(b, base);
                        curl_multi_add_handle(multi, b->easy);
                }
                if (left > 0)
                        curl_multi_poll(multi, NULL, 0, 1000, NULL);
        }
        for (size_t i = 0; i < FLIGHT; ++i) {
                curl_easy_cleanup(bare[i].easy);
                curl_slist_free_all(bare[i].headers);
        }
        curl_multi_cleanup(multi);
        seconds = (double)(clock_mono(&clock_system).us - start.us) / 1e6;
        return (Round){ (double)n / seconds, (cpu_us() - cpu) / (double)n };
}

static void plant(void)
{
        Str body;

        str_init(&body, 65536);
        str_add(&body, "{\"users\":[");
        for (size_t i = 0; i < USERS; ++i)
                str_printf(&body,
                           "%s{\"id\":\"00000000-0000-4000-8000-%012zu\",\"displayName\":\"user %zu\"}",
                           i ? "," : "", i, i);
        str_add(&body, "]}");
        json_decref(peer_admin_call("POST", "/objects", body.data));
        str_deinit(&body);
}

int main(int argc, char **argv)
{
        size_t n = argc > 3 ? strtoul(argv[3], NULL, 10) : 16000;
        void *state;
        char *header;
        Peer *p;

        if (argc < 3)
                return 77;
        peer_admin = argv[1];
        peer_secret_file = argv[2];
        peer_setup(&state);
        p = state;
        plant();
        header = sign_in(p->login);
        run_target(p, n / 10);
        for (int i = 0; i < ROUNDS; ++i) {
                Round bare = run_bare(p->graph, header, n), target = run_target(p, n);

                printf("curl_multi %6.0f pairs/s, %5.1f us CPU a pair   target-graph %6.0f pairs/s, %5.1f us "
                       "CPU a pair   "
                       "ratio %.2f\n",
                       bare.pairs, bare.cpu_us, target.pairs, target.cpu_us, target.pairs / bare.pairs);
        }
        free(header);
        peer_teardown(&state);
        return 0;
}
