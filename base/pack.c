/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pack.h"

#include "base/error.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)PACK_E_BASE_ == (int)ERROR_BASE_PACK, "the ranges of conditions are in error.h");

/*
 * Writing is the library's. Reading is done here: the library's unpacker first builds the whole object, and
 * takes memory for as many elements as a damaged length asks for; this reader takes none, does not recurse,
 * and believes no length.
 */

static void grow(PackWriter *w, size_t n)
{
        size_t size = w->size;
        uint8_t *data;

        while (size - w->n < n) {
                if (size > SIZE_MAX / 2)
                        error_oom(size);
                size *= 2;
        }
        data = realloc(w->data == w->first ? NULL : w->data, size);
        if (!data)
                error_oom(size);
        if (w->data == w->first)
                memcpy(data, w->first, w->n);
        w->data = data;
        w->size = size;
}

/* Where the library writes to. */
static int append(void *writer, const char *data, size_t n)
{
        PackWriter *w = writer;

        if (w->size - w->n < n)
                grow(w, n);
        memcpy(w->data + w->n, data, n);
        w->n += n;
        return 0;
}

/**
 * pack_init() - an empty record; the writer may not be moved from then on
 */
void pack_init(PackWriter *w)
{
        w->data = w->first;
        w->n = 0;
        w->size = sizeof(w->first);
        msgpack_packer_init(&w->packer, w, append);
}

void pack_deinit(PackWriter *w)
{
        if (w->data != w->first)
                free(w->data);
        pack_init(w);
}

void pack_reset(PackWriter *w)
{
        w->n = 0;
}

/**
 * pack_data() - the bytes so far
 *
 * The writer sets no maximum. Whoever packs what came from outside compares *ret_n with PACK_RECORD_MAX: a
 * longer record is refused when it is read.
 */
const uint8_t *pack_data(const PackWriter *w, size_t *ret_n)
{
        *ret_n = w->n;
        return w->data;
}

void pack_array(PackWriter *w, size_t n)
{
        assert(n <= UINT32_MAX);
        msgpack_pack_array(&w->packer, n);
}

void pack_nil(PackWriter *w)
{
        msgpack_pack_nil(&w->packer);
}

void pack_bool(PackWriter *w, bool v)
{
        v ? msgpack_pack_true(&w->packer) : msgpack_pack_false(&w->packer);
}

void pack_int(PackWriter *w, int64_t v)
{
        msgpack_pack_int64(&w->packer, v);
}

void pack_str(PackWriter *w, const char *s)
{
        size_t n;

        if (!s) {
                pack_nil(w);
                return;
        }
        n = strlen(s);
        assert(n <= UINT32_MAX);
        msgpack_pack_str(&w->packer, n);
        msgpack_pack_str_body(&w->packer, s, n);
}

void pack_bytes(PackWriter *w, const void *data, size_t n)
{
        assert(n <= UINT32_MAX);
        msgpack_pack_bin(&w->packer, n);
        if (n)
                msgpack_pack_bin_body(&w->packer, data, n);
}

/**
 * unpack_init() - read a record of at most PACK_RECORD_MAX bytes; they must outlive the reader
 */
void unpack_init(PackReader *r, const void *data, size_t n)
{
        *r = (PackReader){ .data = data, .n = n };
        if (n > PACK_RECORD_MAX)
                r->error = PACK_E_CORRUPT;
}

typedef enum Kind {
        KIND_NIL,
        KIND_BOOL,
        KIND_INT,
        KIND_STR,
        KIND_BYTES,
        KIND_ARRAY,
        KIND_MAP,
        KIND_OTHER, /* float, extension: nothing that is written here, but a newer record may have it */
} Kind;

typedef struct Head {
        Kind kind;
        int64_t number;       /* INT, BOOL */
        uint64_t n;           /* bytes that follow, or elements, or pairs */
        const uint8_t *bytes; /* STR, BYTES, OTHER: what follows */
} Head;

static void corrupt(PackReader *r)
{
        if (!r->error)
                r->error = PACK_E_CORRUPT;
        r->at = r->n;
}

static uint64_t big_endian(const uint8_t *p, size_t n)
{
        uint64_t v = 0;

        for (size_t i = 0; i < n; i++)
                v = v << 8 | p[i];
        return v;
}

/* The first byte says what it is and how many bytes of number or length follow it (msgpack specification,
 * "Formats"). For STR, BYTES and OTHER the content is checked to be there and stepped over, too. */
static bool read_head(PackReader *r, Head *ret)
{
        size_t left, width = 0, extra = 0;
        uint8_t b;

        if (r->error)
                return false;
        left = r->n - r->at;
        if (left == 0) {
                corrupt(r);
                return false;
        }
        b = r->data[r->at];
        *ret = (Head){ 0 };
        if (b <= 0x7f || b >= 0xe0) {
                ret->kind = KIND_INT;
                ret->number = b <= 0x7f ? b : b - 0x100;
        } else if (b <= 0x8f) {
                ret->kind = KIND_MAP;
                ret->n = b & 0x0f;
        } else if (b <= 0x9f) {
                ret->kind = KIND_ARRAY;
                ret->n = b & 0x0f;
        } else if (b <= 0xbf) {
                ret->kind = KIND_STR;
                ret->n = b & 0x1f;
        } else if (b == 0xc0) {
                ret->kind = KIND_NIL;
        } else if (b == 0xc1) {
                corrupt(r);
                return false;
        } else if (b <= 0xc3) {
                ret->kind = KIND_BOOL;
                ret->number = b & 1;
        } else if (b <= 0xc6) {
                ret->kind = KIND_BYTES;
                width = (size_t)1 << (b - 0xc4);
        } else if (b <= 0xc9) {
                ret->kind = KIND_OTHER; /* extension: length, type */
                width = (size_t)1 << (b - 0xc7);
                extra = 1;
        } else if (b <= 0xcb) {
                ret->kind = KIND_OTHER; /* float */
                ret->n = b == 0xca ? 4 : 8;
        } else if (b <= 0xd3) {
                ret->kind = KIND_INT;
                width = (size_t)1 << ((b - 0xcc) & 3);
        } else if (b <= 0xd8) {
                ret->kind = KIND_OTHER; /* extension of fixed length: type */
                ret->n = (uint64_t)1 << (b - 0xd4);
                extra = 1;
        } else if (b <= 0xdb) {
                ret->kind = KIND_STR;
                width = (size_t)1 << (b - 0xd9);
        } else if (b <= 0xdd) {
                ret->kind = KIND_ARRAY;
                width = (size_t)2 << (b - 0xdc);
        } else {
                ret->kind = KIND_MAP;
                width = (size_t)2 << (b - 0xde);
        }

        if (left - 1 < width + extra) {
                corrupt(r);
                return false;
        }
        if (width) {
                uint64_t v = big_endian(r->data + r->at + 1, width);

                if (ret->kind != KIND_INT) {
                        ret->n = v;
                } else if (b <= 0xcf) {
                        if (v > INT64_MAX) {
                                corrupt(r);
                                return false;
                        }
                        ret->number = (int64_t)v;
                } else {
                        unsigned shift = 64 - 8 * (unsigned)width; /* sign */

                        ret->number = (int64_t)(v << shift) >> shift;
                }
        }
        r->at += 1 + width + extra;
        left = r->n - r->at;

        switch (ret->kind) {
        case KIND_STR:
        case KIND_BYTES:
        case KIND_OTHER:
                if (ret->n > left) {
                        corrupt(r);
                        return false;
                }
                ret->bytes = r->data + r->at;
                r->at += (size_t)ret->n;
                break;
        case KIND_ARRAY:
                if (ret->n > left) {
                        corrupt(r);
                        return false;
                }
                break;
        case KIND_MAP:
                if (ret->n > left / 2) {
                        corrupt(r);
                        return false;
                }
                break;
        case KIND_NIL:
        case KIND_BOOL:
        case KIND_INT:
                break;
        }
        return true;
}

/* The next element, which must be of this kind. */
static bool expect(PackReader *r, Kind kind, Head *ret)
{
        if (!read_head(r, ret))
                return false;
        if (ret->kind != kind) {
                corrupt(r);
                return false;
        }
        return true;
}

size_t unpack_array(PackReader *r)
{
        Head h;

        return expect(r, KIND_ARRAY, &h) ? (size_t)h.n : 0;
}

bool unpack_is_nil(PackReader *r)
{
        if (r->error || r->at >= r->n || r->data[r->at] != 0xc0)
                return false;
        r->at++;
        return true;
}

bool unpack_bool(PackReader *r)
{
        Head h;

        return expect(r, KIND_BOOL, &h) && h.number;
}

int64_t unpack_int(PackReader *r)
{
        Head h;

        return expect(r, KIND_INT, &h) ? h.number : 0;
}

/**
 * unpack_str() - a text, copied and terminated
 *
 * One with a NUL inside is corrupt: pack_str() cannot have written it, and the copy would be cut silently.
 */
const char *unpack_str(PackReader *r, Arena *a)
{
        char *text;
        Head h;

        if (unpack_is_nil(r) || !expect(r, KIND_STR, &h))
                return NULL;
        if (memchr(h.bytes, 0, (size_t)h.n)) {
                corrupt(r);
                return NULL;
        }
        text = arena_alloc(a, (size_t)h.n + 1);
        memcpy(text, h.bytes, (size_t)h.n);
        text[h.n] = '\0';
        return text;
}

const uint8_t *unpack_bytes(PackReader *r, size_t *ret_n)
{
        Head h;

        *ret_n = 0;
        if (!expect(r, KIND_BYTES, &h))
                return NULL;
        *ret_n = (size_t)h.n;
        return h.bytes;
}

/**
 * unpack_fixed() - bytes of exactly this length; after an error @ret_data is zeroed
 */
void unpack_fixed(PackReader *r, void *ret_data, size_t n)
{
        Head h;

        memset(ret_data, 0, n);
        if (!expect(r, KIND_BYTES, &h))
                return;
        if (h.n != n) {
                corrupt(r);
                return;
        }
        memcpy(ret_data, h.bytes, n);
}

/**
 * unpack_skip() - step over @n elements with all that is in them
 *
 * Counts what is still open instead of recursing: a record of 16 MiB may nest 16 million levels.
 */
void unpack_skip(PackReader *r, size_t n)
{
        Head h;

        for (uint64_t open = n; open > 0; open--) {
                /* Every element takes a byte at least. */
                if (open > r->n - r->at) {
                        corrupt(r);
                        return;
                }
                if (!read_head(r, &h))
                        return;
                if (h.kind == KIND_ARRAY)
                        open += h.n;
                else if (h.kind == KIND_MAP)
                        open += 2 * h.n;
        }
}

/**
 * unpack_version() - the first element of a record
 *
 * Return: 1..@newest, or 0 after an error.
 */
int64_t unpack_version(PackReader *r, int64_t newest)
{
        int64_t v = unpack_int(r);

        if (r->error)
                return 0;
        if (v < 1) {
                corrupt(r);
                return 0;
        }
        if (v > newest) {
                r->error = PACK_E_NEWER;
                return 0;
        }
        return v;
}

int unpack_end(const PackReader *r)
{
        return r->error;
}
