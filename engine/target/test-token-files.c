/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/test-token-files.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY INT64_C(86400)

EVP_PKEY *token_test_key;
X509 *token_test_certificate;

static char folder[64];

static FILE *begin(const char *name, mode_t mode)
{
        char path[128];
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", folder, name);
        f = fopen(path, "w");
        assert_non_null(f);
        assert_int_equal(chmod(path, mode), 0);
        return f;
}

static void write_text(const char *name, mode_t mode, const char *text)
{
        FILE *f = begin(name, mode);

        fputs(text, f);
        fclose(f);
}

static void write_pem(const char *name, mode_t mode, X509 *x, EVP_PKEY *k, const char *passphrase)
{
        FILE *f = begin(name, mode);

        if (x)
                assert_int_equal(PEM_write_X509(f, x), 1);
        if (k)
                assert_int_equal(
                        PEM_write_PKCS8PrivateKey(f, k, passphrase ? EVP_aes_256_cbc() : NULL, passphrase,
                                                  passphrase ? (int)strlen(passphrase) : 0, NULL, NULL),
                        1);
        fclose(f);
}

static void write_pkcs12(const char *name, const char *passphrase, X509 *x)
{
        PKCS12 *p = PKCS12_create(passphrase, "sosync", token_test_key, x, NULL, 0, 0, 0, 0, 0);
        FILE *f = begin(name, 0600);

        assert_non_null(p);
        assert_int_equal(i2d_PKCS12_fp(f, p), 1);
        fclose(f);
        PKCS12_free(p);
}

static X509 *certify(EVP_PKEY *k, int64_t from_s, int64_t to_s)
{
        X509 *x = X509_new();
        X509_NAME *name = X509_get_subject_name(x);

        X509_set_version(x, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
        ASN1_TIME_set(X509_getm_notBefore(x), (time_t)from_s);
        ASN1_TIME_set(X509_getm_notAfter(x), (time_t)to_s);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"sosync", -1, -1, 0);
        X509_set_issuer_name(x, name);
        X509_set_pubkey(x, k);
        assert_true(X509_sign(x, k, EVP_sha256()) > 0);
        return x;
}

int token_test_begin(void **state)
{
        EVP_PKEY *other = EVP_RSA_gen(2048), *small = EVP_RSA_gen(1024), *curve = EVP_EC_gen("P-256");
        X509 *of_small = certify(small, NOW_S - DAY, NOW_S + DAY), *expired, *early,
             *of_curve = certify(curve, NOW_S - DAY, NOW_S + DAY);

        (void)state;
        snprintf(folder, sizeof(folder), "/tmp/sosync-test-key-XXXXXX");
        assert_non_null(mkdtemp(folder));
        token_test_key = EVP_RSA_gen(2048);
        token_test_certificate = certify(token_test_key, NOW_S - DAY, NOW_S + DAY);
        expired = certify(token_test_key, NOW_S - 9 * DAY, NOW_S - DAY);
        early = certify(token_test_key, NOW_S + DAY, NOW_S + 9 * DAY);
        write_pem("cert.pem", 0644, token_test_certificate, NULL, NULL);
        write_pem("expired.pem", 0644, expired, NULL, NULL);
        write_pem("early.pem", 0644, early, NULL, NULL);
        write_pem("both.pem", 0600, token_test_certificate, token_test_key, NULL);
        write_pem("open.pem", 0644, token_test_certificate, token_test_key, NULL);
        write_pem("key.pem", 0600, NULL, token_test_key, NULL);
        write_pem("open-key.pem", 0640, NULL, token_test_key, NULL);
        write_pem("locked.pem", 0600, NULL, token_test_key, "correct horse");
        write_pem("other.pem", 0600, NULL, other, NULL);
        write_pem("small.pem", 0600, of_small, small, NULL);
        write_pem("curve.pem", 0600, of_curve, curve, NULL);
        write_pkcs12("cert.p12", "correct horse", token_test_certificate);
        write_pkcs12("plain.p12", "", token_test_certificate);
        write_pkcs12("expired.p12", "correct horse", expired);
        write_text("passphrase", 0600, "correct horse\n");
        write_text("wrong", 0600, "battery staple\n");
        write_text("loose", 0604, "correct horse\n");
        write_text("text", 0600, "nothing\n");
        write_text("token", 0644, "eyJ.e30.c2ln\n");
        write_text("two", 0644, "a b\n");
        X509_free(expired);
        X509_free(early);
        X509_free(of_small);
        EVP_PKEY_free(other);
        X509_free(of_curve);
        EVP_PKEY_free(small);
        EVP_PKEY_free(curve);
        return 0;
}

int token_test_end(void **state)
{
        static const char *const names[] = { "cert.pem",  "expired.pem", "early.pem",    "both.pem",
                                             "open.pem",  "key.pem",     "open-key.pem", "locked.pem",
                                             "other.pem", "small.pem",   "curve.pem",    "cert.p12",
                                             "plain.p12", "expired.p12", "passphrase",   "wrong",
                                             "loose",     "text",        "token",        "two" };

        (void)state;
        for (size_t i = 0; i < N_ELEMENTS(names); ++i) {
                char path[128];

                snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
                unlink(path);
        }
        rmdir(folder);
        X509_free(token_test_certificate);
        EVP_PKEY_free(token_test_key);
        return 0;
}

const char *token_test_file(Arena *a, const char *name)
{
        return name ? arena_printf(a, "%s/%s", folder, name) : NULL;
}

const char *token_test_text(Arena *a, const char *text)
{
        const char *copy;
        Str s;

        str_init(&s, 4096);
        for (; *text; ++text) {
                if (*text == '@')
                        str_add(&s, folder);
                else
                        str_add_char(&s, *text);
        }
        copy = arena_strdup(a, s.data);
        str_deinit(&s);
        return copy;
}
