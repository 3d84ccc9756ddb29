/* SPDX-License-Identifier: Apache-2.0 */

#include "app/config/snapshot.h"

void snapshot_init(Snapshot *s, Config *config)
{
        pthread_mutex_init(&s->lock, NULL);
        s->config = config;
}

void snapshot_deinit(Snapshot *s)
{
        s->config = config_unref(s->config);
        pthread_mutex_destroy(&s->lock);
}

Config *snapshot_get(Snapshot *s)
{
        Config *c;

        pthread_mutex_lock(&s->lock);
        c = config_ref(s->config);
        pthread_mutex_unlock(&s->lock);
        return c;
}

void snapshot_swap(Snapshot *s, Config *config)
{
        Config *old;

        pthread_mutex_lock(&s->lock);
        old = s->config;
        s->config = config;
        pthread_mutex_unlock(&s->lock);
        config_unref(old);
}
