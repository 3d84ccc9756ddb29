/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JetstreamConfig: the section `state.jetstream` of the configuration
 *
 *      state:
 *        path: /var/lib/sosync/state
 *        backend: jetstream
 *        jetstream:
 *          urls: [tls://nats1.contoso.test, tls://nats2.contoso.test, tls://nats3.contoso.test]
 *          replicas: 3
 *          credentials_file: /etc/sosync/nats.creds
 *          tls: {ca_file: /etc/ssl/certs/corp.pem}
 *
 * Who we are is said in one of four ways: credentials_file (a JWT and its seed), nkey and nkey_file, user and
 * password_file, or by the certificate alone (a server with `verify_and_map`). Secrets are files that only
 * their owner may read, and go over verified connections only.
 *
 * Every node of the cluster has the same section, but for `node` where host names are not enough.
 */

#include "base/config.h"
#include "queue/bus.h"

typedef struct JetstreamConfig JetstreamConfig;
typedef struct NatsTlsConfig NatsTlsConfig;

struct NatsTlsConfig {
        const char *ca_file;
        const char *cert_file;
        const char *key_file;
};

struct JetstreamConfig {
        ConfigList urls;  /* const char * */
        const char *name; /* of the log, and what is kept beside it */
        const char *node; /* NULL: the host's name */
        int64_t replicas;
        const char *credentials_file;
        const char *nkey; /* the public one: U... */
        const char *nkey_file;
        const char *user;
        const char *password_file;
        NatsTlsConfig tls;
        int64_t lease_us;
};

extern const ConfigField jetstream_config_fields[];

/* Findings go to the diag. `used`: this backend is the one that is chosen. */
void jetstream_config_check(const JetstreamConfig *c, bool used, const ConfigDoc *doc, Diag *diag);

/* nats://HOST:PORT or tls://HOST:PORT, and no password in it? */
bool jetstream_url_check(const char *url, bool *ret_tls);

/* What bus_new() wants; it lives as long as the configuration and the arena. */
BusOptions jetstream_config_bus(const JetstreamConfig *c, Arena *a);

/* The name of this node: the host's, if no other is given. */
const char *jetstream_config_node(const JetstreamConfig *c, Arena *a);
