/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Permissions: which application permissions of Microsoft Graph a configuration needs
 *
 * One table, by estate and feature. README.md and sosync(1) have it too (tests/lint/man.py compares), `sosync
 * config permissions` prints it, the emulator refuses what was not granted, and permissions_probe() compares
 * it with a token.
 */

#include "app/config/config.h"
#include "engine/target/token-claims.h"

typedef struct Permission Permission;

struct Permission {
        const char *name;
        const char *when; /* "estate alone", for people */
        const char *what; /* for what */
        bool optional;    /* without it something is not done, or not known; it is said */
        bool writes;      /* no use in staging, which exports nothing */
        bool (*is_needed)(const Config *c);
};

const Permission *permissions_all(size_t *ret_n);

/*
 * Which are missing, and which the token has beyond what this configuration can use: broader rights than
 * needed are a risk without a use. Names live as long as config and claims; the lists live in the arena. A
 * permission that another one includes (Directory.ReadWrite.All and its kin) is not missing.
 */
typedef struct PermissionsFound {
        const Permission **missing;
        size_t n_missing;
        const char **beyond;
        size_t n_beyond;
} PermissionsFound;

void permissions_probe(const Config *c, const TokenClaims *claims, Arena *a, PermissionsFound *ret_found);
