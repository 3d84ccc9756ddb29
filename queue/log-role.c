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

/* It was somebody else's, or nobody's, a moment ago. */
static int take(QueueJetstream *q, LogRole *role, int64_t at)
{
        Entry term = { .op = { .kind = OP_TERM, .feed = role->name } };
        int r = bucket_create(q->role_keys, role->key, q->node, &role->revision);

        if (r)
                return r == BUS_E_TAKEN ? QUEUE_E_GONE : QUEUE_E_EMPTY;
        r = log_submit(q, &term);
        if (r) {
                role->revision = 0;
                return r < 0 ? error_trace(r) : QUEUE_E_EMPTY;
        }
        role->term = term.sequence;
        role->renewed_us = at;
        return 0;
}

/* No answer proves nothing: for a while it is still ours, and nobody else can have it. */
static int keep(LogRole *role, int64_t at)
{
        if (at - role->renewed_us < LOG_ROLE_AGE_US - LOG_ROLE_MARGIN_US)
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
                role->renewed_us = at;
        else if (r == BUS_E_TAKEN)
                role->revision = 0; /* it has expired, or is another's by now */
        else
                return keep(role, at);
        return r == 0 ? 0 : take(q, role, at);
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
