/* SPDX-License-Identifier: Apache-2.0 */

/* What of a client assertion is refused, and with which error. */

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "assertion.h"
#include "mem.h"

#define NOW_S 1767225600

static EVP_PKEY *key;
static X509 *certificate;

static void add(Text *t, const void *data, size_t n)
{
        _cleanup_(mem_freep) unsigned char *out = mem_zero(n / 3 * 4 + 8, 1);
        int n_out = EVP_EncodeBlock(out, data, (int)n);

        for (int i = 0; i < n_out && out[i] != '='; ++i)
                text_add(t, out[i] == '+' ? "-" : out[i] == '/' ? "_" : (const char *)out + i, 1);
}

static void sign(Text *t, EVP_PKEY *with, bool pss)
{
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        unsigned char signature[512];
        size_t n = sizeof(signature);
        EVP_PKEY_CTX *how;

        assert_int_equal(EVP_DigestSignInit(md, &how, EVP_sha256(), NULL, with), 1);
        if (pss) {
                assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING), 1);
                assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST), 1);
        }
        assert_int_equal(EVP_DigestSign(md, signature, &n, (const unsigned char *)t->data, t->n), 1);
        EVP_MD_CTX_free(md);
        text_puts(t, ".");
        add(t, signature, n);
}

/* Return: what the check says of these claims, signed */
static int check(const char *algorithm, const char *claims, EVP_PKEY *with, bool pss)
{
        const Assertion expected = { .certificate = certificate,
                                     .federated = "trusted",
                                     .client_id = "client",
                                     .tenant = "contoso.test",
                                     .now_s = NOW_S };
        _cleanup_(text_deinit) Text header = { 0 }, jwt = { 0 }, message = { 0 };
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int n;
        int r;

        assert_int_equal(X509_digest(certificate, EVP_sha256(), digest, &n), 1);
        text_printf(&header, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"x5t#S256\":\"", algorithm);
        add(&header, digest, n);
        text_puts(&header, "\"}");
        add(&jwt, header.data, header.n);
        text_puts(&jwt, ".");
        add(&jwt, claims, strlen(claims));
        sign(&jwt, with, pss);
        r = assertion_check(&expected, jwt.data, &message);
        assert_true(r == 0 || message.n > 0);
        return r;
}

#define CLAIMS(aud, iss, sub, nbf, exp)                                                           \
        "{\"aud\":\"" aud "\",\"iss\":\"" iss "\",\"sub\":\"" sub "\",\"jti\":\"1\",\"nbf\":" nbf \
        ",\"exp\":" exp "}"
#define AUD "https://login.test/contoso.test/oauth2/v2.0/token"

static void test_assertion(void **state)
{
        static const char good[] = CLAIMS(AUD, "client", "client", "1767225600", "1767226200");
        EVP_PKEY *other = EVP_RSA_gen(2048);

        (void)state;
        assert_int_equal(check("PS256", good, key, true), 0);
        assert_int_equal(check("RS256", good, key, false), 0);
        assert_int_equal(check("RS256", good, key, true), 700027);
        assert_int_equal(check("PS256", good, other, true), 700027);
        assert_int_equal(check("none", good, key, true), 50027);
        assert_int_equal(check("PS256", "{", key, true), 50027);
        assert_int_equal(check("PS256",
                               CLAIMS("https://login.test/other.test/oauth2/v2.0/token", "client", "client",
                                      "1767225600", "1767226200"),
                               key, true),
                         700023);
        assert_int_equal(
                check("PS256", CLAIMS(AUD, "client", "other", "1767225600", "1767226200"), key, true),
                700021);
        assert_int_equal(
                check("PS256", CLAIMS(AUD, "issuer", "other", "1767225600", "1767226200"), key, true),
                700211);
        assert_int_equal(
                check("PS256", CLAIMS(AUD, "client", "client", "1767224600", "1767225300"), key, true),
                700024);
        assert_int_equal(
                check("PS256", CLAIMS(AUD, "client", "client", "1767225901", "1767226200"), key, true),
                700024);
        EVP_PKEY_free(other);
}

static void test_federated(void **state)
{
        const Assertion expected = { .federated = "trusted",
                                     .client_id = "client",
                                     .tenant = "contoso.test" };
        _cleanup_(text_deinit) Text message = { 0 };

        (void)state;
        assert_int_equal(assertion_check(&expected, "trusted", &message), 0);
        assert_int_equal(assertion_check(&expected, "trusted.", &message), 50027);
        assert_int_equal(assertion_check(&expected, "", &message), 50027);
        assert_int_equal(assertion_check(&expected, "a.b.c", &message), 50027);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_assertion),
                                            cmocka_unit_test(test_federated) };
        int r;

        key = EVP_RSA_gen(2048);
        certificate = X509_new();
        X509_set_pubkey(certificate, key);
        X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 60);
        X509_sign(certificate, key, EVP_sha256());
        r = cmocka_run_group_tests_name("assertion", tests, NULL, NULL);
        X509_free(certificate);
        EVP_PKEY_free(key);
        return r;
}
