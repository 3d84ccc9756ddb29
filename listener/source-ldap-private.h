/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between source-ldap.c (connection, membership, names), source-read.c (one object, whole), source-list.c
 * (many objects, briefly), and source-other.c with source-names.c (what is different where there is no Active
 * Directory). */

#include "listener/ldap-conn.h"
#include "listener/ldap-dialect.h"
#include "listener/ldap-entry.h"
#include "listener/repl-meta.h"
#include "listener/source-ask.h"
#include "listener/source-ldap.h"

typedef struct SourceLdap SourceLdap;
typedef struct SourceRead SourceRead;

struct SourceLdap {
        Source source;
        SourceLdapConfig config;
        Conn *conn;
        uint64_t n_opened;   /* connections so far: which one is conn */
        PinnedServer pinned; /* what conn was opened for; generation 0: for no feed */
        Mono used;
        Mono renew_at; /* when the Kerberos ticket is nearly over */
        Arena *arena;  /* holds the texts of info */
        SourceInfo info;
        bool has_names;
        const char *const *stamped; /* whose numbers are known, or known not to be */
        size_t n_stamped;
        ReplNames repl;
        SourceAsk ask;
};

struct SourceRead {
        const SourceQuery *query;
        Arena *arena;
        SourceEntry entry; /* the answer */
};

/* Where an object is looked for. */
typedef struct SourcePlace {
        const char *base;
        int scope;
        const char *filter; /* NULL: any */
} SourcePlace;

static inline const Dialect *source_dialect(const SourceLdap *s)
{
        return dialect_of(s->conn->dse.vendor);
}

/* By id, or by DN if that is NULL. */
SourcePlace source_place(const SourceLdap *s, Arena *a, const ObjectId *id, const char *dn);

/* Is the object a member of the group? Return: 0, CONN_E_*. */
int source_other_is_member(SourceLdap *s, Arena *a, const char *group_dn, const ObjectId *id,
                           bool *ret_member, Diag *diag);

/* The name of an object. Return: 0, CONN_E_*; CONN_E_NOT_FOUND: there is none. */
int source_other_dn(SourceLdap *s, Arena *a, const ObjectId *id, const char **ret_dn, Diag *diag);

/* The names of the domain, as the base says them. */
void source_other_info(SourceLdap *s);

/* The ids behind the names that an entry refers to: links and single references. A name that leads nowhere
 * stays without. Return: 0, CONN_E_*. */
int source_names_resolve(SourceLdap *s, Arena *a, LdapEntry *e, Diag *diag);

/* Return: 0, SOURCE_E_NOT_FOUND, SOURCE_E_STALE, SOURCE_E_TOO_LARGE, CONN_E_*. */
int source_ldap_read(SourceLdap *s, void *read, Diag *diag);

/* Do it on a connection, and once more on a fresh one when the old turns out to be dead. `work` returns
 * CONN_E_*, SOURCE_E_*, -errno. Return: 0, SOURCE_E_*, -errno. */
int source_ldap_do(SourceLdap *s, int (*work)(SourceLdap *s, void *context, Diag *diag), void *context,
                   Diag *diag);

/* SourceOps.list. */
int source_ldap_list(Source *source, const SourceList *q, SourcePageFn page, void *context, Diag *diag);

/* A value inside a filter (RFC 4515 section 3). */
const char *filter_escape(Arena *a, const char *value);
