/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FeedUsn: changes of an Active Directory by uSNChanged, for accounts without the right to replicate
 *
 *      connected --> position of this server? --no--> catch up (all), or from now on (H)
 *          |                   |
 *          |                  yes
 *          v                   v
 *      bell + beat --> look: (uSNChanged>=H+1), paged --> entries --> batches --> sink
 *      every 10 s ---> sweep: (uSNChanged>=H of 60 s ago + 1), pairs already seen are dropped
 *
 * H is the highestCommittedUSN read before the look. There is no upper bound: what is committed while the
 * look runs may come at once, and is dropped when the next look brings it again. The lower bound of every
 * look would be the H of 60 s ago (usn-window.h); but after a burst each look of the next minute would read
 * all of it again, so most begin at the last H, and a sweep goes over the window as long as there is
 * something in it. A change that becomes visible late is late by a sweep at most.
 *
 * USNs are counted by each server for itself: at another server (invocationId), or when the USN has fallen
 * (restored), there is a catch-up over everything, said in the log and in each batch. A catch-up that was
 * broken off begins anew. After a restart the last 60 s are brought again.
 *
 * An entry brings its attributes whole, whichever has changed, with uSNChanged and whenChanged. What moved to
 * where the account may not look is silent, and so are deletes without the right to list Deleted Objects.
 */

#include "listener/feed-batch.h"
#include "listener/feed-bell.h"
#include "listener/ldap-dialect.h"
#include "listener/position.h"
#include "listener/repl-meta.h"
#include "listener/usn-window.h"

typedef struct FeedUsn FeedUsn;
typedef struct UsnKind UsnKind;

/* MaxPageSize of AD is 1,000; a server that sends more is handed over in pieces. */
#define USN_PAGE     1000
#define USN_SWEEP_US 10000000

typedef enum UsnLook {
        USN_LOOK_NONE,
        USN_LOOK_NEWS,     /* since the last H */
        USN_LOOK_SWEEP,    /* since the H of 60 s ago */
        USN_LOOK_CATCH_UP, /* everything */
} UsnLook;

/* What differs where another kind of server counts (feed-psearch.h). */
struct UsnKind {
        const FeedOps *ops;
        const char *counter; /* the attribute of an entry that is compared */
        const char *among;   /* part of the filter: what else is asked for; NULL: nothing */
        const char *no_bell; /* for the log */
        const char *const *always;
        size_t n_always;
        /* Only news, with stamps: a lookout (feed-lookout.h). What was missed while it was away is not caught
         * up with. */
        bool is_lookout;
        bool from_zero; /* the first change has the number 0, so H is the number of the next one */
        /* Is this a server for us? Return: 0, CONN_E_*. */
        int (*check)(FeedUsn *f, Diag *diag);
};

struct FeedUsn {
        Feed feed;
        FeedLink link;
        const UsnKind *kind;
        Doorbell bell;
        const LdapConfig *ldap;
        Arena *arena; /* process: names, position context */
        PositionContext context;
        Arena *asked;
        const char *const *ask; /* attributes, in the words of this server; in asked */
        size_t n_ask;
        ReplNames repl; /* of a lookout; in asked */

        /* Where we are: mark.usn is the H of the last look. Its cookie, on disk, is the window's lower end.
         */
        PositionMark mark;
        bool has_mark;
        UsnWindow window;
        Mono sweep_at; /* the next sweep is not before */
        bool catch_up; /* until a look over everything is done */

        /* The look under way. */
        UsnLook look;
        int look_id;
        uint64_t since; /* its lower bound; 0: everything */
        Mono began;
        bool more;     /* the page has ended, the next one is to be asked for */
        bool brought;  /* it had news */
        uint8_t *page; /* the server's cookie for the next page; owned */
        size_t n_page;

        Batch batch;
};
_Static_assert(offsetof(FeedUsn, link) == offsetof(LinkFeed, link), "a LinkFeed");

extern const FeedOps feed_usn_ops;

/* For a kind of it: what its FeedOps are made of. */
int usn_new_kind(Feed **ret_feed, const UsnKind *kind, const FeedConfig *config, struct event_base *base,
                 FeedSink *sink, const Log *log, Diag *diag);
int usn_start(Feed *feed, const Position *from);
Feed *usn_free(Feed *feed);

/* The two halves of the implementation: feed-usn.c (life), usn-look.c (looks and batches). */
int usn_look_begin(FeedUsn *f, UsnLook kind, Diag *diag);
int usn_look_page(FeedUsn *f, Diag *diag);
int usn_look_message(FeedUsn *f, LDAPMessage *message, Diag *diag);
int usn_begin_now(FeedUsn *f);
int usn_batch_repeat(FeedUsn *f); /* a held batch, once more */
void usn_look_reset(FeedUsn *f);

/* The cookie of a position. */
#define USN_COOKIE_SIZE 8
uint64_t usn_cookie_parse(const uint8_t *data);
