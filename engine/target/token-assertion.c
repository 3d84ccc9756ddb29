/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/token-assertion.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/model/value.h"
#include "engine/target/target.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#define LIFE_S 600

static char *header_of(Arena *a, const TokenKey *key, TokenAlgorithm algorithm)
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int n = 0;

        if (X509_digest(key->certificate, EVP_sha256(), digest, &n) != 1)
                return NULL;
        return arena_printf(a, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"x5t#S256\":\"%s\"}",
                            algorithm == TOKEN_RS256 ? "RS256" : "PS256", str_base64url(a, digest, n));
}

static char *claims_of(Arena *a, const char *audience, const char *client_id, Wall now)
{
        long long now_s = now.ms / 1000;
        char jti[64], *text, *copy;
        ObjectId id;
        json_t *v;

        guid_random(&id);
        v = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "aud", audience, "iss", client_id, "sub",
                      client_id, "jti", guid_format(&id, jti), "nbf", (json_int_t)now_s, "iat",
                      (json_int_t)now_s, "exp", (json_int_t)(now_s + LIFE_S));
        text = v ? json_dumps(v, JSON_COMPACT) : NULL;
        json_decref(v);
        copy = text ? arena_strdup(a, text) : NULL;
        free(text);
        return copy;
}

/* Return: true and the signature. */
static bool sign(Arena *a, EVP_PKEY *key, TokenAlgorithm algorithm, const char *text, uint8_t **ret,
                 size_t *ret_n)
{
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        const unsigned char *data = (const unsigned char *)text;
        EVP_PKEY_CTX *how = NULL;
        bool fine;

        if (!md)
                error_oom(0);
        fine = EVP_DigestSignInit(md, &how, EVP_sha256(), NULL, key) == 1;
        if (fine && algorithm == TOKEN_PS256)
                fine = EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
                       EVP_PKEY_CTX_set_rsa_mgf1_md(how, EVP_sha256()) == 1 &&
                       EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1;
        fine = fine && EVP_DigestSign(md, NULL, ret_n, data, strlen(text)) == 1;
        if (fine) {
                *ret = arena_new_array(a, uint8_t, *ret_n);
                fine = EVP_DigestSign(md, *ret, ret_n, data, strlen(text)) == 1;
        }
        EVP_MD_CTX_free(md);
        return fine;
}

static char *assemble(Arena *a, const TokenKey *key, TokenAlgorithm algorithm, const char *audience,
                      const char *client_id, Wall now)
{
        const char *header = header_of(a, key, algorithm), *claims = claims_of(a, audience, client_id, now);
        uint8_t *signature;
        char *text, *signature64, *whole;
        size_t n;

        if (!header || !claims)
                return NULL;
        text = arena_printf(a, "%s.%s", str_base64url(a, (const uint8_t *)header, strlen(header)),
                            str_base64url(a, (const uint8_t *)claims, strlen(claims)));
        if (!sign(a, key->key, algorithm, text, &signature, &n))
                return NULL;
        signature64 = str_base64url(a, signature, n);
        whole = malloc(strlen(text) + 1 + strlen(signature64) + 1);
        if (!whole)
                error_oom(strlen(text) + n);
        stpcpy(stpcpy(stpcpy(whole, text), "."), signature64);
        /* The signature is what must not be found in memory. */
        explicit_bzero(signature, n);
        explicit_bzero(signature64, strlen(signature64));
        return whole;
}

/**
 * token_assertion_new() - a client assertion, good for ten minutes
 *
 * Return: 0, TARGET_E_REFUSED (a name that is no UTF-8, or a key that cannot sign).
 */
int token_assertion_new(const TokenKey *key, TokenAlgorithm algorithm, const char *audience,
                        const char *client_id, Wall now, char **ret_text, Diag *diag)
{
        Arena *a = arena_new(0);
        char *text = assemble(a, key, algorithm, audience, client_id, now);

        arena_free(a);
        ERR_clear_error();
        if (!text) {
                diag_set(diag, "the key of the certificate cannot sign a client assertion");
                return TARGET_E_REFUSED;
        }
        *ret_text = text;
        return 0;
}
