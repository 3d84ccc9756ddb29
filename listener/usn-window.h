/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * UsnWindow: what may still come late, and what has been seen of it
 *
 *      H of 60 s ago                        H of the last look
 *      ----|---------------------------------------|------------> uSNChanged
 *        lower    looked at again, pairs dropped      news
 *
 * No document promises that USNs become visible in the order they are given out: a change that is committed
 * slowly may appear below an H that has been read already. So every H is kept for 60 s, and what lies above
 * the oldest is looked at again; the pairs (GUID, uSNChanged) that have been handed over are dropped. A count
 * of USNs would be no bound in time.
 *
 * Memory is bounded: when more has changed within 60 s than there is room for, the window begins anew at the
 * end of that look. Time is an argument.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "engine/model/value.h"

typedef struct UsnMark UsnMark;
typedef struct UsnPair UsnPair;
typedef struct UsnWindow UsnWindow;

#define WINDOW_US        60000000
#define WINDOW_MARKS     64
#define WINDOW_MARK_US   1000000 /* between two marks: 64 of them span the window */
#define WINDOW_SLOTS     65536   /* a power of two; 1.5 MiB */
#define WINDOW_PAIRS_MAX (WINDOW_SLOTS / 4 * 3)

struct UsnMark {
        Mono at; /* not before it was read */
        uint64_t usn;
};

struct UsnPair {
        ObjectId id;
        uint64_t usn; /* 0: a free slot */
};

struct UsnWindow {
        UsnMark marks[WINDOW_MARKS]; /* oldest first */
        size_t n_marks;
        UsnPair *pairs;
        size_t n_pairs;
        bool overflowed;
};

void window_init(UsnWindow *w);
void window_deinit(UsnWindow *w);

/* Begin anew: nothing up to this USN can still come. */
void window_begin(UsnWindow *w, uint64_t usn);

/* A look that began then, with this H read before, has ended. */
void window_look_ended(UsnWindow *w, Mono began, uint64_t usn);

/* Everything up to this USN has been visible for long enough. */
uint64_t window_lower(UsnWindow *w, Mono now);

bool window_has(const UsnWindow *w, const ObjectId *id, uint64_t usn);
void window_add(UsnWindow *w, const ObjectId *id, uint64_t usn);
