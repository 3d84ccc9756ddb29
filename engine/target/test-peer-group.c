/* SPDX-License-Identifier: Apache-2.0 */

/* The contract of a target, groups and their members: the same body for target-mem and target-graph. */

#include "engine/target/test-peer.h"

#include "base/str.h"

#include <string.h>

#define MANY 45

static const char *text_of(const PeerSink *s, const char *attribute)
{
        return object_text(s->object.object, attribute);
}

static void test_group(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_group(p, "pilots"), again = peer_create_group(p, "pilots");
        Op ops[] = { op_set("group", &id, "description", "who flies"),
                     op_set_bool("group", &id, "mailEnabled", true) };
        OpResult results[N_ELEMENTS(ops)];
        PeerSink sink = { 0 };

        /* Created twice by the same anchor: one group. */
        assert_true(guid_is(&id, &again));
        assert_end(p, peer_apply(p, ops, N_ELEMENTS(ops), results), 0);
        assert_int_equal(results[0].state, OP_DONE);
        assert_int_equal(results[1].state, OP_NOT_WRITABLE);
        assert_end(p, peer_fetch(p, "group", MATCH_ANCHOR, "anchor-pilots==", &sink), 0);
        assert_true(guid_is(&sink.object.object->id, &id));
        assert_string_equal(text_of(&sink, "description"), "who flies");
        assert_int_equal(sink.n_members, 0);
}

static void test_members(void **state)
{
        Peer *p = *state;
        ObjectId group = peer_create_group(p, "pilots"), users[MANY], nobody;
        Op ops[MANY + 1];
        OpResult results[MANY + 1];
        PeerSink full = { 0 }, empty = { 0 };

        for (size_t i = 0; i < MANY; ++i)
                users[i] = peer_create_user(p, arena_printf(p->arena, "u%zu", i));
        for (size_t i = 0; i < 2; ++i)
                ops[i] = op_link("group", &group, "member", &users[20 * i + 3]);
        assert_end(p, peer_apply(p, ops, 2, results), 0);

        /* Two are there already, one is nowhere: the others arrive all the same. */
        guid_random(&nobody);
        for (size_t i = 0; i < MANY; ++i)
                ops[i] = op_link("group", &group, "member", &users[i]);
        ops[MANY] = ops[10];
        ops[10] = op_link("group", &group, "member", &nobody);
        assert_end(p, peer_apply(p, ops, MANY + 1, results), 0);
        for (size_t i = 0; i < MANY + 1; ++i) {
                OpState expected = i == 3 || i == 23 ? OP_UNCHANGED
                                   : i == 10         ? OP_REFERENCE_MISSING
                                                     : OP_DONE;

                if (results[i].state != expected)
                        fail_msg("%zu: %d instead of %d: %s", i, results[i].state, expected,
                                 results[i].reason);
        }
        assert_string_equal(results[10].code, "ReferenceNotFound");
        assert_end(p, peer_fetch_id(p, "group", &group, &full), 0);
        assert_int_equal(full.n_members, MANY);

        for (size_t i = 0; i < MANY; ++i)
                ops[i] = op_unlink("group", &group, "member", &users[i]);
        ops[MANY] = op_unlink("group", &group, "member", &nobody);
        assert_end(p, peer_apply(p, ops, MANY + 1, results), 0);
        for (size_t i = 0; i < MANY; ++i)
                assert_int_equal(results[i].state, OP_DONE);
        assert_int_equal(results[MANY].state, OP_UNCHANGED);
        assert_end(p, peer_fetch_id(p, "group", &group, &empty), 0);
        assert_int_equal(empty.n_members, 0);
        /* The members themselves are still there. */
        for (size_t i = 0; i < MANY; ++i) {
                PeerSink user = { 0 };

                assert_end(p, peer_fetch_id(p, "user", &users[i], &user), 0);
        }
}

static void test_gone(void **state)
{
        Peer *p = *state;
        ObjectId id, user = peer_create_user(p, "ada");
        Op set, link;
        OpResult result;

        guid_random(&id);
        set = op_set("user", &id, "title", "x");
        link = op_link("group", &id, "member", &user);
        assert_end(p, peer_apply(p, &set, 1, &result), TARGET_E_REJECTED);
        assert_int_equal(result.state, OP_FAILED);
        assert_string_equal(result.code, "ObjectNotFound");
        assert_end(p, peer_apply(p, &link, 1, &result), TARGET_E_REJECTED);
        assert_string_equal(result.code, "ObjectNotFound");
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, peer_setup, peer_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_group),
                TEST(test_members),
                TEST(test_gone),
        };

        if (argc > 2) {
                peer_admin = argv[1];
                peer_secret_file = argv[2];
        }
        if (argc > 4) {
                peer_tls = argv[3];
                peer_ca_file = argv[4];
        }
        return cmocka_run_group_tests_name(peer_admin ? "target-graph groups" : "target-mem groups", tests,
                                           NULL, NULL);
}
