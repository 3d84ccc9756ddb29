/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside target-owner; private to target-owner.c and owner-*.c
 *
 *      Wishes  which objects the owner is to be asked for, and was asked for: a fixed number, the one seen
 *              longest ago gives way. A new wish for an object (other values) is asked for anew.
 *      Slots   no more than `n` requests leave in any `window`: a request takes a slot, and the slot is free
 *              again a window after it left.
 *      look    which of the operations Entra ID shows
 *
 * Pure but for owner_look(); whoever shares them has a lock.
 */

#include "engine/target/owner.h"

#define OWNER_WISHES_MAX 1024
#define OWNER_SLOTS_MAX  8

/* Who has not come again for so long does not wait any more. */
#define OWNER_WAITS_US ((int64_t)120 * 1000000)

typedef struct OwnerSlots OwnerSlots;
typedef struct OwnerWish OwnerWish;
typedef struct OwnerWishes OwnerWishes;

struct OwnerWish {
        ObjectId id;
        uint64_t hash; /* of the values that are wanted */
        Mono seen;
        Mono asked; /* 0: not yet */
};

struct OwnerWishes {
        OwnerWish rows[OWNER_WISHES_MAX];
};

uint64_t owner_wish_hash(const Op *ops, size_t n, Arena *a);
OwnerWish *owner_wish(OwnerWishes *w, const ObjectId *id, uint64_t hash, Mono now);
void owner_wish_forget(OwnerWishes *w, const ObjectId *id);
size_t owner_wishes_waiting(const OwnerWishes *w, Mono now); /* seen lately, and not asked for */

struct OwnerSlots {
        size_t n; /* 0: there is no limit */
        int64_t window_us;
        struct {
                bool out; /* its request is under way */
                Mono left;
        } slots[OWNER_SLOTS_MAX];
};

/* 0: *ret_slot is the caller's until owner_slots_end(); else microseconds until it makes sense to ask again.
 */
int64_t owner_slots_take(OwnerSlots *s, Mono now, size_t *ret_slot);
/* `left`: when its request left, or later; 0: it did not. */
void owner_slots_end(OwnerSlots *s, size_t slot, Mono left);

/* results: OP_DONE or OP_NOT_SENT. Return: 0 (*ret_all: it shows all of them), TARGET_E_*, -errno. */
int owner_look(Target *target, Call *call, const Op *ops, size_t n_ops, OpResult *results, bool *ret_all,
               Diag *diag);
