/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/directory.h"

#include "base/str.h"
#include "engine/model/dn.h"
#include "listener/ldap-conn.h"
#include "listener/ldap-entry.h"

#include <string.h>

typedef struct Containers {
        Conn *conn;
        Arena *arena;
        const char **names;
        size_t n;
        bool has_more;
} Containers;

static int found(void *context, LDAPMessage *message)
{
        Containers *c = context;
        LdapEntry e = { 0 };

        if (c->n == DIRECTORY_CONTAINERS) {
                c->has_more = true;
                return 0;
        }
        entry_read_brief(c->conn->ld, message, c->arena, &e);
        if (e.dn)
                c->names[c->n++] = e.dn;
        return 0;
}

/* Organizational units, and Users, where accounts are made unless somebody says otherwise. */
static int look_below(Containers *c, const char *base, int64_t timeout_us, Diag *diag)
{
        static const char *const nothing[] = { "1.1" };
        ConnSearch search = {
                .base = base,
                .scope = LDAP_SCOPE_ONELEVEL,
                .filter = "(|(objectClass=organizationalUnit)(&(objectClass=container)(cn=Users)))",
                .attributes = nothing,
                .n_attributes = N_ELEMENTS(nothing),
        };

        return conn_search(c->conn, &search, timeout_us, "look for organizational units", found, c, NULL,
                           diag);
}

static int is_there(void *context, LDAPMessage *message)
{
        bool *there = context;

        *there = true;
        return 0;
}

/* Return: 0, CONN_E_*. */
static int look_for(Containers *c, const char *base, const char *dn, int64_t timeout_us, bool *ret_there,
                    Diag *diag)
{
        static const char *const nothing[] = { "1.1" };
        ConnSearch search = {
                .base = dn,
                .scope = LDAP_SCOPE_BASE,
                .filter = "(objectClass=*)",
                .attributes = nothing,
                .n_attributes = N_ELEMENTS(nothing),
        };
        const Dn *object, *top;
        int r;

        *ret_there = false;
        /* Of another domain the server would say where it is, which does not help. */
        if (dn_parse(c->arena, dn, &object, NULL) || dn_parse(c->arena, base, &top, NULL) ||
            !dn_is_below(object, top))
                return 0;
        r = conn_search(c->conn, &search, timeout_us, "look for an organizational unit", is_there, ret_there,
                        NULL, diag);
        if (r != CONN_E_NOT_FOUND)
                return r;
        diag_clear(diag);
        return 0;
}

/* "DC=corp,DC=contoso,DC=test": corp.contoso.test; of another name its own text. */
static const char *fqdn_of(Arena *a, const char *base)
{
        const char *at = base, *name = "";

        while (strncasecmp(at, "DC=", 3) == 0) {
                const char *end = strchrnul(at, ',');

                name = arena_printf(a, "%s%s%.*s", name, *name ? "." : "", (int)(end - at - 3), at + 3);
                at = *end ? end + 1 : end;
        }
        return *name && !*at ? name : base;
}

int directory_look(const LdapConfig *config, const char *const *wanted, size_t n_wanted, Arena *a,
                   DirectoryFacts *ret, Diag *diag)
{
        static const char *const products[] = {
                [VENDOR_OTHER] = "not Active Directory",
                [VENDOR_WINDOWS] = "Active Directory on Windows",
                [VENDOR_SAMBA] = "Samba",
        };
        _cleanup_(conn_freep) Conn *c = NULL;
        Containers containers = { .arena = a,
                                  .names = arena_new_array(a, const char *, DIRECTORY_CONTAINERS) };
        const char *base, *absent = NULL;
        int r;

        r = conn_open_any(&c, config, NULL, NULL, diag);
        if (r)
                return r;
        base = config->base             ? config->base
               : c->dse.default_context ? c->dse.default_context
               : c->dse.n_contexts      ? c->dse.contexts[0]
                                        : NULL;
        if (!base) {
                diag_set(diag, "%s: the server names no naming context", c->uri.text);
                return CONN_E_UNSUITABLE;
        }
        containers.conn = c;
        r = look_below(&containers, base, config->request_timeout_us, diag);
        for (size_t i = 0; r == 0 && i < n_wanted && !absent; i++) {
                bool there;

                r = look_for(&containers, base, wanted[i], config->request_timeout_us, &there, diag);
                if (r == 0 && !there)
                        absent = wanted[i];
        }
        if (r)
                return r;
        *ret = (DirectoryFacts){
                .product = products[c->dse.vendor],
                .server = arena_strdup(a, c->dse.dns_host_name ? c->dse.dns_host_name : c->uri.host),
                .base = arena_strdup(a, base),
                .has_dirsync = conn_supports(c, CONTROL_DIRSYNC),
                .containers = containers.names,
                .n_containers = containers.n,
                .has_more = containers.has_more,
                .absent = absent,
        };
        ret->fqdn = fqdn_of(a, ret->base);
        return 0;
}
