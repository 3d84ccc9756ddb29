/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TokenKey: a certificate and its private key, for the moment a client assertion is signed
 *
 *      key_file absent     certificate_file holds both: PEM, or PKCS#12
 *      key_file given      it holds the key in PEM; certificate_file the certificate, PEM or DER
 *
 * A key may be encrypted; passphrase_file opens it. Each refusal is one line that names the file, what is
 * wrong with it, and what is expected. Nothing stays in memory after token_key_deinit.
 */

#include "base/clock.h"
#include "base/diag.h"
#include "engine/target/graph.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

typedef struct TokenKey TokenKey;

struct TokenKey {
        EVP_PKEY *key; /* RSA, at least 2048 bits */
        X509 *certificate;
};

/* Read and check: modes of the files, passphrase, that both belong together, dates.
 * Return: 0, TARGET_E_REFUSED with a text. */
int token_key_load(const GraphCredential *credential, Wall now, TokenKey *ret_key, Diag *diag);

/* When the certificate ends, whether it has or not. Return: 0, TARGET_E_REFUSED: it cannot be read now. */
int token_key_end(const GraphCredential *credential, Wall *ret_end);

void token_key_deinit(TokenKey *k);
