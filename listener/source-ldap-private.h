/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between source-ldap.c (connection, membership, names) and source-read.c (one object, whole). */

#include "listener/ldap-conn.h"
#include "listener/ldap-entry.h"
#include "listener/source-ldap.h"

typedef struct SourceLdap SourceLdap;
typedef struct SourceRead SourceRead;

struct SourceLdap {
        Source source;
        SourceLdapConfig config;
        Conn *conn;
        PinnedServer pinned; /* what conn was opened for; generation 0: for no feed */
        Mono used;
        Mono renew_at; /* when the Kerberos ticket is nearly over */
        Arena *arena;  /* holds the texts of info */
        SourceInfo info;
        bool has_names;
};

struct SourceRead {
        const SourceQuery *query;
        Arena *arena;
        SourceEntry entry; /* the answer */
};

/* Return: 0, SOURCE_E_NOT_FOUND, SOURCE_E_STALE, SOURCE_E_TOO_LARGE, CONN_E_*. */
int source_ldap_read(SourceLdap *s, void *read, Diag *diag);

/* A value inside a filter (RFC 4515 section 3). */
const char *filter_escape(Arena *a, const char *value);
