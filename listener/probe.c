/* SPDX-License-Identifier: Apache-2.0 */

#include "listener/probe-private.h"

#include "base/error.h"
#include "base/str.h"
#include "listener/feed-auto.h"
#include "listener/ldap-dialect.h"
#include "listener/ldap-entry.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

ProbeEnd probe_end(int r)
{
        switch (r) {
        case 0:
                return PROBE_GOOD;
        case CONN_E_UNREACHABLE:
                return PROBE_UNREACHABLE;
        case CONN_E_TLS:
                return PROBE_TLS;
        case CONN_E_REFUSED:
                return PROBE_REFUSED;
        case CONN_E_UNSUITABLE:
                return PROBE_UNSUITABLE;
        case CONN_E_NOT_FOUND:
                return PROBE_ABSENT;
        case CONN_E_LIMIT:
                return PROBE_LIMIT;
        default:
                return PROBE_FAILED;
        }
}

/* -- facts --------------------------------------------------------------------------------------------- */

typedef struct Dse {
        Conn *conn;
        Arena *arena;
        const char *time, *catalogue;
} Dse;

static int read_dse(void *context, LDAPMessage *m)
{
        Dse *d = context;

        d->time = entry_text(d->conn->ld, m, "currentTime", d->arena);
        d->catalogue = entry_text(d->conn->ld, m, "isGlobalCatalogReady", d->arena);
        return 0;
}

/* The root DSE's currentTime has seconds: half of one is added, and half of the way there and back. */
static void read_clock(Probe *p, ProbeFacts *f)
{
        static const char *const names[] = { "currentTime", "isGlobalCatalogReady" };
        Dse dse = { .conn = p->conn, .arena = p->arena };
        ConnSearch search = {
                .base = "", .scope = LDAP_SCOPE_BASE, .attributes = names, .n_attributes = N_ELEMENTS(names)
        };
        Wall before = clock_wall(p->clock);
        Wall after;
        struct tm tm = { 0 };

        if (conn_search(p->conn, &search, p->config.connect_timeout_us, "read the root DSE", read_dse, &dse,
                        NULL, NULL))
                return;
        after = clock_wall(p->clock);
        f->is_global_catalogue = dse.catalogue && str_is_nocase(dse.catalogue, "TRUE");
        f->has_clock = dse.time && strptime(dse.time, "%Y%m%d%H%M%S", &tm);
        if (f->has_clock)
                f->ahead_ms = (int64_t)timegm(&tm) * 1000 + 500 - (before.ms + (after.ms - before.ms) / 2);
}

/* MS-DTYP 2.4.2.1 */
static const char *sid_text(Arena *a, const struct berval *v)
{
        const uint8_t *d = (const uint8_t *)v->bv_val;
        const char *text;

        if (v->bv_len < 8 || d[0] != 1 || v->bv_len != 8 + 4 * (size_t)d[1])
                return NULL;
        text = arena_printf(a, "S-1-%u", d[7]);
        for (size_t i = 0; i < d[1]; i++) {
                const uint8_t *at = d + 8 + 4 * i;

                text = arena_printf(a, "%s-%u", text,
                                    at[0] | (unsigned)at[1] << 8 | (unsigned)at[2] << 16 |
                                            (unsigned)at[3] << 24);
        }
        return text;
}

typedef struct Sid {
        Conn *conn;
        Arena *arena;
        const char *text;
} Sid;

static int read_sid(void *context, LDAPMessage *m)
{
        Sid *s = context;
        struct berval **values = ldap_get_values_len(s->conn->ld, m, "objectSid");

        if (values && values[0])
                s->text = sid_text(s->arena, values[0]);
        ldap_value_free_len(values);
        return 0;
}

/* "Who am I?" (RFC 4532): Active Directory says "u:CORP\svc-sosync", others "dn:cn=sosync,...". Its SID, for
 * the tools that want it. */
static void read_account(Probe *p, ProbeFacts *f)
{
        static const char *const names[] = { "objectSid" };
        Sid sid = { .conn = p->conn, .arena = p->arena };
        struct berval *who = NULL;
        ConnSearch search = { .attributes = names, .n_attributes = N_ELEMENTS(names) };
        const char *slash = NULL;
        size_t prefix = 0;

        if (ldap_whoami_s(p->conn->ld, &who, NULL, NULL) == LDAP_SUCCESS && who && who->bv_val)
                prefix = strncmp(who->bv_val, "dn:", 3) == 0 ? 3 : strncmp(who->bv_val, "u:", 2) == 0 ? 2 : 0;
        if (prefix && who->bv_len > prefix)
                f->account = str_safe(p->arena, who->bv_val + prefix, who->bv_len - prefix);
        ber_bvfree(who);
        if (!f->is_ad)
                return;
        slash = f->account ? strchr(f->account, '\\') : NULL;
        if (p->config.bind.mechanism == BIND_SIMPLE && strchr(p->config.bind.dn, '=')) {
                search.base = p->config.bind.dn;
                search.scope = LDAP_SCOPE_BASE;
        } else if (slash && !strpbrk(slash + 1, "()*\\")) {
                search.base = p->base;
                search.scope = LDAP_SCOPE_SUBTREE;
                search.filter = arena_printf(p->arena, "(sAMAccountName=%s)", slash + 1);
        } else {
                return;
        }
        if (conn_search(p->conn, &search, p->config.request_timeout_us, "read our own account", read_sid,
                        &sid, NULL, NULL) == 0)
                f->sid = sid.text;
}

static void read_facts(Probe *p, ProbeFacts *f, Diag *diag)
{
        static const char *const products[] = {
                [VENDOR_OTHER] = "another directory",      [VENDOR_WINDOWS] = "Active Directory on Windows",
                [VENDOR_SAMBA] = "Samba Active Directory", [VENDOR_OPENLDAP] = "OpenLDAP",
                [VENDOR_389] = "389 Directory Server",
        };
        const FeedOps *ops;
        Conn *c = p->conn;

        f->product = products[c->dse.vendor];
        f->server = str_safe(p->arena, c->dse.dns_host_name ? c->dse.dns_host_name : c->uri.host,
                             strlen(c->dse.dns_host_name ? c->dse.dns_host_name : c->uri.host));
        f->base = p->base;
        f->server_id = c->server_id;
        f->is_ad = dialect_of(c->dse.vendor)->is_ad;
        f->is_samba = c->dse.vendor == VENDOR_SAMBA;
        f->certificate_end = conn_certificate_end(c);
        f->feed = ldap_config_feeds[p->config.feed];
        if (str_is(f->feed, "auto")) {
                ops = feed_auto_choose(c, diag);
                f->feed = ops ? ops->name : NULL;
        }
        read_clock(p, f);
        read_account(p, f);
}

/* -- opening ------------------------------------------------------------------------------------------- */

ProbeEnd probe_open(Probe **ret_probe, const LdapConfig *config, const char *uri, const Clock *clock,
                    Arena *a, ProbeFacts *ret_facts, Diag *diag)
{
        _cleanup_(probe_freep) Probe *p = calloc(1, sizeof(*p));
        Mono began = clock_mono(clock);
        int r;

        if (!p)
                error_oom(sizeof(*p));
        *ret_facts = (ProbeFacts){ 0 };
        p->config = *config;
        p->uri = uri;
        p->config.uris = (ConfigList){ .items = &p->uri, .n_items = 1 };
        p->clock = clock;
        p->arena = a;
        p->base = config->base;
        r = conn_open_any(&p->conn, &p->config, NULL, NULL, diag);
        if (r)
                return probe_end(r);
        ret_facts->open_us = clock_mono(clock).us - began.us;
        read_facts(p, ret_facts, diag);
        *ret_probe = TAKE(p);
        return PROBE_GOOD;
}

Probe *probe_free(Probe *p)
{
        if (!p)
                return NULL;
        conn_free(p->conn);
        free(p);
        return NULL;
}
