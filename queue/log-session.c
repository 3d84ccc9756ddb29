/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/queue-jetstream.h"

#include "base/error.h"
#include "base/thread.h"
#include "base/wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/*
 * A session is alive as long as its key in the bucket is: the key has an age, and is renewed by
 * compare-and-set. That a key is missing is no proof (the servers may have been away themselves), and it is
 * no decision: that is OP_END in the log. So who misses one waits:
 *
 *      last renewal        key is gone         OP_END
 *      |---- lease ---------|--- 5 s + late ----|
 *      |-- may send --|
 *      0        lease - 5 s
 *
 * `late` is how long a request that was sent in time may be on its way. The wait begins anew when the servers
 * were away: who is alive renews its key as soon as they are back.
 */

/* A node sends nothing in the last part of its lease, and others wait so long after it. */
#define MARGIN_US ((int64_t)5 * 1000000)

/* Suspended machines count too, unlike CLOCK_MONOTONIC. */
static int64_t boot_us(void)
{
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void key_of(uint64_t session, char key[24])
{
        snprintf(key, 24, "%016" PRIx64, session);
}

uint64_t log_session_new(void)
{
        uint64_t session = 0;

        while (session == 0) {
                if (getrandom(&session, sizeof(session), 0) != sizeof(session))
                        session = 0;
                session &= INT64_MAX; /* msgpack's integers are ours with a sign */
        }
        return session;
}

int log_session_start(QueueJetstream *q, Wall now)
{
        Entry start = { .op = { .kind = OP_START, .now = now }, .node = q->node };

        atomic_store(&q->session, log_session_new());
        q->revision = 0;
        return log_submit(q, &start);
}

/* The key as it is now, or none: who is asked next time knows what to compare with. */
static void look_at_own(QueueJetstream *q, const char *key)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *value;
        uint64_t revision;

        q->revision = bucket_get(q->nodes, key, a, &value, &revision) == 0 ? revision : 0;
}

static void renew(QueueJetstream *q)
{
        int64_t at = boot_us();
        char key[24], value[400];
        int r;

        key_of(atomic_load(&q->session), key);
        snprintf(value, sizeof(value), "%s %" PRIu64 " %s", q->node, atomic_load(&q->applied),
                 SOSYNC_VERSION);
        if (q->revision)
                r = bucket_update(q->nodes, key, value, q->revision, &q->revision);
        else
                r = bucket_create(q->nodes, key, value, &q->revision);
        if (r == 0)
                atomic_store(&q->renewed_us, at);
        else if (r == BUS_E_TAKEN)
                look_at_own(q, key);
}

/* -- the others ------------------------------------------------------------------------------------------ */

static int read_sessions(QueueJetstream *q, Arena *a, SharedSession **ret_sessions, size_t *ret_n)
{
        MDB_txn *txn = NULL;
        int r = store_read(&q->lmdb.store, &txn), rc;

        if (r)
                return error_trace(r);
        rc = shared_sessions(&q->lmdb.store, txn, a, ret_sessions, ret_n);
        store_read_end(&q->lmdb.store, txn);
        return rc ? error_origin(store_error(rc)) : 0;
}

static LogMissed *missed_slot(QueueJetstream *q, uint64_t session)
{
        for (size_t i = 0; i < LOG_NODES_MAX; i++) {
                if (q->missed[i].session == session)
                        return &q->missed[i];
        }
        return NULL;
}

static void is_there(QueueJetstream *q, uint64_t session)
{
        LogMissed *m = missed_slot(q, session);

        if (m)
                *m = (LogMissed){ 0 };
}

static void is_missing(QueueJetstream *q, uint64_t session, int64_t now)
{
        Entry end = { .op.kind = OP_END, .other = session };
        LogMissed *m = missed_slot(q, session);

        if (!m) {
                m = missed_slot(q, 0);
                if (m)
                        *m = (LogMissed){ session, now };
        } else if (now - m->since_us >= MARGIN_US + q->late_us) {
                log_submit(q, &end);
                *m = (LogMissed){ 0 };
        }
}

static void forget_missed(QueueJetstream *q)
{
        memset(q->missed, 0, sizeof(q->missed));
}

/* Sessions that have ended without us: by their own node, which is back, or by another one. */
static void forget_ended(QueueJetstream *q, const SharedSession *sessions, size_t n)
{
        for (size_t i = 0; i < LOG_NODES_MAX; i++) {
                bool live = false;

                for (size_t k = 0; k < n; k++)
                        live |= sessions[k].session == q->missed[i].session;
                if (!live)
                        q->missed[i] = (LogMissed){ 0 };
        }
}

static void look_at_others(QueueJetstream *q)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        uint64_t own = atomic_load(&q->session), n_connected = bus_times_connected(q->bus), revision;
        SharedSession *sessions;
        size_t n;

        if (!bus_is_up(q->bus) || n_connected != q->n_connected) {
                q->n_connected = n_connected;
                forget_missed(q);
                return;
        }
        if (read_sessions(q, a, &sessions, &n))
                return;
        forget_ended(q, sessions, n);
        for (size_t i = 0; i < n; i++) {
                char key[24];
                const char *value;
                int r;

                if (sessions[i].session == own)
                        continue;
                key_of(sessions[i].session, key);
                r = bucket_get(q->nodes, key, a, &value, &revision);
                if (r == 0)
                        is_there(q, sessions[i].session);
                else if (r == BUS_E_NONE)
                        is_missing(q, sessions[i].session, boot_us());
                else
                        forget_missed(q); /* nobody knows anything now */
        }
}

/* The others have taken us for dead: what we had is theirs, and we begin anew. */
static void check_own(QueueJetstream *q)
{
        MDB_txn *txn = NULL;
        bool live = true;

        if (store_read(&q->lmdb.store, &txn))
                return;
        if (shared_session_is_live(&q->lmdb.store, txn, atomic_load(&q->session), &live))
                live = true;
        store_read_end(&q->lmdb.store, txn);
        if (!live)
                log_session_start(q, clock_wall(&clock_system));
}

/* -- the keeper ------------------------------------------------------------------------------------------ */

/* Three renewals in the time in which we may send. */
static int64_t period_us(const QueueJetstream *q)
{
        return (q->lease_us - MARGIN_US) / 3;
}

static bool sleeps(QueueJetstream *q)
{
        Mono until = wait_in(period_us(q));
        bool on;

        pthread_mutex_lock(&q->lock);
        while (!q->keeper_stops && wait_until(&q->keeper_cond, &q->lock, until))
                ;
        on = !q->keeper_stops;
        pthread_mutex_unlock(&q->lock);
        return on;
}

static void *keeper(void *context)
{
        QueueJetstream *q = context;

        do {
                check_own(q);
                renew(q);
                look_at_others(q);
        } while (sleeps(q));
        return NULL;
}

int log_keeper_start(QueueJetstream *q)
{
        int r;

        q->n_connected = bus_times_connected(q->bus);
        renew(q);
        r = thread_start(&q->keeper, keeper, q, "log-keep");
        if (r)
                return r;
        q->has_keeper = true;
        return 0;
}

void log_keeper_stop(QueueJetstream *q)
{
        char key[24];

        if (!q->has_keeper)
                return;
        pthread_mutex_lock(&q->lock);
        q->keeper_stops = true;
        pthread_cond_signal(&q->keeper_cond);
        pthread_mutex_unlock(&q->lock);
        pthread_join(q->keeper, NULL);
        q->has_keeper = false;
        key_of(atomic_load(&q->session), key);
        if (bus_is_up(q->bus))
                bucket_remove(q->nodes, key);
}

bool log_may_send(QueueJetstream *q)
{
        return boot_us() - atomic_load(&q->renewed_us) < q->lease_us - MARGIN_US;
}
