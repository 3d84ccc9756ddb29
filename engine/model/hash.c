/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/object.h"

#include <endian.h>
#include <string.h>

/*
 * SipHash-2-4 with 128 bits of result (Aumasson and Bernstein, "SipHash: a fast short-input PRF"; 128 bits as
 * in the authors' reference code).
 *
 * The hash decides whether an object has changed since it was last synchronised, and its content comes from
 * whoever may write to the directory. A hash like Murmur or FNV has collisions that anybody can compute, so
 * that a change could be hidden; a cryptographic one costs ten times as much on objects of a few kB. SipHash
 * lies between: no way to a collision of 128 bits but chance is known, and it is forty lines. The key is
 * fixed, because the hash is stored and must be the same in every process; no secret is claimed.
 */
typedef struct Sip {
        uint64_t v0, v1, v2, v3;
        uint8_t tail[8];
        size_t n;
} Sip;

#define SIP_KEY_1 UINT64_C(0x0f0e0d0c0b0a0908) /* upper half of the key of the published test vectors */

static uint64_t rotate(uint64_t x, int bits)
{
        return x << bits | x >> (64 - bits);
}

static uint64_t little_endian(const uint8_t *p)
{
        uint64_t x;

        memcpy(&x, p, sizeof(x));
        return le64toh(x);
}

static void rounds(Sip *s, int n)
{
        uint64_t v0 = s->v0, v1 = s->v1, v2 = s->v2, v3 = s->v3;

        while (n--) {
                v0 += v1;
                v2 += v3;
                v1 = rotate(v1, 13) ^ v0;
                v3 = rotate(v3, 16) ^ v2;
                v0 = rotate(v0, 32);
                v2 += v1;
                v0 += v3;
                v1 = rotate(v1, 17) ^ v2;
                v3 = rotate(v3, 21) ^ v0;
                v2 = rotate(v2, 32);
        }
        s->v0 = v0;
        s->v1 = v1;
        s->v2 = v2;
        s->v3 = v3;
}

static void absorb(Sip *s, uint64_t word)
{
        s->v3 ^= word;
        rounds(s, 2);
        s->v0 ^= word;
}

static void sip_init(Sip *s, uint64_t seed)
{
        s->v0 = seed ^ UINT64_C(0x736f6d6570736575);
        s->v1 = SIP_KEY_1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee;
        s->v2 = seed ^ UINT64_C(0x6c7967656e657261);
        s->v3 = SIP_KEY_1 ^ UINT64_C(0x7465646279746573);
        s->n = 0;
}

static void sip_add(Sip *s, const void *data, size_t n)
{
        const uint8_t *p = data;
        size_t used = s->n % 8;

        s->n += n;
        if (used) {
                size_t take = n < 8 - used ? n : 8 - used;

                memcpy(s->tail + used, p, take);
                if (used + take < 8)
                        return;
                absorb(s, little_endian(s->tail));
                p += take;
                n -= take;
        }
        for (; n >= 8; p += 8, n -= 8)
                absorb(s, little_endian(p));
        if (n)
                memcpy(s->tail, p, n);
}

static Hash128 sip_finish(Sip *s)
{
        Hash128 h;

        memset(s->tail + s->n % 8, 0, 8 - s->n % 8);
        s->tail[7] = (uint8_t)s->n;
        absorb(s, little_endian(s->tail));
        s->v2 ^= 0xee;
        rounds(s, 4);
        h.low = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
        s->v1 ^= 0xdd;
        rounds(s, 4);
        h.high = s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
        return h;
}

/**
 * hash128() - hash of some bytes
 * @seed:       different seeds give independent hashes
 *
 * Return: the same on every machine, whatever its byte order; it may be stored.
 */
Hash128 hash128(const void *data, size_t n, uint64_t seed)
{
        Sip s;

        sip_init(&s, seed);
        if (n)
                sip_add(&s, data, n);
        return sip_finish(&s);
}

static void add_number(Sip *s, uint64_t n)
{
        n = htole64(n);
        sip_add(s, &n, sizeof(n));
}

/* The length goes in front, so that "ab","c" and "a","bc" differ. */
static void add_bytes(Sip *s, const void *data, size_t n)
{
        add_number(s, n);
        if (n)
                sip_add(s, data, n);
}

static void add_value(Sip *s, Value v)
{
        add_number(s, v.type);
        switch ((ValueType)v.type) {
        case VALUE_BOOL:
                add_number(s, v.b);
                break;
        case VALUE_INT:
        case VALUE_TIME:
                add_number(s, (uint64_t)v.i);
                break;
        case VALUE_STRING:
                add_bytes(s, v.s, v.n);
                break;
        case VALUE_BYTES:
                add_bytes(s, v.bytes, v.n);
                break;
        case VALUE_REF: /* as value_compare(): a known id is the whole identity */
                sip_add(s, v.ref->id.bytes, sizeof(v.ref->id.bytes));
                if (guid_is_zero(&v.ref->id) && v.ref->text)
                        add_bytes(s, v.ref->text, strlen(v.ref->text));
                break;
        case VALUE_LIST:
                add_number(s, v.n);
                for (size_t i = 0; i < v.n; i++)
                        add_value(s, v.list[i]);
                break;
        case VALUE_TOKEN:
                add_number(s, v.token);
                break;
        case VALUE_NONE:
        case _VALUE_TYPE_N:
                break;
        }
}

/**
 * object_hash() - fingerprint of type, names and values; not of id and DN
 *
 * Return: equal for two objects whose types and attributes are equal by value_is().
 */
Hash128 object_hash(const Object *o)
{
        Sip s;

        sip_init(&s, 0);
        add_bytes(&s, o->type, o->type ? strlen(o->type) : 0);
        add_number(&s, o->n_attributes);
        for (size_t i = 0; i < o->n_attributes; i++) {
                add_bytes(&s, o->attributes[i].name, strlen(o->attributes[i].name));
                add_value(&s, o->attributes[i].value);
        }
        return sip_finish(&s);
}
