/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Row: what waits for one object, and the rules of the drawing in queue.h
 *
 * Pure: no storage, no lock, no clock. Every backend asks these functions what becomes of a row, so that they
 * cannot differ; where a row lies and when it is durable is the backend's business.
 *
 * LEASED is no class: a lease is in memory, and the row stays where it is. What arrives meanwhile is kept
 * apart, in `later`. After an ack it is all that remains, with its own first seen and lane, because what was
 * seen before is done; after a retry or park the two are one change again.
 *
 * How an ack knows that something has arrived: each arrival gives the row a new generation, and the lease
 * remembers the one it has read. It needs no lock between put and lease.
 */

#include "engine/model/change.h"
#include "engine/space/space.h"

typedef struct Place Place;
typedef struct Row Row;

/* On disk: append only. */
typedef enum RowClass {
        ROW_READY,
        ROW_DELAYED,
        ROW_PARKED,
        ROW_DATED,        /* nothing to do before its due time, however far that is */
        ROW_PARKED_DATED, /* PARKED, and given out all the same when its date comes */
        _ROW_CLASS_N,
} RowClass;

/* Where a row stands in the index: by class and lane, then by due time, then by arrival. */
struct Place {
        uint8_t lane;
        uint8_t class;     /* RowClass */
        Wall due;          /* READY and PARKED: since when; PARKED_DATED: the date */
        uint64_t sequence; /* of the arrival; no two are the same */
};

struct Row {
        Place place;
        uint64_t generation; /* sequence of the last arrival */
        unsigned tries;
        Wall queued; /* when it was first put */
        Wall first_failed;
        const char *reason; /* why it is DELAYED or PARKED; NULL: no reason */
        Change change;
        bool has_later;
        Change later; /* what arrived since the lease */
        Wall later_queued;
};

/* References that have become ready wait this long for company, unless as many as one request takes are
 * there. */
#define ROW_LINK_LINGER_MS 2000
#define ROW_LINK_MANY      20

/*
 * `hurry` is read for CHANGE_LINK only: enough references are ready for a full request.
 * `sequence` is a new one; each arrival and each move takes one.
 * `rest`: until when the object rests; in the past, or 0: it does not.
 */
void row_new(Row *row, const Change *c, Wall now, uint64_t sequence, bool hurry, Wall rest);
void row_arrive(Row *row, const Change *c, bool leased, Wall now, uint64_t sequence, bool hurry, Wall rest);

/* The change to give out: with what arrived during a lease that the last process did not end. */
Change row_change(const Row *row);

/* Something arrived since a lease of this generation. */
bool row_is_dirty(const Row *row, uint64_t generation);

/* ... and it is worth it that a long run stops for it (queue_is_overtaken). */
bool row_is_overtaken(const Row *row, uint64_t generation);

/* After an ack: false if nothing is left of the row. */
bool row_ack(Row *row, uint64_t generation, Wall now, uint64_t sequence, bool hurry, Wall rest);
void row_retry(Row *row, uint64_t generation, unsigned tries, Wall not_before, const char *reason, Wall now,
               uint64_t sequence, bool hurry);
/* `date`: when a rule may give another value, 0: never, and the lane for that. What a person has not cured by
 * then is tried again: it may be what turns an account off. */
void row_park(Row *row, uint64_t generation, unsigned tries, const char *reason, Wall date, Lane date_lane,
              Wall now, uint64_t sequence, bool hurry);

bool row_is_parked(const Row *row);

/*
 * After an ack that left nothing: the row stays for the date at which a rule will give another value. What
 * arrives before that date is worked on at once, and its run says anew whether there is a date.
 */
void row_date(Row *row, Wall due, Lane lane, Wall now, uint64_t sequence);

/* A person wants it tried again: READY, and the tries start anew. */
void row_unpark(Row *row, Wall now, uint64_t sequence);

/* A stand-in for a row that cannot be read: the key says which object it was, and a change says only that. */
void row_stand_in(Row *row, const ObjectKey *key);
