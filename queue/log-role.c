/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/queue-jetstream.h"

#include "base/error.h"
#include "queue/cluster.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * A role is a key with an age, and its holder renews it by compare-and-set. Who has just taken one says so in
 * the log (OP_TERM): the number of that entry is the term, and from its place on a position with an older
 * term is refused. So two who believe that they have a role, one of them stopped for a while, cannot both
 * move the feed's position; and a change that the late one puts says only "look again".
 *
 * Key and log are two streams: while the log had no leader, the term of one who has lost the role by then may
 * wait, and come to stand behind that of its holder. So the holder looks, at each renewal, whether the term
 * is still its own, and says it once more if it is not.
 */

static int64_t boot_us(void)
{
        struct timespec t;

        clock_gettime(CLOCK_BOOTTIME, &t);
        return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static LogRole *find_role(QueueJetstream *q, const char *name)
{
        for (size_t i = 0; i < LOG_ROLES_MAX; i++) {
                if (q->roles[i].name[0] && strcmp(q->roles[i].name, name) == 0)
                        return &q->roles[i];
        }
        for (size_t i = 0; i < LOG_ROLES_MAX; i++) {
                if (!q->roles[i].name[0]) {
                        snprintf(q->roles[i].name, sizeof(q->roles[i].name), "%s", name);
                        cluster_key(name, q->roles[i].key);
                        return &q->roles[i];
                }
        }
        return NULL;
}

/* What was ours at that moment can be another's by now, or soon. */
static bool is_over(int64_t at)
{
        return boot_us() - at >= LOG_ROLE_AGE_US - LOG_ROLE_MARGIN_US;
}

/* The key was ours when we asked; whether it still is, when the log has said so at last, is for the next
 * look. */
static int say_term(QueueJetstream *q, LogRole *role, int64_t at)
{
        Entry term = { .op = { .kind = OP_TERM, .feed = role->name } };
        int r = log_submit(q, &term);

        if (r || is_over(at)) {
                role->revision = 0;
                return r < 0 ? error_trace(r) : QUEUE_E_EMPTY;
        }
        role->term = term.sequence;
        role->renewed_us = at;
        return 0;
}

/* It was somebody else's, or nobody's, a moment ago. */
static int take(QueueJetstream *q, LogRole *role, int64_t at)
{
        int r = bucket_create(q->role_keys, role->key, q->node, &role->revision);

        if (r)
                return r == BUS_E_TAKEN ? QUEUE_E_GONE : QUEUE_E_EMPTY;
        return say_term(q, role, at);
}

/* Return: 0, QUEUE_E_GONE: positions of our term are refused; -errno. */
static int look_at_term(QueueJetstream *q, const LogRole *role)
{
        MDB_txn *txn = NULL;
        uint64_t term = 0;
        int r = store_read(&q->lmdb.store, &txn), rc;

        if (r)
                return error_trace(r);
        rc = shared_term(&q->lmdb.store, txn, role->name, &term);
        store_read_end(&q->lmdb.store, txn);
        if (rc)
                return error_origin(store_error(rc));
        return term == role->term ? 0 : QUEUE_E_GONE;
}

static int renewed(QueueJetstream *q, LogRole *role, int64_t at)
{
        int r = look_at_term(q, role);

        role->renewed_us = at;
        return r == QUEUE_E_GONE ? say_term(q, role, at) : r;
}

/* No answer proves nothing: for a while it is still ours, and nobody else can have it. */
static int keep(LogRole *role)
{
        if (!is_over(role->renewed_us))
                return 0;
        role->revision = 0;
        return QUEUE_E_EMPTY;
}

static int renew_or_take(QueueJetstream *q, LogRole *role)
{
        int64_t at = boot_us();
        int r;

        if (!role->revision)
                return take(q, role, at);
        r = bucket_update(q->role_keys, role->key, q->node, role->revision, &role->revision);
        if (r == 0)
                return renewed(q, role, at);
        if (r != BUS_E_TAKEN)
                return keep(role);
        role->revision = 0; /* it has expired, or is another's by now */
        return take(q, role, at);
}

int log_role(QueueJetstream *q, const char *name, uint64_t *ret_term)
{
        LogRole *role;
        int r;

        pthread_mutex_lock(&q->role_lock);
        role = find_role(q, name);
        r = role ? renew_or_take(q, role) : error_origin(-ENOSPC);
        if (r == 0)
                *ret_term = role->term;
        pthread_mutex_unlock(&q->role_lock);
        return r;
}

void log_role_drop(QueueJetstream *q, const char *name)
{
        LogRole *role;

        pthread_mutex_lock(&q->role_lock);
        role = find_role(q, name);
        if (role && role->revision && bus_is_up(q->bus))
                bucket_remove(q->role_keys, role->key);
        if (role)
                *role = (LogRole){ 0 };
        pthread_mutex_unlock(&q->role_lock);
}
