/* SPDX-License-Identifier: Apache-2.0 */

/* The contract of a target: the same body for target-mem and target-graph. */

#include "engine/target/test-peer.h"

#include "base/str.h"
#include "engine/target/schema.h"

#include <string.h>

static const char *text_of(const PeerSink *s, const char *attribute)
{
        return object_text(s->object.object, attribute);
}

static void test_create_and_find(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");
        PeerSink by_id = { 0 }, by_anchor = { 0 }, by_upn = { 0 }, none = { 0 };

        assert_end(p, peer_fetch_id(p, "user", &id, &by_id), 0);
        assert_true(guid_is(&by_id.object.object->id, &id));
        assert_string_equal(text_of(&by_id, "displayName"), "ada");
        assert_string_equal(text_of(&by_id, "alias"), "ada");
        assert_string_equal(text_of(&by_id, "sourceAnchor"), "anchor-ada==");
        assert_true(object_get(by_id.object.object, "accountEnabled").b);
        assert_false(by_id.object.mastered_elsewhere);
        assert_true(guid_is_zero(&by_id.manager));
        assert_end(p, peer_fetch(p, "user", MATCH_ANCHOR, "anchor-ada==", &by_anchor), 0);
        assert_true(guid_is(&by_anchor.object.object->id, &id));
        assert_end(p, peer_fetch(p, "user", MATCH_UPN, "Ada@corp.contoso.test", &by_upn), 0);
        assert_true(guid_is(&by_upn.object.object->id, &id));

        assert_end(p, peer_fetch(p, "user", MATCH_ANCHOR, "nobody", &none), TARGET_E_NOT_FOUND);
        assert_end(p, peer_fetch(p, "user", MATCH_UPN, "nobody@corp.contoso.test", &none),
                   TARGET_E_NOT_FOUND);
        assert_end(p, peer_fetch(p, "user", MATCH_UPN, "$odd' name/#?@corp.contoso.test", &none),
                   TARGET_E_NOT_FOUND);
        assert_end(p, peer_fetch(p, "user", MATCH_ID, "00000000-0000-0000-0000-000000000001", &none),
                   TARGET_E_NOT_FOUND);
        assert_end(p, peer_fetch(p, "user", MATCH_ID, "not an id", &none), TARGET_E_NOT_FOUND);
        assert_end(p, peer_fetch(p, "user", MATCH_MAIL, "o'neil@corp.contoso.test", &none),
                   TARGET_E_NOT_FOUND);
        assert_end(p, peer_fetch(p, "group", MATCH_ANCHOR, "o'neil's", &none), TARGET_E_NOT_FOUND);
        assert_false(none.found);
}

static void test_sink_stops(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");
        PeerSink sink = { .stop = true };

        assert_end(p, peer_fetch_id(p, "user", &id, &sink), 0);
        assert_true(sink.found);
}

static void test_update(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");
        Op ops[] = {
                op_set("user", &id, "title", "  Countess "),
                op_set("user", &id, "telephoneNumber", "+44 1"),
                op_set("user", &id, "extensionAttribute3", "three"),
                op_set("user", &id, "mail", "ada@corp.contoso.test"),
                op_set("user", &id, "proxyAddresses", "smtp:other@corp.contoso.test"),
                op_set("user", &id, "homePhone", "+44 2"),
        };
        Op unset[] = {
                op_unset("user", &id, "title"),
                op_unset("user", &id, "telephoneNumber"),
                op_unset("user", &id, "extensionAttribute3"),
                op_set("user", &id, "surname", "Lovelace"),
                op_unset("user", &id, "alias"),
        };
        OpResult results[N_ELEMENTS(ops)];
        PeerSink before = { 0 }, after = { 0 }, by_mail = { 0 };

        assert_end(p, peer_apply(p, ops, N_ELEMENTS(ops), results), 0);
        for (size_t i = 0; i < 4; ++i)
                assert_int_equal(results[i].state, OP_DONE);
        for (size_t i = 4; i < 6; ++i) {
                assert_int_equal(results[i].state, OP_NOT_WRITABLE);
                assert_string_equal(results[i].code, "NotWritableThroughGraph");
                assert_non_null(results[i].reason);
        }
        assert_int_equal(p->call.n_writes, 1);
        assert_end(p, peer_fetch_id(p, "user", &id, &before), 0);
        assert_true(target_value_is(target_attribute(NULL, "user", "title"), value_string("Countess"),
                                    object_get(before.object.object, "title")));
        assert_string_equal(text_of(&before, "telephoneNumber"), "+44 1");
        assert_string_equal(text_of(&before, "extensionAttribute3"), "three");
        assert_end(p, peer_fetch(p, "user", MATCH_MAIL, "ADA@corp.contoso.test", &by_mail), 0);
        assert_true(guid_is(&by_mail.object.object->id, &id));

        assert_end(p, peer_apply(p, unset, N_ELEMENTS(unset), results), 0);
        assert_int_equal(p->call.n_writes, 1);
        assert_int_equal(results[4].state, OP_NOT_WRITABLE); /* required: it cannot be cleared */
        assert_end(p, peer_fetch_id(p, "user", &id, &after), 0);
        assert_null(text_of(&after, "title"));
        assert_null(text_of(&after, "telephoneNumber"));
        assert_null(text_of(&after, "extensionAttribute3"));
        assert_string_equal(text_of(&after, "surname"), "Lovelace");
}

/* What lives in another service goes in a request of its own, with a create too; and is read by the id. */
static void test_services(void **state)
{
        Peer *p = *state;
        ObjectId none = { 0 };
        static const char *const names[] = { "title", "aboutMe", "skills", "birthday" };
        const Value skills = value_list((Value[]){ value_string("algebra"), value_string("flight") }, 2);
        Op create[] = {
                op_create("user", "anchor-ada=="),
                op_set("user", &none, "userPrincipalName", "ada@corp.contoso.test"),
                op_set("user", &none, "aboutMe", "First of her kind"),
                op_set("user", &none, "displayName", "ada"),
                op_set("user", &none, "alias", "ada"),
                op_set_bool("user", &none, "accountEnabled", true),
                op_set("user", &none, "birthday", "1815-12-10T00:00:00Z"),
        };
        OpResult results[N_ELEMENTS(create)];
        PeerSink by_anchor = { 0 }, by_id = { 0 };
        ObjectId id;

        create[6].value = value_time(INT64_C(67827456000000000)); /* a FILETIME */
        assert_end(p, peer_apply(p, create, N_ELEMENTS(create), results), 0);
        assert_int_equal(p->call.n_writes, 2);
        id = results[0].id;
        Op update[] = {
                op_set("user", &id, "skills", NULL),
                op_set("user", &id, "title", "Countess"),
                op_unset("user", &id, "aboutMe"),
        };

        update[0].value = skills;
        assert_end(p, peer_apply(p, update, N_ELEMENTS(update), results), 0);
        assert_int_equal(p->call.n_writes, 2);
        assert_end(p,
                   peer_fetch_names(p, "user", MATCH_ANCHOR, "anchor-ada==", names, N_ELEMENTS(names),
                                    &by_anchor),
                   0);
        assert_end(p,
                   peer_fetch_names(p, "user", MATCH_ID, peer_id(p, &id), names, N_ELEMENTS(names), &by_id),
                   0);
        for (PeerSink *s = &by_anchor; s; s = s == &by_anchor ? &by_id : NULL) {
                const Object *o = s->object.object;

                assert_string_equal(object_text(o, "title"), "Countess");
                assert_null(object_text(o, "aboutMe"));
                assert_true(target_value_is(target_attribute(NULL, "user", "skills"), skills,
                                            object_get(o, "skills")));
                assert_true(target_value_is(target_attribute(NULL, "user", "birthday"), create[6].value,
                                            object_get(o, "birthday")));
        }
}

static void test_manager(void **state)
{
        Peer *p = *state;
        ObjectId ada = peer_create_user(p, "ada"), boss = peer_create_user(p, "boss"), nobody;
        Op set = op_link("user", &ada, "manager", &boss), clear = op_unlink("user", &ada, "manager", &boss),
           missing;
        PeerSink with = { 0 }, without = { 0 };
        OpResult result;

        guid_random(&nobody);
        missing = op_link("user", &ada, "manager", &nobody);
        assert_end(p, peer_apply(p, &set, 1, &result), 0);
        assert_int_equal(result.state, OP_DONE);
        assert_end(p, peer_fetch_id(p, "user", &ada, &with), 0);
        assert_true(guid_is(&with.manager, &boss));
        assert_end(p, peer_apply(p, &missing, 1, &result), 0);
        assert_int_equal(result.state, OP_REFERENCE_MISSING);
        assert_string_equal(result.code, "ReferenceNotFound");
        assert_end(p, peer_apply(p, &clear, 1, &result), 0);
        assert_int_equal(result.state, OP_DONE);
        assert_end(p, peer_apply(p, &clear, 1, &result), 0);
        assert_int_equal(result.state, OP_UNCHANGED);
        assert_end(p, peer_fetch_id(p, "user", &ada, &without), 0);
        assert_true(guid_is_zero(&without.manager));
}

/* The old one goes and the new one comes, in whatever order the plan names them; one write. */
static void test_manager_replaced(void **state)
{
        Peer *p = *state;
        ObjectId ada = peer_create_user(p, "ada"), old = peer_create_user(p, "old"),
                 new = peer_create_user(p, "new"), nobody;
        Op set = op_link("user", &ada, "manager", &old);
        Op both[2];
        OpResult results[2];

        guid_random(&nobody);
        for (size_t i = 0; i < 3; ++i) {
                PeerSink sink = { 0 };

                assert_end(p, peer_apply(p, &set, 1, results), 0);
                both[i % 2] = op_unlink("user", &ada, "manager", &old);
                both[1 - i % 2] = op_link("user", &ada, "manager", i == 2 ? &nobody : &new);
                assert_end(p, peer_apply(p, both, 2, results), 0);
                assert_int_equal(results[i % 2].state, OP_DONE);
                assert_int_equal(results[1 - i % 2].state, i == 2 ? OP_REFERENCE_MISSING : OP_DONE);
                assert_int_equal(p->call.n_writes, i == 2 ? 2 : 1);
                assert_end(p, peer_fetch_id(p, "user", &ada, &sink), 0);
                assert_true(i == 2 ? guid_is_zero(&sink.manager) : guid_is(&sink.manager, &new));
        }
}

static void test_create_with_links(void **state)
{
        Peer *p = *state;
        ObjectId boss = peer_create_user(p, "boss"), id;
        Op ops[] = {
                op_create("user", "anchor-ada=="),
                op_set("user", NULL, "userPrincipalName", "ada@corp.contoso.test"),
                op_set("user", NULL, "displayName", "ada"),
                op_set("user", NULL, "alias", "ada"),
                op_set_bool("user", NULL, "accountEnabled", true),
                op_link("user", NULL, "manager", &boss),
                op_set("user", NULL, "extensionAttribute3", "x"),
        };
        OpResult results[N_ELEMENTS(ops)];
        PeerSink sink = { 0 };

        assert_end(p, peer_apply(p, ops, N_ELEMENTS(ops), results), 0);
        for (size_t i = 0; i < N_ELEMENTS(ops); ++i)
                assert_int_equal(results[i].state, OP_DONE);
        assert_int_equal(p->call.n_writes, 2);
        id = results[0].id;
        assert_end(p, peer_fetch_id(p, "user", &id, &sink), 0);
        assert_true(guid_is(&sink.manager, &boss));
        assert_string_equal(text_of(&sink, "extensionAttribute3"), "x");
}

static void test_conflict(void **state)
{
        Peer *p = *state;
        ObjectId ada = peer_create_user(p, "ada"), eve = peer_create_user(p, "eve");
        Op create[] = {
                op_create("user", "another-anchor"),
                op_set("user", NULL, "userPrincipalName", "ada@corp.contoso.test"),
                op_set("user", NULL, "displayName", "ada"),
                op_set("user", NULL, "alias", "ada"),
                op_set_bool("user", NULL, "accountEnabled", true),
                op_link("user", NULL, "manager", &ada),
        };
        Op update[] = {
                op_set("user", &eve, "title", "Spy"),
                op_set("user", &eve, "userPrincipalName", "ada@corp.contoso.test"),
                op_set_bool("user", &eve, "accountEnabled", false),
                op_link("user", &eve, "manager", &ada),
        };
        OpResult results[N_ELEMENTS(create)];
        PeerSink sink = { 0 };

        assert_end(p, peer_apply(p, create, N_ELEMENTS(create), results), TARGET_E_REJECTED);
        assert_int_equal(results[0].state, OP_CONFLICT);
        assert_string_equal(results[0].code, "AttributeValueMustBeUnique");
        assert_string_equal(results[0].conflict_id, peer_id(p, &ada));
        assert_int_equal(results[1].state, OP_CONFLICT);
        assert_int_equal(results[5].state, OP_NOT_SENT); /* nothing follows a create that failed */

        /* A bad user name must not keep the account on, nor the title from changing. */
        assert_end(p, peer_apply(p, update, N_ELEMENTS(update), results), TARGET_E_REJECTED);
        assert_int_equal(results[0].state, OP_DONE);
        assert_int_equal(results[1].state, OP_CONFLICT);
        assert_int_equal(results[2].state, OP_DONE);
        assert_int_equal(results[3].state, OP_DONE); /* a rejected request does not stop the others */
        assert_end(p, peer_fetch_id(p, "user", &eve, &sink), 0);
        assert_false(object_get(sink.object.object, "accountEnabled").b);
        assert_string_equal(text_of(&sink, "title"), "Spy");
        assert_true(guid_is(&sink.manager, &ada));
}

static void test_create_checks(void **state)
{
        Peer *p = *state;
        Op incomplete[] = { op_create("user", "a"), op_set("user", NULL, "displayName", "x") };
        Op longer[] = {
                op_create("user", "a"),
                op_set("user", NULL, "userPrincipalName", "ada@corp.contoso.test"),
                op_set("user", NULL, "displayName", "ada"),
                op_set("user", NULL, "alias", "ada"),
                op_set_bool("user", NULL, "accountEnabled", true),
                op_set("user", NULL, "usageLocation", "Germany"),
        };
        OpResult results[N_ELEMENTS(longer)];

        assert_end(p, peer_apply(p, incomplete, N_ELEMENTS(incomplete), results), TARGET_E_REJECTED);
        assert_int_equal(results[0].state, OP_FAILED);
        assert_string_equal(results[0].code, "DataValidationFailed");
        assert_int_equal(p->call.n_writes, 0);
        /* A value that cannot be sent does not keep the object from being created. */
        assert_int_equal(peer_apply(p, longer, N_ELEMENTS(longer), results), TARGET_E_REJECTED);
        assert_int_equal(results[5].state, OP_FAILED);
        assert_string_equal(results[5].code, "DataValidationFailed");
        assert_non_null(strstr(results[5].reason, "country code"));
}

static void test_revoke(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");
        Op ops[] = {
                op_set_bool("user", &id, "accountEnabled", false),
                { .kind = OP_REVOKE_SESSIONS, .type = "user", .id = id },
        };
        OpResult results[2];

        assert_end(p, peer_apply(p, ops, 2, results), 0);
        assert_int_equal(results[0].state, OP_DONE);
        assert_int_equal(results[1].state, OP_DONE);
        assert_true(p->call.first_write.us > 0);
        assert_true(p->call.last_write.us >= p->call.first_write.us);
}

static void test_info(void **state)
{
        Peer *p = *state;
        TargetInfo info;

        assert_end(p, target_info(p->target, peer_call(p), &info, &p->diag), 0);
        assert_string_equal(info.name, "Microsoft Entra ID");
        assert_string_equal(info.tenant_id, "11111111-2222-3333-4444-555555555555");
        assert_non_null(info.tenant_name);
        assert_non_null(info.initial_domain);
        assert_false(info.on_premises_sync);
        assert_end(p, target_info(p->target, peer_call(p), &info, &p->diag), 0);
}

static void test_stop(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");
        Op op = op_set("user", &id, "title", "x");
        PeerSink sink = { 0 };
        OpResult result;

        target_stop(p->target, TARGET_STOP_ALL);
        assert_end(p, peer_fetch_id(p, "user", &id, &sink), TARGET_E_TRANSIENT);
        assert_end(p, peer_apply(p, &op, 1, &result), TARGET_E_TRANSIENT);
        assert_int_equal(result.state, OP_NOT_SENT);
}

static void test_take(void **state)
{
        Peer *p = *state;
        Mono now = clock_mono(&clock_system);

        assert_int_equal(target_take(p->target, LANE_NORMAL, now), 0);
        target_give_back(p->target, LANE_NORMAL, now);
}

/* Whoever cannot prove who he is gets no token. */
static void test_verification(void **state)
{
        Peer *p = *state;
        PeerSink sink = { 0 };

        if (!peer_tls)
                return;
        p->options.ca_file = NULL; /* the system's authorities do not know this one */
        peer_restart(p, false);
        assert_end(p, peer_fetch(p, "user", MATCH_ANCHOR, "x", &sink), TARGET_E_UNREACHABLE);
        assert_non_null(strstr(diag_text(&p->diag), "certificate"));
        p->options.ca_file = peer_ca_file;
        snprintf(p->login, sizeof(p->login), "https://localhost:%s", strrchr(peer_tls, ':') + 1);
        peer_restart(p, false);
        assert_end(p, peer_fetch(p, "user", MATCH_ANCHOR, "x", &sink), TARGET_E_UNREACHABLE);
        assert_non_null(strstr(diag_text(&p->diag), "localhost"));
        snprintf(p->login, sizeof(p->login), "%s", peer_tls);
        peer_restart(p, false);
        assert_end(p, peer_fetch(p, "user", MATCH_ANCHOR, "x", &sink), TARGET_E_NOT_FOUND);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, peer_setup, peer_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_create_and_find),
                TEST(test_sink_stops),
                TEST(test_update),
                TEST(test_services),
                TEST(test_manager),
                TEST(test_manager_replaced),
                TEST(test_create_with_links),
                TEST(test_conflict),
                TEST(test_create_checks),
                TEST(test_revoke),
                TEST(test_info),
                TEST(test_stop),
                TEST(test_take),
                TEST(test_verification),
        };

        if (argc > 2) {
                peer_admin = argv[1];
                peer_secret_file = argv[2];
        }
        if (argc > 4) {
                peer_tls = argv[3];
                peer_ca_file = argv[4];
        }
        return cmocka_run_group_tests_name(peer_admin ? "target-graph" : "target-mem", tests, NULL, NULL);
}
