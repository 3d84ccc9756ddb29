/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Staging: may this installation write to the tenant?
 *
 *      staging: true  ---promote--->  exporting  ---demote--->  staging
 *
 * In staging everything is as in earnest but the export: import, rules, plan, reports. `staging:` of the
 * configuration says how an installation begins; what a person has decided by promote or demote is a memo
 * (engine/space/memo.h) and wins from then on, also over a configuration that is loaded again. Lost with the
 * state folder, the configuration's word holds again; that is why it should say true.
 *
 * demote returns when nothing is under way any more: a run that began before has ended, and no later one
 * exports. promote makes what staging held back due, in the reconcile lane, when the last run that held
 * something back has ended; a crash in between does not lose that, since the memo says that it is still to be
 * done.
 *
 * In a cluster the decision is one for all nodes: each run reads the memo after its lease, so whatever is
 * leased after the decision goes by it, wherever; and what the others had leased before is waited for
 * (queue_outlast()).
 *
 * A second installation in staging is the warm standby. Two that export would overwrite each other, so
 * promote asks the tenant's audit log for the last write with these credentials
 * (engine/target/graph-tenant.h), and refuses while one is younger than an hour that this installation did
 * not make before its own demote.
 *
 * staging_is_on, staging_begin_run and staging_end_run may be called from any thread.
 */

#include "base/clock.h"
#include "queue/queue.h"

#include <jansson.h>
#include <stdatomic.h>

typedef struct Staging Staging;
typedef struct StagingRequest StagingRequest;
typedef struct Wiring Wiring;

typedef enum StagingDecision {
        STAGING_AS_CONFIGURED, /* nobody has decided yet */
        STAGING_PROMOTED,
        STAGING_DEMOTED,
} StagingDecision;

/* So long ago must the other installation's last write be. The audit log lags by minutes. */
#define STAGING_OTHER_MS ((int64_t)3600 * 1000)

/* What the workers share; part of WorkerShared. */
struct Staging {
        _Atomic int decision; /* StagingDecision; of a cluster: as last read */
        Queue *shared;        /* of a cluster: whose memo says what holds now. NULL: `decision` does */
        _Atomic uint64_t n_exporting, n_holding; /* runs under way: those that may write, and the others */
};

/* promote and demote, as a person asks for them. */
struct StagingRequest {
        bool check;       /* promote: say what would be decided, and decide nothing */
        bool take_over;   /* promote: the other installation is stopped, do not ask the audit log */
        const char *name; /* who asks */
};

/* Read the memo, and go on with what a promote has left to do. Return: 0, -errno. */
int staging_load(Staging *s, Queue *queue, Wall now);

/* Make due what staging has held back. Return: 0, QUEUE_E_FULL (some of it is not due yet), -errno. */
int staging_release(Queue *queue, Wall now, size_t *ret_n);

/* Is it on, given what the configuration says? */
bool staging_is_on(Staging *s, bool configured);

/* A run begins, after its lease; true: it may write. staging_end_run must follow, with what this has said. */
bool staging_begin_run(Staging *s, bool configured);
void staging_end_run(Staging *s, bool exports);

/*
 * The answers to a person, with or without a service: {"ok": true, "result": {...}} or {"ok": false, "error",
 * "exit"}. The result of promote has "staging" (before), "comparison" (the last one, or null), "queued" (how
 * many objects are due now); that of demote has "staging".
 */
json_t *staging_promote(Wiring *w, const StagingRequest *request);
json_t *staging_demote(Wiring *w, const StagingRequest *request);
