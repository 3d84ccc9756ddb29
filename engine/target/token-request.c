/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/token-request.h"

#include "base/error.h"
#include "base/secret.h"
#include "base/str.h"
#include "engine/target/target.h"
#include "engine/target/token-assertion.h"

#include <string.h>

/* A projected token is about 1 kB; with many claims some more. */
#define FEDERATED_MAX ((size_t)65536)

#define ASSERTION_TYPE "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"

CredentialKind credential_kind(const GraphCredential *c)
{
        CredentialKind kind = c->secret_file            ? CREDENTIAL_SECRET
                              : c->certificate_file     ? CREDENTIAL_CERTIFICATE
                              : c->federated_token_file ? CREDENTIAL_FEDERATED
                              : c->managed_identity     ? CREDENTIAL_MANAGED
                                                        : CREDENTIAL_NONE;
        int n = !!c->secret_file + !!c->certificate_file + !!c->federated_token_file + c->managed_identity;

        return n == 1 ? kind : CREDENTIAL_NONE;
}

char *token_form_encode(char *to, const char *s)
{
        static const char digits[] = "0123456789ABCDEF";

        for (; *s; ++s) {
                unsigned char c = (unsigned char)*s;

                if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    strchr("-._~", c)) {
                        *to++ = (char)c;
                } else {
                        *to++ = '%';
                        *to++ = digits[c >> 4];
                        *to++ = digits[c & 15];
                }
        }
        *to = '\0';
        return to;
}

static void wipe_text(char **text)
{
        if (*text)
                explicit_bzero(*text, strlen(*text));
        free(*text);
        *text = NULL;
}

void token_request_deinit(TokenRequest *r)
{
        if (r->body)
                explicit_bzero(r->body, r->size);
        free(r->body);
        free(r->url);
        *r = (TokenRequest){ 0 };
}

/* Everything that a secret passes through has its final size at once, so that no copy stays behind. */
static void set_body(const TokenDesk *desk, const char *name, const char *secret, TokenRequest *r)
{
        char *at;

        r->size =
                3 * (strlen(secret) + strlen(desk->client_id) + strlen(desk->audience)) + strlen(name) + 128;
        r->body = malloc(r->size);
        if (!r->body)
                error_oom(r->size);
        at = stpcpy(r->body, "grant_type=client_credentials&client_id=");
        at = token_form_encode(at, desk->client_id);
        at = token_form_encode(stpcpy(at, "&scope="), desk->audience);
        at = token_form_encode(stpcpy(stpcpy(at, "%2F.default"), name), secret);
        r->n_body = (size_t)(at - r->body);
}

static int prepare_secret(const TokenDesk *desk, const GraphCredential *c, TokenRequest *r, Diag *diag)
{
        _cleanup_(secret_wipe) Secret secret = { 0 };

        if (secret_read(c->secret_file, &secret, diag))
                return TARGET_E_REFUSED;
        set_body(desk, "&client_secret=", secret.data, r);
        return 0;
}

static int prepare_certificate(const TokenDesk *desk, const GraphCredential *c, Wall now, TokenRequest *r,
                               Diag *diag)
{
        _cleanup_(token_key_deinit) TokenKey key = { 0 };
        _cleanup_(wipe_text) char *assertion = NULL;
        int result;

        result = token_key_load(c, now, &key, diag);
        if (!result)
                result = token_assertion_new(&key, (TokenAlgorithm)c->algorithm, desk->url, desk->client_id,
                                             now, &assertion, diag);
        if (result)
                return result;
        set_body(desk, "&client_assertion_type=" ASSERTION_TYPE "&client_assertion=", assertion, r);
        return 0;
}

/* The platform that writes the file decides who may read it: its token lives for an hour. */
static int read_federated(const char *file, char **ret_text, Diag *diag)
{
        _cleanup_(wipe_text) char *text = NULL;
        size_t n = 0;
        int r;

        r = str_read_file(file, FEDERATED_MAX, &text, &n);
        if (r) {
                diag_set(diag, "cannot read %s: %s", file, strerror(r < 0 ? -r : r));
                return TARGET_E_REFUSED;
        }
        while (n > 0 && strchr(" \t\r\n", text[n - 1]))
                text[--n] = '\0';
        for (size_t i = 0; i < n; ++i) {
                if (text[i] <= ' ' || text[i] > '~')
                        n = 0;
        }
        if (n == 0) {
                diag_set(diag, "%s holds no token; one line with a JWT is expected", file);
                return TARGET_E_REFUSED;
        }
        *ret_text = TAKE(text);
        return 0;
}

static int prepare_federated(const TokenDesk *desk, const GraphCredential *c, TokenRequest *r, Diag *diag)
{
        _cleanup_(wipe_text) char *text = NULL;
        int result = read_federated(c->federated_token_file, &text, diag);

        if (result)
                return result;
        set_body(desk, "&client_assertion_type=" ASSERTION_TYPE "&client_assertion=", text, r);
        return 0;
}

static void prepare_managed(const TokenDesk *desk, const GraphCredential *c, TokenRequest *r)
{
        const char *id = c->managed_client_id ? c->managed_client_id : "";
        size_t n = strlen(desk->imds) + 3 * (strlen(desk->audience) + strlen(id)) + 128;
        char *at = r->url = malloc(n);

        if (!at)
                error_oom(n);
        at = stpcpy(stpcpy(at, desk->imds),
                    "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=");
        at = stpcpy(token_form_encode(at, desk->audience), "%2F");
        if (*id)
                token_form_encode(stpcpy(at, "&client_id="), id);
}

/**
 * token_request_prepare() - read the credential's files and write the request
 *
 * Return: 0, TARGET_E_REFUSED (the diag names the file, and what was expected).
 */
int token_request_prepare(const TokenDesk *desk, const GraphCredential *c, Wall now, TokenRequest *ret,
                          Diag *diag)
{
        switch (credential_kind(c)) {
        case CREDENTIAL_SECRET:
                return prepare_secret(desk, c, ret, diag);
        case CREDENTIAL_CERTIFICATE:
                return prepare_certificate(desk, c, now, ret, diag);
        case CREDENTIAL_FEDERATED:
                return prepare_federated(desk, c, ret, diag);
        case CREDENTIAL_MANAGED:
                prepare_managed(desk, c, ret);
                return 0;
        default:
                diag_set(diag, "a credential does not say of which kind it is");
                return TARGET_E_REFUSED;
        }
}

/**
 * credential_check() - can it be used as it lies there?
 *
 * Return: 0, TARGET_E_REFUSED.
 */
int credential_check(const GraphCredential *c, Wall now, Diag *diag)
{
        static const TokenDesk nowhere = { .url = "", .imds = "", .audience = "", .client_id = "" };
        TokenRequest r = { 0 };
        int result = token_request_prepare(&nowhere, c, now, &r, diag);

        token_request_deinit(&r);
        return result;
}
