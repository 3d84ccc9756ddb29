/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Control: how commands talk to a running service
 *
 * A unix socket, `control.socket`: for root, the service's own user, and the members of `control.group`, by
 * the kernel's word. A request is one line of JSON, the answer is one line of JSON:
 *
 *      {"do": "sync", "dn": "CN=Ada,OU=corp,...", "staging": false}
 *      {"ok": true, "outcome": "<packed outcome, base64>"}
 *      {"ok": false, "error": "text for people", "exit": 5}
 *
 * A job (app/job/jobs.h) answers with lines of progress before its last; who closes the connection cancels
 * it:
 *
 *      {"do": "job", "kind": "backup", "arguments": {"folder": "/var/backups/sosync"}}
 *      {"progress": {"phase": "copying", "done": 4096, "total": 1048576}}
 *      {"ok": true, "result": ..., "exit": 0}
 *
 * Each connection has a thread of its own, since a request may take as long as a run; there are at most
 * CONTROL_CONNECTIONS of them, and a line has at most CONTROL_LINE_MAX bytes. Who has not sent a whole line
 * within CONTROL_SILENCE_US is let go, so that silent ones do not keep others out.
 *
 * Of what waits for others (a job, a sync, a watch) there are at most CONTROL_LONG_MAX at a time, so that in
 * an outage somebody can still ask for what is answered at once (stats, demote). Who finds no place is told
 * so in one line, with "exit": 3. Who closes the connection gives up his place at once, whatever his job
 * does.
 */

#include "app/flow/wiring.h"

#include <jansson.h>

typedef struct Control Control;

#define CONTROL_CONNECTIONS 32
#define CONTROL_LONG_MAX    (CONTROL_CONNECTIONS - 2)
#define CONTROL_LINE_MAX    ((size_t)64 << 10)
#define CONTROL_SILENCE_US  ((int64_t)20 * 1000000)
/* An outcome may hold the report of a large object. */
#define CONTROL_ANSWER_MAX ((size_t)32 << 20)

/* What the service tells about itself beyond the wiring; called on a connection's thread. */
typedef struct ControlOps {
        json_t *(*status)(void *context); /* new reference */
} ControlOps;

/* Return: 0, -errno; the diag says what (a path that is too long for a socket, for example). */
int control_new(Control **ret_control, Wiring *w, const ControlOps *ops, void *context, Diag *diag);

/* Stop accepting, end the connections, wait for their threads. */
Control *control_free(Control *c);

/* Where it is. Nothing named: in /run/sosync, if systemd has made that and the state is where it is by
 * default; else in the state folder. */
const char *control_path(Arena *a, const Config *c);

/*
 * Ask a running service. Return: 0 with the answer's line (free); -errno: control_is_absent() says whether
 * one runs, control_why() what a person must know.
 */
int control_ask(const Config *c, const char *request, char **ret_answer);
bool control_is_absent(int r);
const char *control_why(Arena *a, const Config *c, int r);

/*
 * Ask a running service for something that answers with several lines. `line` gets each; false: that was the
 * last. Return: as control_ask; -ECONNRESET: the service went away before the last.
 */
int control_follow(const Config *c, const char *request, bool (*line)(void *context, const char *text),
                   void *context);

DEFINE_CLEANUP(Control, control_free)
