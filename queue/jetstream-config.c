/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/jetstream-config.h"

#include "base/secret.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* As the names of streams and buckets may be. */
#define NAME_MAX_LENGTH 64

static const ConfigField tls_fields[] = {
        { .name = "ca_file",
          .type = CONFIG_PATH,
          .offset = offsetof(NatsTlsConfig, ca_file),
          .help = "certificates that may have signed those of the servers; none: the system's" },
        { .name = "cert_file",
          .type = CONFIG_PATH,
          .offset = offsetof(NatsTlsConfig, cert_file),
          .help = "our own certificate, if the servers ask for one" },
        { .name = "key_file",
          .type = CONFIG_PATH,
          .offset = offsetof(NatsTlsConfig, key_file),
          .help = "... and its key" },
        { 0 },
};

const ConfigField jetstream_config_fields[] = {
        { .name = "urls",
          .type = CONFIG_LIST,
          .item = CONFIG_TEXT,
          .offset = offsetof(JetstreamConfig, urls),
          .help = "servers: nats://HOST:PORT, or tls://HOST:PORT for a verified connection; any of them will "
                  "do" },
        { .name = "name",
          .type = CONFIG_TEXT,
          .offset = offsetof(JetstreamConfig, name),
          .fallback = "sosync",
          .help = "name of the cluster in JetStream; another installation on the same servers has another" },
        { .name = "node",
          .type = CONFIG_TEXT,
          .offset = offsetof(JetstreamConfig, node),
          .help = "name of this node; none: the host's name" },
        { .name = "replicas",
          .type = CONFIG_INT,
          .offset = offsetof(JetstreamConfig, replicas),
          .fallback = "3",
          .min = 1,
          .max = 5,
          .help = "servers that have a copy of what is stored: 1, 3 or 5; for what is made from now on" },
        { .name = "credentials_file",
          .type = CONFIG_PATH,
          .offset = offsetof(JetstreamConfig, credentials_file),
          .help = "user JWT and its seed, as nsc writes them" },
        { .name = "nkey",
          .type = CONFIG_TEXT,
          .offset = offsetof(JetstreamConfig, nkey),
          .help = "public key of our user, U and 55 letters and digits; goes with nkey_file" },
        { .name = "nkey_file",
          .type = CONFIG_PATH,
          .offset = offsetof(JetstreamConfig, nkey_file),
          .help = "file with the seed of nkey" },
        { .name = "user",
          .type = CONFIG_TEXT,
          .offset = offsetof(JetstreamConfig, user),
          .help = "name of our user; goes with password_file" },
        { .name = "password_file",
          .type = CONFIG_PATH,
          .offset = offsetof(JetstreamConfig, password_file),
          .help = "file with its password" },
        { .name = "tls",
          .type = CONFIG_MAP,
          .offset = offsetof(JetstreamConfig, tls),
          .fields = tls_fields,
          .help = "certificates" },
        { .name = "lease",
          .type = CONFIG_DURATION,
          .offset = offsetof(JetstreamConfig, lease_us),
          .fallback = "15s",
          .min = 6,
          .max = 300,
          .help = "how long a node that says nothing keeps what it has in work" },
        { 0 },
};

static void check_name(const char *name, const char *key, const ConfigDoc *doc, Diag *diag)
{
        size_t n = name ? strlen(name) : 0;
        bool fits = n > 0 && n <= NAME_MAX_LENGTH;

        for (size_t i = 0; i < n; i++)
                fits = fits && (isalnum((unsigned char)name[i]) || name[i] == '-' || name[i] == '_');
        if (name && !fits)
                diag_add_at(diag, config_mark(doc, key),
                            "%s: \"%s\": a name is at most %d letters, digits, \"-\" and \"_\"", key, name,
                            NAME_MAX_LENGTH);
}

bool jetstream_url_check(const char *url, bool *ret_tls)
{
        bool nats = strncmp(url, "nats://", 7) == 0, tls = strncmp(url, "tls://", 6) == 0;

        *ret_tls = tls;
        return ((nats && url[7]) || (tls && url[6])) && !strchr(url, '@');
}

/* Is every connection verified? */
static bool check_urls(const JetstreamConfig *c, const ConfigDoc *doc, Diag *diag)
{
        const char *const *urls = c->urls.items;
        bool all_tls = true;

        for (size_t i = 0; i < c->urls.n_items; i++) {
                bool tls, good = jetstream_url_check(urls[i], &tls);

                all_tls = all_tls && tls;
                if (good)
                        continue;
                if (strchr(urls[i], '@')) /* it may have a password: it is not repeated */
                        diag_add_at(diag, c->urls.marks[i],
                                    "state.jetstream.urls: no name or password in a URL: user and "
                                    "password_file, nkey and nkey_file, or credentials_file");
                else
                        diag_add_at(
                                diag, c->urls.marks[i],
                                "state.jetstream.urls: \"%s\" is no URL of a NATS server: nats://HOST:PORT "
                                "or tls://HOST:PORT",
                                urls[i]);
        }
        return all_tls || c->tls.ca_file || c->tls.cert_file;
}

/* A public key of a user, as nk and nsc print it. */
static bool is_nkey(const char *key)
{
        return key[0] == 'U' && strlen(key) == 56 && strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == 56;
}

static void check_secret(const char *file, const char *key, bool is_secured, const ConfigDoc *doc, Diag *diag)
{
        _cleanup_(diag_deinit) Diag why = DIAG_INIT;

        if (!file)
                return;
        if (secret_check(file, &why))
                diag_add_at(diag, config_mark(doc, key), "%s: %s", key, diag_text(&why));
        /* A seed signs only; but what is stored goes over the same wire, and is a directory's content. */
        if (!is_secured)
                diag_add_at(diag, config_mark(doc, key),
                            "%s: wants a connection that is verified: tls:// in urls", key);
}

static void check_file(const char *file, const char *key, const ConfigDoc *doc, Diag *diag)
{
        if (file && access(file, R_OK))
                diag_add_at(diag, config_mark(doc, key), "%s: cannot read %s: %s", key, file,
                            strerror(errno));
}

static void check_who(const JetstreamConfig *c, bool is_secured, const ConfigDoc *doc, Diag *diag)
{
        if (!c->nkey != !c->nkey_file)
                diag_add_at(diag,
                            config_mark(doc, c->nkey ? "state.jetstream.nkey" : "state.jetstream.nkey_file"),
                            "state.jetstream: nkey and nkey_file go together");
        if (!c->user != !c->password_file)
                diag_add_at(
                        diag,
                        config_mark(doc, c->user ? "state.jetstream.user" : "state.jetstream.password_file"),
                        "state.jetstream: user and password_file go together");
        if (!!c->credentials_file + !!c->nkey + !!c->user > 1)
                diag_add_at(diag, config_mark(doc, c->nkey ? "state.jetstream.nkey" : "state.jetstream.user"),
                            "state.jetstream: one of credentials_file, nkey and user is enough, and no more");
        if (c->nkey && !is_nkey(c->nkey))
                diag_add_at(diag, config_mark(doc, "state.jetstream.nkey"),
                            "state.jetstream.nkey: a public key of a user is U and 55 capital letters and "
                            "digits; "
                            "the seed (S...) belongs into nkey_file");
        check_secret(c->credentials_file, "state.jetstream.credentials_file", is_secured, doc, diag);
        check_secret(c->nkey_file, "state.jetstream.nkey_file", is_secured, doc, diag);
        check_secret(c->password_file, "state.jetstream.password_file", is_secured, doc, diag);
}

void jetstream_config_check(const JetstreamConfig *c, bool used, const ConfigDoc *doc, Diag *diag)
{
        if (used && c->urls.n_items + c->urls.n_refused == 0)
                diag_add_at(diag, config_mark(doc, "state.backend"),
                            "state.backend: jetstream needs state.jetstream.urls: at least one server");
        check_who(c, check_urls(c, doc, diag), doc, diag);
        check_name(c->name, "state.jetstream.name", doc, diag);
        if (c->node)
                check_name(c->node, "state.jetstream.node", doc, diag);
        if (c->replicas % 2 == 0)
                diag_add_at(diag, config_mark(doc, "state.jetstream.replicas"),
                            "state.jetstream.replicas: %lld: a majority wants 1, 3 or 5",
                            (long long)c->replicas);
        if (!c->tls.cert_file != !c->tls.key_file)
                diag_add_at(diag, config_mark(doc, "state.jetstream.tls"),
                            "state.jetstream.tls: cert_file and key_file go together");
        check_file(c->tls.ca_file, "state.jetstream.tls.ca_file", doc, diag);
        check_file(c->tls.cert_file, "state.jetstream.tls.cert_file", doc, diag);
        check_secret(c->tls.key_file, "state.jetstream.tls.key_file", true, doc, diag);
}

BusOptions jetstream_config_bus(const JetstreamConfig *c, Arena *a)
{
        return (BusOptions){
                .urls = c->urls.items,
                .n_urls = c->urls.n_items,
                .name = arena_printf(a, "sosync %s", jetstream_config_node(c, a)),
                .credentials = c->credentials_file,
                .nkey = c->nkey,
                .nkey_file = c->nkey_file,
                .user = c->user,
                .password_file = c->password_file,
                .ca = c->tls.ca_file,
                .certificate = c->tls.cert_file,
                .key = c->tls.key_file,
                .replicas = (int)c->replicas,
        };
}

const char *jetstream_config_node(const JetstreamConfig *c, Arena *a)
{
        char host[256] = "";

        if (c->node)
                return c->node;
        gethostname(host, sizeof(host) - 1);
        /* Names of keys have no dots: the first label is the host's own name. */
        host[strcspn(host, ".")] = '\0';
        return arena_strdup(a, host[0] ? host : "localhost");
}
