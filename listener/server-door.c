/* SPDX-License-Identifier: Apache-2.0 */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "listener/ldap-conn.h"
#include "listener/server-door.h"

/* After a refusal nobody binds with the same secret for this long, and then twice as long. */
#define REFUSED_FIRST_US 180000000
#define REFUSED_MAX_US   900000000

/* So long has whoever tries the refused secret again to say how it went. */
#define CLAIM_US 15000000

/* Until a lookout asks again whether it may go in. */
#define BUSY_US 100000

/* So long a bind that went well says that the next will; a password may be changed at any time. */
#define PROVEN_US 10000000

/* A secret that was refused, and when somebody may try it again. */
typedef struct Refusal {
        Mono until;
        SecretStamp stamp;
        int64_t pause_us; /* between two tries of it; 0: none was refused */
        bool claimed;     /* somebody tries it again */
} Refusal;

struct ServerDoor {
        pthread_mutex_t lock; /* protects all below */
        pthread_cond_t left;
        unsigned n_inside, n_waiting;
        Mono proven_until;   /* a bind has gone well */
        uint64_t n_failures; /* ever */
        int failure;         /* the last */
        char why[512];
        Refusal of_all, of_lookouts;
        bool is_good; /* somebody was let in with it, and of workers and feed nobody refused since */
        SecretStamp good;

        unsigned n_lookouts;        /* inside */
        Mono lookouts_proven_until; /* one of them has gone well */
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

/* The lock is held. Was the secret refused, and is it not time to try it again? If it is, this one does. */
static bool is_refused(Refusal *f, Mono now, const SecretStamp *stamp)
{
        if (!f->pause_us || !secret_stamp_is(stamp, &f->stamp))
                return false;
        if (now.us < f->until.us)
                return true;
        f->until = mono_add(now, CLAIM_US);
        f->claimed = true;
        return false;
}

/* The lock is held. Several that were inside at once are one refusal. */
static void note_refused(ServerDoor *d, Refusal *f, Mono now, const SecretStamp *stamp)
{
        bool again = f->pause_us && secret_stamp_is(stamp, &f->stamp);

        if (again && !f->claimed && now.us < f->until.us)
                return;
        f->pause_us = !again                             ? REFUSED_FIRST_US
                      : 2 * f->pause_us < REFUSED_MAX_US ? 2 * f->pause_us
                                                         : REFUSED_MAX_US;
        f->until = mono_add(now, f->pause_us);
        f->stamp = *stamp;
        f->claimed = false;
        d->lookouts_proven_until = (Mono){ 0 };
        if (f == &d->of_all)
                d->proven_until = (Mono){ 0 };
}

/* It was not asked for: the next one tries. */
static void give_back(Refusal *f, Mono now, const SecretStamp *stamp)
{
        if (!f->claimed || !secret_stamp_is(stamp, &f->stamp))
                return;
        f->claimed = false;
        f->until = now;
}

/* The lock is held. A server that refuses a lookout what others are let in with is one server: its clock is
 * wrong, or its name has no key. */
static void note_end(ServerDoor *d, Mono now, const DoorLink *l, int r, const char *why)
{
        bool is_good = d->is_good && secret_stamp_is(&l->stamp, &d->good);

        if (r) {
                d->failure = r;
                snprintf(d->why, sizeof(d->why), "%s", why);
        }
        if (r == CONN_E_REFUSED && l->gives_way && is_good) {
                note_refused(d, &d->of_lookouts, now, &l->stamp);
        } else if (r == CONN_E_REFUSED) {
                note_refused(d, &d->of_all, now, &l->stamp);
                d->is_good = d->is_good && !is_good;
        } else if (r == 0) {
                d->of_all = (Refusal){ 0 };
                d->is_good = true;
                d->good = l->stamp;
        } else {
                give_back(&d->of_all, now, &l->stamp);
        }
        if (l->gives_way && r == 0)
                d->of_lookouts = (Refusal){ 0 };
        else if (l->gives_way && r != CONN_E_REFUSED)
                give_back(&d->of_lookouts, now, &l->stamp);
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
        if (r == 0 && is_refused(&d->of_all, now, stamp))
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
        const DoorLink worker = { .stamp = *stamp };

        pthread_mutex_lock(&d->lock);
        d->n_inside--;
        if (r == 0)
                d->proven_until = mono_add(now, PROVEN_US);
        else
                d->n_failures++;
        note_end(d, now, &worker, r, why);
        pthread_cond_broadcast(&d->left);
        pthread_mutex_unlock(&d->lock);
}

int server_door_link_enter(ServerDoor *d, Mono now, const DoorLink *l, Mono *ret_again, Diag *diag)
{
        int r = 0;

        pthread_mutex_lock(&d->lock);
        if (l->gives_way && d->n_lookouts && now.us >= d->lookouts_proven_until.us) {
                r = SERVER_DOOR_E_BUSY;
                *ret_again = mono_add(now, BUSY_US);
        } else if (l->gives_way && is_refused(&d->of_lookouts, now, &l->stamp)) {
                r = CONN_E_REFUSED;
                *ret_again = d->of_lookouts.until;
                diag_set(diag, "%s", d->why);
        } else if (is_refused(&d->of_all, now, &l->stamp)) {
                r = CONN_E_REFUSED;
                *ret_again = d->of_all.until;
                diag_set(diag, "%s", d->why);
        } else {
                d->n_lookouts += l->gives_way;
        }
        pthread_mutex_unlock(&d->lock);
        return r;
}

void server_door_link_leave(ServerDoor *d, Mono now, const DoorLink *l, int r, const char *why)
{
        pthread_mutex_lock(&d->lock);
        if (l->gives_way)
                d->n_lookouts--;
        if (l->gives_way && r == 0)
                d->lookouts_proven_until = mono_add(now, PROVEN_US);
        note_end(d, now, l, r, why);
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
