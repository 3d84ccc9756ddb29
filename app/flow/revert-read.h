/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Revert read: what Entra ID has now of many objects
 *
 * One request for an object takes as long as the way there and back, and ten thousand one after the other a
 * quarter of an hour. So some are asked for at the same time; the limiter still decides how many a second.
 */

#include "engine/target/target.h"

typedef struct RevertRead RevertRead;

/* One object. */
struct RevertRead {
        const struct TargetSchema *schema; /* as of Call */
        const char *type;                  /* "user" "group" */
        ObjectId id;
        const char *const *attributes;
        size_t n_attributes; /* 0: it is not read */

        /* Filled. */
        int result;           /* of target_fetch */
        const Object *object; /* NULL: not read, or not there */
        const char *why;      /* result: in words; NULL: none */
};

#define REVERT_READERS 16

/* The arenas of the readers, in which objects and texts live until the next call. */
typedef struct RevertReaders {
        Arena *arenas[REVERT_READERS];
} RevertReaders;

void revert_readers_init(RevertReaders *readers);
void revert_readers_deinit(RevertReaders *readers);

/* Read them all; the first that fails for a reason that is not its own ends it. `asker`: as of Call. Blocks.
 */
void revert_read(RevertReaders *readers, Target *target, const Clock *clock, const TargetAsker *asker,
                 RevertRead *reads, size_t n);
