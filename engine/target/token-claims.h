/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Token claims: what an access token says about its holder
 *
 * An access token of Graph is for Graph to read ("access-tokens": do not parse those that are not yours), and
 * nothing that is decided here depends on it: Graph itself refuses what is not granted. The claims are used
 * to tell a person, before the first refusal, which permissions were granted and which are not needed, and to
 * name the application as the audit log does.
 */

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct TokenClaims TokenClaims;

struct TokenClaims {
        const char *app_id;    /* "appid": the application (client) id; NULL: not said, like the others */
        const char *app_name;  /* "app_displayname" */
        const char *object_id; /* "oid": of the service principal */
        const char *const *roles;
        size_t n_roles;
};

/* Of "header.payload.signature", which is not verified. Everything lives in the arena. False: no such thing.
 */
bool token_claims_parse(const char *token, size_t n, Arena *a, TokenClaims *ret_claims);
