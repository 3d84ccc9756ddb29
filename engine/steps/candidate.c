/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/steps/candidate.h"

#include "base/error.h"
#include "base/pack.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

#define PREFIX  "match."
#define VERSION 1
#define FIELDS  12

#define N_PREFIX (sizeof(PREFIX) - 1)
/* The prefix, then the object's key in hexadecimal. */
#define NAME_SIZE (N_PREFIX + 2 * OBJECT_KEY_SIZE + 1)

static_assert(NAME_SIZE - 1 <= MEMO_NAME_MAX, "the name of a memo");

static void name_of(const ObjectKey *key, char name[NAME_SIZE])
{
        uint8_t packed[OBJECT_KEY_SIZE];
        char *p = name + N_PREFIX;

        object_key_pack(key, packed);
        memcpy(name, PREFIX, N_PREFIX);
        for (size_t i = 0; i < sizeof(packed); i++, p += 2)
                snprintf(p, 3, "%02x", packed[i]);
}

static int digit(char c)
{
        const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

        return at ? (int)(at - digits) : -1;
}

static bool key_of(const char *name, size_t n, ObjectKey *ret_key)
{
        uint8_t packed[OBJECT_KEY_SIZE];

        if (n != NAME_SIZE - 1 || memcmp(name, PREFIX, N_PREFIX) != 0)
                return false;
        for (size_t i = 0; i < sizeof(packed); i++) {
                int high = digit(name[N_PREFIX + 2 * i]), low = digit(name[N_PREFIX + 2 * i + 1]);

                if (high < 0 || low < 0)
                        return false;
                packed[i] = (uint8_t)(high << 4 | low);
        }
        return object_key_unpack(packed, sizeof(packed), ret_key);
}

static int unpack(const uint8_t *data, size_t n, Arena *a, Candidate *ret)
{
        PackReader r;
        size_t n_fields;

        unpack_init(&r, data, n);
        n_fields = unpack_array(&r);
        unpack_version(&r, VERSION);
        *ret = (Candidate){ .dn = unpack_str(&r, a), .upn = NULL };
        ret->upn = unpack_str(&r, a);
        unpack_fixed(&r, &ret->cloud, sizeof(ret->cloud));
        ret->cloud_upn = unpack_str(&r, a);
        ret->cloud_name = unpack_str(&r, a);
        ret->by = unpack_str(&r, a);
        ret->value = unpack_str(&r, a);
        ret->seen.ms = unpack_int(&r);
        ret->approved = unpack_bool(&r);
        ret->approved_at.ms = unpack_int(&r);
        ret->approved_by = unpack_str(&r, a);
        unpack_skip(&r, n_fields > FIELDS ? n_fields - FIELDS : 0);
        return unpack_end(&r) ? error_origin(-EIO) : 0;
}

int candidate_read(Space *s, const ObjectKey *key, Arena *a, Candidate *ret_candidate)
{
        char name[NAME_SIZE];
        const uint8_t *data;
        size_t n;
        int r;

        name_of(key, name);
        r = memo_read(s, name, a, &data, &n, NULL);
        return r ? r : unpack(data, n, a, ret_candidate);
}

void candidate_write(SpaceBatch *b, const ObjectKey *key, const Candidate *c)
{
        char *name = arena_alloc(b->arena, NAME_SIZE);
        PackWriter w;
        const uint8_t *data;
        size_t n;

        name_of(key, name);
        pack_init(&w);
        pack_array(&w, FIELDS);
        pack_int(&w, VERSION);
        pack_str(&w, c->dn);
        pack_str(&w, c->upn);
        pack_bytes(&w, &c->cloud, sizeof(c->cloud));
        pack_str(&w, c->cloud_upn);
        pack_str(&w, c->cloud_name);
        pack_str(&w, c->by);
        pack_str(&w, c->value);
        pack_int(&w, c->seen.ms);
        pack_bool(&w, c->approved);
        pack_int(&w, c->approved_at.ms);
        pack_str(&w, c->approved_by);
        data = pack_data(&w, &n);
        memo_write(b, name, arena_memdup(b->arena, data, n), n, SPACE_ANY);
        pack_deinit(&w);
}

void candidate_delete(SpaceBatch *b, const ObjectKey *key)
{
        char name[NAME_SIZE];

        name_of(key, name);
        memo_delete(b, name);
}

typedef struct Walk {
        int (*fn)(void *context, const ObjectKey *key, const Candidate *c);
        void *context;
        Arena *arena;
        int result;
} Walk;

static int walk_row(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Walk *w = context;
        ObjectKey object;
        Candidate c;

        /* Names are sorted: what does not begin so any more ends it. */
        if (n_key < N_PREFIX || memcmp(key, PREFIX, N_PREFIX) != 0)
                return 1;
        if (!key_of(key, n_key, &object))
                return 0;
        arena_reset(w->arena);
        w->result = unpack(row->data, row->n, w->arena, &c);
        if (w->result == 0)
                w->result = w->fn(w->context, &object, &c);
        return w->result != 0;
}

int candidate_walk(Space *s, int (*fn)(void *context, const ObjectKey *key, const Candidate *c),
                   void *context)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Walk w = { .fn = fn, .context = context, .arena = a };
        int r = s->ops->walk(s, SPACE_MEMO, PREFIX, N_PREFIX, walk_row, &w);

        return r < 0 ? r : w.result;
}
