/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FeedLink: what every feed over LDAP does alike
 *
 *      CONNECTING --> connected() --> message()* tick()* --> lost() --> BROKEN --> (back-off) --> CONNECTING
 *
 * It holds the connection on the feed's event base: opens it (this blocks, up to the time-outs), pins the
 * server, drains libldap on each wake, notices a server that is silent while it owes an answer, and begins
 * again with jittered back-off and the next URI; a server that lets us in and then does not do its work is
 * tried last (shunned.h). Refused credentials wait for minutes, so that no account is
 * locked by us, or until the file with the password has changed; for how long is agreed upon with whoever
 * else binds with them (server-door.h).
 *
 * feed_pause() and feed_stop() come from other threads: they set an atomic and write to an eventfd.
 *
 * FeedConfig is what app/ gives to FeedOps.new() as `config`.
 */

#include <event2/event.h>
#include <stdatomic.h>

#include "base/secret.h"
#include "listener/feed.h"
#include "listener/ldap-conn.h"
#include "listener/server-door.h"
#include "listener/server-pin.h"

typedef struct FeedConfig FeedConfig;
typedef struct FeedFirst FeedFirst;
typedef struct FeedLink FeedLink;
typedef struct FeedLinkOps FeedLinkOps;

/* A connection that is there already. The feed's first turn takes it (conn NULL then); nobody else may use
 * it. */
struct FeedFirst {
        Conn *conn;
        size_t index; /* of its URI */
};

struct FeedConfig {
        const LdapConfig *ldap; /* outlives the feed */
        const Clock *clock;
        ServerPin *pin;   /* of this connector; may be NULL */
        FeedFirst *first; /* outlives the feed; NULL: it connects by itself */
        ServerDoor *door; /* of this connector; may be NULL */
        bool gives_way;   /* one of many (server-door.h) */
        /* Beside those that the feed needs: what scope and urgency rules look at. Copied. */
        const char *const *attributes;
        size_t n_attributes;
};

/* What callbacks return: 0, CONN_E_* (the connection is given up), FEED_E_STOP, -errno (the feed ends). */
struct FeedLinkOps {
        int (*connected)(FeedLink *l, Diag *diag);
        int (*message)(FeedLink *l, LDAPMessage *message, Diag *diag);
        int (*tick)(FeedLink *l, Mono now, Diag *diag);
        Mono (*next)(const FeedLink *l); /* when tick() is due */
        void (*lost)(FeedLink *l);
};

struct FeedLink {
        const FeedLinkOps *ops;
        const LdapConfig *ldap;
        const Clock *clock;
        ServerPin *pin;
        FeedFirst *first; /* until it is taken */
        ServerDoor *door;
        bool gives_way;
        FeedSink *sink;
        const Log *log;
        struct event_base *base;

        /* Written by any thread. */
        atomic_bool stop, paused;
        int wake_fd;

        /* The rest belongs to the feed's thread. */
        struct event *wake, *timer, *readable;
        Conn *conn;
        size_t index;        /* of the URI in use, or the first to try */
        bool is_well;        /* the connection has done what we want of it, or a part */
        char last[512];      /* the URI of the last one that was well */
        Shunned shunned;     /* servers whose connection ended before that, since one was well */
        bool reading;        /* `readable` is added */
        bool blocked;        /* set by the feed: take no further message (the sink is full) */
        bool ended;          /* no further turn */
        unsigned n_owed;     /* requests under way that end with an answer */
        bool streams;        /* one of them brings many messages */
        bool is_drained;     /* at the last look libldap, TLS and SASL held nothing */
        uint64_t n_sent;     /* of the connection, at that look: libldap reads while it writes */
        int64_t patience_us; /* how long a server that owes may be silent */
        Mono heard;          /* last message: proof of life */
        Mono listening;      /* since when we wait for an answer and do nothing else */
        Mono retry_at;       /* while there is no connection */
        Mono refused_until;  /* the door's word */
        Mono renew_at;       /* when the Kerberos ticket is nearly over */
        int64_t backoff_us;
        int failure;    /* the last one: CONN_E_* */
        char said[256]; /* ... as last logged as a warning */
        Mono said_at;
        SecretStamp stamp; /* of the secret that was refused */
        FeedState state;
        Str text; /* of the state */
        Mono reported;
        uint64_t n_entries, n_looks;
        char host[256];
        ObjectId server_id;
};

int link_init(FeedLink *l, const FeedLinkOps *ops, const FeedConfig *config, struct event_base *base,
              FeedSink *sink, const Log *log);
void link_deinit(FeedLink *l);

/* Give the connection away, as another feed's first. Nothing may be under way on it. */
void link_give(FeedLink *l, FeedFirst *ret_first);

void link_start(FeedLink *l);
void link_pause(FeedLink *l, bool paused); /* any thread */
void link_stop(FeedLink *l);               /* any thread */

static inline bool link_is_paused(const FeedLink *l)
{
        return atomic_load(&l->paused);
}

static inline Mono link_now(const FeedLink *l)
{
        return clock_mono(l->clock);
}

/* A request that ends with an answer has been sent, or has been answered. */
void link_owes(FeedLink *l);
void link_paid(FeedLink *l);

/* One that brings many messages: until nothing is owed any more, what comes is left to gather for a moment
 * before it is read. Who waits for each has to be woken for each, and it is the server that does it. */
void link_owes_stream(FeedLink *l);

/* The server has done what we want of it: the next failure begins with a short back-off again, and here. */
void link_is_well(FeedLink *l);
/* ... or a part of it, that a position has been kept for: should the connection end now, it goes on here. */
void link_works(FeedLink *l);

void link_set_state(FeedLink *l, FeedState state, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* What a feed asks for: its own attributes and those of the configuration, each once. */
const char *const *link_attributes(Arena *a, const FeedConfig *c, const char *const *own, size_t n_own,
                                   size_t *ret_n);

/* Who is bound: a position belongs to an account, which may have seen other objects than the next. */
const char *link_identity(Arena *a, const FeedConfig *c);

/* A feed that lives on one connection: it begins with these two, and is paused and stopped by its link. */
typedef struct LinkFeed {
        Feed feed;
        FeedLink link;
} LinkFeed;

void link_feed_pause(Feed *feed, bool paused);
void link_feed_stop(Feed *feed);
