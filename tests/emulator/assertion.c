/* SPDX-License-Identifier: Apache-2.0 */
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "assertion.h"
#include "mem.h"

typedef struct Jwt Jwt;

struct Jwt {
        json_t *header;
        json_t *claims;
        size_t n_signed; /* bytes of the text that the signature is over */
        unsigned char *signature;
        size_t n_signature;
};

/* Entra allows five minutes of clock difference. */
#define SKEW_S 300

X509 *assertion_certificate(const char *pem)
{
        BIO *bio = BIO_new_mem_buf(pem, -1);
        X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

        BIO_free(bio);
        return x;
}

/* Return: the bytes, or NULL when it is not base64url without padding */
static unsigned char *decode(const char *s, size_t n, size_t *ret_n)
{
        _cleanup_(mem_freep) unsigned char *in = mem_zero(n + 8, 1);
        unsigned char *out = mem_zero(n + 8, 1);
        size_t padded = n;

        for (size_t i = 0; i < n; ++i)
                in[i] = s[i] == '-' ? '+' : s[i] == '_' ? '/' : (unsigned char)s[i];
        while (padded % 4)
                in[padded++] = '=';
        if (n == 0 || memchr(s, '=', n) || EVP_DecodeBlock(out, in, (int)padded) < 0) {
                free(out);
                return NULL;
        }
        *ret_n = n * 3 / 4;
        return out;
}

json_t *assertion_decode(const char *s, size_t n)
{
        size_t n_data;
        unsigned char *data = decode(s, n, &n_data);
        json_t *v = data ? json_loadb((const char *)data, n_data, JSON_REJECT_DUPLICATES, NULL) : NULL;

        free(data);
        return v;
}

static void jwt_deinit(Jwt *j)
{
        json_decref(j->header);
        json_decref(j->claims);
        free(j->signature);
        *j = (Jwt){ 0 };
}

/* Return: whether it has the form of a signed JWT */
static bool jwt_parse(const char *text, Jwt *j)
{
        const char *dot = strchr(text, '.'), *dot2 = dot ? strchr(dot + 1, '.') : NULL;

        if (!dot2)
                return false;
        j->n_signed = (size_t)(dot2 - text);
        j->header = assertion_decode(text, (size_t)(dot - text));
        j->claims = assertion_decode(dot + 1, (size_t)(dot2 - dot - 1));
        j->signature = decode(dot2 + 1, strlen(dot2 + 1), &j->n_signature);
        return json_is_object(j->header) && json_is_object(j->claims) && j->signature;
}

static const char *text_of(const json_t *object, const char *name)
{
        const char *s = json_string_value(json_object_get(object, name));

        return s ? s : "";
}

static bool is_signed(const Assertion *a, const Jwt *j, const char *text, bool pss)
{
        EVP_MD_CTX *md = EVP_MD_CTX_new();
        EVP_PKEY_CTX *how = NULL;
        bool good;

        if (!md)
                abort();
        good = EVP_DigestVerifyInit(md, &how, EVP_sha256(), NULL, X509_get0_pubkey(a->certificate)) == 1;
        if (good && pss)
                good = EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
                       EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1;
        good = good && EVP_DigestVerify(md, j->signature, j->n_signature, (const unsigned char *)text,
                                        j->n_signed) == 1;
        EVP_MD_CTX_free(md);
        return good;
}

/* Of the certificate, as the header has it */
static bool has_thumbprint(const Assertion *a, const char *thumbprint)
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned int n = 0;
        size_t n_shown = 0;
        unsigned char *shown = decode(thumbprint, strlen(thumbprint), &n_shown);
        bool same = shown && X509_digest(a->certificate, EVP_sha256(), digest, &n) == 1 && n == n_shown &&
                    memcmp(digest, shown, n) == 0;

        free(shown);
        return same;
}

static int check_signature(const Assertion *a, const Jwt *j, const char *text, Text *message)
{
        const char *algorithm = text_of(j->header, "alg"), *thumbprint = text_of(j->header, "x5t#S256");
        bool pss = !strcmp(algorithm, "PS256");

        if ((!pss && strcmp(algorithm, "RS256")) || strcasecmp(text_of(j->header, "typ"), "JWT")) {
                text_printf(message, "JWT token is invalid or malformed: unsupported algorithm '%s'.",
                            algorithm);
                return 50027;
        }
        if (!a->certificate || !has_thumbprint(a, thumbprint)) {
                text_printf(message,
                            "The certificate with identifier used to sign the client assertion is not "
                            "registered on application. [Reason - The key was not found., Thumbprint of key "
                            "used by client: '%s'].",
                            thumbprint);
                return 700027;
        }
        if (!is_signed(a, j, text, pss)) {
                text_printf(message,
                            "Client assertion failed signature validation. [Reason - The key was found, but "
                            "use of the key to verify the signature failed., Thumbprint of key used by "
                            "client: '%s'].",
                            thumbprint);
                return 700027;
        }
        return 0;
}

/* Any host, as the emulator may stand behind another; the path must be the tenant's token endpoint. */
static bool is_audience(const Assertion *a, const char *audience)
{
        const char *host = strstr(audience, "://"), *path = host ? strchr(host + 3, '/') : NULL;
        _cleanup_(text_deinit) Text endpoint = { 0 };

        text_printf(&endpoint, "/%s/oauth2/v2.0/token", a->tenant);
        return path && path > host + 3 && !strcasecmp(path, endpoint.data);
}

static int check_claims(const Assertion *a, const Jwt *j, Text *message)
{
        int64_t nbf = json_integer_value(json_object_get(j->claims, "nbf"));
        int64_t exp = json_integer_value(json_object_get(j->claims, "exp"));

        if (!is_audience(a, text_of(j->claims, "aud"))) {
                text_puts(message, "Client assertion audience claim does not match Realm issuer. Review the "
                                   "documentation at "
                                   "https://docs.microsoft.com/azure/active-directory/develop/"
                                   "active-directory-certificate-credentials .");
                return 700023;
        }
        if (strcasecmp(text_of(j->claims, "iss"), a->client_id) ||
            strcasecmp(text_of(j->claims, "sub"), a->client_id)) {
                text_puts(message, "Client assertion application identifier doesn't match 'client_id' "
                                   "parameter.");
                return 700021;
        }
        if (!*text_of(j->claims, "jti") || !exp) {
                text_puts(message, "JWT token is invalid or malformed: claims 'jti' and 'exp' are required.");
                return 50027;
        }
        if (a->now_s >= exp + SKEW_S || a->now_s < nbf - SKEW_S) {
                text_printf(message,
                            "Client assertion is not within its valid time range. Current time: %lld, "
                            "assertion valid from %lld, expiry time of assertion %lld.",
                            (long long)a->now_s, (long long)nbf, (long long)exp);
                return 700024;
        }
        return 0;
}

int assertion_check(const Assertion *a, const char *text, Text *message)
{
        _cleanup_(jwt_deinit) Jwt j = { 0 };
        int r;

        if (a->federated && !strcmp(text, a->federated))
                return 0;
        if (!jwt_parse(text, &j)) {
                text_puts(message, "JWT token is invalid or malformed.");
                return 50027;
        }
        if (strcasecmp(text_of(j.claims, "iss"), a->client_id) && a->federated) {
                text_printf(
                        message,
                        "No matching federated identity record found for presented assertion issuer '%s'.",
                        text_of(j.claims, "iss"));
                return 700211;
        }
        r = check_signature(a, &j, text, message);
        return r ? r : check_claims(a, &j, message);
}
