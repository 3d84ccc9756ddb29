/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Token: the token endpoint, and the check of each request's token
 *
 *      POST /{tenant}/oauth2/v2.0/token  ->  {"token_type":"Bearer","expires_in":3599,"access_token":"h.p.s"}
 *
 * Tokens have the form of a JWT and are signed with a key made at start, so a token of another run, a changed
 * one and an invented one are all found out. A client shows its secret or an assertion (assertion.h). Errors
 * have the shape of Microsoft Entra ID (AADSTS...).
 */

#include <jansson.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>

#include "answer.h"
#include "call.h"
#include "random.h"

typedef struct Authority Authority;
typedef struct VerifiedToken VerifiedToken;

enum {
        _TOKEN_E_SUCCESS,

        TOKEN_E_MISSING, /* no Authorization header */
        TOKEN_E_INVALID, /* not a bearer token, not ours, for another audience */
        TOKEN_E_EXPIRED,
        TOKEN_E_NOT_YET,
};

/* How tokens and the audit log name the application. */
#define EMULATOR_APP_NAME   "sosync"
#define EMULATOR_APP_OBJECT "77777777-0000-0000-0000-000000000000"

#define TOKEN_CACHE 16

struct VerifiedToken {
        char *text;
        uint64_t roles;
        int64_t nbf_s;
        int64_t exp_s;
};

struct Authority {
        const char *tenant; /* GUID */
        const char *client_id;
        const json_t *domains; /* array of text: names that may stand for the tenant */
        char *secret;
        bool secret_expired;
        X509 *certificate;     /* NULL: none is registered */
        const char *federated; /* the token that is trusted; NULL: none */
        json_t *roles;         /* array of text: what is granted now */
        int64_t lifetime_s;
        unsigned char key[32];
        VerifiedToken cache[TOKEN_CACHE];
        size_t next; /* cache entry to be replaced */
};

void authority_init(Authority *authority);
void authority_deinit(Authority *authority);

/* POST /{tenant}/oauth2/v2.0/token; segment 0 of the call names the tenant */
void authority_issue(Authority *authority, Random *random, const Call *call, Answer *answer);

/* Return: 0 and the roles of the token, or a condition */
int authority_verify(Authority *authority, const char *authorization, int64_t wall_ms, uint64_t *ret_roles);
