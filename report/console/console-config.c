/* SPDX-License-Identifier: Apache-2.0 */

#include "report/console/console-config.h"

#include "base/secret.h"

#include <arpa/inet.h>
#include <string.h>

/* A token of this length made of anything that a generator gives is out of reach of guessing. */
#define TOKEN_MIN       20
#define TOKEN_DIFFERENT 8 /* 48 random hexadecimal digits have fewer once in 10^13 */

static const char *const role_names[] = { "read", "operate", NULL };
static const char *const metrics_names[] = { "token", "open", NULL };

static const ConfigField user_fields[] = {
        { .name = "name",
          .type = CONFIG_TEXT,
          .offset = offsetof(ConsoleUser, name),
          .required = true,
          .help = "who it is, in logs and reports",
          .example = "ada" },
        { .name = "role",
          .type = CONFIG_CHOICE,
          .choices = role_names,
          .offset = offsetof(ConsoleUser, role),
          .fallback = "read",
          .help = "read: look at everything; operate: also retry, drop, release and synchronize" },
        { .name = "token_file",
          .type = CONFIG_SECRET,
          .offset = offsetof(ConsoleUser, token_file),
          .help = "file with the access token, readable by its owner only; none: through the proxy only",
          .example = "/etc/sosync/console-ada" },
        { 0 },
};

#define AT(member) (offsetof(ConsoleConfig, member))

static const ConfigField proxy_fields[] = {
        { .name = "header",
          .type = CONFIG_TEXT,
          .offset = AT(proxy.header) - AT(proxy),
          .help = "header in which a trusted proxy names the user, who must be one of users",
          .example = "X-Remote-User" },
        { .name = "from",
          .type = CONFIG_LIST,
          .item = CONFIG_TEXT,
          .offset = AT(proxy.from) - AT(proxy),
          .help = "addresses of that proxy; a header from anywhere else counts for nothing",
          .example = "[127.0.0.1]" },
        { 0 },
};

static const ConfigField tls_fields[] = {
        { .name = "certificate_file",
          .type = CONFIG_PATH,
          .offset = AT(tls.certificate_file) - AT(tls),
          .help = "certificate with its chain, PEM; read anew when it changes",
          .example = "/etc/sosync/console.pem" },
        { .name = "key_file",
          .type = CONFIG_SECRET,
          .offset = AT(tls.key_file) - AT(tls),
          .help = "its key, PEM, readable by its owner only",
          .example = "/etc/sosync/console.key" },
        { 0 },
};

const ConfigField console_fields[] = {
        { .name = "listen",
          .type = CONFIG_TEXT,
          .offset = AT(listen),
          .help = "address and port of the web page; none: there is no console",
          .example = "127.0.0.1:8065" },
        { .name = "path",
          .type = CONFIG_TEXT,
          .offset = AT(path),
          .fallback = "\"\"",
          .help = "path under which a proxy shows it, with or without cutting it off",
          .example = "/sosync" },
        { .name = "hosts",
          .type = CONFIG_LIST,
          .item = CONFIG_TEXT,
          .offset = AT(hosts),
          .help = "names under which browsers reach it, beside the address of listen",
          .example = "[sosync.corp.contoso.test]" },
        { .name = "users",
          .type = CONFIG_LIST,
          .item = CONFIG_MAP,
          .fields = user_fields,
          .size = sizeof(ConsoleUser),
          .offset = AT(users),
          .help = "who may look, and who may act" },
        { .name = "token_file",
          .type = CONFIG_SECRET,
          .offset = AT(token_file),
          .help = "instead of users: the token of one user, \"operator\", who may do everything",
          .example = "/etc/sosync/console-token" },
        { .name = "proxy",
          .type = CONFIG_MAP,
          .fields = proxy_fields,
          .offset = AT(proxy),
          .help = "a proxy that has signed its users in" },
        { .name = "tls",
          .type = CONFIG_MAP,
          .fields = tls_fields,
          .offset = AT(tls),
          .help = "HTTPS; needed for an address other than loopback" },
        { .name = "metrics",
          .type = CONFIG_CHOICE,
          .choices = metrics_names,
          .offset = AT(metrics),
          .fallback = "token",
          .help = "who may read /metrics: whoever has a user's token, or everybody who reaches the port" },
        { .name = "session",
          .type = CONFIG_DURATION,
          .offset = AT(session_us),
          .fallback = "12h",
          .min = 60,
          .max = 30.0 * 86400,
          .help = "how long a sign-in lasts" },
        { 0 },
};

bool console_parse_listen(const char *text, char *ret_host, size_t size, unsigned *ret_port)
{
        const char *colon = strrchr(text, ':'), *from = text;
        int64_t port;
        size_t n;

        if (!colon || !str_to_int64(colon + 1, &port) || port < 0 || port > 65535)
                return false;
        n = (size_t)(colon - text);
        if (n >= 2 && text[0] == '[' && colon[-1] == ']') {
                from++;
                n -= 2;
        } else if (memchr(text, ':', n)) {
                return false;
        }
        if (n == 0 || n >= size)
                return false;
        memcpy(ret_host, from, n);
        ret_host[n] = '\0';
        *ret_port = (unsigned)port;
        return true;
}

bool console_is_loopback(const char *host)
{
        struct in6_addr six;
        struct in_addr four;

        if (str_is(host, "localhost"))
                return true;
        if (inet_pton(AF_INET, host, &four) == 1)
                return ntohl(four.s_addr) >> 24 == 127;
        return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

typedef struct Check {
        const ConfigDoc *doc;
        const char *prefix;
        Diag *diag;
        Arena *arena;
} Check;

static void complain(const Check *c, const char *key, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

static void complain(const Check *c, const char *key, const char *format, ...)
{
        const char *path = arena_printf(c->arena, "%s.%s", c->prefix, key), *text;
        va_list ap;

        va_start(ap, format);
        text = arena_vprintf(c->arena, format, ap);
        va_end(ap);
        diag_add_at(c->diag, config_mark(c->doc, path), "%s: %s", path, text);
}

static size_t n_different(const char *text)
{
        size_t n = 0;

        for (size_t i = 0; text[i]; i++)
                n += memchr(text, text[i], i) == NULL;
        return n;
}

/* Does it open, and is what is in it long enough, and of enough different characters? */
static void check_token(const Check *c, const char *key, const char *file)
{
        _cleanup_(secret_wipe) Secret secret = { 0 };
        Diag why = DIAG_INIT;

        if (secret_read(file, &secret, &why))
                complain(c, key, "%s", diag_text(&why));
        else if (secret.n < TOKEN_MIN)
                complain(c, key,
                         "%s: the token has %zu characters; at least %d are expected (openssl rand -hex 24)",
                         file, secret.n, TOKEN_MIN);
        else if (n_different(secret.data) < TOKEN_DIFFERENT)
                complain(c, key,
                         "%s: the token could be guessed: it is of %zu different characters; "
                         "at least %d are expected (openssl rand -hex 24)",
                         file, n_different(secret.data), TOKEN_DIFFERENT);
        diag_deinit(&why);
}

static void check_users(const Check *c, const ConsoleConfig *config)
{
        const ConsoleUser *users = config->users.items;

        for (size_t i = 0; i < config->users.n_items; i++) {
                const char *key =
                        arena_printf(c->arena, "users.%zu.token_file", config_number(&config->users, i));

                if (users[i].token_file)
                        check_token(c, key, users[i].token_file);
                else if (!config->proxy.header)
                        complain(c, arena_printf(c->arena, "users.%zu", config_number(&config->users, i)),
                                 "\"%s\" cannot sign in: token_file is expected, or a proxy", users[i].name);
                for (size_t k = 0; k < i; k++)
                        if (str_is(users[i].name, users[k].name))
                                complain(c,
                                         arena_printf(c->arena, "users.%zu.name",
                                                      config_number(&config->users, i)),
                                         "\"%s\" is there already", users[i].name);
        }
        if (config->token_file)
                check_token(c, "token_file", config->token_file);
        if (config->users.n_items + config->users.n_refused == 0 && !config->token_file)
                complain(c, "listen", "nobody could sign in: users or token_file is expected");
}

static void check_proxy(const Check *c, const ConsoleConfig *config)
{
        const char *const *from = config->proxy.from.items;
        unsigned char address[16];

        if (!config->proxy.header != !(config->proxy.from.n_items + config->proxy.from.n_refused))
                complain(c, "proxy", "header and from belong together");
        for (size_t i = 0; i < config->proxy.from.n_items; i++)
                if (inet_pton(AF_INET, from[i], address) != 1 && inet_pton(AF_INET6, from[i], address) != 1)
                        complain(c,
                                 arena_printf(c->arena, "proxy.from.%zu",
                                              config_number(&config->proxy.from, i)),
                                 "\"%s\" is not an IP address", from[i]);
}

void console_check(const ConsoleConfig *config, const ConfigDoc *doc, const char *prefix, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const Check c = { .doc = doc, .prefix = prefix, .diag = diag, .arena = a };
        size_t n = strlen(config->path);
        char host[256];
        unsigned port;

        if (!config->listen)
                return;
        if (!console_parse_listen(config->listen, host, sizeof(host), &port))
                complain(&c, "listen", "\"%s\" is not an address and a port, as 127.0.0.1:8065 or [::1]:8065",
                         config->listen);
        else if (!console_is_loopback(host) && !config->tls.certificate_file)
                complain(&c, "listen",
                         "%s is not a loopback address: tokens would travel in the clear; tls is expected",
                         host);
        if (n && (config->path[0] != '/' || config->path[n - 1] == '/' ||
                  strspn(config->path,
                         "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~") != n))
                complain(&c, "path", "\"%s\" is not a path as /sosync: no slash at its end, no spaces",
                         config->path);
        if (!config->tls.certificate_file != !config->tls.key_file)
                complain(&c, "tls", "certificate_file and key_file belong together");
        if (config->tls.key_file) {
                Diag why = DIAG_INIT;

                if (secret_check(config->tls.key_file, &why))
                        complain(&c, "tls.key_file", "%s", diag_text(&why));
                diag_deinit(&why);
        }
        check_users(&c, config);
        check_proxy(&c, config);
}
