/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Directory: what a server says of itself before anything is configured
 *
 * For `sosync init`: connect and bind as the configuration that is being made would, and look around. The
 * naming context need not be known yet: the server names its own.
 */

#include "base/arena.h"
#include "listener/ldap-config.h"

typedef struct DirectoryFacts DirectoryFacts;

/* Texts live in the arena that was given. */
struct DirectoryFacts {
        const char *product; /* "Active Directory on Windows", "Samba", "not Active Directory" */
        const char *server;  /* its own name for itself */
        const char *base;    /* the naming context of its domain, or its first */
        const char *fqdn;    /* of the base: "corp.contoso.test" */
        bool has_dirsync;
        const char *const *containers; /* DNs one level below the base that hold objects of people's making */
        size_t n_containers;
        bool has_more;      /* containers beyond DIRECTORY_CONTAINERS */
        const char *absent; /* the first of those asked for that is not there; NULL: all are */
};

#define DIRECTORY_CONTAINERS 50

/*
 * `config`: uris, bind, tls and time-outs; its base may be NULL. `wanted`: DNs below the base that should be
 * there. Blocks. Return: 0, CONN_E_* with the reason in the diag.
 */
int directory_look(const LdapConfig *config, const char *const *wanted, size_t n_wanted, Arena *a,
                   DirectoryFacts *ret_facts, Diag *diag);
