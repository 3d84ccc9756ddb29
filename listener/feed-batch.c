/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "listener/feed-batch.h"

void batch_init(Batch *b)
{
        *b = (Batch){ .arena = arena_new(0), .limit = BATCH_FIRST };
        spellings_init(&b->spellings);
}

void batch_deinit(Batch *b)
{
        free(b->entries);
        spellings_deinit(&b->spellings);
        arena_free(b->arena);
}

void batch_reset(Batch *b)
{
        arena_reset(b->arena);
        b->n_entries = 0;
        b->held = false;
        b->position = (Position){ 0 };
}

/**
 * batch_read() - the entry of a message, in the batch's arena
 *
 * Return: 0, CONN_E_PROTOCOL.
 */
int batch_read(Batch *b, FeedLink *l, LDAPMessage *message, EntryNames names, LdapEntry *ret_entry,
               Diag *diag)
{
        int r;

        names.spellings = &b->spellings;
        r = entry_read(l->conn->ld, message, names, false, b->arena, ret_entry, diag);
        if (r == ENTRY_E_TOO_LARGE) {
                log_warning(l->log, "an entry is too large to be looked at",
                            LOG_STR("reason", diag_text(diag)));
                diag_clear(diag);
                entry_read_brief(l->conn->ld, message, b->arena, ret_entry);
                r = 0;
        }
        return r ? CONN_E_PROTOCOL : 0;
}

static void grow(Batch *b)
{
        b->size = b->size ? 2 * b->size : BATCH_LEAST;
        b->entries = reallocarray(b->entries, b->size, sizeof(*b->entries));
        if (!b->entries)
                error_oom(b->size * sizeof(*b->entries));
}

/**
 * batch_add() - one more entry
 *
 * isDeleted comes only with the change that set it; the mangled RDN stays (MS-ADTS 3.1.1.5.5).
 *
 * Return: 0, CONN_E_PROTOCOL.
 */
int batch_add(Batch *b, const FeedLink *l, const LdapEntry *e, bool whole, Diag *diag)
{
        if (guid_is_zero(&e->id)) {
                diag_set(diag, "%s: an entry without its id: %s", l->conn->uri.text, e->dn);
                return CONN_E_PROTOCOL;
        }
        if (b->n_entries == b->size)
                grow(b);
        if (b->n_entries == 0)
                b->began = link_now(l);
        b->entries[b->n_entries++] = (FeedEntry){
                .id = e->id,
                .dn = e->dn,
                .gone = e->deleted || strstr(e->dn, "\\0ADEL:"),
                .whole = whole,
                .unread = !whole && !e->n_told && e->object->n_attributes,
                .version = { .server = l->conn->server_id, .number = e->usn },
                .changed = e->changed,
                .brought = e->object,
        };
        return 0;
}

bool batch_is_full(const Batch *b)
{
        return b->n_entries >= b->limit || arena_used(b->arena) >= BATCH_BYTES;
}

static int compare(const void *a, const void *b)
{
        const FeedEntry *x = a, *y = b;

        return guid_compare(&x->id, &y->id);
}

/* How much the sink takes in BATCH_SINK_US: half as much after one that took longer, twice as much while it
 * is far from that, else slowly more. */
static void learn(Batch *b)
{
        if (b->sink_us > BATCH_SINK_US && b->n_entries > BATCH_LEAST)
                b->limit = b->n_entries / 2;
        else if (b->n_entries >= b->limit)
                b->limit += b->sink_us < BATCH_SINK_US / 4 ? b->limit : b->limit / 4;
        b->limit = b->limit < BATCH_LEAST ? BATCH_LEAST : b->limit > BATCH_ENTRIES ? BATCH_ENTRIES : b->limit;
}

/**
 * batch_hand_over() - give the sink what there is
 *
 * Return: 0, also when the sink is full (then `held`); FEED_E_STOP, -errno.
 */
int batch_hand_over(Batch *b, FeedLink *l, bool catch_up)
{
        FeedBatch batch = {
                .entries = b->entries,
                .n_entries = b->n_entries,
                .position = b->position.data ? &b->position : NULL,
                .catch_up = catch_up,
                .more = catch_up && !b->position.data && batch_is_full(b),
                .seen = clock_wall(l->clock),
        };
        Mono began;
        int r;

        b->sink_us = 0;
        if (batch.n_entries == 0 && !batch.position)
                return 0;
        if (catch_up && !b->held)
                qsort(b->entries, b->n_entries, sizeof(*b->entries), compare);
        began = link_now(l);
        if (b->n_entries)
                b->handed_at = began;
        r = l->sink->batch(l->sink, &batch);
        b->sink_us = link_now(l).us - began.us;
        if (r == FEED_E_FULL) {
                if (!b->held)
                        log_warning(l->log, "the queue is full; the feed waits");
                b->held = true;
                l->blocked = true;
                return 0;
        }
        if (r)
                return r;
        learn(b);
        l->n_entries += b->n_entries;
        if (batch.position)
                b->stored_at = link_now(l);
        b->held = false;
        l->blocked = false;
        return 0;
}
