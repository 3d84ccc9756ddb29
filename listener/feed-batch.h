/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Batch: entries on their way from the server to the sink
 *
 *      message --batch_read()--> [entries] --batch_hand_over()--> sink     stored: batch_reset()
 *                                    ^                              |
 *                                    '------- held: once more ------'      the sink is full
 *
 * A feed fills one batch at a time and hands it over when it is full, and with the last entry of whatever the
 * server sends in one go; the position goes with the last part of what it covers. What the sink has no room
 * for is held, whole and unchanged, and the link is blocked: nothing more is read from the server, so that
 * back-pressure reaches it through TCP, until the same batch has been taken.
 *
 * In a catch-up entries go sorted by id, as the queue stores them; and whatever is handed over in one go is
 * so much that the sink is busy with it for BATCH_SINK_US at most, because an urgent change of another thread
 * waits for as long.
 *
 * Belongs to the feed's thread. Entries and what they point to live until batch_reset().
 */

#include "listener/feed-link.h"
#include "listener/ldap-entry.h"

typedef struct Batch Batch;

/* As many entries as the queue stores in one go, and no more memory than this. */
#define BATCH_ENTRIES 5000
#define BATCH_FIRST   500 /* the first change of a long catch-up is not to wait for 5,000 */
#define BATCH_LEAST   100
#define BATCH_BYTES   ((size_t)4 << 20)
#define BATCH_SINK_US 50000

struct Batch {
        Arena *arena;
        Spellings spellings;
        FeedEntry *entries;
        size_t n_entries, size;
        size_t limit;      /* full with so many */
        Mono began;        /* when the first one came */
        Position position; /* goes with it; no data: none */
        bool held;         /* the sink had no room for it */
        bool held_is_last; /* the feed's: something is to be done when it has been taken */
        Mono stored_at;    /* when the sink last got a position; 0: never */
        Mono handed_at;    /* when entries were last handed over; 0: never */
        int64_t sink_us;   /* how long the sink has taken for the last one */
};

void batch_init(Batch *b);
void batch_deinit(Batch *b);

/* Forget what is in it; not when the sink last got a position. */
void batch_reset(Batch *b);

/* The entry of a message; one that is too large is read briefly, with a warning. Return: 0, CONN_E_PROTOCOL.
 */
int batch_read(Batch *b, FeedLink *l, LDAPMessage *message, EntryNames names, LdapEntry *ret_entry,
               Diag *diag);

/* Add what was read. `whole`: it brings all its attributes, changed or not. Return: 0, CONN_E_PROTOCOL. */
int batch_add(Batch *b, const FeedLink *l, const LdapEntry *e, bool whole, Diag *diag);

/* Time to hand it over, whatever else may come. */
bool batch_is_full(const Batch *b);

/*
 * Hand over what there is. Return: 0 (stored, and there until batch_reset(); or `held`, and the link is
 * blocked), FEED_E_STOP, -errno.
 */
int batch_hand_over(Batch *b, FeedLink *l, bool catch_up);
