/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ahead: what another controller has already, and the feed's has not yet
 *
 *      lookout of another DC --writes--> Ahead (value, stamp)      SPACE_AHEAD, by object
 *      run: reads the object where the feed is --ahead_apply--> newer values take the place of older ones
 *           the feed's DC has caught up, or knows better       --> the row goes
 *
 * A disable on a controller without the feed is exported at once; from then on the feed's controller may ring
 * for whatever it likes, with the old value, for as long as replication takes: an attribute never goes back.
 * Stamps decide, as they do between controllers. Who wants another value than the one that is ahead sets it
 * at any controller: that makes a higher stamp.
 *
 * Rows are msgpack, their version first, read for ever (space-records.h has the recipe). An empty one is as
 * good as none: it is how a run takes a row away without taking away what came in between.
 */

#include "engine/model/stamp.h"
#include "engine/space/space.h"

typedef struct Ahead Ahead;
typedef struct AheadValue AheadValue;

#define AHEAD_VALUES_MAX 64

struct AheadValue {
        const char *attribute;
        Value value; /* none: it was cleared */
        Stamp stamp;
        const char *server; /* who said so, for people */
};

struct Ahead {
        const AheadValue *values;
        size_t n_values;
};

/* Return: 0, SPACE_E_NONE (also for an empty one; the serial is set), SPACE_E_CORRUPT, -errno. */
int space_read_ahead(Space *s, const ObjectKey *key, Arena *a, Ahead *ret_ahead, uint64_t *ret_serial);
void space_write_ahead(SpaceBatch *b, const ObjectKey *key, const Ahead *ahead, uint64_t serial);

/* Put in what is newer than what is there, by attribute. Return: does that make another row? */
bool ahead_add(Ahead *ahead, const AheadValue *more, size_t n_more, Arena *a);

/*
 * What is left of it beside an object with these stamps goes into *ret_left. Return: the object with the
 * values that are left; the same one if there are none.
 */
const Object *ahead_apply(const Ahead *ahead, const Object *o, const NamedStamp *stamps, size_t n_stamps,
                          Arena *a, Ahead *ret_left);
