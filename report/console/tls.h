/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TLS of the console: the one file that knows OpenSSL
 *
 * TLS 1.2 and later, without renegotiation. A `tls` is made once from the files of the configuration and
 * serves any number of connections; files that change are read at the next start. A browser that closes
 * without a goodbye has closed. The loop's thread makes connections; new and free are for who starts it.
 */

#include "report/console/console-config.h"

struct bufferevent;
struct event_base;

/* Return: 0, -EINVAL: the diag says what is wrong with the files. */
int console_tls_new(void **ret_tls, const ConsoleConfig *config, Diag *diag);
void *console_tls_free(void *tls); /* after the last connection; NULL is fine */

/* A connection's, without a socket yet; the caller's (bufferevent_free). NULL: no memory for it. */
struct bufferevent *console_tls_connection(void *tls, struct event_base *base);
