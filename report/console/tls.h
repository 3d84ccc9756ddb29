/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TLS of the console: the one file that knows OpenSSL
 *
 * TLS 1.2 and later, without renegotiation. A `tls` is made from the files of the configuration and serves
 * any number of connections. Certificates end after some months, and the service does not: files that have
 * changed, and have been the same for two looks, are read anew for the connections that come. A browser that
 * closes without a goodbye has closed. The loop's thread looks and makes connections; new and free are for
 * who starts it.
 */

#include "report/console/console-config.h"

struct bufferevent;
struct event_base;

enum {
        CONSOLE_TLS_E_BASE_ = 2490, /* within ERROR_BASE_REPORT */

        CONSOLE_TLS_E_NEW, /* the files have changed, and are in force */
};

/* Return: 0, -EINVAL: the diag says what is wrong with the files. */
int console_tls_new(void **ret_tls, const ConsoleConfig *config, Diag *diag);

/* Have the files changed? Return: 0 (no, or not for good), CONSOLE_TLS_E_NEW, -EINVAL: what they were stays
 * in force; said once. */
int console_tls_look(void *tls, Diag *diag);
void *console_tls_free(void *tls); /* after the last connection; NULL is fine */

/* A connection's, without a socket yet; the caller's (bufferevent_free). NULL: no memory for it. */
struct bufferevent *console_tls_connection(void *tls, struct event_base *base);
