/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Server: HTTP/1.1 on libevent's evhttp
 *
 *      request whole -> Call -> emulator_serve() -> answer now, or after latency, delay and drips by a timer
 *
 * The effect of a request takes place when it has arrived, not when its answer leaves. This is the only file
 * that reads a clock. Bodies over 8 MB and headers over 64 kB are refused by evhttp and are not in the
 * journal.
 */

#include <event2/event.h>
#include <stdint.h>

#include "emulator.h"

typedef struct Server Server;

/* Return: 0, or -errno when the address cannot be used. ret_port is the real one. */
int server_new(Server **ret, struct event_base *base, Emulator *emulator, const char *address, uint16_t port,
               uint16_t *ret_port);
Server *server_free(Server *server);
void server_freep(Server **server);

int64_t server_clock_us(void);
