/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Journal: what exports have replaced, typed and whole, and objects that are held after a revert
 *
 *      run --writes--> JournalEntry (what was there before, what we wrote)      SPACE_JOURNAL, by time
 *      revert --plans from them--> Hold (what to put back, and what was left)   SPACE_HOLD, by object
 *
 * An entry is stored with the acknowledgement of its run, whatever became of the run: what the service has
 * confirmed, and what it may have done although its answer was lost (a revert compares before it writes).
 * Entries are kept for `state.journal` and then removed.
 *
 * An object with a Hold is not written, but for a disable, until a person releases it: otherwise the rule
 * that was wrong would do it again. While `wants` are left its next run puts them back.
 *
 * Rows are msgpack, their version first, read for ever (space-records.h has the recipe).
 */

#include "engine/space/space.h"

typedef struct Hold Hold;
typedef struct HoldWant HoldWant;
typedef struct JournalEntry JournalEntry;
typedef struct JournalOp JournalOp;

/* Numbers are on disk: append only. */
typedef enum JournalVerb {
        JOURNAL_SET,    /* attribute: from `before` to `after`; none: it had or got no value */
        JOURNAL_LINK,   /* attribute gained `link` */
        JOURNAL_UNLINK, /* attribute lost it */
        JOURNAL_CREATE, /* the object was made; what follows was part of it */
        _JOURNAL_VERB_N,
} JournalVerb;

struct JournalOp {
        JournalVerb verb;
        const char *attribute; /* Entra connector space; NULL: create */
        Value before, after;
        ObjectId link;
        ObjectId link_before; /* a manager that was replaced; zero: none */
        const char *rule;     /* NULL: not known */
};

struct JournalEntry {
        Wall at;
        ObjectId run;
        ObjectKey key;
        ObjectId metaverse, cloud;
        const char *type; /* "user" "group" */
        const char *dn;
        const char *by; /* who asked, or "sosync" */
        const char *rules_version;
        const char **request_ids;
        size_t n_request_ids;
        JournalOp *ops;
        size_t n_ops;
};

struct HoldWant {
        JournalVerb verb; /* what to do: JOURNAL_SET, JOURNAL_LINK, JOURNAL_UNLINK */
        const char *attribute;
        Value expect, restore; /* JOURNAL_SET: only if it has the value `expect` */
        ObjectId link;
        ObjectId link_expect; /* manager: only if this is the manager now */
};

struct Hold {
        Wall since;
        const char *by;
        const char *why; /* "rules 5c1f..." "run 1b2c..." "since 2026-..." */
        const char *dn;
        const HoldWant *wants;
        size_t n_wants;
        const char *const *left; /* sentences: what somebody has changed since, and was left */
        size_t n_left;
};

#define JOURNAL_KEY_SIZE 24

/* Key: time big-endian, then the run. */
void journal_key(const JournalEntry *e, uint8_t buf[JOURNAL_KEY_SIZE]);

void space_write_journal(SpaceBatch *b, const JournalEntry *e);
void space_write_hold(SpaceBatch *b, const ObjectKey *key, const Hold *h);

/* Return: 0, PACK_E_*. */
int journal_unpack(Arena *a, const void *data, size_t n, JournalEntry *ret_entry);

/* Return: 0, SPACE_E_NONE, SPACE_E_CORRUPT, -errno. */
int space_read_hold(Space *s, const ObjectKey *key, Arena *a, Hold *ret_hold);
int hold_unpack(Arena *a, const void *data, size_t n, Hold *ret_hold);
