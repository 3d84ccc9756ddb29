/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Controllers: the writable domain controllers of a domain, as the directory itself lists them
 *
 * Each has an object of class nTDSDSA below CN=Sites in the configuration naming context
 * (MS-ADTS 6.1.1.2.2.1.2.1.1) with its invocationId and the contexts it is a master of; the name is that of
 * the server object above it. One that was taken out of service has none any more.
 */

#include "listener/ldap-conn.h"
#include "listener/server-door.h"
#include "listener/server-pin.h"

typedef struct Controller Controller;

#define CONTROLLERS_MAX 256

struct Controller {
        ObjectId id;      /* invocationId */
        const char *host; /* dNSHostName of the server */
};

/*
 * Those that are masters of source.base. Asked of the server the feed is on, else of any; blocks.
 * Return: 0, CONN_E_*, SERVER_DOOR_E_BUSY.
 */
int controllers_list(const LdapConfig *config, ServerPin *pin, ServerDoor *door, Mono now, Arena *a,
                     const Controller **ret_list, size_t *ret_n, Diag *diag);
