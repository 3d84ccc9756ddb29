/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `console:` of the configuration: its table, and what the table cannot check. */

#include "base/config.h"

typedef struct ConsoleConfig ConsoleConfig;
typedef struct ConsoleUser ConsoleUser;

typedef enum ConsoleRole {
        CONSOLE_READ,    /* sees everything */
        CONSOLE_OPERATE, /* also retries, drops, synchronizes */
} ConsoleRole;

struct ConsoleUser {
        const char *name;
        int role;               /* ConsoleRole */
        const char *token_file; /* NULL: only through the proxy */
};

typedef enum ConsoleMetrics {
        CONSOLE_METRICS_TOKEN, /* as every page: a user's token */
        CONSOLE_METRICS_OPEN,  /* to everybody who reaches the port; they name no object */
} ConsoleMetrics;

struct ConsoleConfig {
        const char *listen;     /* "127.0.0.1:8065"; NULL: no console */
        const char *path;       /* "/sosync" behind a proxy; "" */
        ConfigList hosts;       /* const char *: other names in the Host header */
        ConfigList users;       /* ConsoleUser */
        const char *token_file; /* short for one user "operator" */
        struct {
                const char *header; /* NULL: no proxy is trusted */
                ConfigList from;    /* const char *: its addresses */
        } proxy;
        struct {
                const char *certificate_file, *key_file;
        } tls;
        int metrics; /* ConsoleMetrics */
        int64_t session_us;
};

extern const ConfigField console_fields[];

/* All findings go into the diag. */
void console_check(const ConsoleConfig *c, const ConfigDoc *doc, const char *prefix, Diag *diag);

/* "127.0.0.1:8065", "[::1]:8065", "localhost:8065". */
bool console_parse_listen(const char *text, char *ret_host, size_t size, unsigned *ret_port);
bool console_is_loopback(const char *host);
