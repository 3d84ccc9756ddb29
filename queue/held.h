/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Held: an object that is given out, and to whom
 *
 *                  a lease is looked for            an end is in line
 *      (nobody) ------------------------> OPEN -----------------------> CLOSING ---> (nobody)
 *          |                               |  ^
 *          | another node was quicker      |  | the log has granted it
 *          v                               v  |
 *        LENT <--- refused, and lent ---- ASKED ---> (nobody: refused)
 *
 * Of a cluster: the log decides whose an object is, by the order of its entries, and this node reads them a
 * little later than it asks. What it has asked for stays taken here until the answer to just this question is
 * read, whatever others did with the object before that place in the log: `is_lent` keeps in mind what that
 * was. A taken object that was let go for another node's lease would have no worker when that lease had been
 * given back before the question's place, and ours been granted.
 *
 * Everything here is used under Ready.lock.
 */

#include "queue/ready.h"

Held *held_find(Ready *r, const uint8_t key[OBJECT_KEY_SIZE]);
Held *held_find_object(Ready *r, const ObjectKey *key);
Held *held_new(Ready *r, const ObjectKey *key, HeldState state);
void held_let_go(Ready *r, Held *h);
