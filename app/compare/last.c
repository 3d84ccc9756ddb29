/* SPDX-License-Identifier: Apache-2.0 */

#include "app/compare/last.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/pack.h"
#include "base/str.h"
#include "engine/space/memo.h"

#include <stdlib.h>

#define MEMO_NAME "compare.last"
#define VERSION   1

json_t *compare_last_read(Space *s)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const uint8_t *data;
        const char *text;
        PackReader r;
        size_t n;

        if (memo_read(s, MEMO_NAME, a, &data, &n, NULL))
                return NULL;
        unpack_init(&r, data, n);
        unpack_array(&r);
        unpack_version(&r, VERSION);
        text = unpack_str(&r, a);
        return text && !r.error ? json_loads(text, 0, NULL) : NULL;
}

int compare_last_write(Queue *q, const json_t *numbers, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char *text = json_dumps(numbers, JSON_COMPACT);
        SpaceBatch batch;
        PackWriter w;
        const uint8_t *data;
        size_t n;
        int r;

        pack_init(&w);
        pack_array(&w, 2);
        pack_int(&w, VERSION);
        pack_str(&w, text);
        data = pack_data(&w, &n);
        space_batch_init(&batch, a);
        memo_write(&batch, MEMO_NAME, data, n, SPACE_ANY);
        r = queue_put(q, &(Intake){ .writes = batch.writes, .n_writes = batch.n_writes, .now = now });
        pack_deinit(&w);
        free(text);
        return error_fold(r);
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
