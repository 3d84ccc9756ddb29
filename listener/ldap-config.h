/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * LdapConfig: the section `source:` of the configuration
 *
 *      source:
 *        name: corp.contoso.test
 *        uris: [ldaps://dc1.corp.contoso.test, ldaps://dc2.corp.contoso.test]
 *        base: DC=corp,DC=contoso,DC=test
 *        bind: {mechanism: gssapi, keytab: /etc/sosync/sosync.keytab}
 *        tls: {ca_file: /etc/ssl/certs/corp.pem}
 *        feed: auto
 *
 * One struct and one table for everything that a connection and a feed need; app/ puts the table into its own
 * as a MAP. There is no key that switches verification off: a connection is TLS with a verified certificate
 * and host name, or signed and sealed by Kerberos, or local (ldapi).
 */

#include "base/config.h"

typedef struct BindConfig BindConfig;
typedef struct LdapConfig LdapConfig;
typedef struct TlsConfig TlsConfig;

typedef enum BindMechanism {
        BIND_SIMPLE,
        BIND_GSSAPI,
        BIND_EXTERNAL,
} BindMechanism;

typedef enum FeedInitial {
        FEED_INITIAL_NOW, /* first start: only what changes from now on */
        FEED_INITIAL_ALL, /* first start: everything, as catch-up */
} FeedInitial;

typedef enum UrgentOn {
        URGENT_ON_FEED,    /* where the feed is */
        URGENT_ON_ALL_DCS, /* on every writable domain controller (feed-lookout.h) */
} UrgentOn;

typedef enum ObjectSecurity {
        OBJECT_SECURITY_AUTO, /* off, and on when the server says that the right is missing */
        OBJECT_SECURITY_ON,   /* no replication right needed; sees what the account may read */
        OBJECT_SECURITY_OFF,  /* needs DS-Replication-Get-Changes on the naming context */
} ObjectSecurity;

struct BindConfig {
        int mechanism;             /* BindMechanism */
        const char *dn;            /* simple */
        const char *password_file; /* simple: read at each bind, one line */
        const char *keytab;        /* gssapi; NULL: the key table that Kerberos finds by itself */
        const char *principal;     /* gssapi; NULL: the first of the key table */
};

struct TlsConfig {
        const char *ca_file;
        const char *cert_file; /* external: our own certificate */
        const char *key_file;
        bool starttls;    /* on ldap:// */
        int min_protocol; /* index into "1.2", "1.3" */
};

struct LdapConfig {
        const char *name; /* of the connector */
        ConfigList uris;  /* const char * */
        const char *site; /* whose controllers `srv:` tries first; NULL: any */
        const char *base; /* naming context */
        BindConfig bind;
        TlsConfig tls;
        const char *replay;  /* feed: replay: the recording */
        int feed;            /* index into listener's feed names; 0: auto */
        int initial;         /* FeedInitial */
        int object_security; /* ObjectSecurity */
        int urgent_on;       /* UrgentOn */
        int64_t connect_timeout_us;
        int64_t request_timeout_us;
        int64_t keepalive_us;
};

extern const ConfigField ldap_config_fields[];

/* The choices of `feed`, in order: "auto", then the names of the registry. */
extern const char *const ldap_config_feeds[];

/*
 * Rules between fields: URIs that can be used (scheme, no global catalogue port), no password without
 * encryption, secret files that only their owner can read. `path` is the key path of the section ("source").
 * Findings go into the diag. Return: true if there are none.
 */
bool ldap_config_check(const LdapConfig *config, const ConfigDoc *doc, const char *path, Diag *diag);

/* A URI, taken apart: for messages, certificates and the check above. */
typedef struct LdapUri {
        const char *text; /* as given */
        char host[256];
        int port;
        bool tls;   /* ldaps */
        bool local; /* ldapi */
} LdapUri;

/* Return: true, or false with the reason in the diag. */
bool ldap_uri_parse(const char *text, LdapUri *ret_uri, Diag *diag);
