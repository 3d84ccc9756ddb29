/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Record: the queue on disk
 *
 * One LMDB environment in the state folder, with these tables (big-endian numbers, so that the order of bytes
 * is the order of numbers):
 *
 *      table                     key                           value
 *      meta                      name                          see below
 *      change                    source, GUID                  row: msgpack, version first
 *      due-<lane>-<class>        due time, sequence            source, GUID
 *      position                  name of the feed              bytes as the feed gave them
 *      outcome                   sequence                      outcome_pack()
 *      space-<table>             as in engine/space/space.h    serial (8 bytes), row
 *      link-<table>              as in engine/space/space.h    16-byte ids, sorted duplicates
 *
 * The kind "drift" of a change came with version 4.
 *
 * Every change row stands in exactly one of the fifteen due tables: three lanes times ready, delayed, parked,
 * dated (since version 2), parked-dated (since version 3).
 * The number of entries of a table is known to LMDB, so counting a million of changes costs nothing, neither
 * at the start nor later.
 *
 * A change row begins with its place in the index and its generation: these are read without the rest.
 *
 * meta: "format" is the version of the store and the program that wrote here last; "sequence" is the first
 * number that has not been reserved. Numbers (arrival, generation, serial, outcome) are drawn in memory from
 * the reserved range, and the range is made longer in the transaction that needs it, so after a crash no
 * number is given twice.
 *
 * To change the format:
 *  1. A field more in a change row: add it behind the last, raise ROW_VERSION, and read it only from rows of
 *     the new version on. Old rows are read for ever and rewritten when they are touched; nothing migrates.
 *  2. Keep one row of the old version as bytes in test-record.c.
 *  3. Whatever an older program would misread (a new version of a row, a table with a new meaning) raises
 *     STORE_VERSION: that program then refuses the folder with a clear word. A store of the version before
 *     goes to queue/testdata; tests/contract/test-upgrade.py says how, and opens every one.
 *  4. A table that is dropped or renamed is handled in store.c, once, where the tables are opened.
 *  5. A line in NEWS.md.
 */

#include "base/pack.h"
#include "queue/row.h"

#define STORE_VERSION 4 /* 4: space-ahead; changes of the kind drift */
#define ROW_VERSION   1

#define PLACE_KEY_SIZE 16

void row_pack(PackWriter *w, const Row *row);

/* Return: 0, PACK_E_CORRUPT, PACK_E_NEWER. Texts are in the arena. */
int row_unpack(Arena *a, const void *data, size_t n, Row *ret_row);

/* Place and generation only. Return: 0, PACK_E_CORRUPT, PACK_E_NEWER. */
int row_peek(const void *data, size_t n, Place *ret_place, uint64_t *ret_generation);

/* Due time and sequence: the key within the table of lane and class. */
void place_key(const Place *p, uint8_t buf[PLACE_KEY_SIZE]);
void place_from_key(const void *data, uint8_t lane, RowClass where, Place *ret_place);

void put_be64(uint64_t v, uint8_t buf[8]);
uint64_t get_be64(const void *data);

/* The value of "format". Return: 0, PACK_E_CORRUPT, PACK_E_NEWER. */
void format_pack(PackWriter *w);
int format_unpack(Arena *a, const void *data, size_t n, const char **ret_program);

const char *row_class_name(RowClass c); /* "ready" "delayed" "parked" "dated" "parked-dated" */
