/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* TLS of the console: the one file that knows OpenSSL. TLS 1.2 and later. */

#include "report/console/console-config.h"

struct bufferevent;
struct event_base;

/* Return: 0, -EINVAL: the diag says what is wrong with the files. */
int console_tls_new(void **ret_tls, const ConsoleConfig *config, Diag *diag);
void *console_tls_free(void *tls);

/* A connection's, without a socket yet. */
struct bufferevent *console_tls_connection(void *tls, struct event_base *base);
