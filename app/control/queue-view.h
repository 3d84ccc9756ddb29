/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * QueueView: the queue as people see and steer it
 *
 * The same functions answer a running service's control socket and a command that opened the store itself;
 * both speak JSON, which the command prints as it is (--json) or as text.
 */

#include "app/flow/brake-store.h"
#include "base/str.h"
#include "queue/queue.h"

#include <jansson.h>

/* State of the lanes and of the brakes. New reference; NULL: the queue cannot be read. */
json_t *queue_view_stats(Queue *q, const BrakeView *brakes, Wall now);
void queue_view_stats_text(const json_t *stats, Str *out);

/* Waiting changes, at most `max`; `state` NULL: all. An array of objects. */
json_t *queue_view_list(Queue *q, const char *state, size_t max);
void queue_view_list_text(const json_t *list, size_t columns, Str *out);

typedef enum QueueVerb {
        QUEUE_VERB_RETRY, /* a parked or delayed change is due now */
        QUEUE_VERB_DROP,  /* forget it: the object comes back with its next change */
} QueueVerb;

/*
 * Steer one change, named by its objectGUID or DN; `which` "parked": all that are parked.
 * Returns how many it was; -errno.
 */
int queue_view_steer(Queue *q, QueueVerb verb, const char *which, Wall now);
