/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/controllers.h"

#include <string.h>

#include "base/str.h"
#include "engine/model/dn.h"
#include "listener/ldap-entry.h"

typedef struct Listing {
        Conn *conn;
        Arena *arena;
        const Dn *base;
        Controller *items;
        const char **dns; /* of the nTDSDSA objects */
        size_t n;
} Listing;

/* msDS-hasMasterNCs has all of them, hasMasterNCs the three of Windows 2000. */
static bool is_master(const Listing *l, LDAPMessage *m, const char *attribute)
{
        struct berval **values = ldap_get_values_len(l->conn->ld, m, attribute);
        bool found = false;

        for (size_t i = 0; values && values[i] && !found; i++) {
                const char *text = arena_strndup(l->arena, values[i]->bv_val, values[i]->bv_len);
                const Dn *dn;

                found = dn_parse(l->arena, text, &dn, NULL) == 0 && dn_is(dn, l->base);
        }
        ldap_value_free_len(values);
        return found;
}

static int take_settings(void *context, LDAPMessage *m)
{
        Listing *l = context;
        LDAP *ld = l->conn->ld;
        Controller *c = &l->items[l->n];
        char *dn;

        if (l->n == CONTROLLERS_MAX || !entry_guid(ld, m, "invocationId", &c->id) ||
            !(is_master(l, m, "msDS-hasMasterNCs") || is_master(l, m, "hasMasterNCs")))
                return 0;
        dn = ldap_get_dn(ld, m);
        if (!dn)
                return 0;
        l->dns[l->n++] = arena_strdup(l->arena, dn);
        ldap_memfree(dn);
        return 0;
}

typedef struct Host {
        Conn *conn;
        Arena *arena;
        const char *name;
} Host;

static int take_host(void *context, LDAPMessage *m)
{
        Host *h = context;

        h->name = entry_text(h->conn->ld, m, "dNSHostName", h->arena);
        return 0;
}

/* Of the server object, which is the parent. One that cannot be read has none. Return: 0, CONN_E_*. */
static int read_host(Listing *l, const char *settings, const char **ret_host, Diag *diag)
{
        static const char *const attributes[] = { "dNSHostName" };
        const char *comma = strchr(settings, ',');
        Host host = { .conn = l->conn, .arena = l->arena };
        ConnSearch search = {
                .base = comma ? comma + 1 : "",
                .scope = LDAP_SCOPE_BASE,
                .attributes = attributes,
                .n_attributes = N_ELEMENTS(attributes),
        };
        int r = conn_search(l->conn, &search, l->conn->config->request_timeout_us,
                            "read the name of a server", take_host, &host, NULL, diag);

        *ret_host = host.name;
        return r == CONN_E_NOT_FOUND || r == CONN_E_REFUSED ? 0 : r;
}

static int list(Listing *l, Diag *diag)
{
        static const char *const attributes[] = { "invocationId", "msDS-hasMasterNCs", "hasMasterNCs" };
        ConnSearch search = {
                .base = arena_printf(l->arena, "CN=Sites,%s",
                                     l->conn->dse.config_context ? l->conn->dse.config_context : ""),
                .scope = LDAP_SCOPE_SUBTREE,
                .filter = "(objectClass=nTDSDSA)",
                .attributes = attributes,
                .n_attributes = N_ELEMENTS(attributes),
        };
        size_t n = 0;
        int r;

        r = conn_search(l->conn, &search, l->conn->config->request_timeout_us, "list the domain controllers",
                        take_settings, l, NULL, diag);
        for (size_t i = 0; r == 0 && i < l->n; i++) {
                const char *host = NULL;

                r = read_host(l, l->dns[i], &host, diag);
                if (r == 0 && host)
                        l->items[n++] = (Controller){ .id = l->items[i].id, .host = host };
        }
        l->n = n;
        return r;
}

/* Return: 0, CONN_E_*, SERVER_DOOR_E_BUSY. */
static int open_conn(const LdapConfig *config, ServerPin *pin, ServerDoor *door, Mono now, Conn **ret_conn,
                     Diag *diag)
{
        const DoorLink link = { secret_stamp(conn_secret_file(config)), .gives_way = true };
        PinnedServer pinned;
        Mono again;
        int r = server_door_link_enter(door, now, &link, &again, diag);

        if (r)
                return r;
        r = server_pin_get(pin, &pinned) ? conn_open(ret_conn, config, pinned.uri, diag)
                                         : conn_open_any(ret_conn, config, NULL, NULL, diag);
        server_door_link_leave(door, now, &link, r, diag_text(diag));
        return r;
}

int controllers_list(const LdapConfig *config, ServerPin *pin, ServerDoor *door, Mono now, Arena *a,
                     const Controller **ret_list, size_t *ret_n, Diag *diag)
{
        _cleanup_(conn_freep) Conn *c = NULL;
        Listing l = { .arena = a };
        int r;

        if (dn_parse(a, config->base, &l.base, diag))
                return CONN_E_UNSUITABLE;
        r = open_conn(config, pin, door, now, &c, diag);
        if (r)
                return r;
        l.conn = c;
        l.items = arena_new_array(a, Controller, CONTROLLERS_MAX + 1);
        l.dns = arena_new_array(a, const char *, CONTROLLERS_MAX + 1);
        r = list(&l, diag);
        if (r)
                return r;
        *ret_list = l.items;
        *ret_n = l.n;
        return 0;
}
