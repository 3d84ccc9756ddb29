/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FeedAuto: the feed that fits the server
 *
 *      connect --> root DSE --> choose --> the chosen feed, which begins on that connection
 *
 *      server                                            feed
 *      Active Directory with DirSync                     dirsync
 *      Active Directory without                          usn
 *      content synchronization (RFC 4533)                syncrepl
 *      persistent search (389 Directory Server)          psearch
 *      anything else                                     none: the diag says what was looked for
 *
 * By preference, not by the order in which the server lists what it can. It is decided once, with the first
 * server that answers; until then this feed connects, backs off and says so like any other. The position
 * belongs to the chosen feed: one that another kind has left is refused by it, and leads to a catch-up.
 */

#include "listener/feed-link.h"

#include <pthread.h>

typedef struct FeedAuto FeedAuto;

struct FeedAuto {
        Feed feed;
        FeedLink link; /* until it is decided */
        Arena *arena;
        FeedConfig config;
        struct event_base *base;
        FeedSink *sink;
        const Log *log;
        Position from;         /* no data: none */
        struct event *decided; /* outside of the link's own callbacks */
        const FeedOps *ops;
        FeedFirst first; /* from the decision to the first turn of the chosen feed */

        pthread_mutex_t lock; /* protects what follows */
        Feed *chosen;
        bool paused, stopped;
};

extern const FeedOps feed_auto_ops;

/* What fits this server. Return: NULL with a reason in the diag. */
const FeedOps *feed_auto_choose(const Conn *c, Diag *diag);
