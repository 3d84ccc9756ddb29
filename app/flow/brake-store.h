/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Brake store: the counters of the brakes on disk, and what people do with what is held
 *
 * The counters are one memo ("brakes"). A store that has none yet (an older program's) is counted once: how
 * many objects of each type are known is what two percent are taken of.
 *
 * A held change is parked, with the brake's code as its reason. To release is to put each of them again with
 * the brake's bit: it merges with what waits, becomes ready, and its run passes that brake uncounted.
 */

#include "engine/brakes/brakes.h"
#include "queue/queue.h"

/* Return: 0, -errno. */
int brake_store_load(Brakes *b, Space *s);

/* Into the batch of a run that has moved them. */
void brake_store_save(Brakes *b, SpaceBatch *batch);

/*
 * Release what a brake holds (or drop it): the brake is off from then on.
 * Return: how many changes that were, or -errno.
 */
int brake_store_release(Brakes *b, Queue *q, Brake brake, bool drop, Wall now);

/* How many changes each brake holds. Looks through the whole queue. Return: 0, -errno. */
int brake_store_count(Queue *q, size_t ret_held[_BRAKE_N]);
