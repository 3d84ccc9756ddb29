/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Overlay: rows and links that are written, and not yet on disk
 *
 * An ack returns when it is queued. From that moment everybody must see what it wrote, though LMDB shows it
 * only after the commit; and the next ack must be checked against it. So each write in line is entered here,
 * in the order of the line, until its transaction is durable:
 *
 *      read:    newest *settled* write of the key, else LMDB, opened under the same lock
 *      check:   newest write of the key, else LMDB
 *
 * A settled write belongs to an ack, retry or park: those cannot fail any more (if their commit fails the
 * process ends). A put or note may still be refused by a full disk, so its writes are not shown before they
 * are durable; but a check counts them, and at worst refuses an ack that would have been right.
 *
 * The lock is the committer's.
 */

#include "base/list.h"
#include "engine/space/space.h"
#include "queue/keymap.h"

typedef struct Overlay Overlay;
typedef struct OverlayKey OverlayKey;
typedef struct Pending Pending;

struct Overlay {
        KeyMap map;
};

/* All writes of one key, oldest first. */
struct OverlayKey {
        KeyNode node;
        List writes; /* Pending.link */
        size_t n_key;
        uint8_t key[2 + SPACE_KEY_MAX]; /* kind of table, table, key */
};

struct Pending {
        List link;
        OverlayKey *at;
        const SpaceWrite *row; /* or */
        const LinkWrite *links;
        uint64_t serial; /* that the row will have; 0: it is deleted */
        bool settled;
};

/* What the writes in line make of the links of one key. */
typedef struct OverlayLinks {
        bool cleared;         /* nothing that is on disk counts */
        const ObjectId *ids;  /* sorted, each once */
        const bool *is_there; /* added, or removed */
        size_t n;
} OverlayLinks;

void overlay_init(Overlay *o);
void overlay_deinit(Overlay *o);

void overlay_add_row(Overlay *o, Pending *p, const SpaceWrite *w);
void overlay_add_link(Overlay *o, Pending *p, const LinkWrite *w);
void overlay_remove(Overlay *o, Pending *p);

/* The newest write of a row; settled only: of those that may be shown. NULL: none. */
const Pending *overlay_row(const Overlay *o, SpaceTable table, const void *key, size_t n_key,
                           bool settled_only);

/* False: none. `one`: of this id only (NULL: all). */
bool overlay_links(const Overlay *o, LinkTable table, const void *key, size_t n_key, const ObjectId *one,
                   Arena *a, OverlayLinks *ret_links);
