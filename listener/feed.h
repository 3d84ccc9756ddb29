/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Feed: the directory's changes, in order, resumable
 *
 * Doorbell and letter: change notification, persistent search and the root DSE heartbeat only say "look now";
 * the changes come from a resumable read (DirSync, RFC 4533, uSNChanged). A lost signal costs delay, never
 * data.
 *
 *      bell rings, or highestCommittedUSN has moved
 *         |
 *         v            entries + position            one transaction
 *      feed looks ----------------------> sink.batch ----------------> queue
 *                                          (app/intake: scope, urgency, head rows)
 *
 * The feed hands over *every* entry below its base; what is ours is the sink's decision. A position moves
 * only when the sink has stored the batch that belongs to it. It is bound to what it was made for (server
 * identity, base, filter, attributes, flags, bind identity) and carries a checksum; what does not fit is
 * refused and leads to an explicit catch-up. Absence is never a delete: nothing is concluded from what a
 * server did not mention.
 *
 * A feed has its own thread and event_base; its functions are called from that thread, but feed_pause() and
 * feed_stop() may be called from any.
 */

#include "base/clock.h"
#include "base/config.h"
#include "base/diag.h"
#include "base/log.h"
#include "engine/model/change.h"
#include "engine/model/object.h"
#include "engine/model/stamp.h"

struct event_base;

typedef struct Feed Feed;
typedef struct FeedBatch FeedBatch;
typedef struct FeedEntry FeedEntry;
typedef struct FeedOps FeedOps;
typedef struct FeedSink FeedSink;
typedef struct FeedStatus FeedStatus;
typedef struct Position Position;

enum {
        FEED_E_BASE_ = 2200, /* ERROR_BASE_FEED */

        FEED_E_UNREACHABLE, /* no server of the list answers; the feed goes on trying by itself */
        FEED_E_REFUSED,     /* credentials or rights: the diag says which right is missing */
        FEED_E_FULL,        /* sink: the queue is full; the feed repeats this batch after feed_pause(false) */
        FEED_E_STOP,        /* sink: the program stops */
};

/* Bytes and length: AD's cookies contain NUL. */
struct Position {
        const uint8_t *data;
        size_t n;
};

struct FeedEntry {
        ObjectId id;
        const char *dn; /* now */
        bool gone;      /* tombstone */
        bool whole;     /* brought is the whole entry, changed or not: only a comparison says what changed */
        bool unread; /* nothing came but what comes with every entry: no attribute that was asked for changed
                      */
        Version version;          /* server and uSNChanged; number 0 if the feed does not bring it */
        Wall changed;             /* whenChanged if it came along; else 0 */
        const Object *brought;    /* the attributes the feed delivered: all, or only the changed ones */
        const NamedStamp *stamps; /* of a lookout (feed-lookout.h); else none */
        size_t n_stamps;
};

struct FeedBatch {
        const FeedEntry *entries;
        size_t n_entries;
        const Position *position; /* after this batch; NULL: unchanged */
        bool catch_up;            /* first start with `initial: all`, or after a refused position */
        bool more; /* of a catch-up, without a position: the next batch is being read already */
        Wall seen;
};

typedef enum FeedState {
        FEED_CONNECTING,
        FEED_WATCHING, /* registered, position taken, all that was due has been handed over */
        FEED_CATCHING_UP,
        FEED_BROKEN, /* waits to reconnect */
        FEED_STOPPED,
} FeedState;

struct FeedStatus {
        FeedState state;
        const char *server;   /* host name, or NULL */
        ObjectId server_id;   /* invocationId */
        const char *text;     /* one line for people: why broken, how far */
        int64_t proof_age_us; /* since the last proof of life on the feed's own connection */
        uint64_t n_entries, n_looks;
};

/* Given by app/. Called on the feed's thread; may block (queue_put). */
struct FeedSink {
        /*
         * Return: 0 (stored, durable; of one with `more`: taken, and stored when a later one is),
         * FEED_E_FULL (of this one, or of one before it, which the sink keeps), FEED_E_STOP, -errno.
         */
        int (*batch)(FeedSink *sink, const FeedBatch *batch);
        void (*state)(FeedSink *sink, const FeedStatus *status);
};

struct FeedOps {
        const char *name;          /* "dirsync" */
        const ConfigField *fields; /* its section of the configuration; NULL: none of its own */
        int (*new)(Feed **ret_feed, const void *config, struct event_base *base, FeedSink *sink,
                   const Log *log, Diag *diag);
        int (*start)(Feed *f, const Position *from); /* NULL: from now on, or all (config.initial) */
        void (*pause)(Feed *f, bool paused);
        void (*stop)(Feed *f); /* leaves the loop after the batch in hand */
        Feed *(*free)(Feed *f);
};

/* Feeds embed this first. */
struct Feed {
        const FeedOps *ops;
};

/* The registry: one line per feed. */
extern const FeedOps *const feed_registry[]; /* NULL-terminated */
const FeedOps *feed_find(const char *name);

int feed_new(const FeedOps *ops, Feed **ret_feed, const void *config, struct event_base *base, FeedSink *sink,
             const Log *log, Diag *diag);
int feed_start(Feed *f, const Position *from);
void feed_pause(Feed *f, bool paused);
void feed_stop(Feed *f);
Feed *feed_free(Feed *f);

const char *feed_state_name(FeedState s);

DEFINE_CLEANUP(Feed, feed_free)
