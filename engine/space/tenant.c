/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/space/tenant.h"

#include "base/error.h"
#include "engine/space/memo.h"

#define MEMO_NAME "target.tenant"

static const MemoShape shape = { .version = 1, .n_fields = 1 };

int tenant_read(Space *s, Arena *a, const char **ret_id)
{
        const char *id;
        MemoReader m;
        int r = memo_open(s, MEMO_NAME, &shape, a, &m, NULL);

        if (r)
                return r;
        id = unpack_str(&m.pack, a);
        if (memo_close(&m) || !id)
                return SPACE_E_NONE;
        *ret_id = id;
        return 0;
}

bool tenant_is_id(const char *id)
{
        ObjectId guid;

        return id && guid_parse(id, &guid);
}

void tenant_write(SpaceBatch *b, const char *id)
{
        PackWriter w;

        memo_begin(&w, &shape);
        pack_str(&w, id);
        memo_end(&w, b, MEMO_NAME, SPACE_ANY);
}

bool tenant_differs(const char *noted, const char *id)
{
        ObjectId a, b;

        return noted && id && guid_parse(noted, &a) && guid_parse(id, &b) && !guid_is(&a, &b);
}
