/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/test-token-files.h"
#include "engine/target/token.h"

#include <jansson.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct Desk Desk;

/* The sign-in service: answers at once, or holds its answer back. */
struct Desk {
        Http http;
        Http *http_pointer;
        ClockFake clock;
        GraphOptions options;
        GraphCredential credentials[3];
        char files[2][64];
        Token *token;
        Diag diag;

        int status;
        const char *body;
        HttpEnd end;
        const char *refused_secret; /* requests with this one are refused */
        const char *unreachable;    /* addresses with this cannot be reached */
        bool hold_back;
        HttpRequest *held;
        const char *date, *retry_after; /* of its answers; NULL: they have none */
        size_t n_requests;
        char last_body[4096], last_url[256];
};

static void finish(Desk *d, HttpRequest *r)
{
        bool refuse = d->refused_secret && strstr(d->last_body, d->refused_secret);
        const char *body = refuse ? "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: "
                                    "expired\\r\\nTrace\"}"
                                  : d->body;

        if (d->unreachable && strstr(d->last_url, d->unreachable)) {
                http_finish(r, HTTP_UNREACHABLE);
                return;
        }
        r->sent = d->end != HTTP_UNREACHABLE;
        if (d->end == HTTP_ANSWERED) {
                r->answer.status = refuse ? 401 : d->status;
                r->answer.body = strdup(body);
                r->answer.n_body = strlen(body);
                snprintf(r->answer.date, sizeof(r->answer.date), "%s", d->date ? d->date : "");
                snprintf(r->answer.retry_after, sizeof(r->answer.retry_after), "%s",
                         d->retry_after ? d->retry_after : "");
        }
        snprintf(r->error, sizeof(r->error), "a fault");
        http_finish(r, d->end);
}

static void submit(Http *http, HttpRequest *r)
{
        Desk *d = (Desk *)http;

        ++d->n_requests;
        assert_false(r->metered);
        assert_string_equal(r->method, r->body ? "POST" : "GET");
        snprintf(d->last_url, sizeof(d->last_url), "%s", r->url);
        snprintf(d->last_body, sizeof(d->last_body), "%.*s", (int)r->n_body, r->body ? r->body : "");
        if (d->hold_back)
                __atomic_store_n(&d->held, r, __ATOMIC_RELEASE);
        else
                finish(d, r);
}

static const HttpOps ops = { .submit = submit };

static void write_secret(const char *path, const char *text)
{
        FILE *f = fopen(path, "w");

        assert_non_null(f);
        fputs(text, f);
        fclose(f);
        assert_int_equal(chmod(path, 0600), 0);
}

static int setup(void **state)
{
        Desk *d = calloc(1, sizeof(*d));

        d->http.ops = &ops;
        d->http_pointer = &d->http;
        clock_fake_init(&d->clock, (Mono){ 5000000000 }, (Wall){ 0 });
        for (size_t i = 0; i < 2; ++i) {
                int fd;

                snprintf(d->files[i], sizeof(d->files[i]), "/tmp/sosync-test-secret-XXXXXX");
                fd = mkstemp(d->files[i]);
                assert_true(fd >= 0);
                close(fd);
                d->credentials[i].secret_file = d->files[i];
        }
        write_secret(d->files[0], "s3cr~t one+&\n");
        write_secret(d->files[1], "two\r\n");
        d->options = (GraphOptions){ .tenant_id = "contoso.test",
                                     .client_id = "client",
                                     .credentials = { .items = d->credentials, .n_items = 2 } };
        d->status = 200;
        d->body = "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"abc.def\"}";
        d->token = token_new(&d->http_pointer, &d->options, "https://login.test", "https://graph.test",
                             &d->clock.clock, NULL);
        *state = d;
        return 0;
}

static int teardown(void **state)
{
        Desk *d = *state;

        token_free(d->token);
        diag_deinit(&d->diag);
        unlink(d->files[0]);
        unlink(d->files[1]);
        free(d);
        return 0;
}

static int get(Desk *d, BearerToken **ret)
{
        return token_get(d->token, mono_add(d->clock.mono, 1000000), NULL, ret, &d->diag);
}

static void test_get(void **state)
{
        Desk *d = *state;
        _cleanup_(bearer_unrefp) BearerToken *a = NULL, *b = NULL;

        assert_int_equal(get(d, &a), 0);
        assert_string_equal(a->header, "Authorization: Bearer abc.def");
        assert_string_equal(d->last_url, "https://login.test/contoso.test/oauth2/v2.0/token");
        assert_string_equal(
                d->last_body,
                "grant_type=client_credentials&client_id=client&scope=https%3A%2F%2Fgraph.test%2F.default"
                "&client_secret=s3cr~t%20one%2B%26");
        assert_int_equal(get(d, &b), 0);
        assert_ptr_equal(a, b);
        assert_int_equal(d->n_requests, 1);
}

static void test_ahead(void **state)
{
        Desk *d = *state;
        _cleanup_(bearer_unrefp) BearerToken *old = NULL, *new = NULL, *same = NULL;

        assert_int_equal(token_renew_ahead(INT64_C(3600000000)), 300000000);
        assert_int_equal(token_renew_ahead(INT64_C(600000000)), 120000000);
        assert_true(token_tick(d->token, d->clock.mono) > 0);
        assert_int_equal(d->n_requests, 0); /* nobody has asked yet */
        assert_int_equal(get(d, &old), 0);
        d->clock.mono.us += INT64_C(3299000000);
        assert_int_equal(token_tick(d->token, d->clock.mono), 1000000);
        assert_int_equal(d->n_requests, 1);
        d->clock.mono.us += INT64_C(1000000);
        d->hold_back = true;
        token_tick(d->token, d->clock.mono);
        assert_int_equal(d->n_requests, 2);
        /* While the renewal is under way the old one is good, and there is no second renewal. */
        assert_int_equal(get(d, &same), 0);
        assert_ptr_equal(old, same);
        token_tick(d->token, d->clock.mono);
        assert_int_equal(d->n_requests, 2);
        finish(d, d->held);
        assert_int_equal(get(d, &new), 0);
        assert_ptr_not_equal(old, new);
        assert_int_equal(d->n_requests, 2);
}

/* A renewal ahead that fails costs nothing: the token lives on, and it is tried again. */
static void test_ahead_fails(void **state)
{
        Desk *d = *state;
        _cleanup_(bearer_unrefp) BearerToken *a = NULL, *b = NULL, *c = NULL;

        assert_int_equal(get(d, &a), 0);
        d->clock.mono.us += INT64_C(3400000000);
        d->end = HTTP_UNREACHABLE;
        token_tick(d->token, d->clock.mono);
        assert_int_equal(d->n_requests, 2);
        assert_int_equal(get(d, &b), 0);
        d->clock.mono.us += INT64_C(14999999);
        assert_int_equal(token_tick(d->token, d->clock.mono), 1);
        assert_int_equal(d->n_requests, 2);
        d->clock.mono.us += 1;
        d->end = HTTP_ANSWERED;
        token_tick(d->token, d->clock.mono);
        assert_int_equal(get(d, &c), 0);
        assert_ptr_not_equal(a, c);
        assert_int_equal(d->n_requests, 3);
}

static void test_reject(void **state)
{
        Desk *d = *state;
        _cleanup_(bearer_unrefp) BearerToken *a = NULL, *b = NULL, *c = NULL;

        assert_int_equal(get(d, &a), 0);
        token_reject(d->token, a->generation);
        token_reject(d->token, a->generation);
        assert_int_equal(get(d, &b), 0);
        assert_int_equal(d->n_requests, 2);
        token_reject(d->token, a->generation); /* somebody was late: the new one stays */
        assert_int_equal(get(d, &c), 0);
        assert_ptr_equal(b, c);
}

static void test_order(void **state)
{
        Desk *d = *state;
        _cleanup_(bearer_unrefp) BearerToken *a = NULL;

        d->refused_secret = "s3cr~t";
        assert_int_equal(get(d, &a), 0);
        assert_int_equal(d->n_requests, 2);
        assert_non_null(strstr(d->last_body, "client_secret=two"));
        /* The one that works stays in use. */
        token_reject(d->token, a->generation);
        a = bearer_unref(a);
        assert_int_equal(get(d, &a), 0);
        assert_int_equal(d->n_requests, 3);
}

static void test_refused(void **state)
{
        Desk *d = *state;
        _cleanup_(bearer_unrefp) BearerToken *a = NULL;

        d->options.credentials.n_items = 1;
        d->refused_secret = "s3cr~t";
        assert_int_equal(get(d, &a), TARGET_E_REFUSED);
        assert_string_equal(diag_text(&d->diag),
                            "sign-in refused: the client secret has expired: make a new one and put it into "
                            "the file: AADSTS7000222: expired");
        assert_int_equal(get(d, &a), TARGET_E_REFUSED); /* told again, not asked again */
        assert_int_equal(d->n_requests, 1);
        /* A new secret is found without a restart. */
        write_secret(d->files[0], "three");
        d->clock.mono.us += 2000000;
        assert_int_equal(get(d, &a), 0);
        assert_non_null(strstr(d->last_body, "client_secret=three"));
}

/* The sign-in service names a time: nobody asks before, however many want a token. */
static void test_busy(void **state)
{
        Desk *d = *state;
        _cleanup_(bearer_unrefp) BearerToken *a = NULL;

        d->status = 429;
        d->retry_after = "40";
        assert_int_equal(get(d, &a), TARGET_E_TRANSIENT);
        d->clock.mono.us += 39000000;
        assert_int_equal(get(d, &a), TARGET_E_TRANSIENT);
        assert_string_equal(diag_text(&d->diag), "the sign-in service is busy (429)");
        assert_int_equal(d->n_requests, 1);
        d->clock.mono.us += 2000000;
        d->retry_after = "99999999";
        assert_int_equal(get(d, &a), TARGET_E_TRANSIENT);
        assert_int_equal(d->n_requests, 2);
        /* At most five minutes: nothing can be done without a token. */
        d->clock.mono.us += INT64_C(301000000);
        d->status = 200;
        assert_int_equal(get(d, &a), 0);
        /* So it is with a renewal ahead of the end, and the old one is used. */
        d->status = 503;
        d->retry_after = "60";
        d->clock.mono.us += INT64_C(3400000000);
        token_tick(d->token, d->clock.mono);
        assert_int_equal(d->n_requests, 4);
        d->clock.mono.us += 50000000;
        token_tick(d->token, d->clock.mono);
        assert_int_equal(d->n_requests, 4);
        d->clock.mono.us += 11000000;
        token_tick(d->token, d->clock.mono);
        assert_int_equal(d->n_requests, 5);
}

/* The metadata service counts in texts; where there is none, the next credential gets its turn. */
static void test_managed_identity(void **state)
{
        Desk *d = *state;
        _cleanup_(bearer_unrefp) BearerToken *a = NULL;

        d->credentials[0] = (GraphCredential){ .managed_identity = true };
        d->body = "{\"access_token\":\"abc.def\",\"expires_in\":\"3599\",\"expires_on\":\"1506484173\","
                  "\"resource\":\"https://graph.test/\",\"token_type\":\"Bearer\"}";
        assert_int_equal(get(d, &a), 0);
        assert_string_equal(d->last_url,
                            "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
                            "&resource=https%3A%2F%2Fgraph.test%2F");
        assert_string_equal(d->last_body, "");
        assert_string_equal(a->header, "Authorization: Bearer abc.def");

        token_reject(d->token, a->generation);
        a = bearer_unref(a);
        d->unreachable = "169.254";
        assert_int_equal(get(d, &a), 0);
        assert_int_equal(d->n_requests, 3);
        assert_string_equal(d->last_url, "https://login.test/contoso.test/oauth2/v2.0/token");
        assert_non_null(strstr(d->last_body, "client_secret=two"));
}

static void test_ends(void **state)
{
        static const struct {
                HttpEnd end;
                int status;
                const char *body;
                int expected;
        } cases[] = {
                { HTTP_UNREACHABLE, 0, "", TARGET_E_UNREACHABLE },
                { HTTP_LOST, 0, "", TARGET_E_TRANSIENT },
                { HTTP_STOPPED, 0, "", TARGET_E_TRANSIENT },
                { HTTP_GARBAGE, 0, "", TARGET_E_GARBAGE },
                { HTTP_ANSWERED, 503, "<html>", TARGET_E_TRANSIENT },
                { HTTP_ANSWERED, 429, "", TARGET_E_TRANSIENT },
                { HTTP_ANSWERED, 200, "<html>", TARGET_E_GARBAGE },
                { HTTP_ANSWERED, 200, "{}", TARGET_E_GARBAGE },
                { HTTP_ANSWERED, 200, "{\"token_type\":\"MAC\",\"expires_in\":1,\"access_token\":\"x\"}",
                  TARGET_E_GARBAGE },
                { HTTP_ANSWERED, 200, "{\"token_type\":\"Bearer\",\"expires_in\":0,\"access_token\":\"x\"}",
                  TARGET_E_GARBAGE },
                { HTTP_ANSWERED, 200,
                  "{\"token_type\":\"Bearer\",\"expires_in\":9,\"access_token\":\"x\\r\\nEvil: 1\"}",
                  TARGET_E_GARBAGE },
                { HTTP_ANSWERED, 404, "<html>", TARGET_E_GARBAGE },
                { HTTP_ANSWERED, 400, "{\"error\":\"temporarily_unavailable\"}", TARGET_E_TRANSIENT },
                { HTTP_ANSWERED, 400,
                  "{\"error\":\"invalid_request\",\"error_description\":\"AADSTS900023: x\"}",
                  TARGET_E_REFUSED },
                { HTTP_ANSWERED, 200,
                  "{\"token_type\":\"bearer\",\"expires_in\":\"3599\",\"access_token\":\"x\"}", 0 },
        };
        Desk *d = *state;

        d->options.credentials.n_items = 1;
        for (size_t i = 0; i < N_ELEMENTS(cases); ++i) {
                _cleanup_(bearer_unrefp) BearerToken *a = NULL;
                int r;

                d->end = cases[i].end;
                d->status = cases[i].status;
                d->body = cases[i].body;
                d->clock.mono.us += 2000000;
                r = get(d, &a);
                if (r != cases[i].expected)
                        fail_msg("case %zu: %d", i, r);
                assert_true(r == 0 || diag_any(&d->diag));
        }
}

static void test_words(void **state)
{
        assert_non_null(strstr(token_error_words("AADSTS7000215: Invalid client secret provided."),
                               "secret is wrong"));
        assert_non_null(strstr(token_error_words("x AADSTS90002: Tenant"), "no such tenant"));
        assert_null(token_error_words("AADSTS70002155: x")); /* not a beginning of a longer one */
        assert_null(token_error_words("AADSTS"));
        assert_null(token_error_words(NULL));
}

/* From when the assertion of the last request is good */
static int64_t not_before(Arena *a, const Desk *d)
{
        const char *begin = strchr(strstr(d->last_body, "&client_assertion="), '.') + 1;
        int n = (int)(strchr(begin, '.') - begin);
        char *text = arena_printf(a, "%.*s%.*s", n, begin, (4 - n % 4) % 4, "===");
        uint8_t *data;
        size_t n_data;
        json_t *claims;
        int64_t nbf;

        for (char *c = text; *c; ++c)
                *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
        assert_true(str_unbase64(a, text, &data, &n_data));
        claims = json_loadb((const char *)data, n_data, 0, NULL);
        nbf = json_integer_value(json_object_get(claims, "nbf"));
        json_decref(claims);
        return nbf;
}

/* Our clock is an hour off: the service refuses, and says what time it is. */
static void test_clock(void **state)
{
        static const char refused[] =
                "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS700024: x\"}";
        static const char good[] =
                "{\"token_type\":\"Bearer\",\"expires_in\":3600,\"access_token\":\"abc.def\"}";
        Arena *a = arena_new(0);
        Desk *d = *state;
        BearerToken *b = NULL;
        Token *t = d->token;

        d->credentials[0] = (GraphCredential){ .certificate_file = token_test_file(a, "both.pem") };
        d->options.credentials.n_items = 1;
        d->clock.wall = (Wall){ (NOW_S - 3600) * 1000 };
        d->date = "Thu, 01 Jan 2026 00:00:00 GMT";
        d->status = 401;
        d->body = refused;
        assert_int_equal(get(d, &b), TARGET_E_REFUSED);
        assert_int_equal(d->n_requests, 2); /* tried once more, and not without end */
        assert_int_equal(not_before(a, d), NOW_S);

        d->status = 200;
        d->body = good;
        clock_fake_advance(&d->clock, 2000000);
        assert_int_equal(get(d, &b), 0);
        assert_int_equal(d->n_requests, 3); /* it is remembered */
        assert_int_equal(not_before(a, d), NOW_S + 2);
        token_reject(t, b->generation);
        bearer_unref(b);

        /* The clock is set right: refused by what was remembered, and taken as it is. */
        d->clock.wall = (Wall){ (NOW_S + 2) * 1000 };
        d->status = 401;
        d->body = refused;
        assert_int_equal(get(d, &b), TARGET_E_REFUSED);
        assert_int_equal(d->n_requests, 5);
        assert_int_equal(not_before(a, d), NOW_S + 2);

        /* A refusal that has nothing to do with the clock is not tried again. */
        clock_fake_advance(&d->clock, 2000000);
        assert_int_equal(get(d, &b), TARGET_E_REFUSED);
        assert_int_equal(d->n_requests, 6);
        arena_free(a);
}

static void *wait_for_token(void *context)
{
        Desk *d = context;
        BearerToken *b = NULL;

        assert_int_equal(token_get(d->token, mono_add(d->clock.mono, INT64_C(60000000)), NULL, &b, NULL), 0);
        bearer_unref(b);
        return NULL;
}

/* The desk is asked once although several wait; hold_back keeps it busy until all have begun or waited. */
static void test_one_for_all(void **state)
{
        Desk *d = *state;
        pthread_t threads[8];

        d->hold_back = true;
        assert_int_equal(pthread_create(&threads[0], NULL, wait_for_token, d), 0);
        while (__atomic_load_n(&d->held, __ATOMIC_ACQUIRE) == NULL)
                sched_yield();
        for (size_t i = 1; i < N_ELEMENTS(threads); ++i)
                assert_int_equal(pthread_create(&threads[i], NULL, wait_for_token, d), 0);
        finish(d, d->held);
        for (size_t i = 0; i < N_ELEMENTS(threads); ++i)
                pthread_join(threads[i], NULL);
        assert_int_equal(d->n_requests, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_get),     TEST(test_ahead),       TEST(test_ahead_fails),
                TEST(test_reject),  TEST(test_order),       TEST(test_busy),
                TEST(test_refused), TEST(test_ends),        TEST(test_managed_identity),
                TEST(test_words),   TEST(test_one_for_all), TEST(test_clock),
        };

        return cmocka_run_group_tests_name("token", tests, token_test_begin, token_test_end);
}
