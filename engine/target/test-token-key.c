/* SPDX-License-Identifier: Apache-2.0 */

/* Files of certificate credentials: what is accepted, and what an operator is told about the rest. */

#include "base/cleanup.h"
#include "engine/target/graph-credential.h"
#include "engine/target/test-token-files.h"
#include "engine/target/token-key.h"

#include <string.h>

static const Wall now = { NOW_S * 1000 };

static void test_files(void **state)
{
        static const struct {
                const char *certificate, *key, *passphrase;
                const char *expected; /* NULL: accepted; '@' stands for the folder */
        } cases[] = {
                { "both.pem", NULL, NULL, NULL },
                { "cert.pem", "key.pem", NULL, NULL },
                { "cert.pem", "locked.pem", "passphrase", NULL },
                { "cert.p12", NULL, "passphrase", NULL },
                { "plain.p12", NULL, NULL, NULL },
                { "cert.pem", "key.pem", "passphrase", NULL },
                { "none.pem", NULL, NULL, "cannot read @/none.pem: No such file or directory" },
                { "cert.pem", "none.pem", NULL, "cannot read @/none.pem: No such file or directory" },
                { "cert.pem", "key.pem", "none", "cannot read @/none: No such file or directory" },
                { "open.pem", NULL, NULL,
                  "@/open.pem holds a secret but has mode 0644; others than its owner may use it: chmod "
                  "600" },
                { "cert.pem", "open-key.pem", NULL,
                  "@/open-key.pem holds a secret but has mode 0640; others than its owner may use it: chmod "
                  "600" },
                { "cert.pem", "locked.pem", "loose",
                  "@/loose holds a secret but has mode 0604; others than its owner may use it: chmod 600" },
                { "cert.pem", "locked.pem", NULL, "@/locked.pem is encrypted: passphrase_file is needed" },
                { "cert.pem", "locked.pem", "wrong", "the passphrase in @/wrong does not open @/locked.pem" },
                { "cert.p12", NULL, NULL, "@/cert.p12 is encrypted: passphrase_file is needed" },
                { "cert.p12", NULL, "wrong", "the passphrase in @/wrong does not open @/cert.p12" },
                { "cert.p12", "key.pem", "passphrase",
                  "@/cert.p12 is PKCS#12 and holds its own key: leave key_file out" },
                { "text", NULL, NULL,
                  "@/text holds no private key; one in PEM is expected, or PKCS#12, or key_file" },
                { "text", "key.pem", NULL, "@/text holds no certificate; one in PEM or DER is expected" },
                { "key.pem", NULL, NULL,
                  "@/key.pem holds no certificate; one in PEM or PKCS#12 is expected" },
                { "cert.pem", "text", NULL, "@/text holds no private key; one in PEM is expected" },
                { "cert.pem", "other.pem", NULL,
                  "the key in @/other.pem does not fit the certificate in @/cert.pem: the one it was made "
                  "with "
                  "is expected" },
                { "curve.pem", NULL, NULL, "the key in @/curve.pem is EC: RSA is expected" },
                { "small.pem", NULL, NULL,
                  "the key in @/small.pem has 1024 bits: at least 2048 are expected" },
                { "expired.pem", "key.pem", NULL,
                  "the certificate in @/expired.pem expired on 2025-12-31 00:00 UTC: one that is valid now "
                  "is "
                  "expected" },
                { "expired.p12", NULL, "passphrase",
                  "the certificate in @/expired.p12 expired on 2025-12-31 00:00 UTC: one that is valid now "
                  "is "
                  "expected" },
                { "early.pem", "key.pem", NULL,
                  "the certificate in @/early.pem is valid only from 2026-01-02 00:00 UTC: one that is valid "
                  "now "
                  "is expected, or this machine's clock is wrong" },
        };
        Arena *a = arena_new(0);

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); ++i) {
                GraphCredential c = { .certificate_file = token_test_file(a, cases[i].certificate),
                                      .key_file = token_test_file(a, cases[i].key),
                                      .passphrase_file = token_test_file(a, cases[i].passphrase) };
                _cleanup_(token_key_deinit) TokenKey k = { 0 };
                Diag diag = DIAG_INIT;
                int r = token_key_load(&c, now, &k, &diag);

                assert_int_equal(r, cases[i].expected ? TARGET_E_REFUSED : 0);
                if (cases[i].expected)
                        assert_string_equal(diag_text(&diag), token_test_text(a, cases[i].expected));
                diag_deinit(&diag);
        }
        arena_free(a);
}

static void test_check(void **state)
{
        Arena *a = arena_new(0);
        const struct {
                GraphCredential c;
                const char *expected; /* NULL: fine */
        } cases[] = {
                { { .managed_identity = true }, NULL },
                { { .certificate_file = token_test_file(a, "both.pem") }, NULL },
                { { .federated_token_file = token_test_file(a, "token") }, NULL },
                { { 0 },
                  "t.0: exactly one of secret_file, certificate_file, federated_token_file and "
                  "\"managed_identity: true\" is expected" },
                { { .secret_file = token_test_file(a, "passphrase"), .managed_identity = true },
                  "t.0: exactly one of" },
                { { .secret_file = token_test_file(a, "passphrase"),
                    .key_file = token_test_file(a, "key.pem") },
                  "t.0.key_file: has a meaning only beside certificate_file" },
                { { .managed_identity = true, .passphrase_file = token_test_file(a, "passphrase") },
                  "t.0.passphrase_file: has a meaning only beside certificate_file" },
                { { .secret_file = token_test_file(a, "passphrase"), .managed_client_id = "x" },
                  "t.0.client_id: has a meaning only beside managed_identity; the application's is "
                  "target.client_id" },
                { { .managed_identity = true, .managed_client_id = "x" }, "t.0.client_id: is not an id" },
                { { .certificate_file = token_test_file(a, "cert.pem"),
                    .key_file = token_test_file(a, "none") },
                  "t.0.key_file: cannot read @/none: No such file or directory" },
                { { .certificate_file = token_test_file(a, "cert.p12"),
                    .passphrase_file = token_test_file(a, "wrong") },
                  "t.0.passphrase_file: the passphrase in @/wrong does not open @/cert.p12" },
                { { .certificate_file = token_test_file(a, "expired.pem"),
                    .key_file = token_test_file(a, "key.pem") },
                  "t.0.certificate_file: the certificate in @/expired.pem expired on" },
                { { .federated_token_file = token_test_file(a, "none") },
                  "t.0.federated_token_file: cannot read @/none: No such file or directory" },
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); ++i) {
                Diag diag = DIAG_INIT;
                int r = graph_credential_check(&cases[i].c, NULL, "t.0", now, &diag);

                assert_int_equal(r, cases[i].expected ? CONFIG_E_INVALID : 0);
                if (cases[i].expected && !strstr(diag_text(&diag), token_test_text(a, cases[i].expected)))
                        fail_msg("%s", diag_text(&diag));
                diag_deinit(&diag);
        }
        arena_free(a);
}

/* One that has expired is no fault of the configuration, as long as another can take its turn. */
static void test_list(void **state)
{
        Arena *a = arena_new(0);
        const GraphCredential expired = { .certificate_file = token_test_file(a, "expired.pem"),
                                          .key_file = token_test_file(a, "key.pem") },
                              wrong = { .certificate_file = token_test_file(a, "expired.pem"),
                                        .key_file = token_test_file(a, "other.pem") },
                              good = { .certificate_file = token_test_file(a, "cert.pem"),
                                       .key_file = token_test_file(a, "key.pem") };
        struct {
                GraphCredential items[2];
                size_t n;
                const char *expected;
        } cases[] = {
                { { expired, good }, 2, NULL },
                { { good, expired }, 2, NULL },
                { { expired }, 1, "t.0.certificate_file: the certificate in @/expired.pem expired on" },
                { { expired, expired }, 2, "t.0.certificate_file: the certificate in @/expired.pem expired" },
                { { good, wrong }, 2, "t.1.key_file: the key in @/other.pem does not fit" },
        };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                const ConfigList list = { .items = cases[i].items, .n_items = cases[i].n };
                Diag diag = DIAG_INIT;
                int r = graph_credentials_check(&list, NULL, "t", now, &diag);

                assert_int_equal(r, cases[i].expected ? CONFIG_E_INVALID : 0);
                if (cases[i].expected && !strstr(diag_text(&diag), token_test_text(a, cases[i].expected)))
                        fail_msg("%s", diag_text(&diag));
                diag_deinit(&diag);
        }
        arena_free(a);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_files), cmocka_unit_test(test_check),
                                            cmocka_unit_test(test_list) };

        return cmocka_run_group_tests_name("token-key", tests, token_test_begin, token_test_end);
}
