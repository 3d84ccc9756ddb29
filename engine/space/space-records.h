/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SpaceRecords: the rows of the spaces as they are on disk
 *
 * One msgpack array per row, its version first (base/pack.h). CLOUD_OF is 16 bytes, the cloud id, and a memo
 * is whatever its owner wrote; neither has a frame.
 *
 * To change a row:
 *  1. Add the field behind the last one and raise the version of that row below. Never move or reuse a field.
 *  2. In the reader, read the field only from records of the new version on; give the old ones a value that
 *     was true of them. Old rows are read for ever and rewritten when they are touched: nothing migrates.
 *  3. Keep one record of the old version, as bytes, in test-space-records.c.
 *  4. A program of the old version must not see the new rows: raise STORE_VERSION in queue/record.h too.
 *
 * Texts are copied into the arena; the flowed values of a Person stay where the record is.
 */

#include "engine/space/space.h"

#define HEAD_VERSION      1
#define IMPORT_VERSION    1
#define PERSON_VERSION    1
#define CLOUD_VERSION     1
#define INTENT_VERSION    1
#define CONTAINER_VERSION 1

void head_pack(PackWriter *w, const Head *h);
void import_pack(PackWriter *w, const Object *o);
void person_pack(PackWriter *w, const Person *p);
void cloud_pack(PackWriter *w, const Cloud *c);
void intent_pack(PackWriter *w, const Intent *i);
void container_pack(PackWriter *w, const Container *c);

/* Return: 0, PACK_E_CORRUPT, PACK_E_NEWER. The output is written only on success. */
int head_unpack(Arena *a, const void *data, size_t n, Head *ret_head);
int import_unpack(Arena *a, const void *data, size_t n, const Object **ret_object);
int person_unpack(Arena *a, const void *data, size_t n, Person *ret_person);
int cloud_unpack(Arena *a, const void *data, size_t n, Cloud *ret_cloud);
int intent_unpack(Arena *a, const void *data, size_t n, Intent *ret_intent);
int container_unpack(Arena *a, const void *data, size_t n, Container *ret_container);

const char *space_table_name(SpaceTable table); /* "head" "import" ... */
const char *link_table_name(LinkTable table);   /* "import" "cloud" "join" "wait" "ready" */
