/* SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/str.h"
#include "listener/server-pin.h"

struct ServerPin {
        atomic_uint_fast64_t generation; /* written under the lock, read by anyone */
        pthread_mutex_t lock;            /* protects all below */
        PinnedServer server;
};

ServerPin *server_pin_new(void)
{
        ServerPin *p = calloc(1, sizeof(*p));

        if (!p)
                error_oom(sizeof(*p));
        pthread_mutex_init(&p->lock, NULL);
        return p;
}

ServerPin *server_pin_free(ServerPin *p)
{
        if (!p)
                return NULL;
        pthread_mutex_destroy(&p->lock);
        free(p);
        return NULL;
}

/* The same server again (a reconnect) moves nobody. */
void server_pin_set(ServerPin *p, const char *uri, const char *host, const ObjectId *id)
{
        pthread_mutex_lock(&p->lock);
        if (p->server.generation == 0 || !guid_is(&p->server.id, id) || !str_is(p->server.uri, uri)) {
                p->server.id = *id;
                snprintf(p->server.uri, sizeof(p->server.uri), "%s", uri);
                snprintf(p->server.host, sizeof(p->server.host), "%s", host);
                p->server.generation++;
                atomic_store(&p->generation, p->server.generation);
        }
        pthread_mutex_unlock(&p->lock);
}

bool server_pin_get(ServerPin *p, PinnedServer *ret_server)
{
        bool set;

        pthread_mutex_lock(&p->lock);
        set = p->server.generation != 0;
        if (set)
                *ret_server = p->server;
        pthread_mutex_unlock(&p->lock);
        return set;
}

uint64_t server_pin_generation(ServerPin *p)
{
        return atomic_load(&p->generation);
}
