/* SPDX-License-Identifier: Apache-2.0 */

#include <ldap.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/secret.h"
#include "base/str.h"
#include "listener/ldap-config.h"
#include "listener/srv.h"

#define IF_SIMPLE   (1u << BIND_SIMPLE)
#define IF_GSSAPI   (1u << BIND_GSSAPI)
#define IF_EXTERNAL (1u << BIND_EXTERNAL)

/* Debian's bundle of public authorities; an AD has its own, which is what ca_file is for. */
#define CA_FILE_DEFAULT "/etc/ssl/certs/ca-certificates.crt"

static const char *const mechanism_names[] = { "simple", "gssapi", "external", NULL };
static const char *const protocol_names[] = { "1.2", "1.3", NULL };
static const char *const initial_names[] = { "now", "all", NULL };
static const char *const security_names[] = { "auto", "on", "off", NULL };
static const char *const urgent_names[] = { "feed", "all-dcs", NULL };

const char *const ldap_config_feeds[] = { "auto", "dirsync", "usn", "syncrepl", "psearch", "replay", NULL };

static const ConfigField bind_fields[] = {
        {
                .name = "mechanism",
                .type = CONFIG_CHOICE,
                .offset = offsetof(BindConfig, mechanism),
                .help = "how to bind",
                .choices = mechanism_names,
                .required = true,
                .example = "gssapi",
        },
        {
                .name = "dn",
                .type = CONFIG_TEXT, /* AD also takes user@domain and DOMAIN\user (MS-ADTS 5.1.1.1.1) */
                .offset = offsetof(BindConfig, dn),
                .help = "name of the account: DN, user@domain or DOMAIN\\user; for simple",
                .tag = "mechanism",
                .only_if = IF_SIMPLE,
        },
        {
                .name = "password_file",
                .type = CONFIG_SECRET,
                .offset = offsetof(BindConfig, password_file),
                .help = "file with the password on its first line, read at every bind; for simple",
                .tag = "mechanism",
                .only_if = IF_SIMPLE,
        },
        {
                .name = "keytab",
                .type = CONFIG_SECRET,
                .offset = offsetof(BindConfig, keytab),
                .help = "Kerberos key table of the account; for gssapi",
                .example = "/etc/sosync/sosync.keytab",
                .tag = "mechanism",
                .only_if = IF_GSSAPI,
        },
        {
                .name = "principal",
                .type = CONFIG_TEXT,
                .offset = offsetof(BindConfig, principal),
                .help = "which principal of the key table, if not the first; for gssapi",
                .tag = "mechanism",
                .only_if = IF_GSSAPI,
        },
        {},
};

static const ConfigField tls_fields[] = {
        {
                .name = "ca_file",
                .type = CONFIG_PATH,
                .offset = offsetof(TlsConfig, ca_file),
                .help = "certificates of the authorities that may vouch for the servers",
                .fallback = CA_FILE_DEFAULT,
        },
        {
                .name = "cert_file",
                .type = CONFIG_PATH,
                .offset = offsetof(TlsConfig, cert_file),
                .help = "our own certificate; for bind mechanism external",
        },
        {
                .name = "key_file",
                .type = CONFIG_SECRET,
                .offset = offsetof(TlsConfig, key_file),
                .help = "the key of cert_file",
        },
        {
                .name = "starttls",
                .type = CONFIG_BOOL,
                .offset = offsetof(TlsConfig, starttls),
                .help = "start TLS on ldap://; may be off only for gssapi, which then signs and seals",
                .fallback = "true",
        },
        {
                .name = "min_protocol",
                .type = CONFIG_CHOICE,
                .offset = offsetof(TlsConfig, min_protocol),
                .help = "oldest version of TLS that is accepted",
                .choices = protocol_names,
                .fallback = "1.2",
        },
        {},
};

const ConfigField ldap_config_fields[] = {
        {
                .name = "name",
                .type = CONFIG_TEXT,
                .offset = offsetof(LdapConfig, name),
                .help = "name of the connector, in reports and rules",
                .example = "corp.contoso.test",
                .required = true,
        },
        {
                .name = "uris",
                .type = CONFIG_LIST,
                .item = CONFIG_TEXT,
                .offset = offsetof(LdapConfig, uris),
                .help = "domain controllers, tried in order; `srv:DOMAIN` stands for those that DNS names",
                .example = "[ldaps://dc1.corp.contoso.test]",
                .required = true,
        },
        {
                .name = "site",
                .type = CONFIG_TEXT,
                .offset = offsetof(LdapConfig, site),
                .help = "Active Directory site whose controllers `srv:` tries first",
                .example = "Default-First-Site-Name",
        },
        {
                .name = "base",
                .type = CONFIG_DN,
                .offset = offsetof(LdapConfig, base),
                .help = "naming context to watch: the domain",
                .example = "DC=corp,DC=contoso,DC=test",
                .required = true,
        },
        {
                .name = "bind",
                .type = CONFIG_MAP,
                .offset = offsetof(LdapConfig, bind),
                .help = "who we are",
                .fields = bind_fields,
                .required = true,
        },
        {
                .name = "tls",
                .type = CONFIG_MAP,
                .offset = offsetof(LdapConfig, tls),
                .help = "whom we trust; verification cannot be switched off",
                .fields = tls_fields,
        },
        {
                .name = "feed",
                .type = CONFIG_CHOICE,
                .offset = offsetof(LdapConfig, feed),
                .help = "how changes are read; auto: what fits the server; usn needs no right to replicate; "
                        "syncrepl: OpenLDAP, 389; psearch: 389 without content synchronization",
                .choices = ldap_config_feeds,
                .fallback = "auto",
        },
        {
                .name = "replay",
                .type = CONFIG_PATH,
                .offset = offsetof(LdapConfig, replay),
                .help = "a recording (sosync run --record FILE), with feed: replay",
        },
        {
                .name = "initial",
                .type = CONFIG_CHOICE,
                .offset = offsetof(LdapConfig, initial),
                .help = "first start: only what changes from now on, or all objects",
                .choices = initial_names,
                .fallback = "now",
        },
        {
                .name = "object_security",
                .type = CONFIG_CHOICE,
                .offset = offsetof(LdapConfig, object_security),
                .help = "DirSync without the right to replicate: sees what the account may read",
                .choices = security_names,
                .fallback = "auto",
        },
        {
                .name = "urgent_on",
                .type = CONFIG_CHOICE,
                .offset = offsetof(LdapConfig, urgent_on),
                .help = "where urgent changes are looked for: where the feed is, or on every writable domain "
                        "controller (rules with `attribute`)",
                .choices = urgent_names,
                .fallback = "feed",
        },
        {
                .name = "connect_timeout",
                .type = CONFIG_DURATION,
                .offset = offsetof(LdapConfig, connect_timeout_us),
                .help = "longest wait for a server to accept and secure a connection",
                .fallback = "5s",
                .min = 0.1,
                .max = 120,
        },
        {
                .name = "request_timeout",
                .type = CONFIG_DURATION,
                .offset = offsetof(LdapConfig, request_timeout_us),
                .help = "longest silence of a server that owes an answer",
                .fallback = "60s",
                .min = 1,
                .max = 3600,
        },
        {
                .name = "keepalive",
                .type = CONFIG_DURATION,
                .offset = offsetof(LdapConfig, keepalive_us),
                .help = "a dead server is noticed within this time",
                .fallback = "30s",
                .min = 3,
                .max = 900, /* MaxConnIdleTime, MS-ADTS 3.1.1.3.4.6 */
        },
        {},
};

/**
 * ldap_uri_parse() - take a URI apart and say whether it can be used
 *
 * Ports 3268 and 3269 are the global catalogue's: it has a part of the attributes of every domain, and no
 * DirSync (MS-ADTS 3.1.1.3.1.10).
 */
bool ldap_uri_parse(const char *text, LdapUri *ret_uri, Diag *diag)
{
        LdapUri uri = { .text = text };
        LDAPURLDesc *parts = NULL;
        bool good = false;

        if (ldap_url_parse(text, &parts) != LDAP_URL_SUCCESS || !parts) {
                diag_set(diag, "\"%s\" is not an LDAP URI; expected ldaps://HOST or ldap://HOST", text);
                return false;
        }
        uri.tls = str_is(parts->lud_scheme, "ldaps");
        uri.local = str_is(parts->lud_scheme, "ldapi");
        uri.port = parts->lud_port ? parts->lud_port : uri.tls ? LDAPS_PORT : LDAP_PORT;
        if (parts->lud_dn && *parts->lud_dn)
                diag_set(diag, "\"%s\": a URI here has a host and a port, nothing else", text);
        else if (!parts->lud_host || !*parts->lud_host)
                diag_set(diag, "\"%s\" names no host", text);
        else if (strlen(parts->lud_host) >= sizeof(uri.host))
                diag_set(diag, "the host name of \"%s\" is longer than 255 bytes", text);
        else if (!uri.local && (uri.port == 3268 || uri.port == 3269))
                diag_set(diag,
                         "\"%s\" is the port of the global catalogue, which has neither all attributes nor "
                         "DirSync; use 636 (ldaps) or 389 (ldap)",
                         text);
        else
                good = true;
        if (good) {
                snprintf(uri.host, sizeof(uri.host), "%s", parts->lud_host);
                *ret_uri = uri;
        }
        ldap_free_urldesc(parts);
        return good;
}

static DiagMark mark(const ConfigDoc *doc, const char *path, const char *key)
{
        char text[128];

        snprintf(text, sizeof(text), "%s.%s", path, key);
        return config_mark(doc, text);
}

static bool check_uris(const LdapConfig *c, const ConfigDoc *doc, const char *path, Diag *diag)
{
        const char *const *uris = c->uris.items;
        bool good = c->uris.n_items + c->uris.n_refused > 0;

        if (!good)
                diag_add_at(diag, mark(doc, path, "uris"), "%s.uris: at least one server is needed", path);
        for (size_t i = 0; i < c->uris.n_items; i++) {
                _cleanup_(diag_deinit) Diag why = DIAG_INIT;
                LdapUri uri = { 0 };

                if (srv_domain(uris[i])) {
                        if (!srv_domain_is_valid(srv_domain(uris[i]))) {
                                diag_add_at(diag, c->uris.marks[i],
                                            "%s.uris: \"%s\": expected srv: and the name of a domain", path,
                                            uris[i]);
                                good = false;
                        }
                } else if (!ldap_uri_parse(uris[i], &uri, &why)) {
                        diag_add_at(diag, c->uris.marks[i], "%s.uris: %s", path, diag_text(&why));
                        good = false;
                } else if (!uri.tls && !uri.local && !c->tls.starttls && c->bind.mechanism != BIND_GSSAPI) {
                        diag_add_at(diag, c->uris.marks[i],
                                    "%s.uris: \"%s\" without TLS would show everything to everyone; use "
                                    "ldaps://, or tls.starttls: true, or bind.mechanism: gssapi",
                                    path, uris[i]);
                        good = false;
                }
        }
        if (c->site && !srv_site_is_valid(c->site)) {
                diag_add_at(diag, mark(doc, path, "site"), "%s.site: \"%s\" cannot be the name of a site",
                            path, c->site);
                good = false;
        }
        return good;
}

static bool check_bind(const LdapConfig *c, const ConfigDoc *doc, const char *path, Diag *diag)
{
        bool good = true;

        if (c->bind.mechanism == BIND_SIMPLE && (!c->bind.dn || !*c->bind.dn)) {
                diag_add_at(diag, mark(doc, path, "bind"),
                            "%s.bind.dn: the name of the account is needed for simple", path);
                good = false;
        }
        if (c->bind.mechanism == BIND_SIMPLE && !c->bind.password_file) {
                diag_add_at(diag, mark(doc, path, "bind"),
                            "%s.bind.password_file: a file with the password is needed for simple", path);
                good = false;
        }
        if (!c->tls.cert_file != !c->tls.key_file) {
                diag_add_at(diag, mark(doc, path, "tls"), "%s.tls: cert_file and key_file go together", path);
                good = false;
        }
        return good;
}

/* Files that hold secrets are looked at when the configuration is checked, not only when they are needed. */
static bool check_secret(const char *file, const ConfigDoc *doc, const char *path, const char *key,
                         Diag *diag)
{
        _cleanup_(diag_deinit) Diag why = DIAG_INIT;

        if (!file || secret_check(file, &why) == 0)
                return true;
        diag_add_at(diag, mark(doc, path, key), "%s.%s: %s", path, key, diag_text(&why));
        return false;
}

static bool check_replay(const LdapConfig *c, const ConfigDoc *doc, const char *path, Diag *diag)
{
        bool replays = str_is(ldap_config_feeds[c->feed], "replay");

        if (replays == (c->replay != NULL))
                return true;
        diag_add_at(diag, mark(doc, path, replays ? "feed" : "replay"), "%s.replay goes with feed: replay",
                    path);
        return false;
}

static bool check_urgent_on(const LdapConfig *c, const ConfigDoc *doc, const char *path, Diag *diag)
{
        const char *feed = ldap_config_feeds[c->feed];

        if (c->urgent_on == URGENT_ON_FEED || str_is(feed, "auto") || str_is(feed, "dirsync") ||
            str_is(feed, "usn"))
                return true;
        diag_add_at(diag, mark(doc, path, "urgent_on"),
                    "%s.urgent_on: all-dcs is for an Active Directory (feed: auto, dirsync or usn)", path);
        return false;
}

/**
 * ldap_config_check() - rules between the fields of the section
 *
 * Return: true if there are no findings.
 */
bool ldap_config_check(const LdapConfig *c, const ConfigDoc *doc, const char *path, Diag *diag)
{
        bool good = check_uris(c, doc, path, diag);

        good &= check_replay(c, doc, path, diag);
        good &= check_urgent_on(c, doc, path, diag);
        good &= check_bind(c, doc, path, diag);
        good &= check_secret(c->bind.password_file, doc, path, "bind.password_file", diag);
        good &= check_secret(c->bind.keytab, doc, path, "bind.keytab", diag);
        good &= check_secret(c->tls.key_file, doc, path, "tls.key_file", diag);
        return good;
}
