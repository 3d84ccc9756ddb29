/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ServerPin: which server the feed is on
 *
 *      feed  --- server_pin_set() --->  ServerPin  <--- server_pin_get() ---  Source of each worker
 *
 * An object must be read from the server where its change was seen: another one may not have it yet, and an
 * old object would be taken for "no change". There is one pin for each connector. The feed sets it when it
 * has connected; every Source compares the generation before a read and moves when the feed has moved. It is
 * never taken back: while the feed looks for another server, reads of the old one either work or say that it
 * is gone.
 *
 * All functions may be called from any thread.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "engine/model/value.h"

typedef struct PinnedServer PinnedServer;
typedef struct ServerPin ServerPin;

struct PinnedServer {
        char uri[512];
        char host[256];
        ObjectId id; /* invocationId */
        uint64_t generation;
};

ServerPin *server_pin_new(void);
ServerPin *server_pin_free(ServerPin *p);

void server_pin_set(ServerPin *p, const char *uri, const char *host, const ObjectId *id);

/* Return: false if no feed has set it yet: any server will do. */
bool server_pin_get(ServerPin *p, PinnedServer *ret_server);

/* Grows with each move; 0: not set. Cheap: no lock. */
uint64_t server_pin_generation(ServerPin *p);

DEFINE_CLEANUP(ServerPin, server_pin_free)
