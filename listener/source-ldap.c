/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/source-ldap-private.h"

static SourceLdap *of(Source *s)
{
        return (SourceLdap *)s;
}

/* -- connection ------------------------------------------------------------------------------------------ */

static int condition_of(int r)
{
        switch (r) {
        case CONN_E_REFUSED:
                return SOURCE_E_REFUSED;
        case CONN_E_NOT_FOUND:
                return SOURCE_E_NOT_FOUND;
        case CONN_E_TOO_LARGE:
                return SOURCE_E_TOO_LARGE;
        case CONN_E_UNREACHABLE:
        case CONN_E_TLS:
        case CONN_E_UNSUITABLE:
        case CONN_E_LIMIT:
        case CONN_E_REJECTED:
        case CONN_E_PROTOCOL:
                return SOURCE_E_UNREACHABLE;
        default:
                return r; /* already ours, or -errno */
        }
}

static int check_pinned(SourceLdap *s, Diag *diag)
{
        char is[GUID_TEXT_MAX], feed[GUID_TEXT_MAX];

        if (guid_is(&s->conn->server_id, &s->pinned.id))
                return 0;
        diag_set(diag, "%s: the feed is on server %s (invocationId %s), but %s answers here", s->pinned.uri,
                 s->pinned.host, guid_format(&s->pinned.id, feed), guid_format(&s->conn->server_id, is));
        s->conn = conn_free(s->conn);
        return CONN_E_UNREACHABLE;
}

static int open_inside(SourceLdap *s, Diag *diag)
{
        const SourceLdapConfig *c = &s->config;
        int r;

        s->pinned = (PinnedServer){ 0 };
        if (c->pin && server_pin_get(c->pin, &s->pinned)) {
                r = conn_open(&s->conn, c->ldap, s->pinned.uri, diag);
                if (r == 0)
                        r = check_pinned(s, diag);
        } else {
                r = conn_open_any(&s->conn, c->ldap, NULL, NULL, diag);
        }
        if (r == 0 && s->conn->dse.vendor == VENDOR_OTHER) {
                diag_set(diag, "%s is neither an Active Directory, nor OpenLDAP, nor 389 Directory Server",
                         s->conn->uri.text);
                s->conn = conn_free(s->conn);
                r = CONN_E_UNSUITABLE;
        }
        return r;
}

static int open_conn_why(SourceLdap *s, Diag *diag)
{
        const SourceLdapConfig *c = &s->config;
        SecretStamp stamp = secret_stamp(conn_secret_file(c->ldap));
        Mono now = clock_mono(c->clock);
        int r = c->door ? server_door_enter(c->door, now, &stamp, diag) : 0;

        if (r)
                return r;
        r = open_inside(s, diag);
        if (c->door)
                server_door_leave(c->door, now, &stamp, r, diag_text(diag));
        if (r == 0 && s->conn->lifetime_us)
                s->renew_at = mono_add(now, s->conn->lifetime_us - s->conn->lifetime_us / 10);
        else
                s->renew_at = MONO_NEVER;
        return r;
}

/* Why it did not open is told to others (ServerDoor), so it is asked for even if the caller does not. */
static int open_conn(SourceLdap *s, Diag *diag)
{
        Diag own = DIAG_INIT;
        int r = open_conn_why(s, diag ? diag : &own);

        diag_deinit(&own);
        return r;
}

/* A connection that may be used. *ret_fresh: it was made just now, so a failure is not one of old age. */
static int need_conn(SourceLdap *s, bool *ret_fresh, Diag *diag)
{
        Mono now = clock_mono(s->config.clock);
        bool moved = s->config.pin && server_pin_generation(s->config.pin) != s->pinned.generation;
        int r = 0;

        if (s->conn && (s->conn->broken || moved || now.us - s->used.us >= SOURCE_LDAP_IDLE_US ||
                        now.us >= s->renew_at.us))
                s->conn = conn_free(s->conn);
        *ret_fresh = !s->conn;
        if (!s->conn) {
                s->n_opened++;
                r = open_conn(s, diag);
        }
        s->used = now;
        return r;
}

/* Do it; when a connection that had been lying about turns out to be dead, once more on a fresh one. */
int source_ldap_do(SourceLdap *s, int (*work)(SourceLdap *, void *, Diag *), void *context, Diag *diag)
{
        bool fresh = false;
        int r;

        r = need_conn(s, &fresh, diag);
        if (r == 0)
                r = work(s, context, diag);
        if (r == CONN_E_UNREACHABLE && s->conn && s->conn->broken && !fresh) {
                s->conn = conn_free(s->conn);
                r = need_conn(s, &fresh, diag);
                if (r == 0)
                        r = work(s, context, diag);
        }
        if (s->conn && (r == CONN_E_PROTOCOL || s->conn->broken))
                s->conn = conn_free(s->conn);
        return condition_of(r);
}

/* -- membership ------------------------------------------------------------------------------------------ */

typedef struct Membership {
        Arena *arena;
        const char *group_dn;
        const ObjectId *id;
        bool found;
} Membership;

static int found_member(void *context, LDAPMessage *message)
{
        Membership *m = context;

        m->found = true;
        return 0;
}

/* The DN syntax of AD takes <GUID=...> wherever it takes a name, in filters too (MS-ADTS 3.1.1.3.1.2.4). */
static int ask_member(SourceLdap *s, void *context, Diag *diag)
{
        static const char *const nothing[] = { "1.1" };
        Membership *m = context;
        char guid[GUID_TEXT_MAX], filter[GUID_TEXT_MAX + 32];
        ConnSearch search = {
                .base = m->group_dn,
                .scope = LDAP_SCOPE_BASE,
                .filter = filter,
                .attributes = nothing,
                .n_attributes = N_ELEMENTS(nothing),
        };

        if (!source_dialect(s)->is_ad)
                return source_other_is_member(s, m->arena, m->group_dn, m->id, &m->found, diag);
        snprintf(filter, sizeof(filter), "(member=<GUID=%s>)", guid_format(m->id, guid));
        m->found = false;
        return conn_search(s->conn, &search, s->config.ldap->request_timeout_us, "ask for membership",
                           found_member, m, NULL, diag);
}

static int ldap_source_is_member(Source *source, const char *group_dn, const ObjectId *id, bool *ret_member,
                                 Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Membership m = { .arena = a, .group_dn = group_dn, .id = id };
        int r;

        r = source_ldap_do(of(source), ask_member, &m, diag);
        if (r)
                return r;
        *ret_member = m.found;
        return 0;
}

/* -- information ----------------------------------------------------------------------------------------- */

typedef struct Names {
        SourceLdap *source;
        Arena *arena;
        const char *context;
        const char *fqdn, *netbios;
} Names;

static int found_cross_ref(void *context, LDAPMessage *message)
{
        Names *n = context;

        n->fqdn = entry_text(n->source->conn->ld, message, "dnsRoot", n->arena);
        n->netbios = entry_text(n->source->conn->ld, message, "nETBIOSName", n->arena);
        return 0;
}

/* The crossRef of a domain knows its two names (MS-ADTS 6.1.1.2.1.1). */
static int read_names(SourceLdap *s, Names *n, Diag *diag)
{
        static const char *const attributes[] = { "dnsRoot", "nETBIOSName" };
        ConnSearch search = {
                .base = arena_printf(n->arena, "CN=Partitions,%s", s->conn->dse.config_context),
                .scope = LDAP_SCOPE_ONELEVEL,
                .filter = arena_printf(n->arena, "(&(objectClass=crossRef)(nCName=%s))",
                                       filter_escape(n->arena, n->context)),
                .attributes = attributes,
                .n_attributes = N_ELEMENTS(attributes),
        };

        return conn_search(s->conn, &search, s->config.ldap->request_timeout_us,
                           "read the names of the domain", found_cross_ref, n, NULL, diag);
}

static int read_info(SourceLdap *s, void *context, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Names domain = { .source = s, .arena = a, .context = s->config.ldap->base };
        Names forest = { .source = s, .arena = a, .context = s->conn->dse.root_context };
        int r = 0;

        (void)context;
        if (!s->has_names && !source_dialect(s)->is_ad) {
                source_other_info(s);
                s->has_names = true;
        }
        if (!s->has_names) {
                r = read_names(s, &domain, diag);
                if (!r && forest.context)
                        r = read_names(s, &forest, diag);
                if (r)
                        return r;
                s->info.domain_fqdn = domain.fqdn ? arena_strdup(s->arena, domain.fqdn) : NULL;
                s->info.domain_netbios = domain.netbios ? arena_strdup(s->arena, domain.netbios) : NULL;
                s->info.forest_fqdn = forest.fqdn ? arena_strdup(s->arena, forest.fqdn) : NULL;
                s->info.forest_netbios = forest.netbios ? arena_strdup(s->arena, forest.netbios) : NULL;
                s->has_names = true;
        }
        if (!guid_is(&s->info.server_id, &s->conn->server_id)) {
                const char *host = s->conn->dse.dns_host_name;

                s->info.server = arena_strdup(s->arena, host ? host : s->conn->uri.host);
                s->info.server_id = s->conn->server_id;
        }
        return 0;
}

static int ldap_source_info(Source *source, SourceInfo *ret_info, Diag *diag)
{
        SourceLdap *s = of(source);
        int r;

        r = source_ldap_do(s, read_info, NULL, diag);
        if (r == SOURCE_E_NOT_FOUND)
                r = SOURCE_E_REFUSED; /* the partitions are there; this account cannot see them */
        if (r)
                return r;
        *ret_info = s->info;
        return 0;
}

/* -- reading --------------------------------------------------------------------------------------------- */

static int ldap_source_read(Source *source, const SourceQuery *q, Arena *a, SourceEntry *ret_entry,
                            Diag *diag)
{
        SourceRead read = { .query = q, .arena = a };
        int r;

        r = source_ldap_do(of(source), source_ldap_read, &read, diag);
        if (r)
                return r;
        *ret_entry = read.entry;
        return 0;
}

/* -- life ------------------------------------------------------------------------------------------------ */

static Source *ldap_source_free(Source *source)
{
        SourceLdap *s = of(source);

        conn_free(s->conn);
        source_ask_deinit(&s->ask);
        arena_free(s->arena);
        free(s);
        return NULL;
}

static void ldap_source_idle(Source *source, Mono now)
{
        SourceLdap *s = of(source);

        if (s->conn && now.us - s->used.us >= SOURCE_LDAP_IDLE_US)
                s->conn = conn_free(s->conn);
}

static const SourceOps source_ldap_ops = {
        .name = "ldap",
        .read = ldap_source_read,
        .is_member = ldap_source_is_member,
        .list = source_ldap_list,
        .info = ldap_source_info,
        .idle = ldap_source_idle,
        .free = ldap_source_free,
};

/**
 * source_ldap_new() - a Source that will connect when it is first asked
 *
 * Return: 0.
 */
int source_ldap_new(Source **ret_source, const SourceLdapConfig *config)
{
        SourceLdap *s = calloc(1, sizeof(*s));

        if (!s)
                error_oom(sizeof(*s));
        s->source.ops = &source_ldap_ops;
        s->config = *config;
        s->arena = arena_new(0);
        s->info.name = config->ldap->name;
        s->info.base = config->ldap->base;
        *ret_source = &s->source;
        return 0;
}
