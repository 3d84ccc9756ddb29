/* SPDX-License-Identifier: Apache-2.0 */

/* The pass over the directory; what is thought of one object is in sweep-judge.c. */

#include "app/reconcile/sweep-private.h"

#include "base/error.h"
#include "base/str.h"

#include <string.h>

#define PAGE SOURCE_PAGE

/* -- what was seen --------------------------------------------------------------------------------------- */

/* Eight bytes for each known object. Two that meet in them hide one absence, until another sweep. */
static uint64_t mark_of(const ObjectId *id)
{
        uint64_t a, b;

        memcpy(&a, id->bytes, sizeof(a));
        memcpy(&b, id->bytes + sizeof(a), sizeof(b));
        return a ^ (b * UINT64_C(0x9e3779b97f4a7c15));
}

void sweep_saw(Pass *p, const ObjectId *id)
{
        if (!p->sweep->look_for_absent)
                return;
        if (p->n_seen == p->size_seen) {
                p->size_seen = p->size_seen ? 2 * p->size_seen : 4096;
                p->seen = realloc(p->seen, p->size_seen * sizeof(*p->seen));
                if (!p->seen)
                        error_oom(p->size_seen * sizeof(*p->seen));
        }
        p->seen[p->n_seen++] = mark_of(id);
}

static int compare_marks(const void *a, const void *b)
{
        const uint64_t *x = a, *y = b;

        return *x < *y ? -1 : *x > *y;
}

static bool was_seen(const Pass *p, const ObjectId *id)
{
        uint64_t mark = mark_of(id);

        return p->n_seen && bsearch(&mark, p->seen, p->n_seen, sizeof(mark), compare_marks);
}

/* -- what is found --------------------------------------------------------------------------------------- */

static bool is_cancelled(Pass *p, const char *phase, uint64_t done, uint64_t total)
{
        return p->sweep->progress && p->sweep->progress(p->sweep->context, phase, done, total);
}

static void begin_page(Pass *p)
{
        arena_reset(p->page);
        space_batch_init(&p->batch, p->page);
        p->changes = arena_new_array(p->page, Change, PAGE);
        p->n_changes = 0;
}

/* Store what the page has brought. Return: 0, SWEEP_E_FULL, -errno. */
static int end_page(Pass *p)
{
        int r = 0;

        if (p->n_changes || p->batch.n_writes || p->batch.n_links)
                r = queue_put(p->sweep->queue, &(Intake){
                                                       .changes = p->changes,
                                                       .n_changes = p->n_changes,
                                                       .writes = p->batch.writes,
                                                       .n_writes = p->batch.n_writes,
                                                       .links = p->batch.links,
                                                       .n_links = p->batch.n_links,
                                                       .now = p->now,
                                               });
        if (r == QUEUE_E_FULL) {
                diag_set(p->diag, "%s", QUEUE_FULL_TEXT);
                return SWEEP_E_FULL;
        }
        if (r)
                return error_fold(r);
        p->result->n_enqueued += p->n_changes;
        begin_page(p);
        return 0;
}

static int look_at(Pass *p, const SourceItem *item)
{
        int r = sweep_judge(p, item);

        arena_reset(p->one);
        if (r == 0 && p->n_changes == PAGE)
                r = end_page(p);
        return r;
}

static int take_page(void *context, const SourceItem *items, size_t n)
{
        Pass *p = context;
        int r;

        p->now = clock_wall(p->sweep->clock);
        for (size_t i = 0; i < n; i++) {
                r = look_at(p, &items[i]);
                if (r)
                        return r;
        }
        r = end_page(p);
        if (r)
                return r;
        return is_cancelled(p, "compared", p->result->n_objects, 0) ? SWEEP_E_CANCELLED : 0;
}

/* -- the directory --------------------------------------------------------------------------------------- */

int sweep_source_failed(int r)
{
        switch (r) {
        case SOURCE_E_NOT_FOUND:
                return SWEEP_E_NO_CONTAINER;
        case SOURCE_E_STALE:
        case SOURCE_E_CUT_OFF:
        case SOURCE_E_UNREACHABLE:
        case SOURCE_E_REFUSED:
        case SOURCE_E_TOO_LARGE:
                return SWEEP_E_UNREACHABLE;
        default:
                return r; /* of the page function, or -errno */
        }
}

static int list_all(Pass *p)
{
        const Sweep *s = p->sweep;
        SourceList list = {
                .below = s->below,
                .dn = s->dn,
                .classes = s->source_config->scope.object_types.items,
                .n_classes = s->source_config->scope.object_types.n_items,
                .page = PAGE,
        };

        return sweep_source_failed(source_list(s->lister, &list, take_page, p, p->diag));
}

/* -- what did not come ----------------------------------------------------------------------------------- */

typedef struct Missing {
        Pass *pass;
        const Dn *below; /* NULL: everywhere */
        uint64_t n;
        int result;
} Missing;

static void enqueue_gone(Pass *p, const ObjectKey *key, const SourceEntry *e)
{
        p->result->n_gone++;
        p->result->n_missed += sweep_is_missed(p, e->changed);
        p->changes[p->n_changes++] = (Change){
                .id = key->id,
                .source = key->source,
                .kind = CHANGE_GONE,
                .lane = LANE_RECONCILE,
                .version = e->version,
                .changed = e->changed,
                .seen = p->now,
                .dn = arena_strdup(p->page, e->object->dn),
        };
}

/* Return: 0, SWEEP_E_*, -errno. */
static int look_for(Pass *p, const ObjectKey *key)
{
        SourceQuery query = { .id = &key->id };
        SourceEntry e;
        bool waits = false;
        int r = source_read(p->sweep->reader, &query, p->one, &e, p->diag);

        if (r == SOURCE_E_NOT_FOUND) {
                p->result->n_hidden++;
                return 0;
        }
        if (r)
                return sweep_source_failed(r);
        if (!e.deleted)
                return sweep_judge(p, &(SourceItem){
                                              .id = key->id,
                                              .dn = e.object->dn,
                                              .classes = object_get(e.object, "objectClass"),
                                              .version = e.version,
                                              .changed = e.changed,
                                      });
        r = queue_has(p->sweep->queue, key, &waits);
        if (r)
                return error_trace(r);
        if (waits)
                p->result->n_waiting++;
        else
                enqueue_gone(p, key, &e);
        return 0;
}

static bool is_below(Pass *p, const char *text, const Dn *container)
{
        const Dn *dn;

        return !container || (dn_parse(p->one, text, &dn, NULL) == 0 && dn_is_below(dn, container));
}

static int look_at_head(void *context, const void *key_data, size_t n_key, const SpaceRow *row)
{
        Missing *m = context;
        Pass *p = m->pass;
        ObjectKey key;
        Head head;

        (void)row;
        if (!object_key_unpack(key_data, n_key, &key) || key.source != p->sweep->source)
                return 0;
        m->n++;
        arena_reset(p->one);
        /* A damaged row is mended by its object's next import. */
        if (was_seen(p, &key.id) || space_read_head(p->space, &key, p->one, &head, NULL, NULL))
                return 0;
        if (head.deleted || !head.type || !scope_has_type(p->sweep->source_config->compiled, head.type) ||
            !is_below(p, head.dn, m->below))
                return 0;
        m->result = look_for(p, &key);
        if (m->result == 0 && p->n_changes == PAGE)
                m->result = end_page(p);
        if (m->result == 0 && is_cancelled(p, "looking for what did not come", m->n, 0))
                m->result = SWEEP_E_CANCELLED;
        return m->result != 0;
}

static int look_for_absent(Pass *p)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Missing m = { .pass = p };
        int r;

        if (p->n_seen)
                qsort(p->seen, p->n_seen, sizeof(*p->seen), compare_marks);
        if (p->sweep->dn && dn_parse(a, p->sweep->dn, &m.below, NULL))
                return 0;
        r = p->space->ops->walk(p->space, SPACE_HEAD, NULL, 0, look_at_head, &m);
        if (r < 0)
                return error_trace(r);
        return m.result ? m.result : end_page(p);
}

void sweep_result_add(SweepResult *sum, const SweepResult *n)
{
        const uint64_t *from = (const uint64_t *)n;
        uint64_t *to = (uint64_t *)sum;

        static_assert(sizeof(*sum) % sizeof(*to) == 0, "a result is numbers only");
        for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
                to[i] += from[i];
}

/* -------------------------------------------------------------------------------------------------------- */

/**
 * sweep_run() - compare, and enqueue what differs
 *
 * Return: 0, SWEEP_E_*, -errno.
 */
int sweep_run(const Sweep *s, SweepResult *ret_result, Diag *diag)
{
        _cleanup_(arena_freep) Arena *page = arena_new(0), *one = arena_new(0), *names = arena_new(0);
        Pass p = {
                .sweep = s,
                .result = ret_result,
                .space = queue_space(s->queue),
                .now = clock_wall(s->clock),
                .page = page,
                .one = one,
                .diag = diag,
        };
        int r;

        *ret_result = (SweepResult){ 0 };
        r = sweep_judge_init(&p, names);
        if (r)
                return r;
        begin_page(&p);
        r = list_all(&p);
        if (r == 0 && s->look_for_absent)
                r = look_for_absent(&p);
        free(p.seen);
        return r;
}
