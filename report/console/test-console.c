/* SPDX-License-Identifier: Apache-2.0 */

/* The parts of the console that need no socket: users, forms, configuration. */

#include "report/console/page.h"
#include "report/console/users.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN "a-token-of-twenty-and-more"

static void write_token(const char *path, const char *text)
{
        assert_int_equal(str_write_file(path, text, strlen(text), 0600), 0);
}

static void test_users(void **state)
{
        char path[] = "/tmp/test-console-XXXXXX";
        const ConsoleUser people[] = { { .name = "ada", .role = CONSOLE_OPERATE, .token_file = path },
                                       { .name = "bob" } };
        const ConsoleConfig config = { .users = { .items = people, .n_items = 2 }, .session_us = 1000000 };
        Mono now = { 1000000 };
        Session *s, *other;
        bool wait;
        static Users u;

        (void)state;
        close(mkstemp(path));
        write_token(path, TOKEN "\n");
        users_init(&u, &config);
        assert_null(users_by_token(&u, "", now, &wait));
        assert_null(users_by_token(&u, TOKEN "x", now, &wait));
        assert_null(users_by_token(&u, "a", now, &wait));
        assert_string_equal(users_by_token(&u, TOKEN, now, &wait)->name, "ada");
        /* A changed token holds at once. */
        write_token(path, "another-token-of-twenty-chars\n");
        assert_null(users_by_token(&u, TOKEN, now, &wait));
        assert_string_equal(users_by_token(&u, "another-token-of-twenty-chars", now, &wait)->name, "ada");
        assert_null(users_by_name(&u, "eve"));
        assert_string_equal(users_by_name(&u, "bob")->name, "bob");

        s = users_begin(&u, &people[0], now);
        other = users_begin(&u, &people[1], now);
        assert_int_equal(strlen(s->id), 64);
        assert_string_not_equal(s->id, other->id);
        assert_string_not_equal(s->id, s->csrf);
        assert_ptr_equal(users_find(&u, s->id, now), s);
        assert_int_equal(users_find(&u, s->id, now)->role, CONSOLE_OPERATE);
        assert_null(users_find(&u, "", now));
        assert_null(users_find(&u, s->id, mono_add(now, 1000000)));
        users_end(s);
        assert_null(users_find(&u, other->csrf, now));
        unlink(path);
}

/* Whoever guesses waits; whoever has a token is let in again when the guessing is over. */
static void test_guesses(void **state)
{
        char path[] = "/tmp/test-console-XXXXXX";
        const ConsoleConfig config = { .token_file = path };
        Mono now = { 5000000 };
        int tries = 0;
        bool wait = false;
        static Users u;

        (void)state;
        close(mkstemp(path));
        write_token(path, TOKEN);
        users_init(&u, &config);
        while (!wait && tries < 1000) {
                assert_null(users_by_token(&u, "guess", now, &wait));
                tries++;
        }
        assert_in_range(tries, 10, 30);
        /* However many wrong ones come, the right one is let in, and the wrong are told to wait. */
        assert_string_equal(users_by_token(&u, TOKEN, now, &wait)->name, "operator");
        assert_false(wait);
        assert_null(users_by_token(&u, "guess", now, &wait));
        assert_true(wait);
        assert_null(users_by_token(&u, "guess", mono_add(now, 61000000), &wait));
        assert_false(wait);
        unlink(path);
}

/* More sessions than places: the one that ends first gives way. */
static void test_many_sessions(void **state)
{
        const ConsoleUser ada = { .name = "ada" };
        const ConsoleConfig config = { .session_us = 1000000000 };
        char first[USERS_ID_MAX], second[USERS_ID_MAX];
        static Users u;

        (void)state;
        users_init(&u, &config);
        for (int i = 0; i <= USERS_SESSIONS; i++) {
                Session *s = users_begin(&u, &ada, (Mono){ i });

                if (i < 2)
                        memcpy(i ? second : first, s->id, sizeof(first));
        }
        assert_null(users_find(&u, first, (Mono){ 1000 }));
        assert_non_null(users_find(&u, second, (Mono){ 1000 }));
}

/* A program that begins one with each request takes nobody else's. */
static void test_sessions_of_many(void **state)
{
        const ConsoleUser ada = { .name = "ada" }, bob = { .name = "bob" }, scraper = { .name = "scraper" };
        const ConsoleConfig config = { .session_us = 1000000000 };
        char adas[USERS_ID_MAX], bobs[USERS_ID_MAX];
        static Users u;

        (void)state;
        users_init(&u, &config);
        memcpy(adas, users_begin(&u, &ada, (Mono){ 1 })->id, sizeof(adas));
        for (int i = 0; i < 3 * USERS_SESSIONS; i++) {
                if (i == 2 * USERS_SESSIONS)
                        memcpy(bobs, users_begin(&u, &bob, (Mono){ 2 + i })->id, sizeof(bobs));
                users_begin(&u, &scraper, (Mono){ 2 + i });
        }
        assert_non_null(users_find(&u, adas, (Mono){ 10000 }));
        assert_non_null(users_find(&u, bobs, (Mono){ 10000 }));
        /* And who has ended is nobody's. */
        assert_null(users_find(&u, adas, (Mono){ 1000000001 }));
        assert_string_equal(users_begin(&u, &bob, (Mono){ 1000000002 })->name, "bob");
}

static void test_forms(void **state)
{
        static const char *const wrong[] = { "a=%", "a=%4", "a=%zz", "a=%00", "a=%ff", "%c3=x" };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const AskField *fields;
        char many[512] = "";
        size_t n;

        (void)state;
        assert_true(ask_parse(a, "q=Ada+Lovelace&ou=OU%3DSales%2CDC%3Dx&&empty=&flag&q=%C3%A9", &fields, &n));
        assert_int_equal(n, 5);
        assert_string_equal(ask_field(&(Ask){ .fields = fields, .n_fields = n }, "q"), "é");
        assert_string_equal(fields[0].value, "Ada Lovelace");
        assert_string_equal(fields[1].value, "OU=Sales,DC=x");
        assert_string_equal(ask_field(&(Ask){ .fields = fields, .n_fields = n }, "flag"), "");
        assert_string_equal(ask_field(&(Ask){ .fields = fields, .n_fields = n }, "nothing"), "");
        assert_true(ask_parse(a, "", &fields, &n));
        assert_int_equal(n, 0);
        for (size_t i = 0; i < N_ELEMENTS(wrong); i++)
                assert_false(ask_parse(a, wrong[i], &fields, &n));
        for (int i = 0; i <= ASK_FIELDS_MAX; i++)
                strcat(many, "a=b&");
        assert_false(ask_parse(a, many, &fields, &n));
}

static void test_listen(void **state)
{
        char host[256];
        unsigned port;

        (void)state;
        assert_true(console_parse_listen("127.0.0.1:8065", host, sizeof(host), &port));
        assert_string_equal(host, "127.0.0.1");
        assert_int_equal(port, 8065);
        assert_true(console_parse_listen("[::1]:0", host, sizeof(host), &port));
        assert_string_equal(host, "::1");
        assert_true(console_is_loopback("127.9.9.9") && console_is_loopback("::1") &&
                    console_is_loopback("localhost"));
        assert_false(console_is_loopback("127.0.0.1.evil.test") || console_is_loopback("::2"));
        assert_false(console_parse_listen("::1:80", host, sizeof(host), &port));
        assert_false(console_parse_listen("8065", host, sizeof(host), &port));
        assert_false(console_parse_listen("x:99999", host, sizeof(host), &port));
        assert_false(console_parse_listen(":80", host, sizeof(host), &port));
}

static void expect_finding(const char *text, const char *finding)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const ConfigDoc *doc = NULL;
        ConsoleConfig config = { 0 };
        Diag diag = DIAG_INIT;

        if (config_read_text("c.yaml", text, strlen(text), console_fields, NULL, a, &config, &doc, &diag))
                fail_msg("%s: %s", text, diag_text(&diag));
        console_check(&config, doc, "console", &diag);
        if (!diag_any(&diag) || !strstr(diag_text(&diag), finding))
                fail_msg("%s: %s", text, diag_text(&diag));
        diag_deinit(&diag);
}

static void test_config(void **state)
{
        (void)state;
        expect_finding("listen: nonsense\ntoken_file: /nowhere\n", "is not an address and a port");
        expect_finding("listen: 0.0.0.0:80\ntoken_file: /nowhere\n", "tls is expected");
        expect_finding("listen: 127.0.0.1:80\n", "nobody could sign in");
        expect_finding("listen: 127.0.0.1:80\ntoken_file: /nowhere\n", "/nowhere");
        expect_finding("listen: 127.0.0.1:80\npath: sosync/\ntoken_file: /nowhere\n",
                       "is not a path as /sosync");
        expect_finding("listen: 127.0.0.1:80\nusers: [{name: a}]\n", "cannot sign in");
        expect_finding("listen: 127.0.0.1:80\nusers: [{name: a}]\nproxy: {header: X-User}\n",
                       "belong together");
        expect_finding(
                "listen: 127.0.0.1:80\nusers: [{name: a}]\nproxy: {header: X-User, from: [localhost]}\n",
                "is not an IP address");
        expect_finding(
                "listen: 127.0.0.1:80\nusers: [{name: a}, {name: a}]\nproxy: {header: X, from: [\"::1\"]}\n",
                "is there already");
}

/* A queue of so many rows, of which the last are parked. */
typedef struct LongQueue {
        Queue queue; /* first */
        size_t n, n_parked;
} LongQueue;

static int long_list(Queue *queue, const ObjectKey *after, size_t max, Arena *a, QueueItem **ret_items,
                     size_t *ret_n)
{
        LongQueue *q = (LongQueue *)queue;
        QueueItem *items = arena_new_array(a, QueueItem, max);
        uint32_t k = 0;
        size_t n;

        if (after) {
                memcpy(&k, after->id.bytes, sizeof(k));
                k++;
        }
        for (n = 0; n < max && k < q->n; n++, k++) {
                items[n] = (QueueItem){ .state = k >= q->n - q->n_parked ? QUEUE_PARKED : QUEUE_READY,
                                        .reason = "AmbiguousJoin",
                                        .change.dn = "CN=x" };
                memcpy(items[n].change.id.bytes, &k, sizeof(k));
        }
        *ret_items = items;
        *ret_n = n;
        return 0;
}

static int long_stats(Queue *queue, Wall now, QueueStats *ret_stats)
{
        const LongQueue *q = (const LongQueue *)queue;

        *ret_stats = (QueueStats){ 0 };
        ret_stats->n[LANE_NORMAL][QUEUE_READY] = q->n - q->n_parked;
        ret_stats->n[LANE_NORMAL][QUEUE_PARKED] = q->n_parked;
        return 0;
}

static void no_vitals(void *context, Arena *a, Vitals *ret)
{
        *ret = (Vitals){ 0 };
}

static void assert_parked(size_t n, size_t n_parked, const char *said, const char *not_said)
{
        static const ConsoleOps console = { .vitals = no_vitals };
        static const QueueOps ops = { .list = long_list, .stats = long_stats };
        LongQueue queue = { .queue = { &ops }, .n = n, .n_parked = n_parked };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const ConsoleConfig config = { .path = "" };
        ReportStore *_Atomic store = NULL;
        ConsoleOptions options = {
                .config = &config, .ops = &console, .queue = &queue.queue, .store = &store
        };
        Ask q = { .console = &options,
                  .arena = a,
                  .prefix = "",
                  .now = { 2 },
                  .user = "ada",
                  .role = CONSOLE_OPERATE,
                  .csrf = "c" };

        str_init(&q.answer.body, CONSOLE_PAGE_MAX);
        page_parked(&q);
        if (!strstr(q.answer.body.data, said) || strstr(q.answer.body.data, not_said))
                fail_msg("%s, not %s: %s", said, not_said, strstr(q.answer.body.data, "<main"));
        str_deinit(&q.answer.body);
}

/* What has not been looked at is not "nothing", and "all" are all. */
static void test_parked(void **state)
{
        (void)state;
        assert_parked(0, 0, "Nothing is parked", "Try");
        assert_parked(300000, 0, "Nothing is parked", "queue is long");
        assert_parked(100000, 3, "Try all again", "queue list");
        assert_parked(1000, 200, "Try all again", "queue list");
        assert_parked(250000, 3,
                      "3 changes are parked. The queue is long: of its first 200000 changes, 0 are parked.",
                      "Nothing is parked");
        assert_parked(250000, 3, "<code>sosync queue list --state parked</code>", "Try");
        assert_parked(200200, 201, "of its first 200000 changes, 1 is parked.", "Try all");
        assert_parked(1000, 201, "201 changes are parked. These are the first 200 of the queue.", "Try all");
        assert_parked(1000, 201, "Try these again", "Nothing is parked");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_users),         cmocka_unit_test(test_guesses),
                cmocka_unit_test(test_many_sessions), cmocka_unit_test(test_sessions_of_many),
                cmocka_unit_test(test_forms),         cmocka_unit_test(test_listen),
                cmocka_unit_test(test_config),        cmocka_unit_test(test_parked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
