/* SPDX-License-Identifier: Apache-2.0 */

#include "app/control/sync.h"

#include "base/error.h"
#include "base/str.h"

#include <string.h>

static Change request_change(const Wiring *w, const Connector *c, const SyncRequest *request,
                             const ObjectId *id)
{
        return (Change){
                .id = *id,
                .source = c->number,
                .kind = CHANGE_REQUEST,
                .lane = LANE_URGENT,
                .staging = request->staging,
                .seen = clock_wall(w->clock),
                .dn = request->dn,
                .by = request->by,
        };
}

/* The GUID behind the DN. False: nobody knows it (missing, unreadable, unreachable); the steps will say
 * which. */
static bool resolve(Worker *w, const Connector *c, const char *dn, Arena *a, ObjectId *ret_id)
{
        Source *source = w->sources[c - w->shared->connectors->items];
        SourceEntry entry;

        if (source_read(source, &(SourceQuery){ .dn = dn }, a, &entry, NULL))
                return false;
        *ret_id = entry.object->id;
        return true;
}

/* The outcome lives in a worker's arena; the caller's copy lives in `a`. */
static int copy_outcome(Arena *a, const Outcome *o, Outcome *ret_outcome)
{
        PackWriter writer;
        const uint8_t *data;
        size_t n;
        int r;

        pack_init(&writer);
        outcome_pack(&writer, o);
        data = pack_data(&writer, &n);
        r = outcome_unpack(a, data, n, ret_outcome);
        pack_deinit(&writer);
        return error_fold(r);
}

static int put(Wiring *w, const Change *change)
{
        int r = queue_put(w->queue,
                          &(Intake){ .changes = change, .n_changes = 1, .now = clock_wall(w->clock) });

        return r == QUEUE_E_FULL ? SYNC_E_FULL : error_fold(r);
}

/* There is no such object, so no change in the queue that its report could come with: it is handed on. */
static int work_apart(Wiring *w, Worker *worker, const Change *change, Arena *a, Outcome *ret_outcome)
{
        const Outcome *o = worker_try(worker, change);
        PackWriter writer;
        const void *data;
        size_t n;

        if (w->reporter.started) {
                reporter_say(&w->reporter, o);
        } else if (w->store) {
                pack_init(&writer);
                outcome_pack(&writer, o);
                data = pack_data(&writer, &n);
                report_store_add(w->store, &data, &n, 1);
                pack_deinit(&writer);
        }
        return copy_outcome(a, o, ret_outcome);
}

/* The same path as the service's: the flag is taken if it can be, and what it is like is said. Urgent work
 * does not wait for it. */
static void mind_flag(Wiring *w, Worker *worker)
{
        if (!w->shared.gate)
                return;
        gate_ask(w->shared.gate);
        while (gate_turn(w->shared.gate) == 0)
                ;
        gate_view(w->shared.gate, &worker->flag);
}

/* Whoever asks, and with whatever: nothing is asked of a directory, and nothing reported, for what is no
 * name. */
static int check_name(const SyncRequest *request, Arena *a, Diag *diag)
{
        _cleanup_(diag_deinit) Diag why = DIAG_INIT;
        const Dn *dn;

        if (dn_parse(a, request->dn, &dn, &why))
                diag_set(diag, "\"%s\" is not a distinguished name: %s",
                         str_safe(a, request->dn, strlen(request->dn)), diag_text(&why));
        else if (dn->n_rdns == 0)
                diag_set(diag, "an empty text is not a distinguished name");
        else
                return 0;
        return SYNC_E_NAME;
}

/* How often it is looked whether another node is done, and whether somebody waits for it. */
#define LOOK_US ((int64_t)200 * 1000)

/* Until the outcome has come, for as long as who asked is there. */
static void linger(Wiring *w, const SyncRequest *request, Waiter *waiter)
{
        bool over = false;

        for (int64_t us = 0; us < SYNC_WAIT_US && !over; us += LOOK_US)
                over = waiters_look(&w->waiters, waiter, LOOK_US) ||
                       (request->is_gone && request->is_gone(request->context));
}

int sync_by_service(Wiring *w, const SyncRequest *request, Arena *a, Outcome *ret_outcome, Diag *diag)
{
        Connector *connector = connectors_of_dn(&w->connectors, request->dn);
        Source *sources[CONFIG_SOURCES_MAX];
        Worker worker;
        ObjectId id;
        ObjectKey key;
        Waiter waiter;
        Change change;
        char why[512];
        bool found, held, heard;
        int r = check_name(request, a, diag);

        if (r == 0)
                r = wiring_sources(w, sources);
        if (r)
                return r;
        worker_init(&worker, &w->shared, sources, LANE_SET(LANE_URGENT));
        found = resolve(&worker, connector, request->dn, a, &id);
        if (!found) {
                change = request_change(w, connector, request, &(ObjectId){ 0 });
                r = work_apart(w, &worker, &change, a, ret_outcome);
        }
        worker_deinit(&worker);
        if (!found)
                return r;
        change = request_change(w, connector, request, &id);
        key = (ObjectKey){ .source = change.source, .id = id };
        waiters_add(&w->waiters, &waiter, &key, clock_wall(w->clock));
        gate_ask(w->shared.gate); /* it shares the service's hold */
        r = put(w, &change);
        held = r == 0 && (circuit_is_open(&w->shared.target_circuit, why, sizeof(why)) ||
                          circuit_is_open(&connector->circuit, why, sizeof(why)));
        if (r == 0 && !held)
                linger(w, request, &waiter);
        /* Also of what nobody waits for: the waiter leaves the list. */
        heard = waiters_wait(&w->waiters, &waiter, 0);
        if (r == 0 && heard)
                r = error_fold(outcome_unpack(a, waiter.data, waiter.n, ret_outcome));
        free(waiter.data);
        if (r || heard)
                return r;
        if (held)
                diag_set(diag, "the change waits in the queue: %s", why);
        else
                diag_set(diag,
                         "the change still waits in the queue; `sosync queue stats` shows what is before it");
        return SYNC_E_WAITS;
}

static void hear_outcome(void *context, const Outcome *o)
{
        Waiters *waiters = context;

        waiters_deliver(waiters, &(ObjectKey){ .source = o->change.source, .id = o->change.id }, o);
}

static bool is_cluster(const Wiring *w)
{
        return w->first->state.backend == STATE_JETSTREAM;
}

/*
 * To work on it here. In a cluster another node may have been quicker: what it has made of it comes with the
 * reports, which every node makes of all runs; and the change comes back from a node that dies.
 * Return: 0 with the lease; SYNC_E_DONE with the outcome; SYNC_E_WAITS, -errno.
 */
static int lease_or_hear(Wiring *w, Worker *worker, const ObjectKey *key, Wall since, Lease *ret_lease,
                         Arena *a, Outcome *ret_outcome, Diag *diag)
{
        ReporterTell tell = { .fn = hear_outcome, .context = &w->waiters };

        for (int64_t us = 0; us < SYNC_WAIT_US; us += LOOK_US) {
                Waiter waiter;
                int r;

                arena_reset(worker->arena);
                r = queue_lease_object(w->queue, clock_wall(w->clock), key, worker->arena, ret_lease);
                if (r != QUEUE_E_EMPTY || !is_cluster(w))
                        return error_fold(r);
                waiters_add(&w->waiters, &waiter, key, since);
                reporter_flush(w->queue, w->store, &w->acts, tell, w->first, &w->log);
                if (!waiters_wait(&w->waiters, &waiter, LOOK_US))
                        continue;
                r = outcome_unpack(a, waiter.data, waiter.n, ret_outcome);
                free(waiter.data);
                return r ? error_fold(r) : SYNC_E_DONE;
        }
        diag_set(diag, "another node of the cluster has taken the change, and is not done with it");
        return SYNC_E_WAITS;
}

int sync_by_hand(Wiring *w, Worker *worker, const SyncRequest *request, Arena *a, Outcome *ret_outcome,
                 Diag *diag)
{
        Connector *connector = connectors_of_dn(&w->connectors, request->dn);
        Change change;
        ObjectKey key;
        ObjectId id;
        Lease lease = { 0 };
        Wall since;
        int r = check_name(request, a, diag);

        if (r)
                return r;
        mind_flag(w, worker);
        if (!resolve(worker, connector, request->dn, a, &id)) {
                change = request_change(w, connector, request, &(ObjectId){ 0 });
                return work_apart(w, worker, &change, a, ret_outcome);
        }
        change = request_change(w, connector, request, &id);
        key = (ObjectKey){ .source = change.source, .id = id };
        since = clock_wall(w->clock);
        r = put(w, &change);
        if (r)
                return r;
        /* A long list of members takes several runs. */
        do {
                r = lease_or_hear(w, worker, &key, since, &lease, a, ret_outcome, diag);
                if (r)
                        return r == SYNC_E_DONE ? 0 : r;
                r = copy_outcome(a, worker_work(worker, &lease), ret_outcome);
        } while (r == 0 && worker->goes_on);
        return r;
}
