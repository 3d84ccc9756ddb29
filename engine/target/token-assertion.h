/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TokenAssertion: "I am this application", signed with the key of a registered certificate
 *
 *      base64url({"alg":"PS256","typ":"JWT","x5t#S256":...}) . base64url(claims) . base64url(signature)
 *
 * As certificate-credentials of the Microsoft identity platform describes it; RS256 is its older form.
 */

#include "engine/target/token-key.h"

/* In the order of the configuration's choices. */
typedef enum TokenAlgorithm {
        TOKEN_PS256,
        TOKEN_RS256,
} TokenAlgorithm;

/* `audience` is the address of the token endpoint. The text is the caller's to wipe and to free.
 * Return: 0, TARGET_E_REFUSED with a text. */
int token_assertion_new(const TokenKey *key, TokenAlgorithm algorithm, const char *audience,
                        const char *client_id, Wall now, char **ret_text, Diag *diag);
