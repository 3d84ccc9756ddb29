/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/revert-page.h"

#include "app/flow/revert.h"
#include "base/error.h"

void revert_page_begin(RevertPage *p)
{
        arena_reset(p->arena);
        space_batch_init(&p->batch, p->arena);
        p->n = 0;
}

int revert_page_put(RevertPage *p, Queue *q, Wall now)
{
        int r = p->n ? queue_put(q, &(Intake){ .changes = p->changes,
                                               .n_changes = p->n,
                                               .writes = p->batch.writes,
                                               .n_writes = p->batch.n_writes,
                                               .now = now })
                     : 0;

        revert_page_begin(p);
        return r == QUEUE_E_FULL ? REVERT_E_FULL : error_fold(r);
}

void revert_page_add(RevertPage *p, const ObjectKey *key, const char *dn, const char *by, Wall now)
{
        p->changes[p->n++] = (Change){
                .id = key->id,
                .source = key->source,
                .kind = CHANGE_UPSERT,
                .lane = LANE_RECONCILE,
                .seen = now,
                .dn = arena_strdup(p->arena, dn),
                .by = arena_strdup(p->arena, by),
        };
}
