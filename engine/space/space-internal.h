/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SpaceInternal: what the files of this folder share and nobody else needs
 *
 * A key is at most SPACE_KEY_MAX bytes. Texts that may be long (names of attributes, values) enter it as
 * 128-bit hashes: LMDB's keys end at 511 bytes, and a DN may be longer.
 */

#include "engine/space/space.h"

#define SPACE_HASH_SIZE 16

void space_join_key(const char *type, const char *attribute, Value v, bool case_sensitive, Arena *a,
                    uint8_t buf[SPACE_HASH_SIZE]);

/* A row as bytes; `data` is copied, and never NULL: that would delete. */
void space_batch_row(SpaceBatch *b, SpaceTable table, const void *key, size_t n_key, const void *data,
                     size_t n, uint64_t serial);
