/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/lookout.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/scope/scope.h"
#include "engine/space/ahead.h"

/* The attributes that made it urgent or might have: those of the rules, with their stamps. Only values: what
 * is not there may be what this account may not see, and comes by replication. */
static size_t values_of(const FeedEntry *e, const char *server, Arena *a, AheadValue **ret_values)
{
        AheadValue *values = arena_new_array(a, AheadValue, e->n_stamps + 1);
        size_t n = 0;

        for (size_t i = 0; i < e->n_stamps; i++) {
                Value v = object_get(e->brought, e->stamps[i].attribute);

                if (!value_is_none(v))
                        values[n++] = (AheadValue){
                                .attribute = e->stamps[i].attribute,
                                .value = v,
                                .stamp = e->stamps[i].stamp,
                                .server = server,
                        };
        }
        *ret_values = values;
        return n;
}

/* Is it known, and urgent, against what was imported last? Return: 0, -errno. */
static int judge(Wiring *w, const Config *c, const ObjectKey *key, const FeedEntry *e, Arena *a,
                 UrgentAnswer *ret_answer)
{
        Space *s = queue_space(w->queue);
        const Object *before = NULL;
        const Dn *dn;
        Head head;
        int r;

        *ret_answer = (UrgentAnswer){ 0 };
        if (e->gone || !e->brought || !e->n_stamps || dn_parse(a, e->dn, &dn, NULL))
                return 0;
        /* Who is not in the cloud is locked out of nothing. */
        r = space_read_head(s, key, a, &head, NULL, NULL);
        if (r)
                return r < 0 ? error_trace(r) : 0;
        r = space_read_import(s, key, a, &before, NULL, NULL);
        if (r)
                return r < 0 ? error_trace(r) : 0;
        *ret_answer = scope_urgent(c->urgent_rules, c->n_urgent_rules, dn, e->brought, before,
                                   clock_wall(w->clock), a);
        return 0;
}

/* Return: 0 with *ret_n 0 or 1, -errno. */
static int take_entry(Wiring *w, const Config *c, uint16_t source, const char *server, const FeedBatch *batch,
                      const FeedEntry *e, SpaceBatch *rows, Change *ret_change, size_t *ret_n)
{
        ObjectKey key = { .source = source, .id = e->id };
        Arena *a = rows->arena;
        Ahead ahead = { 0 };
        UrgentAnswer urgent;
        AheadValue *values;
        uint64_t serial;
        size_t n;
        int r;

        *ret_n = 0;
        r = judge(w, c, &key, e, a, &urgent);
        if (r || !urgent.urgent)
                return r;
        r = space_read_ahead(queue_space(w->queue), &key, a, &ahead, &serial);
        if (r < 0)
                return error_trace(r);
        n = values_of(e, server, a, &values);
        /* What is there already was queued with it, and its run is to come or has been. */
        if (!ahead_add(&ahead, values, n, a))
                return 0;
        space_write_ahead(rows, &key, &ahead, SPACE_ANY);
        *ret_change = (Change){
                .id = e->id,
                .source = source,
                .kind = CHANGE_UPSERT,
                .lane = LANE_URGENT,
                .revoke = urgent.revoke_sessions,
                .changed = e->changed,
                .seen = batch->seen,
                .dn = e->dn,
        };
        *ret_n = 1;
        return 0;
}

int lookout_take(Wiring *w, const Connector *c, const char *server, const FeedBatch *batch, uint64_t *ret_n)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(config_unrefp) Config *config = snapshot_get(&w->snapshot);
        Change *changes = arena_new_array(a, Change, batch->n_entries + 1);
        SpaceBatch rows;
        size_t n = 0;
        int r;

        *ret_n = 0;
        space_batch_init(&rows, a);
        for (size_t i = 0; i < batch->n_entries; i++) {
                size_t one;

                r = take_entry(w, config, c->number, server, batch, &batch->entries[i], &rows, &changes[n],
                               &one);
                if (r)
                        return r;
                n += one;
        }
        if (!n)
                return 0;
        r = queue_put(w->queue, &(Intake){
                                        .changes = changes,
                                        .n_changes = n,
                                        .writes = rows.writes,
                                        .n_writes = rows.n_writes,
                                        .now = clock_wall(w->clock),
                                });
        if (r == QUEUE_E_FULL)
                return FEED_E_FULL;
        if (r)
                return error_fold(r);
        *ret_n = n;
        return 0;
}
