/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FeedDirsync: changes of an Active Directory by DirSync
 *
 *      connected --> position fits? --no--> catch up (all), or from now on (nothing, but the cookie)
 *          |              |
 *          |             yes
 *          v              v
 *      bell + beat --> look: DirSync(cookie) --> entries --> batches --> sink
 *                         ^                                     |
 *                         '---- more, or the USN has moved -----'
 *
 * One look is one or more DirSync searches at the head of the naming context (MS-ADTS 3.1.1.3.4.1.3), as long
 * as the server says that there is more. Each page's cookie goes to the sink with the page's last batch, so
 * the stored position is never ahead of the stored changes. Samba does not answer in pages: it is asked in
 * slices, and the position goes with the last one (dirsync-slice.h).
 *
 * An entry brings only what has changed. DirSync gives neither uSNChanged nor whenChanged (they are not
 * replicated), so version.number and changed are 0 here: a change is proven at the server it was seen on.
 * With INCREMENTAL_VALUES a change of members is brought as "member;range=1-1" (added) and
 * "member;range=0-0" (removed).
 *
 * A refused position (by us: position.h; by the server: its answer to the cookie; a USN that has fallen)
 * leads to a catch-up over everything, said in the log and in each batch. At another server the cookie is
 * kept: AD's cookie says per server what is known, nothing is missed, and some objects may come again (at a
 * controller that the cookie does not name: all). What comes again is not news, so until that look is over it
 * is a catch-up.
 *
 * Rights: DS-Replication-Get-Changes at the head of the naming context, or object_security.
 */

#include "listener/dirsync-slice.h"
#include "listener/feed-batch.h"
#include "listener/feed-bell.h"
#include "listener/position.h"

typedef struct FeedDirsync FeedDirsync;

typedef enum LookKind {
        LOOK_NONE,
        LOOK_NEWS,     /* what changed since the cookie */
        LOOK_CATCH_UP, /* everything */
        LOOK_NOW,      /* nothing but a cookie: changes from now on */
} LookKind;

struct FeedDirsync {
        Feed feed;
        FeedLink link;
        Doorbell bell;
        const LdapConfig *ldap;
        Arena *arena; /* process: names, position context */
        PositionContext context;

        /* Where we are. The cookie is owned. */
        PositionMark mark;
        bool has_mark;
        uint8_t *cookie;
        uint32_t flags;
        bool catch_up; /* until a look over everything is done */

        /* The look under way. */
        LookKind look;
        int look_id;
        bool more; /* the page or slice has ended, the next one is to be asked for */
        DirsyncSlice slice;
        uint64_t n_before; /* entries of the look before it */

        Batch batch;
};
_Static_assert(offsetof(FeedDirsync, link) == offsetof(LinkFeed, link), "a LinkFeed");

extern const FeedOps feed_dirsync_ops;

/* The two halves of the implementation: feed-dirsync.c (life), dirsync-look.c (looks and batches). */
int dirsync_look_begin(FeedDirsync *f, LookKind kind, Diag *diag);
int dirsync_look_page(FeedDirsync *f, Diag *diag);
int dirsync_look_message(FeedDirsync *f, LDAPMessage *message, Diag *diag);
int dirsync_batch_repeat(FeedDirsync *f, Diag *diag); /* a held batch, once more */
void dirsync_look_reset(FeedDirsync *f);
void dirsync_forget(FeedDirsync *f); /* the position */
