/* SPDX-License-Identifier: Apache-2.0 */

#include "app/compare/last.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/space/memo.h"

#include <stdlib.h>

#define MEMO_NAME "compare.last"

static const MemoShape shape = { .version = 1, .n_fields = 1 };

json_t *compare_last_read(Space *s)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *text;
        MemoReader m;

        if (memo_open(s, MEMO_NAME, &shape, a, &m, NULL))
                return NULL;
        text = unpack_str(&m.pack, a);
        return memo_close(&m) == 0 && text ? json_loads(text, 0, NULL) : NULL;
}

int compare_last_write(Queue *q, const json_t *numbers, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char *text = json_dumps(numbers, JSON_COMPACT);
        SpaceBatch batch;
        PackWriter w;

        memo_begin(&w, &shape);
        pack_str(&w, text);
        space_batch_init(&batch, a);
        memo_end(&w, &batch, MEMO_NAME, SPACE_ANY);
        free(text);
        return queue_errno(queue_put_batch(q, &batch, now));
}

const char *compare_anchor_literal(const char *name)
{
        static const char *const names[] = { "objectGUID", "mS-DS-ConsistencyGuid" };

        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                if (str_is(names[i], name))
                        return names[i];
        return NULL;
}

const char *compare_last_anchor(Space *s)
{
        json_t *last = compare_last_read(s);
        const char *fits = compare_anchor_literal(json_string_value(json_object_get(last, "anchorFits")));

        json_decref(last);
        return fits;
}
