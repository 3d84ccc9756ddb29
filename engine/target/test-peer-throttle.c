/* SPDX-License-Identifier: Apache-2.0 */

/* target-graph is told to wait: in every form, for exactly so long, only the scope, and nothing leaves
 * meanwhile. */

#include "engine/target/test-peer.h"

#include "base/str.h"

#include <string.h>

static OpResult last;

static int set_title(Peer *p, const ObjectId *id)
{
        Op op = op_set("user", id, "title", "x");

        return peer_apply(p, &op, 1, &last);
}

static int fetch(Peer *p, const ObjectId *id)
{
        PeerSink sink = { 0 };

        return peer_fetch_id(p, "user", id, &sink);
}

static void no_faults(void)
{
        json_decref(peer_admin_call("DELETE", "/faults", NULL));
}

/* A 429 in every form: held for exactly so long, only the scope, and nothing leaves meanwhile. */
static void throttle(Peer *p, const char *retry_after, int64_t least_us, int64_t most_us)
{
        ObjectId id = peer_create_user(p, "ada");
        int64_t wait;

        peer_fault(arena_printf(p->arena,
                                "{\"method\":\"PATCH\",\"count\":1,\"action\":{\"status\":429%s%s}}",
                                retry_after ? ",\"retry_after\":" : "", retry_after ? retry_after : ""));
        assert_end(p, set_title(p, &id), TARGET_E_THROTTLED);
        assert_int_equal(last.state, OP_NOT_SENT);
        assert_int_equal(last.http_status, 429);
        assert_string_equal(last.code, "Throttled");
        wait = p->call.retry_at.us - clock_mono(&clock_system).us;
        assert_in_range(wait, least_us, most_us);
        assert_end(p, set_title(p, &id), TARGET_E_THROTTLED);
        assert_int_equal(last.http_status, 0);
        assert_in_range(target_take(p->target, LANE_URGENT, clock_mono(&clock_system)), 1, most_us);
        assert_end(p, fetch(p, &id), 0); /* reads have limits of their own */
        assert_int_equal(peer_count_requests(p, "PATCH", "/users/", false), 1);
        assert_int_equal(peer_hold_violations(), 0);
}

static void test_429_seconds(void **state)
{
        throttle(*state, "30", 28000000, 30000000);
}

static void test_429_fraction(void **state)
{
        throttle(*state, "\"12.128\"", 11000000, 12128000);
}

static void test_429_date(void **state)
{
        throttle(*state, "\"date:60\"", 58000000, 61000000);
}

static void test_429_without(void **state)
{
        throttle(*state, NULL, 298000000, 300000000);
}

static void test_429_nonsense(void **state)
{
        throttle(*state, "\"soon\"", 298000000, 300000000);
}

/* A short hold is sat out in place; the write arrives once. */
static void test_429_retried(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");

        peer_restart(p, true);
        peer_fault("{\"method\":\"PATCH\",\"count\":2,\"action\":{\"status\":429,\"retry_after\":\"0.2\"}}");
        assert_end(p, set_title(p, &id), 0);
        assert_int_equal(last.state, OP_DONE);
        assert_int_equal(peer_count_requests(p, "PATCH", "/users/", false), 3);
        assert_int_equal(peer_hold_violations(), 0);
}

/* One that waits shortly in the queue of the HTTP thread leaves when the hold has ended. */
static void test_429_waits_in_place(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");

        peer_fault("{\"method\":\"PATCH\",\"count\":1,\"action\":{\"status\":429,\"retry_after\":\"0.3\"}}");
        assert_end(p, set_title(p, &id), TARGET_E_THROTTLED);
        assert_end(p, set_title(p, &id), 0);
        assert_int_equal(peer_hold_violations(), 0);
}

/* In the middle of a long list the service wants a pause: what is done is done, the rest is not sent. */
static void test_throttled_in_the_middle(void **state)
{
        Peer *p = *state;
        ObjectId group = peer_create_group(p, "g");
        size_t n_done = 0, n_not_sent = 0;
        PeerSink sink = { 0 };
        OpResult results[200];
        Op ops[200];

        for (size_t i = 0; i < 200; ++i) {
                ObjectId user = peer_create_user(p, arena_printf(p->arena, "u%zu", i));

                ops[i] = op_link("group", &group, "member", &user);
        }
        peer_fault("{\"method\":\"PATCH\",\"after\":3,\"action\":{\"status\":429,\"retry_after\":100}}");
        assert_end(p, peer_apply(p, ops, 200, results), TARGET_E_THROTTLED);
        for (size_t i = 0; i < 200; ++i) {
                n_done += results[i].state == OP_DONE;
                n_not_sent += results[i].state == OP_NOT_SENT;
        }
        assert_int_equal(n_done, 60);
        assert_int_equal(n_not_sent, 140);
        no_faults();
        assert_end(p, peer_fetch_id(p, "group", &group, &sink), 0);
        assert_int_equal(sink.n_members, 60);
        assert_int_equal(peer_hold_violations(), 0);
}

static int64_t writes_used(Peer *p)
{
        LimiterStats stats;

        limiter_stats(target_graph_limiter(p->inner), clock_mono(&clock_system), &stats);
        return stats.used[LIMITER_WRITE];
}

/* What a worker has taken before it leased its change is not charged again when the write leaves. */
static void test_charged_once(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");

        p->options.limits.published = true;
        p->options.limits.time_scale = 0.001; /* as good as standing still */
        peer_restart(p, false);
        assert_int_equal(writes_used(p), 0);
        assert_int_equal(target_take(p->target, LANE_URGENT, clock_mono(&clock_system)), 0);
        assert_in_range(writes_used(p), 990, 1000);
        assert_end(p, set_title(p, &id), 0); /* in whatever lane the change then was */
        assert_in_range(writes_used(p), 990, 1000);
        assert_end(p, set_title(p, &id), 0); /* a second write of the run pays for itself */
        assert_in_range(writes_used(p), 1990, 2000);
        assert_int_equal(target_take(p->target, LANE_NORMAL, clock_mono(&clock_system)), 0);
        target_give_back(p->target, LANE_NORMAL, clock_mono(&clock_system));
        target_give_back(p->target, LANE_NORMAL, clock_mono(&clock_system)); /* once too often: nothing */
        assert_in_range(writes_used(p), 1990, 2000);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, peer_setup, peer_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_charged_once), TEST(test_429_seconds),        TEST(test_429_fraction),
                TEST(test_429_date),     TEST(test_429_without),        TEST(test_429_nonsense),
                TEST(test_429_retried),  TEST(test_429_waits_in_place), TEST(test_throttled_in_the_middle),
        };

        if (argc < 3)
                return 77;
        peer_admin = argv[1];
        peer_secret_file = argv[2];
        return cmocka_run_group_tests_name("target-graph throttled", tests, NULL, NULL);
}
