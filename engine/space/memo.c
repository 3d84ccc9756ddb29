/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/space/memo.h"

#include "base/error.h"
#include "engine/space/space-internal.h"

#include <assert.h>
#include <string.h>

static size_t name_length(const char *name)
{
        size_t n = strlen(name);

        /* Names are literals of this program. */
        assert(n > 0 && n <= MEMO_NAME_MAX);
        return n;
}

/**
 * memo_read() - the value that was last written under a name
 *
 * Return: 0, SPACE_E_NONE, -errno.
 */
int memo_read(Space *s, const char *name, Arena *a, const uint8_t **ret_data, size_t *ret_n,
              uint64_t *ret_serial)
{
        SpaceRow row = { 0 };
        int r;

        r = s->ops->get(s, SPACE_MEMO, name, name_length(name), a, &row);
        if (r)
                return error_fold(r);
        if (!row.serial)
                return SPACE_E_NONE;
        *ret_data = row.data;
        *ret_n = row.n;
        if (ret_serial)
                *ret_serial = row.serial;
        return 0;
}

int memo_open(Space *s, const char *name, const MemoShape *shape, Arena *a, MemoReader *ret_reader,
              uint64_t *ret_serial)
{
        const uint8_t *data;
        size_t n, n_fields;
        int r = memo_read(s, name, a, &data, &n, ret_serial);

        if (r)
                return r;
        *ret_reader = (MemoReader){ .n_known = shape->n_fields };
        unpack_init(&ret_reader->pack, data, n);
        n_fields = unpack_array(&ret_reader->pack);
        ret_reader->n_fields = n_fields ? n_fields - 1 : 0;
        unpack_version(&ret_reader->pack, shape->version);
        return 0;
}

int memo_close(MemoReader *m)
{
        if (m->n_fields > m->n_known)
                unpack_skip(&m->pack, m->n_fields - m->n_known);
        return unpack_end(&m->pack) ? SPACE_E_CORRUPT : 0;
}

void memo_begin(PackWriter *w, const MemoShape *shape)
{
        pack_init(w);
        pack_array(w, 1 + shape->n_fields);
        pack_int(w, shape->version);
}

void memo_end(PackWriter *w, SpaceBatch *b, const char *name, uint64_t serial)
{
        const uint8_t *data;
        size_t n;

        data = pack_data(w, &n);
        memo_write(b, name, data, n, serial);
        pack_deinit(w);
}

void memo_write(SpaceBatch *b, const char *name, const void *data, size_t n, uint64_t serial)
{
        space_batch_row(b, SPACE_MEMO, name, name_length(name), data, n, serial);
}

void memo_delete(SpaceBatch *b, const char *name)
{
        space_delete(b, SPACE_MEMO, name, name_length(name));
}

void memo_delete_at(SpaceBatch *b, const char *name, uint64_t serial)
{
        memo_delete(b, name);
        b->writes[b->n_writes - 1].serial = serial;
}
