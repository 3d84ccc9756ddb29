/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who is this server? The root DSE (MS-ADTS 3.1.1.3.2), the object that stands for the server's directory
 * service, and whether it can serve us.
 */

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "engine/model/dn.h"
#include "listener/ldap-conn.h"
#include "listener/ldap-dialect.h"
#include "listener/ldap-entry.h"

/* supportedCapabilities, MS-ADTS 3.1.1.3.4.3 */
#define CAPABILITY_ACTIVE_DIRECTORY "1.2.840.113556.1.4.800"
#define CAPABILITY_READ_ONLY        "1.2.840.113556.1.4.1920"

/* Lists of the root DSE are short; a server that sends more of them is not one of ours. */
#define LIST_MAX 1000

static const char *const dse_attributes[] = {
        "configurationNamingContext",
        "defaultNamingContext",
        "dnsHostName",
        "dsServiceName",
        "highestCommittedUSN",
        "lastusn",
        "namingContexts",
        "objectClass",
        "rootDomainNamingContext",
        "supportedCapabilities",
        "supportedControl",
        "vendorName",
};

typedef struct Reading {
        Conn *conn;
        bool is_ad, is_read_only, is_openldap;
        const char *vendor;
        bool seen;
        const char *const *counters; /* "lastusn;userroot" */
        size_t n_counters;
} Reading;

static const char *one(Conn *c, LDAPMessage *m, const char *name)
{
        return entry_text(c->ld, m, name, c->arena);
}

static void list(Conn *c, LDAPMessage *m, const char *name, const char *const **ret_list, size_t *ret_n)
{
        struct berval **values = ldap_get_values_len(c->ld, m, name);
        int n = ldap_count_values_len(values);
        const char **texts;

        n = n > LIST_MAX ? LIST_MAX : n;
        texts = arena_new_array(c->arena, const char *, (size_t)n + 1);
        for (int i = 0; i < n; i++)
                texts[i] = arena_strndup(c->arena, values[i]->bv_val, values[i]->bv_len);
        ldap_value_free_len(values);
        *ret_list = texts;
        *ret_n = (size_t)n;
}

uint64_t conn_read_usn(Conn *c, LDAPMessage *m, const char *name)
{
        struct berval **values = ldap_get_values_len(c->ld, m, name);
        char text[24] = "";

        if (values && values[0] && values[0]->bv_len < sizeof(text))
                memcpy(text, values[0]->bv_val, values[0]->bv_len);
        ldap_value_free_len(values);
        /* lastusn is the last number given out, from 0 on; -1 before the first. */
        return !*text || *text == '-' ? 0 : strtoull(text, NULL, 10) + str_starts(name, "lastusn");
}

/* 389 Directory Server counts for each of its databases, or (entryusn-global) for all together. */
static void list_counters(Reading *r, LDAPMessage *m)
{
        Conn *c = r->conn;
        const char **names = arena_new_array(c->arena, const char *, LIST_MAX);
        BerElement *ber = NULL;

        for (char *name = ldap_first_attribute(c->ld, m, &ber); name;
             name = ldap_next_attribute(c->ld, m, ber)) {
                if (str_starts(name, "lastusn") && r->n_counters < LIST_MAX)
                        names[r->n_counters++] = arena_strdup(c->arena, name);
                ldap_memfree(name);
        }
        ber_free(ber, 0);
        r->counters = names;
}

static int read_dse(void *context, LDAPMessage *m)
{
        Reading *r = context;
        Conn *c = r->conn;
        const char *const *capabilities, *const *classes;
        size_t n_capabilities, n_classes;

        r->seen = true;
        c->dse.config_context = one(c, m, "configurationNamingContext");
        c->dse.default_context = one(c, m, "defaultNamingContext");
        c->dse.root_context = one(c, m, "rootDomainNamingContext");
        c->dse.dns_host_name = one(c, m, "dnsHostName");
        c->dse.ds_service_name = one(c, m, "dsServiceName");
        c->dse.usn_attribute = "highestCommittedUSN";
        c->dse.usn = conn_read_usn(c, m, c->dse.usn_attribute);
        list_counters(r, m);
        r->vendor = one(c, m, "vendorName");
        list(c, m, "namingContexts", &c->dse.contexts, &c->dse.n_contexts);
        list(c, m, "supportedControl", &c->dse.controls, &c->dse.n_controls);
        list(c, m, "supportedCapabilities", &capabilities, &n_capabilities);
        list(c, m, "objectClass", &classes, &n_classes);
        for (size_t i = 0; i < n_classes; i++)
                r->is_openldap |= str_is(classes[i], "OpenLDAProotDSE");
        for (size_t i = 0; i < n_capabilities; i++) {
                r->is_ad |= str_is(capabilities[i], CAPABILITY_ACTIVE_DIRECTORY);
                r->is_read_only |= str_is(capabilities[i], CAPABILITY_READ_ONLY);
        }
        return 0;
}

static int read_identity(void *context, LDAPMessage *m)
{
        Conn *c = context;

        entry_guid(c->ld, m, "invocationId", &c->server_id);
        return 0;
}

static int check_base(Conn *c, Diag *diag)
{
        const Dn *base, *context;
        _cleanup_(str_deinit) Str s = { 0 };

        if (!c->config->base)
                return 0; /* somebody who asks what it is (listener/directory.c) */
        if (dn_parse(c->arena, c->config->base, &base, diag))
                return CONN_E_UNSUITABLE;
        for (size_t i = 0; i < c->dse.n_contexts; i++)
                if (dn_parse(c->arena, c->dse.contexts[i], &context, NULL) == 0 && dn_is(base, context))
                        return 0;
        str_init(&s, 1024);
        for (size_t i = 0; i < c->dse.n_contexts; i++)
                str_printf(&s, "%s%s", i ? "; " : "", c->dse.contexts[i]);
        diag_set(diag, "%s: source.base %s is no naming context of this server, which has: %s", c->uri.text,
                 c->config->base, s.data);
        return CONN_E_UNSUITABLE;
}

static int identify_ad(Conn *c, bool is_read_only, Diag *diag)
{
        static const char *const attributes[] = { "invocationId" };
        ConnSearch search = {
                .base = c->dse.ds_service_name,
                .scope = LDAP_SCOPE_BASE,
                .attributes = attributes,
                .n_attributes = N_ELEMENTS(attributes),
        };
        int r;

        if (is_read_only) {
                diag_set(diag,
                         "%s: a read-only domain controller, which does not hand out changes; name a "
                         "writable one",
                         c->uri.text);
                return CONN_E_UNSUITABLE;
        }
        r = check_base(c, diag);
        if (r)
                return r;
        if (!search.base) {
                diag_set(diag, "%s: the root DSE has no dsServiceName", c->uri.text);
                return CONN_E_PROTOCOL;
        }
        r = conn_search(c, &search, c->config->connect_timeout_us, "read the server's identity",
                        read_identity, c, NULL, diag);
        if (r)
                return r == CONN_E_NOT_FOUND ? CONN_E_REFUSED : r;
        if (guid_is_zero(&c->server_id)) {
                diag_set(diag,
                         "%s: this account cannot read invocationId of %s, by which the server is known",
                         c->uri.text, search.base);
                return CONN_E_REFUSED;
        }
        return 0;
}

/* -- no Active Directory --------------------------------------------------------------------------------- */

static int read_base(void *context, LDAPMessage *m)
{
        static const char *const attributes[] = { "nsUniqueId" };
        Conn *c = context;
        LdapEntry e = { 0 };
        EntryNames names = { .names = attributes, .n = N_ELEMENTS(attributes) };

        list(c, m, "contextCSN", &c->dse.context_csn, &c->dse.n_context_csn);
        if (entry_read(c->ld, m, names, false, c->arena, &e, NULL) == 0) {
                dialect_entry(dialect_of(c->dse.vendor), c->arena, &e);
                c->dse.database = e.id;
        }
        return 0;
}

/*
 * There is no invocationId here. Whoever answers at this URI with this database is the server; the id of the
 * entry at the base is the database's, since a database that was made anew has another.
 */
static void make_server_id(Conn *c)
{
        const char *text = arena_printf(c->arena, "%s:%d", c->uri.host, c->uri.port);
        Hash128 h = hash128(text, strlen(text), 0);

        memcpy(c->server_id.bytes, &h.low, 8);
        memcpy(c->server_id.bytes + 8, &h.high, 8);
        for (size_t i = 0; i < sizeof(c->server_id.bytes); i++)
                c->server_id.bytes[i] ^= c->dse.database.bytes[i];
}

static int read_backend(void *context, LDAPMessage *m)
{
        Conn *c = context;
        const char *backend = entry_text(c->ld, m, "nsslapd-backend", c->arena);
        const char *const *names;
        const Dn *base, *suffix;
        size_t n;

        list(c, m, "cn", &names, &n);
        for (size_t i = 0; i < n && backend; i++)
                if (dn_parse(c->arena, c->config->base, &base, NULL) == 0 &&
                    dn_parse(c->arena, names[i], &suffix, NULL) == 0 && dn_is(base, suffix))
                        c->dse.usn_attribute = arena_printf(c->arena, "lastusn;%s", backend);
        return 0;
}

static int read_counter(void *context, LDAPMessage *m)
{
        Conn *c = context;

        c->dse.usn = conn_read_usn(c, m, c->dse.usn_attribute);
        return 0;
}

/*
 * Which of the counters is the base's. The one of another database may be ahead, and what is below it would
 * be lost: where it is not known, there is none.
 */
static int find_counter(Conn *c, const Reading *reading, Diag *diag)
{
        static const char *const attributes[] = { "cn", "nsslapd-backend" };
        _cleanup_(diag_deinit) Diag ignored = DIAG_INIT;
        ConnSearch mapping = {
                .base = "cn=mapping tree,cn=config",
                .scope = LDAP_SCOPE_ONELEVEL,
                .filter = "(nsslapd-backend=*)",
                .attributes = attributes,
                .n_attributes = N_ELEMENTS(attributes),
        };
        ConnSearch dse = { .base = "", .scope = LDAP_SCOPE_BASE, .n_attributes = 1 };
        int r = 0;

        c->dse.usn_attribute = reading->n_counters == 1 ? reading->counters[0] : NULL;
        if (reading->n_counters > 1) {
                r = conn_search(c, &mapping, c->config->connect_timeout_us, "read the mapping tree",
                                read_backend, c, NULL, &ignored);
                if (r == CONN_E_UNREACHABLE)
                        return r;
        }
        if (!c->dse.usn_attribute)
                return 0;
        dse.attributes = &c->dse.usn_attribute;
        return conn_search(c, &dse, c->config->connect_timeout_us, "read lastusn", read_counter, c, NULL,
                           diag);
}

static int identify_other(Conn *c, const Reading *reading, Diag *diag)
{
        const Dialect *d = dialect_of(c->dse.vendor);
        const char *attributes[] = { d->id, "contextCSN", "objectClass" };
        ConnSearch search = {
                .base = c->config->base,
                .scope = LDAP_SCOPE_BASE,
                .attributes = attributes,
                .n_attributes = N_ELEMENTS(attributes),
        };
        int r;

        r = check_base(c, diag);
        if (r)
                return r;
        r = conn_search(c, &search, c->config->connect_timeout_us, "read the entry at source.base", read_base,
                        c, NULL, diag);
        if (r && r != CONN_E_NOT_FOUND)
                return r;
        if (guid_is_zero(&c->dse.database)) {
                diag_set(diag, "%s: this account cannot read %s of %s, by which the database is known",
                         c->uri.text, d->id, c->config->base);
                return CONN_E_REFUSED;
        }
        make_server_id(c);
        c->dse.usn_attribute = NULL;
        return c->dse.vendor == VENDOR_389 ? find_counter(c, reading, diag) : 0;
}

/**
 * conn_identify() - read the root DSE and what it leads to
 *
 * Return: 0, CONN_E_UNREACHABLE, CONN_E_UNSUITABLE, CONN_E_REFUSED, CONN_E_PROTOCOL.
 */
int conn_identify(Conn *c, Diag *diag)
{
        Reading reading = { .conn = c };
        ConnSearch search = {
                .base = "",
                .scope = LDAP_SCOPE_BASE,
                .attributes = dse_attributes,
                .n_attributes = N_ELEMENTS(dse_attributes),
        };
        int r;

        r = conn_search(c, &search, c->config->connect_timeout_us, "read the root DSE", read_dse, &reading,
                        NULL, diag);
        if (!r && !reading.seen) {
                diag_set(diag, "%s: the server has no root DSE", c->uri.text);
                r = CONN_E_PROTOCOL;
        }
        if (!r && reading.is_ad) {
                c->dse.vendor =
                        reading.vendor && str_starts(reading.vendor, "Samba") ? VENDOR_SAMBA : VENDOR_WINDOWS;
                r = identify_ad(c, reading.is_read_only, diag);
        } else if (!r && (reading.is_openldap || (reading.vendor && str_starts(reading.vendor, "389 ")))) {
                c->dse.vendor = reading.is_openldap ? VENDOR_OPENLDAP : VENDOR_389;
                r = identify_other(c, &reading, diag);
        }
        if (r == CONN_E_NOT_FOUND || r == CONN_E_LIMIT || r == CONN_E_REJECTED || r == CONN_E_TOO_LARGE)
                r = CONN_E_UNSUITABLE;
        return r;
}
