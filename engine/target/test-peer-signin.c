/* SPDX-License-Identifier: Apache-2.0 */

/* target-graph and the sign-in service: everything that can go wrong between them. */

#include "engine/target/test-peer.h"

#include "base/str.h"

#include <string.h>
#include <sys/stat.h>

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

static int create(Peer *p, const char *name, OpResult *ret_result)
{
        Op ops[] = {
                op_create("user", arena_printf(p->arena, "anchor-%s==", name)),
                op_set("user", NULL, "userPrincipalName",
                       arena_printf(p->arena, "%s@corp.contoso.test", name)),
                op_set("user", NULL, "displayName", name),
                op_set("user", NULL, "alias", name),
                op_set_bool("user", NULL, "accountEnabled", true),
        };
        OpResult results[N_ELEMENTS(ops)];
        int r = peer_apply(p, ops, N_ELEMENTS(ops), results);

        *ret_result = results[0];
        return r;
}

static void no_faults(void)
{
        json_decref(peer_admin_call("DELETE", "/faults", NULL));
}

static size_t count_token_requests(Peer *p)
{
        return peer_count_requests(p, "POST", "/oauth2/v2.0/token", false);
}

static void test_401_in_mid_run(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");

        assert_int_equal(count_token_requests(p), 1);
        peer_fault("{\"method\":\"PATCH\",\"count\":1,\"action\":{\"status\":401,\"code\":"
                   "\"InvalidAuthenticationToken\"}}");
        assert_end(p, set_title(p, &id), 0);
        assert_int_equal(last.state, OP_DONE);
        assert_int_equal(count_token_requests(p), 2);
        assert_int_equal(peer_count_requests(p, "PATCH", "/users/", true), 1);

        peer_fault(
                "{\"method\":\"PATCH\",\"action\":{\"status\":401,\"code\":\"InvalidAuthenticationToken\"}}");
        assert_end(p, set_title(p, &id), TARGET_E_REFUSED);
        assert_int_equal(last.state, OP_NOT_SENT);
        assert_int_equal(peer_count_requests(p, "PATCH", "/users/", false), 4);
        no_faults();
}

static void test_secret(void **state)
{
        Peer *p = *state;
        ObjectId id = peer_create_user(p, "ada");

        json_decref(peer_admin_call("POST", "/app", "{\"secret\":\"another one\"}"));
        peer_restart(p, false);
        assert_end(p, fetch(p, &id), TARGET_E_REFUSED);
        assert_non_null(strstr(diag_text(&p->diag), "the client secret is wrong"));
        assert_null(strstr(diag_text(&p->diag), "a secret + with & signs"));

        json_decref(peer_admin_call("POST", "/app", "{\"secret_expired\":true}"));
        peer_restart(p, false);
        assert_end(p, set_title(p, &id), TARGET_E_REFUSED);
        assert_int_equal(last.state, OP_NOT_SENT);

        json_decref(peer_admin_call("POST", "/app",
                                    "{\"secret\":\"a secret + with & signs\",\"secret_expired\":false}"));
        assert_int_equal(chmod(p->secret_file, 0640), 0);
        peer_restart(p, false);
        assert_end(p, fetch(p, &id), TARGET_E_REFUSED);
        assert_non_null(strstr(diag_text(&p->diag), "mode 0640"));
        assert_int_equal(chmod(p->secret_file, 0600), 0);
        peer_restart(p, false);
        assert_end(p, fetch(p, &id), 0);
}

/* Credentials are tried in order: the first file is not there, the second is right. */
static void test_second_credential(void **state)
{
        Peer *p = *state;
        GraphCredential credentials[] = { { .secret_file = "/nonexistent/secret" },
                                          { .secret_file = p->secret_file } };
        ObjectId id;

        p->options.credentials = (ConfigList){ .items = credentials, .n_items = 2 };
        peer_restart(p, false);
        id = peer_create_user(p, "ada");
        assert_end(p, fetch(p, &id), 0);
        p->options.credentials = (ConfigList){ .items = &p->credential, .n_items = 1 };
        peer_restart(p, false);
}

/* The files lie beside the secret's. */
static const char *beside(Peer *p, const char *name)
{
        const char *slash = strrchr(p->secret_file, '/');

        return arena_printf(p->arena, "%.*s/%s", (int)(slash - p->secret_file), p->secret_file, name);
}

static int sign_in_with(Peer *p, const GraphCredential *c)
{
        PeerSink sink = { 0 };
        int r;

        p->options.credentials = (ConfigList){ .items = c, .n_items = 1 };
        peer_restart(p, false);
        r = peer_fetch(p, "user", MATCH_UPN, "nobody@corp.contoso.test", &sink);
        p->options.credentials = (ConfigList){ .items = &p->credential, .n_items = 1 };
        return r;
}

static void test_certificate(void **state)
{
        Peer *p = *state;
        GraphCredential c = { .certificate_file = beside(p, "client.pem"),
                              .key_file = beside(p, "client.key"),
                              .passphrase_file = beside(p, "client.passphrase") };
        GraphCredential p12 = { .certificate_file = beside(p, "client.p12"),
                                .passphrase_file = c.passphrase_file };

        assert_end(p, sign_in_with(p, &c), TARGET_E_NOT_FOUND);
        c.algorithm = 1;
        assert_end(p, sign_in_with(p, &c), TARGET_E_NOT_FOUND);
        assert_end(p, sign_in_with(p, &p12), TARGET_E_NOT_FOUND);
        c.certificate_file = beside(p, "other.pem");
        assert_end(p, sign_in_with(p, &c), TARGET_E_REFUSED);
        assert_non_null(strstr(diag_text(&p->diag), "the certificate is not the one that was registered"));
        p12.passphrase_file = p->secret_file;
        assert_end(p, sign_in_with(p, &p12), TARGET_E_REFUSED);
        assert_non_null(strstr(diag_text(&p->diag), "does not open"));
        assert_null(strstr(diag_text(&p->diag), "correct horse"));
        peer_restart(p, false);
}

static void test_federated_token(void **state)
{
        Peer *p = *state;
        GraphCredential c = { .federated_token_file = beside(p, "client.token") };

        assert_end(p, sign_in_with(p, &c), TARGET_E_NOT_FOUND);
        c.federated_token_file = p->secret_file;
        assert_end(p, sign_in_with(p, &c), TARGET_E_REFUSED);
        assert_non_null(strstr(diag_text(&p->diag), "holds no token"));
        peer_restart(p, false);
}

static void test_token_faults(void **state)
{
        static const struct {
                const char *action;
                int end;
        } cases[] = {
                { "{\"status\":503}", TARGET_E_TRANSIENT },
                { "{\"status\":429,\"retry_after\":1}", TARGET_E_TRANSIENT },
                { "{\"reset\":\"before\"}", TARGET_E_TRANSIENT },
                { "{\"reset\":\"after\"}", TARGET_E_TRANSIENT },
                { "{\"html\":true}", TARGET_E_GARBAGE },
                { "{\"garbage\":true}", TARGET_E_GARBAGE },
                { "{\"status\":200,\"body\":\"{\\\"access_token\\\":\\\"a\\\\r\\\\nX: "
                  "y\\\",\\\"token_type\\\":\\\"Bearer\\\","
                  "\\\"expires_in\\\":3599}\"}",
                  TARGET_E_GARBAGE },
        };
        Peer *p = *state;
        PeerSink sink = { 0 };

        for (size_t i = 0; i < N_ELEMENTS(cases); ++i) {
                int r;

                peer_restart(p, false);
                peer_fault(arena_printf(p->arena, "{\"path\":\"/*/oauth2/*\",\"count\":1,\"action\":%s}",
                                        cases[i].action));
                r = peer_fetch(p, "user", MATCH_UPN, "ada@corp.contoso.test", &sink);
                if (r != cases[i].end)
                        fail_msg("%s: %d: %s", cases[i].action, r, diag_text(&p->diag));
        }
}

static void test_consent_withdrawn(void **state)
{
        Peer *p = *state;
        ObjectId ids[3] = { peer_create_user(p, "a"), peer_create_user(p, "b"), peer_create_user(p, "c") };
        OpResult result;

        json_decref(peer_admin_call("POST", "/app", "{\"roles\":[\"User.Read.All\"]}"));
        peer_restart(p, false);
        assert_end(p, fetch(p, &ids[0]), 0);
        /* One refusal may be one protected person. Three in a row are not. */
        assert_end(p, set_title(p, &ids[0]), TARGET_E_REJECTED);
        assert_string_equal(last.code, "InsufficientPrivileges");
        assert_end(p, set_title(p, &ids[0]), TARGET_E_REJECTED);
        assert_end(p, set_title(p, &ids[1]), TARGET_E_REJECTED);
        assert_end(p, set_title(p, &ids[2]), TARGET_E_REFUSED);
        assert_end(p, create(p, "d", &result), TARGET_E_REFUSED);
        json_decref(peer_admin_call("POST", "/app", "{\"roles\":[]}"));
        peer_restart(p, false);
        assert_end(p, fetch(p, &ids[0]), TARGET_E_REFUSED);
}

/* Objects that may not be written, one behind the other, while the token says that others may be: it is they.
 */
static void test_protected_objects(void **state)
{
        Peer *p = *state;
        ObjectId ids[5];

        for (size_t i = 0; i < N_ELEMENTS(ids); ++i)
                ids[i] = peer_create_user(p, arena_printf(p->arena, "u%zu", i));
        peer_fault("{\"method\":\"PATCH\",\"path\":\"/v1.0/users/*\",\"action\":{\"status\":403,\"code\":"
                   "\"Authorization_RequestDenied\"}}");
        for (size_t i = 0; i < N_ELEMENTS(ids); ++i) {
                assert_end(p, set_title(p, &ids[i]), TARGET_E_REJECTED);
                assert_string_equal(last.code, "InsufficientPrivileges");
        }
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, peer_setup, peer_teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_401_in_mid_run),    TEST(test_secret),
                TEST(test_second_credential), TEST(test_token_faults),
                TEST(test_consent_withdrawn), TEST(test_certificate),
                TEST(test_federated_token),   TEST(test_protected_objects),
        };

        if (argc < 3)
                return 77;
        peer_admin = argv[1];
        peer_secret_file = argv[2];
        return cmocka_run_group_tests_name("target-graph signing in", tests, NULL, NULL);
}
