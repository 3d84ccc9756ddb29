/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ServerDoor: who of a connector may open a connection now
 *
 *      32 workers at once --> | door: 1, or SERVER_DOOR_WIDTH when a bind has gone well | --> connect, bind
 *                                          '--> who waited behind a failure has its answer
 *
 * A service that starts on a backlog, or whose server has come back, would otherwise meet it with a TLS
 * handshake for each worker in the same moment, before the feed has its own connection. And 32 binds with one
 * wrong password lock an account whose limit is ten: as long as none went well, one is tried at a time. A
 * server that does not answer is waited for by those who were let in, not by one worker after the other.
 *
 * A refusal is everybody's: of workers, feed, lookouts and whoever lists the controllers only one tries the
 * same secret again, after 3 minutes, then 6, 12, 15; anybody, when the file with the secret has changed. So
 * a wrong password costs four binds in half an hour, where five bad logons are a common limit, and one or two
 * more when several of them fail in the same moment.
 *
 * But what a lookout is refused at its server, while others are let in with the same secret, is that
 * server's: its clock is wrong, or its name has no key. It is all lookouts', and nobody else's.
 *
 * Feed and lookouts have servers of their own, so they neither wait at the door nor keep a worker from it. Of
 * lookouts one goes in at a time, until one of them has gone well: many would try a new wrong password at
 * once.
 *
 * All functions may be called from any thread; enter() blocks as long as others open theirs.
 */

#include "base/clock.h"
#include "base/diag.h"
#include "base/secret.h"

#include <stdbool.h>

typedef struct ServerDoor ServerDoor;
typedef struct DoorLink DoorLink;

enum {
        SERVER_DOOR_E_BASE_ = 2395, /* within ERROR_BASE_LDAP */

        SERVER_DOOR_E_BUSY, /* another one is inside; ask again at `again` */
};

#define SERVER_DOOR_WIDTH 4

ServerDoor *server_door_new(void);
ServerDoor *server_door_free(ServerDoor *d);

/*
 * Return: 0 (the caller goes in, and must call leave()), or how an attempt ended that the caller need not
 * repeat: CONN_E_*, and the diag has its words.
 */
int server_door_enter(ServerDoor *d, Mono now, const SecretStamp *stamp, Diag *diag);

/* `r`: how the attempt ended, 0 or CONN_E_*; `why`: in words. `stamp`: of the secret that was used. */
void server_door_leave(ServerDoor *d, Mono now, const SecretStamp *stamp, int r, const char *why);

/* One that is no worker. */
struct DoorLink {
        SecretStamp stamp;
        bool gives_way; /* there are many of it */
};

/* Return: 0 (server_door_link_leave() must follow), SERVER_DOOR_E_BUSY, CONN_E_REFUSED (the diag has its
 * words);
 * `*ret_again`: not before. */
int server_door_link_enter(ServerDoor *d, Mono now, const DoorLink *link, Mono *ret_again, Diag *diag);
void server_door_link_leave(ServerDoor *d, Mono now, const DoorLink *link, int r, const char *why);

unsigned server_door_n_waiting(ServerDoor *d);

DEFINE_CLEANUP(ServerDoor, server_door_free)
