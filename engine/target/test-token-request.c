/* SPDX-License-Identifier: Apache-2.0 */

/* What is signed and sent, with each kind of credential. */

#include "base/cleanup.h"
#include "engine/model/value.h"
#include "engine/target/test-token-files.h"
#include "engine/target/token-assertion.h"
#include "engine/target/token-request.h"

#include <jansson.h>
#include <openssl/rsa.h>
#include <string.h>

#define AUD "https://login.test/contoso.test/oauth2/v2.0/token"

static const Wall now = { NOW_S * 1000 };

/* A part of a JWT. base64url is base64 with two other letters and no padding. */
static uint8_t *decode(Arena *a, const char *s, size_t n, size_t *ret_n)
{
        char *text = arena_printf(a, "%.*s%.*s", (int)n, s, (int)((4 - n % 4) % 4), "===");
        uint8_t *data;

        assert_null(memchr(s, '=', n));
        for (char *c = text; *c; ++c)
                *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
        assert_true(str_unbase64(a, text, &data, ret_n));
        return data;
}

static json_t *decode_json(Arena *a, const char *s, size_t n)
{
        size_t n_data;
        const uint8_t *data = decode(a, s, n, &n_data);
        json_t *v = json_loadb((const char *)data, n_data, 0, NULL);

        assert_non_null(v);
        return v;
}

static const char *text_of(json_t *v, const char *name)
{
        return json_string_value(json_object_get(v, name));
}

static void check_signature(Arena *a, const char *jwt, bool pss)
{
        const char *dot = strrchr(jwt, '.');
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        EVP_PKEY_CTX *how;
        size_t n;
        uint8_t *signature = decode(a, dot + 1, strlen(dot + 1), &n);

        assert_int_equal(
                EVP_DigestVerifyInit(md, &how, EVP_sha256(), NULL, X509_get0_pubkey(token_test_certificate)),
                1);
        if (pss) {
                assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING), 1);
                assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST), 1);
        }
        assert_int_equal(EVP_DigestVerify(md, signature, n, (const uint8_t *)jwt, (size_t)(dot - jwt)), 1);
        EVP_MD_CTX_free(md);
}

static void check_assertion(Arena *a, const char *jwt, bool pss)
{
        const char *dot = strchr(jwt, '.'), *dot2 = strchr(dot + 1, '.');
        json_t *header = decode_json(a, jwt, (size_t)(dot - jwt));
        json_t *claims = decode_json(a, dot + 1, (size_t)(dot2 - dot - 1));
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int n;
        ObjectId id;

        assert_int_equal(X509_digest(token_test_certificate, EVP_sha256(), digest, &n), 1);
        assert_int_equal(json_object_size(header), 3);
        assert_string_equal(text_of(header, "alg"), pss ? "PS256" : "RS256");
        assert_string_equal(text_of(header, "typ"), "JWT");
        assert_string_equal(text_of(header, "x5t#S256"), str_base64url(a, digest, n));
        assert_int_equal(json_object_size(claims), 7);
        assert_string_equal(text_of(claims, "aud"), AUD);
        assert_string_equal(text_of(claims, "iss"), "client \"1\"");
        assert_string_equal(text_of(claims, "sub"), "client \"1\"");
        assert_true(guid_parse(text_of(claims, "jti"), &id));
        assert_int_equal(json_integer_value(json_object_get(claims, "nbf")), NOW_S);
        assert_int_equal(json_integer_value(json_object_get(claims, "iat")), NOW_S);
        assert_int_equal(json_integer_value(json_object_get(claims, "exp")), NOW_S + 600);
        check_signature(a, jwt, pss);
        json_decref(header);
        json_decref(claims);
}

static void test_assertion(void **state)
{
        TokenKey k = { .key = token_test_key, .certificate = token_test_certificate };
        Arena *a = arena_new(0);
        char *jwt[3];

        (void)state;
        for (int i = 0; i < 3; ++i)
                assert_int_equal(token_assertion_new(&k, i == 1 ? TOKEN_RS256 : TOKEN_PS256, AUD,
                                                     "client \"1\"", now, &jwt[i], NULL),
                                 0);
        check_assertion(a, jwt[0], true);
        check_assertion(a, jwt[1], false);
        assert_string_not_equal(jwt[0], jwt[2]); /* another jti */
        for (int i = 0; i < 3; ++i)
                free(jwt[i]);
        arena_free(a);
}

static void test_request(void **state)
{
        static const TokenDesk desk = { .url = AUD,
                                        .imds = "http://169.254.169.254",
                                        .audience = "https://graph.test",
                                        .client_id = "client" };
        Arena *a = arena_new(0);
        GraphCredential federated = { .federated_token_file = token_test_file(a, "token") },
                        machine = { .managed_identity = true },
                        both = { .certificate_file = token_test_file(a, "both.pem") };
        Diag diag = DIAG_INIT;
        TokenRequest r = { 0 };

        (void)state;
        assert_int_equal(token_request_prepare(&desk, &federated, now, &r, &diag), 0);
        assert_string_equal(r.body,
                            "grant_type=client_credentials&client_id=client&scope=https%3A%2F%2Fgraph.test"
                            "%2F.default&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-"
                            "assertion-type%3Ajwt-bearer&client_assertion=eyJ.e30.c2ln");
        assert_int_equal(r.n_body, strlen(r.body));
        token_request_deinit(&r);
        federated.federated_token_file = token_test_file(a, "two");
        assert_int_equal(token_request_prepare(&desk, &federated, now, &r, &diag), TARGET_E_REFUSED);
        assert_string_equal(diag_text(&diag),
                            token_test_text(a, "@/two holds no token; one line with a JWT is expected"));

        assert_int_equal(token_request_prepare(&desk, &machine, now, &r, &diag), 0);
        assert_null(r.body);
        assert_string_equal(r.url,
                            "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01"
                            "&resource=https%3A%2F%2Fgraph.test%2F");
        token_request_deinit(&r);
        machine.managed_client_id = "a&b";
        assert_int_equal(token_request_prepare(&desk, &machine, now, &r, &diag), 0);
        assert_non_null(strstr(r.url, "%2F&client_id=a%26b"));
        token_request_deinit(&r);

        assert_int_equal(token_request_prepare(&desk, &both, now, &r, &diag), 0);
        check_signature(a, strstr(r.body, "&client_assertion=") + strlen("&client_assertion="), true);
        token_request_deinit(&r);
        diag_deinit(&diag);
        arena_free(a);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_assertion),
                                            cmocka_unit_test(test_request) };

        return cmocka_run_group_tests_name("token-request", tests, token_test_begin, token_test_end);
}
