/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Between control.c (connections), answers.c (short answers), job.c (answers that take long), socket.c
 * (where, and for whom) and client.c (the commands' side). */

#include "app/control/control.h"

#include <jansson.h>
#include <sys/un.h>

typedef struct Connection Connection;

struct Connection {
        List link;
        Control *control;
        int fd;
        pthread_t thread;
        bool done; /* its thread is about to end: it may be joined */
        uid_t uid;
};

struct Control {
        Wiring *wiring;
        const ControlOps *ops;
        void *context;
        char *path;
        int fd;
        bool bound;     /* the file is ours */
        bool has_group; /* whose members are let in */
        gid_t group;
        int wake[2]; /* closed at the end: ends every poll */
        int spare; /* given up to turn somebody away when no other descriptor is left; -1: it could not be had
                    */
        pthread_t thread;
        bool started;

        pthread_mutex_t lock; /* protects what follows */
        List connections;
        size_t n_connections;
        size_t n_long; /* connections that may wait for long: CONTROL_LONG_MAX */
};

static inline json_t *answer_error(int exit_status, const char *text)
{
        return json_pack("{s:b, s:s, s:i}", "ok", 0, "error", text, "exit", exit_status);
}

/* Name of the user at the other end, or "uid 4711". Returns buf. */
const char *connection_user(const Connection *c, char *buf, size_t size);

/* Send one line; `line` is taken over. False: the peer is gone, or does not read. */
bool connection_say(Connection *c, json_t *line);

/* Has the peer closed it? One that only says no more (shutdown) still gets its answer. */
bool connection_is_gone(const Connection *c);

/* Does the service stop? */
bool control_is_ending(const Control *control);

/* A place among those whose answers may take long. False: they are all taken, by `*ret_n`. */
bool control_enter(Control *control, size_t *ret_n);
void control_leave(Control *control);

/* For who finds no place. */
json_t *answer_busy(size_t n);

/* One request; never NULL. */
json_t *answer_line(Connection *c, const char *line, size_t n);

/* {"do": "job"}: progress lines while it lasts; the last line is the answer. */
json_t *answer_job(Connection *c, json_t *request);

/* Make the socket and listen. Return: 0, -errno; the diag says what. */
int control_listen(Control *control, Diag *diag);

/* Root, the service's own user, or a member of the group, by the kernel's word: modes are changed by
 * accident. */
bool control_is_welcome(const Control *control, int fd, uid_t *ret_uid);

/* Return: 0, -ENAMETOOLONG. */
int control_address(const char *path, struct sockaddr_un *ret_address);
bool control_write(int fd, const char *data, size_t n);
