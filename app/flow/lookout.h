/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Lookout: urgent changes at a controller that the feed is not on (source.urgent_on: all-dcs)
 *
 *      feed-lookout --entries, stamps--> is the object known, and is this urgent?
 *                                            yes: Ahead row + urgent change, one transaction --> queue
 *                                            no:  dropped; it comes by replication, and then by the feed
 *
 * The run reads the object where the feed is, and the row's values take the place of those that are older
 * there (engine/space/ahead.h). Rules of the kinds `ou` and `group` are the feed's alone: they mean changes
 * of any attribute, and of links.
 *
 * Lookouts: one for each other writable controller, of the URIs of the configuration, of `srv:`, and of the
 * directory's own list. It is looked at again every few minutes, and sooner while one that is on it is out
 * of reach: a controller that came gets one, one that was taken out of service loses it, with one warning.
 * One whose feed could not be started, or has ended by an error, is begun again half a minute later; what it
 * missed meanwhile comes by replication. A URI of the configuration that leads to the feed's own server by
 * another name stands aside: it is tried when the feed moves, and every ten minutes.
 */

#include "app/flow/feed-thread.h"
#include "app/flow/list-pace.h"
#include "app/flow/wiring.h"

typedef struct Lookout Lookout;
typedef struct Lookouts Lookouts;

#define LOOKOUTS_MAX 64

struct Lookouts {
        const FeedOps *ops; /* what a lookout is; NULL: feed_lookout_ops */
        Wiring *wiring;
        const Connector *connector;
        Log log;
        LogField field;
        Arena *arena;
        const char *const *attributes;
        size_t n_attributes;

        pthread_t thread;
        bool started;
        pthread_mutex_t lock; /* protects stop */
        pthread_cond_t wake;
        bool stop;
        pthread_mutex_t taking; /* held while a row is read, added to and written */

        Lookout *items[LOOKOUTS_MAX]; /* of the thread */
        size_t n;
        ListPace pace;    /* of the thread */
        ObjectId feed_on; /* of the thread: where the feed was at the last look */

        _Atomic uint64_t n_urgent;  /* changes they brought */
        _Atomic uint64_t n_watched; /* controllers they watch now */
};

/* Begin, if the configuration asks for it; zeroed before the first time. Return: 0, -errno. */
int lookouts_start(Lookouts *l, Wiring *w, const Connector *c);
/* One look at them all, when the feed has found its server; the thread's. */
void lookouts_look(Lookouts *l);
void lookouts_tell_stop(Lookouts *l);
void lookouts_stop(Lookouts *l); /* and waits */

/*
 * What a controller said of some objects. For tests; else called by the feed. `server`: who, for people.
 * Return: 0, FEED_E_FULL, -errno.
 */
int lookout_take(Wiring *w, const Connector *c, const char *server, const FeedBatch *batch, uint64_t *ret_n);
