/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Forget: what is known of an object that was deleted goes, some time after its tombstone was seen
 *
 *      tombstone --> its say is withdrawn (engine/steps/withdraw.c) ... state.gone ... --> its rows go
 *
 * Until then they are kept, for what may still come: the object is restored from the recycle bin, with the
 * account that sosync has turned off; somebody is hired again with the anchor of then; the tombstone comes a
 * second time, and a last word is said once. The cloud object is never deleted, and its row says what was
 * written there. After it nothing is known of the object; should it come all the same, it is one that was
 * never seen: it is found in the cloud by its anchor, and an account that is off there stays off, with a
 * warning (BlockedInCloud).
 *
 * The rows of an object: head, what it named, what waits for it, its cloud id. When the last object of a
 * person goes, so do the metaverse object with what it was found by, and the row of the cloud object with its
 * members: the brakes know one object less. Kept are objects that have a change in the queue, or that a
 * revert holds; those that are out of scope and exist, for what is disabled in Active Directory is disabled
 * in the cloud, in scope or not; and those whose tombstone nobody has seen: their source was taken out of the
 * configuration, or the account may not list deleted objects. Absence proves nothing.
 *
 * Each object is one transaction, at the serials that were read: a run that writes one of these rows
 * meanwhile wins, and the object is looked at again next time.
 */

#include "app/flow/brake-store.h"

/*
 * Of all sources: objects whose tombstone was seen before `before`. What an older program has seen, without
 * noting when, counts from now. At most FORGET_MAX rows are noted or objects forgotten: each is a commit, and
 * whoever calls is to be stopped within seconds; the rest is done next time. On a busy machine 100,000 heads
 * are looked through in 71 to 95 ms, and 500 objects are forgotten in 2.3 s.
 * Return: how many objects were forgotten, -errno.
 */
#define FORGET_MAX 500
int forget_gone(Queue *q, BrakeStore *brakes, Wall before, Wall now);
