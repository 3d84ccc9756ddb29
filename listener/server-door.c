/* SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "listener/ldap-conn.h"
#include "listener/server-door.h"

/* After a refusal nobody binds with the same secret for this long. */
#define REFUSED_US 60000000

/* So long a bind that went well says that the next will; a password may be changed at any time. */
#define PROVEN_US 10000000

struct ServerDoor {
        pthread_mutex_t lock; /* protects all below */
        pthread_cond_t left;
        unsigned n_inside, n_waiting;
        Mono proven_until;   /* a bind has gone well */
        uint64_t n_failures; /* ever */
        int failure;         /* the last */
        char why[512];
        Mono refused_until;
        SecretStamp refused_stamp;
};

ServerDoor *server_door_new(void)
{
        ServerDoor *d = calloc(1, sizeof(*d));

        if (!d)
                error_oom(sizeof(*d));
        pthread_mutex_init(&d->lock, NULL);
        pthread_cond_init(&d->left, NULL);
        return d;
}

ServerDoor *server_door_free(ServerDoor *d)
{
        if (!d)
                return NULL;
        pthread_cond_destroy(&d->left);
        pthread_mutex_destroy(&d->lock);
        free(d);
        return NULL;
}

/* The lock is held. Return: 0, CONN_E_*. */
static int wait_for_room(ServerDoor *d, Mono now)
{
        const uint64_t n_failures = d->n_failures;

        d->n_waiting++;
        while (d->n_inside >= (now.us < d->proven_until.us ? SERVER_DOOR_WIDTH : 1) &&
               d->n_failures == n_failures)
                pthread_cond_wait(&d->left, &d->lock);
        d->n_waiting--;
        return d->n_failures == n_failures ? 0 : d->failure;
}

int server_door_enter(ServerDoor *d, Mono now, const SecretStamp *stamp, Diag *diag)
{
        int r;

        pthread_mutex_lock(&d->lock);
        r = wait_for_room(d, now);
        if (r == 0 && now.us < d->refused_until.us && secret_stamp_is(stamp, &d->refused_stamp))
                r = CONN_E_REFUSED;
        if (r == 0)
                d->n_inside++;
        else
                diag_set(diag, "%s", d->why);
        pthread_mutex_unlock(&d->lock);
        return r;
}

void server_door_leave(ServerDoor *d, Mono now, const SecretStamp *stamp, int r, const char *why)
{
        pthread_mutex_lock(&d->lock);
        d->n_inside--;
        if (r == 0) {
                d->proven_until = mono_add(now, PROVEN_US);
        } else {
                d->n_failures++;
                d->failure = r;
                snprintf(d->why, sizeof(d->why), "%s", why);
        }
        if (r == CONN_E_REFUSED) {
                d->proven_until = (Mono){ 0 };
                d->refused_until = mono_add(now, REFUSED_US);
                d->refused_stamp = *stamp;
        }
        pthread_cond_broadcast(&d->left);
        pthread_mutex_unlock(&d->lock);
}

unsigned server_door_n_waiting(ServerDoor *d)
{
        unsigned n;

        pthread_mutex_lock(&d->lock);
        n = d->n_waiting;
        pthread_mutex_unlock(&d->lock);
        return n;
}
