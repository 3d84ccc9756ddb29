/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FeedSyncrepl: changes by content synchronization (RFC 4533), as OpenLDAP and 389 Directory Server offer it
 *
 *      connected --> cookie of this database? --no--> from now on (contextCSN), or everything (no cookie)
 *          |                |
 *          |               yes
 *          v                v
 *      one search that never ends: refresh (what changed meanwhile) --> persist (what changes)
 *          |                                                              |
 *          '--- entries, cookies --> batches --> sink <-------------------'
 *
 * There is no doorbell and no look: the server sends each change when it is made. A batch goes to the sink as
 * soon as nothing more has arrived, with the last cookie that came; of a stream of changes, not more often
 * than every 2 ms. A read of the root DSE on the same
 * connection, three times within `keepalive`, is the proof of life.
 *
 * What a server says is taken as it comes: phases may repeat, be in the wrong order, or be left out. Only
 * this has a meaning: an entry with state add or modify has changed; one with state delete, and an id in a
 * set that says so, is gone; a cookie covers what was said before it. Nothing is concluded from what was not
 * mentioned: the present phase, and 389 Directory Server's refresh, which mentions almost nothing, are
 * counted and forgotten.
 *
 * Cookies are opaque and kept whole, with the id of the database they are of; but those of OpenLDAP are put
 * together (sync-cookie.h). An empty one is never stored (OpenLDAP answers an unreadable cookie with a
 * refresh and an empty cookie), nor is one of OpenLDAP without a csn. e-syncRefreshRequired (4096), "consumer
 * state is newer than provider" (a database restored from backup), and another database lead to a catch-up
 * over everything, said in the log and in each batch.
 *
 * The second look. 389 Directory Server (2.3.1) loses what is being written while a search begins: a refresh
 * that ended with change 1779 was followed by 1781, and 1780 was in neither; and a number below the refresh's
 * own may be missing in it (measured without us: 5 of 1,800 adds under 630 connects). So its cookies are
 * moved back by what can be under way at once (sync-cookie.h), and some seconds after each refresh it is
 * asked once more, by refreshOnly, for what has changed since. Until that is done no later cookie is a
 * position: what the search tells meanwhile is handed over without one, and a connection that is lost is
 * taken up again from before.
 *
 * From now on: OpenLDAP takes a cookie made of the contextCSN of the base. 389 Directory Server is asked for
 * everything, and what comes before the end of the refresh is dropped.
 *
 * The server must have the overlay syncprov on the database (OpenLDAP), or the plugins Content
 * Synchronization and Retro Changelog (389 Directory Server), and must not limit the size of this account's
 * searches.
 */

#include "listener/feed-batch.h"
#include "listener/ldap-dialect.h"
#include "listener/position.h"

typedef struct FeedSyncrepl FeedSyncrepl;

struct FeedSyncrepl {
        Feed feed;
        FeedLink link;
        const LdapConfig *ldap;
        Arena *arena; /* process: names, position context */
        PositionContext context;

        /* Where we are: the last cookie that came, owned. What is stored of it is what a batch has taken
         * along. */
        uint8_t *cookie;
        size_t n_cookie;
        ObjectId database; /* that it is of */
        bool has_cookie;
        bool moved; /* it has moved since it was stored */

        /* Where a connection that is lost is to be taken up again: all before that is the sink's. Owned. */
        uint8_t *sure;
        size_t n_sure;
        bool has_sure, sure_moved;

        bool catch_up; /* until a refresh over everything is done */
        bool skip;     /* drop what the refresh brings: from now on */

        /* The search under way. */
        int sync_id;
        bool refreshing;
        const char *const *ask; /* attributes, in the words of this server; in asked */
        size_t n_ask;
        Arena *asked;
        Arena *scratch; /* of one cookie */
        uint64_t n_present;

        /* The second look (syncrepl-again.c): the cookie that it begins with, owned; n 0: none is due. */
        uint8_t *again;
        size_t n_again;
        Mono again_at;
        int64_t again_wait_us;
        int again_id;

        /* Proof of life. */
        int probe_id;
        Mono probe_at;

        Batch batch;
};
_Static_assert(offsetof(FeedSyncrepl, link) == offsetof(LinkFeed, link), "a LinkFeed");

extern const FeedOps feed_syncrepl_ops;

/* The parts of the implementation: feed-syncrepl.c (life), syncrepl-search.c (what the server says),
 * syncrepl-again.c (the second look). */
int syncrepl_begin(FeedSyncrepl *f, Diag *diag);

/* One search of the feed, from this cookie on. Return: 0, CONN_E_UNREACHABLE, CONN_E_REJECTED. */
int syncrepl_send(FeedSyncrepl *f, bool refresh_only, const uint8_t *cookie, size_t n, int *ret_id,
                  Diag *diag);
int syncrepl_message(FeedSyncrepl *f, LDAPMessage *message, Diag *diag);
int syncrepl_flush(FeedSyncrepl *f); /* hand over what has come; a held batch once more */
void syncrepl_reset(FeedSyncrepl *f);
void syncrepl_take_cookie(FeedSyncrepl *f, const uint8_t *cookie, size_t n);
void syncrepl_forget(FeedSyncrepl *f); /* the cookies */
int syncrepl_entry(FeedSyncrepl *f, LDAPMessage *message, bool cookies, Diag *diag);
int syncrepl_info(FeedSyncrepl *f, LDAPMessage *message, bool cookies, Diag *diag);

void syncrepl_again_plan(FeedSyncrepl *f);
void syncrepl_again_forget(FeedSyncrepl *f);
int syncrepl_again_begin(FeedSyncrepl *f, Diag *diag);
int syncrepl_again_message(FeedSyncrepl *f, LDAPMessage *message, Diag *diag);

static inline bool syncrepl_again_is_due(const FeedSyncrepl *f)
{
        return f->n_again > 0;
}
