/* SPDX-License-Identifier: Apache-2.0 */

/* Where there is no Active Directory: an object by its id, membership by name, a domain of the base's parts.
 */

#include <string.h>

#include "base/str.h"
#include "engine/model/dn.h"
#include "listener/source-ldap-private.h"

/**
 * source_place() - where to look for an object
 *
 * AD takes <GUID=...> wherever it takes a name (MS-ADTS 3.1.1.3.1.2.4). Elsewhere the id is searched for; it
 * is indexed.
 */
SourcePlace source_place(const SourceLdap *s, Arena *a, const ObjectId *id, const char *dn)
{
        const Dialect *d = source_dialect(s);
        char guid[GUID_TEXT_MAX];

        if (!id)
                return (SourcePlace){ .base = dn, .scope = LDAP_SCOPE_BASE };
        if (d->is_ad)
                return (SourcePlace){ .base = arena_printf(a, "<GUID=%s>", guid_format(id, guid)),
                                      .scope = LDAP_SCOPE_BASE };
        return (SourcePlace){ .base = s->config.ldap->base,
                              .scope = LDAP_SCOPE_SUBTREE,
                              .filter = dialect_id_filter(d, a, id) };
}

static const char *const nothing[] = { "1.1" };

typedef struct Found {
        LDAP *ld;
        Arena *arena;
        const char *dn;
        bool found;
} Found;

static int found_entry(void *context, LDAPMessage *message)
{
        Found *f = context;
        char *dn = ldap_get_dn(f->ld, message);

        f->dn = dn ? arena_strdup(f->arena, dn) : NULL;
        f->found = true;
        ldap_memfree(dn);
        return 0;
}

/**
 * source_other_dn() - what an object is called now
 *
 * Return: 0, CONN_E_*; CONN_E_NOT_FOUND: there is none.
 */
int source_other_dn(SourceLdap *s, Arena *a, const ObjectId *id, const char **ret_dn, Diag *diag)
{
        SourcePlace place = source_place(s, a, id, NULL);
        Found f = { .ld = s->conn->ld, .arena = a };
        ConnSearch search = {
                .base = place.base,
                .scope = place.scope,
                .filter = place.filter,
                .attributes = nothing,
                .n_attributes = N_ELEMENTS(nothing),
        };
        int r;

        r = conn_search(s->conn, &search, s->config.ldap->request_timeout_us, "find an object by its id",
                        found_entry, &f, NULL, diag);
        if (r == 0 && !f.dn)
                r = CONN_E_NOT_FOUND;
        if (r == 0)
                *ret_dn = f.dn;
        return r;
}

/**
 * source_other_is_member() - is the object a member of the group? Members are names here.
 *
 * Return: 0, CONN_E_*; CONN_E_NOT_FOUND: no such group.
 */
int source_other_is_member(SourceLdap *s, Arena *a, const char *group_dn, const ObjectId *id,
                           bool *ret_member, Diag *diag)
{
        Found f = { .ld = s->conn->ld, .arena = a };
        ConnSearch search = {
                .base = group_dn,
                .scope = LDAP_SCOPE_BASE,
                .attributes = nothing,
                .n_attributes = N_ELEMENTS(nothing),
        };
        const char *dn = NULL;
        int r;

        *ret_member = false;
        r = source_other_dn(s, a, id, &dn, diag);
        if (r)
                return r == CONN_E_NOT_FOUND ? 0 : r; /* what is not there is no member */
        dn = filter_escape(a, dn);
        search.filter = arena_printf(a, "(|(member=%s)(uniqueMember=%s))", dn, dn);
        r = conn_search(s->conn, &search, s->config.ldap->request_timeout_us, "ask for membership",
                        found_entry, &f, NULL, diag);
        *ret_member = f.found;
        return r;
}

/**
 * source_other_info() - DC=corp,DC=contoso,DC=test is corp.contoso.test (RFC 2247)
 *
 * A base without DC parts has no domain: rules that need %Domain.FQDN% get no value.
 */
void source_other_info(SourceLdap *s)
{
        _cleanup_(str_deinit) Str name = { 0 };
        const Dn *base;

        str_init(&name, 1024);
        if (dn_parse(s->arena, s->config.ldap->base, &base, NULL) == 0)
                for (size_t i = 0; i < base->n_rdns; i++)
                        if (str_is_nocase(base->rdns[i].type, "dc"))
                                str_printf(&name, "%s%s", name.n ? "." : "", base->rdns[i].value);
        if (!name.n)
                return;
        s->info.domain_fqdn = s->info.forest_fqdn = arena_strdup(s->arena, name.data);
        s->info.domain_netbios = s->info.forest_netbios =
                arena_strndup(s->arena, name.data, strcspn(name.data, "."));
}
