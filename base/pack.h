/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pack: records for the disk, in msgpack
 *
 * A record is a msgpack array whose first element is its version (one per kind of record). Fields follow in
 * order; a reader of a newer program reads an older record by its version, and skips fields a newer one has
 * added behind those it knows. Sub-structures are arrays too, so that they can grow the same way.
 *
 *      pack_init(&w);               unpack_init(&r, data, n);
 *      pack_array(&w, 3);           n = unpack_array(&r);
 *      pack_int(&w, VERSION);       v = unpack_version(&r, VERSION);
 *      pack_str(&w, dn);            dn = unpack_str(&r, a);
 *      ...                          ...
 *                                   unpack_skip(&r, n - 3);     fields that a newer program has added
 *                                   r = unpack_end(&r);
 *
 * The reader keeps its first error and answers zero values from then on: calls chain, and only unpack_end()
 * is checked. Bytes come from disk and are not trusted: every length is checked against what is there, and
 * nothing recurses. Bytes that are read point into the record and live as long as it; texts are copies.
 */

#include "base/arena.h"
#include "base/str.h"

#include <msgpack.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct PackWriter PackWriter;
typedef struct PackReader PackReader;

enum {
        PACK_E_BASE_ = 1100, /* ERROR_BASE_PACK */

        PACK_E_CORRUPT, /* not msgpack, or not the shape that was asked for */
        PACK_E_NEWER,   /* the version is newer than this program */
};

/* Most records fit into what a writer has itself: a run packs a dozen. */
#define PACK_FIRST ((size_t)4 << 10)

struct PackWriter {
        uint8_t *data; /* `first`, or from malloc */
        size_t n, size;
        msgpack_packer packer;
        uint8_t first[PACK_FIRST];
};

/* A record is at most 16 MiB. */
#define PACK_RECORD_MAX ((size_t)16 << 20)

void pack_init(PackWriter *w);
void pack_deinit(PackWriter *w);
void pack_reset(PackWriter *w);
const uint8_t *pack_data(const PackWriter *w, size_t *ret_n); /* until the next write */

void pack_array(PackWriter *w, size_t n);
void pack_nil(PackWriter *w);
void pack_bool(PackWriter *w, bool v);
void pack_int(PackWriter *w, int64_t v);
void pack_str(PackWriter *w, const char *s); /* NULL is nil */
void pack_bytes(PackWriter *w, const void *data, size_t n);

struct PackReader {
        const uint8_t *data;
        size_t n;
        size_t at;
        int error; /* 0 or PACK_E_* */
};

void unpack_init(PackReader *r, const void *data, size_t n);
size_t unpack_array(PackReader *r); /* number of elements; never more than bytes are left */
bool unpack_is_nil(PackReader *r);  /* looks, and steps over it if so */
bool unpack_bool(PackReader *r);
int64_t unpack_int(PackReader *r);
const char *unpack_str(PackReader *r, Arena *a); /* terminated copy in the arena; nil gives NULL */
const uint8_t *unpack_bytes(PackReader *r, size_t *ret_n);
void unpack_fixed(PackReader *r, void *ret_data, size_t n); /* bytes of exactly this length */
void unpack_skip(PackReader *r, size_t n);                  /* n elements, whole */
int64_t unpack_version(PackReader *r, int64_t newest);      /* first element; sets PACK_E_NEWER */

/* Return: 0, or the first error: PACK_E_CORRUPT, PACK_E_NEWER. */
int unpack_end(const PackReader *r);
