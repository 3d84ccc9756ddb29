/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * DirsyncSlice: a look in parts, for a server that answers DirSync in one piece
 *
 *      USN of the position                                  USN when the look began
 *      |-- 500 --|---- 1,000 ----|-------- 2,000 --------|----------------> open
 *
 * Samba makes the whole answer before it sends the first entry, 0.09 ms for each, and refuses one that is
 * larger than 256 MiB (LDAP_SERVER_MAX_REPLY_SIZE) or takes longer than 120 s; Windows answers in pages. So
 * Samba is asked for ranges of uSNChanged, all with the same cookie: the first change of a long absence is
 * here after 50 ms, and no absence is too long.
 *
 * Nothing falls between slices: the first is open below, the last is open above, each begins where the one
 * before it ended, and an object that is changed meanwhile gets a USN above all that were asked for. Only the
 * cookie of the last one is a position. An account that may not read uSNChanged of an object does not miss it
 * because of the slices: Samba selects by uSNChanged for DirSync itself, with the same rights.
 *
 * A slice is twice as wide as the one before while that had few entries: each costs a walk of the index over
 * all that is newer. One that is refused is halved; few is then half of what could be answered.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct DirsyncSlice DirsyncSlice;

#define SLICE_ALL        "(objectClass=*)"
#define SLICE_FIRST      500
#define SLICE_FEW        40000 /* about 4 s of the server, and 60 MiB */
#define SLICE_OPEN       UINT64_MAX
#define SLICE_FILTER_MAX 100

struct DirsyncSlice {
        uint64_t above; /* asked for are changes above this USN, and in the first slice all below, too */
        uint64_t to;    /* and not above this one */
        uint64_t end;   /* of the server when the look began */
        uint64_t width;
        uint64_t few; /* the next one is wider after so many entries */
        bool is_first;
        bool was_refused;
};

/* For what has come after one USN, until another (above <= end). With two that are the same, the only slice
 * is everything. */
void slice_begin(DirsyncSlice *s, uint64_t above, uint64_t end);

/* The changes of this slice as a filter: SLICE_ALL where nothing is cut off. */
const char *slice_filter(const DirsyncSlice *s, char buffer[static SLICE_FILTER_MAX]);

bool slice_is_last(const DirsyncSlice *s);

/* The one after one that brought so many entries and was not the last. */
void slice_next(DirsyncSlice *s, uint64_t n_entries);

/* The server cannot answer that much. Return: whether less can be asked for. */
bool slice_halve(DirsyncSlice *s);
