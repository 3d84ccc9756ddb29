/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * InitText: the first configuration of an installation, with a word on every choice
 *
 * Pure: what people have answered and what directory and tenant have said goes in, text comes out. Keys that
 * keep their defaults are not in it; `sosync config help` has all of them.
 */

#include "app/flow/estate.h"
#include "base/str.h"
#include "listener/directory.h"

typedef struct InitAnswers InitAnswers;

#define INIT_MANY 16

/* NULL, or none: not given. */
struct InitAnswers {
        const char *uris[INIT_MANY];
        size_t n_uris;
        const char *bind_dn, *password_file; /* simple */
        const char *keytab;                  /* gssapi */
        const char *ca_file;
        const char *base;
        const char *ous[INIT_MANY];
        size_t n_ous;
        const char *tenant_id, *client_id;
        const char *secret_file, *certificate_file, *key_file;
        const char *cloud, *graph_url, *login_url;
};

/* `tenant_name` may be NULL. `found` is what is proposed; NULL: the tenant was not asked. */
void init_text(const InitAnswers *a, const DirectoryFacts *directory, const char *tenant_name,
               const EstateFound *found, Str *out);
