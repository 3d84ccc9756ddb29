/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Token: the right to speak to Graph, shared by all workers
 *
 * OAuth 2.0 client credentials with Microsoft Entra ID (v2-oauth2-client-creds-grant-flow). One token for
 * all; one renewal for all: whoever asks while one is under way sleeps until it has ended. It is renewed
 * ahead of its end, by five minutes or a fifth of its life, whichever is less, while the old one is still in
 * use. A 401 in mid-run (token_reject) makes the next token_get fetch a new one.
 *
 * Credentials are tried in the order of the configuration; one that the service refuses, or whose file cannot
 * be read, gives way to the next. Files are read at each renewal (token-request.h), so that a replaced secret
 * or certificate is found without a restart, and the bytes are wiped after use. A secret, key or passphrase
 * that others than its owner may read is refused. Who was told "no" asks again after a second, or when the
 * service's Retry-After is over (5 minutes at most); until then everybody is told the same.
 *
 * Functions may be called from any thread.
 */

#include "base/log.h"
#include "engine/target/graph.h"
#include "engine/target/http.h"

#include <stdatomic.h>

typedef struct BearerToken BearerToken;
typedef struct Token Token;

/* A header line that several requests share; wiped when the last lets go. */
struct BearerToken {
        atomic_uint n_refs;
        uint64_t generation;
        size_t n;
        char header[]; /* "Authorization: Bearer ..." */
};

/* *http is looked at when something is sent: it may be made after the token. `audience` is borrowed. */
Token *token_new(Http *const *http, const GraphOptions *options, const char *login, const char *audience,
                 const Clock *clock, const Log *log);
Token *token_free(Token *t); /* after http_stop */

/*
 * The current token; waits for one until the deadline, or until the asker (may be NULL) is gone. Return: 0,
 * TARGET_E_REFUSED, TARGET_E_TRANSIENT, TARGET_E_UNREACHABLE, TARGET_E_GARBAGE (the diag says why).
 */
int token_get(Token *t, Mono deadline, const TargetAsker *asker, BearerToken **ret_bearer, Diag *diag);
BearerToken *bearer_unref(BearerToken *b);

/* The service did not accept this token: the next token_get fetches another, if nobody has done so since. */
void token_reject(Token *t, uint64_t generation);

/*
 * The service knows this token, and says that a permission is missing. A token has the permissions of the
 * moment it was made: what an administrator has granted since is in the next one, which would come within the
 * hour. So one that is older than ten seconds is renewed, and waited for until the deadline; it stays in use
 * where that fails. Return: true: there is another token, ask once more.
 */
bool token_doubt(Token *t, uint64_t generation, Mono deadline, const TargetAsker *asker);

/* Renew ahead if it is time. Returns microseconds until it makes sense to ask again. */
int64_t token_tick(Token *t, Mono now);

/* Pure parts, for tests. The words for an error of the token endpoint; the code is found in the text. */
const char *token_error_words(const char *description); /* NULL: not one we know */
int64_t token_renew_ahead(int64_t lifetime_us);         /* so long before its end */
/* What the end of a token request means. Return: 0 (the caller wipes and frees the token), TARGET_E_REFUSED,
 * TARGET_E_TRANSIENT, TARGET_E_UNREACHABLE, TARGET_E_GARBAGE with a text. */
int token_answer_read(const HttpRequest *request, char **ret_token, int64_t *ret_life_s, char *text,
                      size_t size);

DEFINE_CLEANUP(Token, token_free)
DEFINE_CLEANUP(BearerToken, bearer_unref)
