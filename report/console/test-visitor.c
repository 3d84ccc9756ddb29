/* SPDX-License-Identifier: Apache-2.0 */

/* Who sends a request: its cookie, a trusted proxy's word, its token. Requests are libevent's; nothing is
 * sent. */

#include "base/error.h"
#include "report/console/visitor.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN   "a-token-of-twenty-and-more"
#define PROXY   "127.0.0.1"
#define HEADER  "X-Remote-User"
#define SESSION 3600000000

typedef struct House {
        char token_file[40];
        ConsoleUser users[2];
        const char *proxies[2];
        ConsoleConfig config;
        ClockFake clock;
        Console console;
        struct evhttp_connection *wire;
        struct evhttp_request *req;
        Arena *arena;
} House;

static int setup(void **state)
{
        House *h = calloc(1, sizeof(*h));
        Console *c = &h->console;

        snprintf(h->token_file, sizeof(h->token_file), "/tmp/test-visitor-XXXXXX");
        close(mkstemp(h->token_file));
        assert_int_equal(str_write_file(h->token_file, TOKEN, strlen(TOKEN), 0600), 0);
        h->users[0] = (ConsoleUser){ .name = "ada", .role = CONSOLE_OPERATE, .token_file = h->token_file };
        h->users[1] = (ConsoleUser){ .name = "bob", .role = CONSOLE_READ };
        h->proxies[0] = "127.0.0.7";
        h->proxies[1] = PROXY;
        h->config =
                (ConsoleConfig){ .path = "",
                                 .users = { .items = h->users, .n_items = 2 },
                                 .proxy = { .header = HEADER, .from = { .items = h->proxies, .n_items = 2 } },
                                 .session_us = SESSION };
        clock_fake_init(&h->clock, (Mono){ 1000000 }, (Wall){ 1 });
        c->options = (ConsoleOptions){ .config = &h->config, .clock = &h->clock.clock };
        users_init(&c->users, &h->config);
        c->base = event_base_new();
        h->arena = arena_new(0);
        *state = h;
        return 0;
}

static void forget(House *h)
{
        if (h->wire)
                evhttp_connection_free(h->wire); /* and its request */
        h->wire = NULL;
        h->req = NULL;
}

static int teardown(void **state)
{
        House *h = *state;

        forget(h);
        event_base_free(h->console.base);
        arena_free(h->arena);
        unlink(h->token_file);
        free(h);
        return 0;
}

static void ignore(struct evhttp_request *req, void *context)
{
        (void)req;
        (void)context;
}

/* A request from this address, with "Name: value" lines. */
static void come(House *h, const char *peer, const char *const *headers)
{
        forget(h);
        h->wire = evhttp_connection_base_new(h->console.base, NULL, peer, 9);
        h->req = evhttp_request_new(ignore, NULL);
        assert_int_equal(evhttp_make_request(h->wire, h->req, EVHTTP_REQ_GET, "/"), 0);
        for (; *headers; headers++) {
                char name[64];
                const char *colon = strchr(*headers, ':');

                snprintf(name, sizeof(name), "%.*s", (int)(colon - *headers), *headers);
                evhttp_add_header(evhttp_request_get_input_headers(h->req), name, colon + 2);
        }
}

#define COME(h, peer, ...) come(h, peer, (const char *const[]){ __VA_ARGS__, NULL })

static const char *see(House *h, Ask *q)
{
        *q = (Ask){ .arena = h->arena };
        visitor_see(&h->console, h->req, q);
        return q->user;
}

static const char *set_cookie(House *h)
{
        return evhttp_find_header(evhttp_request_get_output_headers(h->req), "Set-Cookie");
}

static void test_cookies(void **state)
{
        static const struct {
                const char *sent, *is;
        } cases[] = {
                { "sosync=abc", "abc" },
                { "a=1; sosync=abc; b=2", "abc" },
                { "a=1;sosync=abc", "abc" },
                { ";; ;  sosync=abc;", "abc" },
                { "sosync=", NULL },
                { "sosync", NULL },
                { "xsosync=abc", NULL },
                { "SOSYNC=abc", NULL },
                { "a=sosync=abc", NULL },
                { "sosync=first; sosync=second", "first" },
                { "   ", NULL },
                { ";", NULL },
        };
        House *h = *state;

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const char *is;

                COME(h, PROXY, arena_printf(h->arena, "Cookie: %s", cases[i].sent));
                is = visitor_cookie(h->req, h->arena);
                if (!str_is(is ? is : "none", cases[i].is ? cases[i].is : "none"))
                        fail_msg("%s: %s", cases[i].sent, is);
        }
}

static void test_nobody(void **state)
{
        House *h = *state;
        Ask q;

        COME(h, PROXY, "Accept: */*");
        assert_null(see(h, &q));
        COME(h, PROXY, "Cookie: sosync=0000000000000000000000000000000000000000000000000000000000000000");
        assert_null(see(h, &q));
        COME(h, PROXY, "Authorization: Basic " TOKEN);
        assert_null(see(h, &q));
        COME(h, PROXY, "Authorization: Bearer wrong");
        assert_null(see(h, &q));
        COME(h, PROXY, "Authorization: Bearer");
        assert_null(see(h, &q));
        assert_null(set_cookie(h));
        COME(h, PROXY, "Authorization: bearer " TOKEN);
        assert_string_equal(see(h, &q), "ada");
        assert_int_equal(q.role, CONSOLE_OPERATE);
        assert_null(q.csrf); /* a program: it sends no forms of ours */
        assert_null(set_cookie(h));
}

/* A name is believed once, from a proxy of the list, and of somebody who is known. */
static void test_proxy(void **state)
{
        House *h = *state;
        Ask q;

        COME(h, "127.0.0.2", HEADER ": bob");
        assert_null(see(h, &q));
        COME(h, PROXY, HEADER ": bob", HEADER ": ada");
        assert_null(see(h, &q));
        COME(h, PROXY, HEADER ": eve");
        assert_null(see(h, &q));
        COME(h, PROXY, HEADER ": ");
        assert_null(see(h, &q));
        COME(h, PROXY, "X-Remote-User-Of-Somebody: bob");
        assert_null(see(h, &q));
        assert_null(set_cookie(h));

        COME(h, PROXY, HEADER ": bob", "X-Forwarded-Proto: https");
        assert_string_equal(see(h, &q), "bob");
        assert_int_equal(q.role, CONSOLE_READ);
        assert_int_equal(strlen(q.csrf), 64);
        assert_non_null(strstr(set_cookie(h), "; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure"));

        h->config.proxy.header = NULL; /* no proxy is trusted, and nothing that one would say */
        COME(h, PROXY, HEADER ": bob", "X-Forwarded-Proto: https");
        assert_null(see(h, &q));
}

/* The session of the cookie goes on as long as the proxy means the same person. */
static void test_proxy_and_session(void **state)
{
        House *h = *state;
        char id[USERS_ID_MAX];
        Ask q;

        h->config.path = "/sosync";
        COME(h, PROXY, HEADER ": bob");
        see(h, &q);
        assert_non_null(strstr(set_cookie(h), "; Path=/sosync; "));
        assert_null(strstr(set_cookie(h), "Secure"));
        assert_int_equal(sscanf(set_cookie(h), "sosync=%64[0-9a-f];", id), 1);

        COME(h, PROXY, HEADER ": bob", arena_printf(h->arena, "Cookie: sosync=%s", id));
        assert_string_equal(see(h, &q), "bob");
        assert_null(set_cookie(h));
        /* Without the proxy's word, the session alone. */
        COME(h, "127.9.9.9", arena_printf(h->arena, "Cookie: sosync=%s", id));
        assert_string_equal(see(h, &q), "bob");

        COME(h, PROXY, HEADER ": ada", arena_printf(h->arena, "Cookie: sosync=%s", id));
        assert_string_equal(see(h, &q), "ada");
        assert_int_equal(q.role, CONSOLE_OPERATE);
        assert_null(strstr(set_cookie(h), id));

        clock_fake_advance(&h->clock, SESSION);
        COME(h, "127.9.9.9", arena_printf(h->arena, "Cookie: sosync=%s", id));
        assert_null(see(h, &q));
}

/* Whom the proxy names and the configuration does not know is nobody, whoever's cookie is in the browser; and
 * that session ends: the person it was begun for has left. */
static void test_proxy_of_a_stranger(void **state)
{
        static const char *const words[] = { HEADER ": mallory", HEADER ": ", HEADER ": (null)" };
        House *h = *state;
        char id[USERS_ID_MAX];
        const char *cookie;
        Ask q;

        for (size_t i = 0; i < N_ELEMENTS(words) + 2; i++) {
                COME(h, PROXY, HEADER ": ada");
                assert_string_equal(see(h, &q), "ada");
                assert_int_equal(sscanf(set_cookie(h), "sosync=%64[0-9a-f];", id), 1);
                cookie = arena_printf(h->arena, "Cookie: sosync=%s", id);
                /* From elsewhere the header says nothing, and ends nothing. */
                COME(h, "127.0.0.2", HEADER ": mallory", cookie);
                assert_string_equal(see(h, &q), "ada");

                if (i < N_ELEMENTS(words))
                        COME(h, PROXY, words[i], cookie);
                else if (i == N_ELEMENTS(words))
                        COME(h, PROXY, HEADER ": ada", HEADER ": ada", cookie);
                else
                        COME(h, PROXY, HEADER ": mallory", HEADER ": ada", cookie);
                assert_null(see(h, &q));
                assert_null(q.session);
                assert_null(q.csrf);
                assert_true(str_starts(set_cookie(h), "sosync=; "));
                assert_non_null(strstr(set_cookie(h), "; Max-Age=0; "));
                /* Nor does the cookie open anything later, from wherever. */
                COME(h, "127.9.9.9", cookie);
                assert_null(see(h, &q));
        }
        /* A token is sent by who has it, and not by the browser of somebody else. */
        COME(h, PROXY, HEADER ": (null)", "Authorization: Bearer " TOKEN);
        assert_string_equal(see(h, &q), "ada");
        assert_null(set_cookie(h));
}

/* Another person whom the configuration knows ends the session of the one before, too. */
static void test_proxy_of_another(void **state)
{
        House *h = *state;
        char id[USERS_ID_MAX];
        Ask q;

        COME(h, PROXY, HEADER ": ada");
        see(h, &q);
        assert_int_equal(sscanf(set_cookie(h), "sosync=%64[0-9a-f];", id), 1);
        COME(h, PROXY, HEADER ": bob", arena_printf(h->arena, "Cookie: sosync=%s", id));
        assert_string_equal(see(h, &q), "bob");
        COME(h, "127.9.9.9", arena_printf(h->arena, "Cookie: sosync=%s", id));
        assert_null(see(h, &q));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_cookies, setup, teardown),
                cmocka_unit_test_setup_teardown(test_nobody, setup, teardown),
                cmocka_unit_test_setup_teardown(test_proxy, setup, teardown),
                cmocka_unit_test_setup_teardown(test_proxy_and_session, setup, teardown),
                cmocka_unit_test_setup_teardown(test_proxy_of_a_stranger, setup, teardown),
                cmocka_unit_test_setup_teardown(test_proxy_of_another, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
