/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ServerDoor: who of a connector's workers may open a connection now
 *
 *      32 workers at once --> | door: 1, or SERVER_DOOR_WIDTH when a bind has gone well | --> connect, bind
 *                                          '--> who waited behind a failure has its answer
 *
 * A service that starts on a backlog, or whose server has come back, would otherwise meet it with a TLS
 * handshake for each worker in the same moment, before the feed has its own connection. And 32 binds with one
 * wrong password lock an account whose limit is ten: as long as none went well, one is tried at a time, and a
 * refusal is everybody's until a minute is over or the file with the secret has changed. A server that does
 * not answer is waited for by those who were let in, not by one worker after the other.
 *
 * All functions may be called from any thread; enter() blocks as long as others open theirs.
 */

#include "base/clock.h"
#include "base/diag.h"
#include "base/secret.h"

typedef struct ServerDoor ServerDoor;

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

unsigned server_door_n_waiting(ServerDoor *d);

DEFINE_CLEANUP(ServerDoor, server_door_free)
