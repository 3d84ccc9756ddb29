/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/pack.h"
#include "base/str.h"
#include "engine/model/object.h"
#include "listener/position.h"

#define CHECKSUM_SIZE 16
#define N_FIELDS      11

/* Any number will do, as long as it is this one: it keeps other hashes of the house apart. */
#define CHECKSUM_SEED 0x736f73796e63u

static void hash_bytes(const void *data, size_t n, uint8_t *ret_bytes)
{
        Hash128 h = hash128(data, n, CHECKSUM_SEED);

        for (size_t i = 0; i < 8; i++) {
                ret_bytes[i] = (uint8_t)(h.low >> (8 * i));
                ret_bytes[8 + i] = (uint8_t)(h.high >> (8 * i));
        }
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void hash_attributes(const PositionContext *c, Arena *a, uint8_t *ret_bytes)
{
        const char **names = arena_new_array(a, const char *, c->n_attributes + 1);
        _cleanup_(str_deinit) Str s = { 0 };

        str_init(&s, 1 << 20);
        for (size_t i = 0; i < c->n_attributes; i++)
                names[i] = str_fold(a, c->attributes[i]);
        qsort(names, c->n_attributes, sizeof(*names), compare_names);
        for (size_t i = 0; i < c->n_attributes; i++)
                str_printf(&s, "%s\n", names[i]);
        hash_bytes(s.data, s.n, ret_bytes);
}

/**
 * position_make() - bytes to store
 *
 * Return: the position, in the arena.
 */
Position position_make(Arena *a, const PositionContext *c, const PositionMark *m)
{
        uint8_t hash[CHECKSUM_SIZE], *copy;
        const uint8_t *data;
        PackWriter w;
        size_t n = 0;

        pack_init(&w);
        pack_array(&w, N_FIELDS);
        pack_int(&w, POSITION_VERSION);
        pack_str(&w, c->feed);
        pack_bytes(&w, m->server.bytes, sizeof(m->server.bytes));
        pack_int(&w, (int64_t)m->usn);
        pack_str(&w, c->base);
        pack_str(&w, c->filter);
        hash_attributes(c, a, hash);
        pack_bytes(&w, hash, sizeof(hash));
        pack_int(&w, m->flags);
        hash_bytes(c->identity, strlen(c->identity), hash);
        pack_bytes(&w, hash, sizeof(hash));
        pack_bool(&w, m->catch_up);
        pack_bytes(&w, m->cookie, m->n_cookie);
        data = pack_data(&w, &n);
        copy = arena_alloc(a, n + CHECKSUM_SIZE);
        memcpy(copy, data, n);
        hash_bytes(data, n, copy + n);
        pack_deinit(&w);
        return (Position){ .data = copy, .n = n + CHECKSUM_SIZE };
}

static int foreign(Diag *diag, const char *what, const char *was, const char *is)
{
        diag_set(diag, "the stored position was made for another %s: \"%s\", now \"%s\"", what,
                 was ? was : "", is ? is : "");
        return POSITION_E_FOREIGN;
}

static int differs(Diag *diag, const char *what)
{
        diag_set(diag, "the stored position was made %s", what);
        return POSITION_E_FOREIGN;
}

static int corrupt(Diag *diag, const char *why)
{
        diag_set(diag, "the stored position cannot be used: %s", why);
        return POSITION_E_CORRUPT;
}

/**
 * position_read() - take a stored position if it belongs to this question
 *
 * Return: 0, POSITION_E_CORRUPT, POSITION_E_FOREIGN.
 */
int position_read(const Position *p, const PositionContext *c, Arena *a, PositionMark *ret_mark, Diag *diag)
{
        uint8_t hash[CHECKSUM_SIZE], attributes[CHECKSUM_SIZE] = { 0 }, identity[CHECKSUM_SIZE] = { 0 };
        const char *feed, *base, *filter;
        PositionMark m = { 0 };
        size_t n_fields;
        PackReader r;

        if (p->n <= CHECKSUM_SIZE || !p->data)
                return corrupt(diag, "it is too short");
        hash_bytes(p->data, p->n - CHECKSUM_SIZE, hash);
        if (memcmp(hash, p->data + p->n - CHECKSUM_SIZE, CHECKSUM_SIZE) != 0)
                return corrupt(diag, "its checksum is wrong");
        unpack_init(&r, p->data, p->n - CHECKSUM_SIZE);
        n_fields = unpack_array(&r);
        unpack_version(&r, POSITION_VERSION);
        feed = unpack_str(&r, a);
        unpack_fixed(&r, m.server.bytes, sizeof(m.server.bytes));
        m.usn = (uint64_t)unpack_int(&r);
        base = unpack_str(&r, a);
        filter = unpack_str(&r, a);
        unpack_fixed(&r, attributes, sizeof(attributes));
        m.flags = (uint32_t)unpack_int(&r);
        unpack_fixed(&r, identity, sizeof(identity));
        m.catch_up = unpack_bool(&r);
        m.cookie = unpack_bytes(&r, &m.n_cookie);
        if (unpack_end(&r) == PACK_E_NEWER)
                return corrupt(diag, "a newer version of sosync has written it");
        if (unpack_end(&r) || n_fields != N_FIELDS)
                return corrupt(diag, "it has not the form of one");
        if (m.n_cookie == 0)
                return corrupt(diag, "its cookie is empty");
        if (!str_is(feed, c->feed))
                return foreign(diag, "feed", feed, c->feed);
        if (!str_is(base, c->base))
                return foreign(diag, "base", base, c->base);
        if (!str_is(filter, c->filter))
                return foreign(diag, "filter", filter, c->filter);
        hash_attributes(c, a, hash);
        if (memcmp(hash, attributes, sizeof(hash)) != 0)
                return differs(diag, "with another list of attributes");
        if ((m.flags ^ c->flags) & ~c->flags_free)
                return differs(diag, "with other flags");
        hash_bytes(c->identity, strlen(c->identity), hash);
        if (memcmp(hash, identity, sizeof(hash)) != 0)
                return differs(diag, "by another account, which may have seen other objects");
        *ret_mark = m;
        return 0;
}

bool position_take(const Position *p, const PositionContext *c, size_t n_min, size_t n_max, Arena *a,
                   const Log *log, PositionMark *ret_mark)
{
        _cleanup_(diag_deinit) Diag why = DIAG_INIT;
        int r = position_read(p, c, a, ret_mark, &why);

        if (r == 0 && (ret_mark->n_cookie < n_min || ret_mark->n_cookie > n_max)) {
                diag_set(&why, "the stored position cannot be used: it has not the form of one");
                r = POSITION_E_CORRUPT;
        }
        if (r)
                log_warning(log, "the stored position is refused; catching up",
                            LOG_STR("reason", diag_text(&why)));
        return r == 0;
}
