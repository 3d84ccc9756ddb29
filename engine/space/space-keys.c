/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/space/space-internal.h"

#include "base/str.h"

#include <assert.h>
#include <string.h>

/**
 * object_key_pack() - the key of an object's rows
 *
 * Big-endian, so that the rows of a source lie together and in the order of its number.
 */
void object_key_pack(const ObjectKey *key, uint8_t buf[OBJECT_KEY_SIZE])
{
        buf[0] = (uint8_t)(key->source >> 8);
        buf[1] = (uint8_t)key->source;
        memcpy(buf + 2, key->id.bytes, sizeof(key->id.bytes));
}

bool object_key_unpack(const void *data, size_t n, ObjectKey *ret_key)
{
        const uint8_t *p = data;

        if (n != OBJECT_KEY_SIZE)
                return false;
        ret_key->source = (uint16_t)(p[0] << 8 | p[1]);
        memcpy(ret_key->id.bytes, p + 2, sizeof(ret_key->id.bytes));
        return true;
}

/* The two halves in a fixed byte order: keys are the same on every machine. */
static void put_hash(Hash128 h, uint8_t buf[SPACE_HASH_SIZE])
{
        for (int i = 0; i < 8; i++) {
                buf[i] = (uint8_t)(h.high >> (56 - 8 * i));
                buf[8 + i] = (uint8_t)(h.low >> (56 - 8 * i));
        }
}

/**
 * space_link_key() - the key of an owner's links under one name
 *
 * Return: the length of the key.
 */
size_t space_link_key(const void *owner, size_t n_owner, const char *name, uint8_t buf[SPACE_KEY_MAX])
{
        assert(n_owner <= SPACE_KEY_MAX - SPACE_HASH_SIZE);

        memcpy(buf, owner, n_owner);
        put_hash(hash128(name, strlen(name), 0), buf + n_owner);
        return n_owner + SPACE_HASH_SIZE;
}

/**
 * space_join_key() - the key of a join attribute's value
 *
 * A rule may compare with or without regard to case, and one value must be found by both: it has two keys, of
 * its text as it is and of its folded text. A value that is not text has the same bytes under both.
 */
void space_join_key(const char *type, const char *attribute, Value v, bool case_sensitive, Arena *a,
                    uint8_t buf[SPACE_HASH_SIZE])
{
        PackWriter w;
        const uint8_t *data;
        size_t n;

        if (!case_sensitive && v.type == VALUE_STRING)
                v = value_string(str_fold(a, arena_strndup(a, v.s, v.n)));
        pack_init(&w);
        pack_str(&w, type);
        pack_str(&w, attribute);
        pack_bool(&w, case_sensitive);
        value_pack(&w, v);
        data = pack_data(&w, &n);
        put_hash(hash128(data, n, 0), buf);
        pack_deinit(&w);
}
