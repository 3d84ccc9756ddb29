/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Acts: what goes into the audit log (report/audit.h)
 *
 *      {"kind": "write", "run", "dn", "object", "cloud", "action", "result", "properties", "requests", ...}
 *      {"kind": "act", "by", "login", "verb", "reason", "request", "ok", "error"}
 *
 * A write is what a run sent to Entra ID: names of properties, never values, and where the change came from.
 * The reporter adds it before the outcome's row is removed from the queue, so no crash can lose one; one can
 * be there twice, with the same run. An act is what a person told the program to do, over the control socket
 * or, without a service, by a command that has the state folder. It is on disk when the person is told.
 *
 * A log that cannot be written (a full disk) stops nothing that people do: the lines wait in memory, and the
 * rows of writes in the queue. Any thread.
 */

#include "app/config/config.h"
#include "base/clock.h"
#include "engine/model/outcome.h"
#include "report/audit.h"

#include <jansson.h>
#include <pthread.h>

typedef struct Acts Acts;

struct Acts {
        const char *folder;
        int64_t keep_us;
        const Clock *clock;
        const Log *log;
        pthread_mutex_t lock;
        Audit *audit;   /* lock; NULL: there was no room for its folder yet */
        uint64_t added; /* the last row of the queue that acts_write() took; of the reporter's thread */
        bool open;
};

/* The configuration is borrowed. Return: 0, -errno. */
int acts_open(Acts *a, const Config *c, const Clock *clock, const Log *log, Diag *diag);
void acts_close(Acts *a);

/*
 * The row of the queue with this number. Runs that sent nothing leave no entry. A row that comes again
 * because the log could not be written is in memory already. One thread, in the order of the numbers.
 */
void acts_write(Acts *a, uint64_t sequence, const Outcome *o);

/* Everything added so far is on disk. Return: 0, AUDIT_E_FULL, -errno. */
int acts_flush(Acts *a);

/* `request`: what was asked for; its "do", "reason" and "login" have members of their own. `answer`: {"ok",
 * "error"}.
 */
void acts_person(Acts *a, const char *by, const char *verb, const json_t *request, const json_t *answer);

/* Remove old days, counted from `age` (app/flow/age.h), and say the last chain in the service's log, so that
 * a copy is elsewhere. */
void acts_care(Acts *a, Wall age);

/* As acts_person, by a command that owns the state folder and has no wiring: the log is opened for this one
 * line. Return: 0, AUDIT_E_FULL, -errno; the diag may say more. */
int acts_alone(const Config *c, const char *by, const char *verb, const json_t *request, bool ok, Diag *diag);
