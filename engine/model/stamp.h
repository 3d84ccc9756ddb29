/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stamp: which change made an attribute what it is
 *
 * Every attribute of an AD object carries the number of its changes, and when and where the last one was made
 * (replPropertyMetaData, MS-ADTS 3.1.1.1.9). Two controllers that have the same stamp have the same value; of
 * two stamps the higher one wins everywhere, in the end. So stamps, and nothing else, compare what two
 * controllers say of an object.
 */

#include "engine/model/value.h"

typedef struct NamedStamp NamedStamp;
typedef struct Stamp Stamp;

struct Stamp {
        uint32_t version; /* 0: it was never set */
        int64_t time;     /* seconds, of the originating change */
        ObjectId origin;  /* invocationId of the controller where it was made */
};

struct NamedStamp {
        const char *attribute;
        Stamp stamp;
};

/* The order in which controllers resolve conflicts (MS-ADTS 3.1.1.1.9). < 0: `a` loses to `b`. */
int stamp_compare(const Stamp *a, const Stamp *b);

/* All zero: the attribute has none. */
Stamp stamp_find(const NamedStamp *stamps, size_t n, const char *attribute);
