/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shunned: servers that let us in, and then did not do what we had come for
 *
 * A controller whose database hangs, or whose replication is switched off, still takes a bind and answers for
 * its root DSE. Whoever asks by the order of a list would come back to it for ever while the others are well.
 * So it is tried last: after all that are not shunned, and of those the one first that was shunned longest
 * ago. Once one has done its work the list is forgotten.
 *
 * Not thread-safe.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct Shunned Shunned;

/* More servers than that are hardly ill at the same time; then the oldest is forgotten. */
#define SHUNNED_MAX 32

struct Shunned {
        char *uris[SHUNNED_MAX]; /* longest ago first */
        size_t n;
};

void shunned_add(Shunned *s, const char *uri); /* one that is there becomes the last */
bool shunned_has(const Shunned *s, const char *uri);
void shunned_clear(Shunned *s);
