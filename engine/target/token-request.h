/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TokenRequest: what is sent to get a token with one credential
 *
 *      secret, certificate,      POST {login}/{tenant}/oauth2/v2.0/token    client_secret=, client_assertion=
 *      federated token
 *      managed identity          GET  {imds}/metadata/identity/oauth2/token?resource=
 *
 * Files are read each time. What was secret is wiped by token_request_deinit.
 */

#include "base/clock.h"
#include "engine/target/graph.h"

typedef struct TokenDesk TokenDesk;
typedef struct TokenRequest TokenRequest;

typedef enum CredentialKind {
        CREDENTIAL_NONE, /* no key that says which, or more than one */
        CREDENTIAL_SECRET,
        CREDENTIAL_CERTIFICATE,
        CREDENTIAL_FEDERATED,
        CREDENTIAL_MANAGED,
} CredentialKind;

/* Where tokens come from; all borrowed. */
struct TokenDesk {
        const char *url;      /* of the token endpoint */
        const char *imds;     /* "http://169.254.169.254" */
        const char *audience; /* "https://graph.microsoft.com" */
        const char *client_id;
};

struct TokenRequest {
        char *url;  /* NULL: the token endpoint */
        char *body; /* NULL: a GET */
        size_t n_body;
        size_t size; /* of body */
};

CredentialKind credential_kind(const GraphCredential *c);

/* Return: 0, TARGET_E_REFUSED with a text: a file cannot be used. */
int token_request_prepare(const TokenDesk *desk, const GraphCredential *c, Wall now,
                          TokenRequest *ret_request, Diag *diag);
void token_request_deinit(TokenRequest *r);

/* As in application/x-www-form-urlencoded; `to` has three times the bytes, and one. Returns its end. */
char *token_form_encode(char *to, const char *s);

/* Check at load what token_request_prepare would refuse. Return: 0, TARGET_E_REFUSED with a text. */
int credential_check(const GraphCredential *c, Wall now, Diag *diag);
