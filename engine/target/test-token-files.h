/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Keys, certificates and their files, for the tests of certificate credentials. */

#include "base/arena.h"
#include "base/clock.h"
#include "base/str.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW_S INT64_C(1767225600) /* 2026-01-01 */

extern EVP_PKEY *token_test_key;
extern X509 *token_test_certificate; /* valid from a day before NOW_S to a day after */

/* Per group: a folder with the files. */
int token_test_begin(void **state);
int token_test_end(void **state);

const char *token_test_file(Arena *a, const char *name); /* NULL gives NULL */
/* "@" stands for the folder. */
const char *token_test_text(Arena *a, const char *text);
