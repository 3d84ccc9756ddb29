/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Assertion: what a client that has no secret shows instead
 *
 *      a client assertion   JWT signed with the key of the registered certificate: header (alg PS256 or
 *                           RS256, x5t#S256), signature, audience, issuer and subject, times
 *      a federated token    the content of one file, as it is
 *
 * Errors are those of Microsoft Entra ID; the first one found is told.
 */

#include <jansson.h>
#include <openssl/x509.h>
#include <stdint.h>

#include "text.h"

typedef struct Assertion Assertion;

/* What is registered, and the request. */
struct Assertion {
        X509 *certificate;     /* NULL: none */
        const char *federated; /* NULL: none */
        const char *client_id;
        const char *tenant; /* as the request's path names it */
        int64_t now_s;
};

/* Return: 0, or the number of the error (AADSTS...) and its message */
int assertion_check(const Assertion *expected, const char *text, Text *message);

/* JSON in base64url; NULL: it is not */
json_t *assertion_decode(const char *s, size_t n);

/* The first certificate of a text in PEM; NULL: there is none */
X509 *assertion_certificate(const char *pem);
