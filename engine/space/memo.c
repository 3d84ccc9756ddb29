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
