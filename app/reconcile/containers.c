/* SPDX-License-Identifier: Apache-2.0 */

#include "app/reconcile/containers.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/space/memo.h"
#include "engine/space/space-records.h"

#include <string.h>

/* Written when the names of all have been read. */
static const char *memo_of(Arena *a, uint16_t source)
{
        return arena_printf(a, "containers.%u", source);
}

static const char *const types[] = { "domainDNS", "builtinDomain", "lostAndFound", "organizationalUnit",
                                     "container", "organization",  "locality",     "country",
                                     "domain",    "dcObject",      "nsContainer" };

bool container_is_type(const char *type)
{
        for (size_t i = 0; i < N_ELEMENTS(types); i++)
                if (str_is(types[i], type))
                        return true;
        return false;
}

static bool is_same_name(Arena *a, const char *x, const char *y)
{
        const Dn *dx, *dy;

        return dn_parse(a, x, &dx, NULL) == 0 && dn_parse(a, y, &dy, NULL) == 0 && dn_is(dx, dy);
}

/* -- the feed's side ------------------------------------------------------------------------------------- */

int container_note(Space *space, uint16_t source, const FeedEntry *e, SpaceBatch *batch,
                   bool *ret_is_container, bool *ret_due)
{
        ObjectKey key = { .source = source, .id = e->id };
        uint8_t packed[OBJECT_KEY_SIZE];
        Container c = { .dn = e->dn }, old;
        int r = space_read_container(space, &key, batch->arena, &old, NULL, NULL);

        if (r < 0)
                return error_trace(r);
        *ret_is_container =
                r != SPACE_E_NONE ||
                (e->brought && container_is_type(scope_type_of(object_get(e->brought, "objectClass"))));
        if (!*ret_is_container)
                return 0;
        object_key_pack(&key, packed);
        if (e->gone) {
                space_delete(batch, SPACE_CONTAINER, packed, sizeof(packed));
                return 0;
        }
        if (r == 0 && is_same_name(batch->arena, old.dn, e->dn))
                return 0;
        if (r == 0) {
                c.dn_before = old.dn_before ? old.dn_before : old.dn;
                *ret_due = true;
        }
        /* The feed knows best: what a job writes at the same time gives way. */
        space_write_container(batch, &key, &c, SPACE_ANY);
        return 0;
}

/* -- names ----------------------------------------------------------------------------------------------- */

typedef struct Names {
        Sweep *sweep;
        Arena *arena;
        bool correct; /* rows with another name too; else only containers that have no row */
        uint64_t n;
} Names;

static int store(const Sweep *s, const SpaceBatch *batch)
{
        int r;

        if (!batch->n_writes)
                return 0;
        r = queue_put(s->queue, &(Intake){ .writes = batch->writes,
                                           .n_writes = batch->n_writes,
                                           .now = clock_wall(s->clock) });
        return r == QUEUE_E_FULL ? SWEEP_E_FULL : error_fold(r);
}

static int take_names(void *context, const SourceItem *items, size_t n)
{
        Names *names = context;
        const Sweep *s = names->sweep;
        SpaceBatch batch;

        arena_reset(names->arena);
        space_batch_init(&batch, names->arena);
        for (size_t i = 0; i < n; i++) {
                ObjectKey key = { .source = s->source, .id = items[i].id };
                Container c = { .dn = items[i].dn }, old;
                uint64_t serial = 0;
                int r = space_read_container(queue_space(s->queue), &key, names->arena, &old, &serial, NULL);

                if (r < 0)
                        return error_trace(r);
                /* One that is due itself keeps its own name before. */
                if (r == 0 && (!names->correct || old.dn_before || str_is(old.dn, c.dn)))
                        continue;
                space_write_container(&batch, &key, &c, serial);
        }
        names->n += n;
        if (s->progress && s->progress(s->context, "reading containers", names->n, 0))
                return SWEEP_E_CANCELLED;
        return store(s, &batch);
}

static int read_names(Sweep *s, const ObjectId *below, bool correct, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Names names = { .sweep = s, .arena = a, .correct = correct };

        return sweep_source_failed(source_list(
                s->lister, &(SourceList){ .below = below, .classes = types, .n_classes = N_ELEMENTS(types) },
                take_names, &names, diag));
}

static int read_all_names(Sweep *s, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const uint8_t *data;
        SpaceBatch batch;
        size_t n;
        int r = memo_read(queue_space(s->queue), memo_of(a, s->source), a, &data, &n, NULL);

        if (r != SPACE_E_NONE)
                return error_trace(r);
        r = read_names(s, NULL, false, diag);
        if (r)
                return r;
        space_batch_init(&batch, a);
        memo_write(&batch, memo_of(a, s->source), "1", 1, SPACE_ANY);
        return store(s, &batch);
}

/* -- names that nobody has brought ----------------------------------------------------------------------- */

typedef struct Found {
        const Dn *now, *before;
        bool missed;
} Found;

typedef struct Comparison {
        const Sweep *sweep;
        Arena *arena, *page;
        SpaceBatch *batch;
        Found *found;
        size_t n_found, size_found;
        uint64_t n;
} Comparison;

static void add_found(Comparison *c, const Found *f)
{
        if (c->n_found == c->size_found) {
                size_t size = c->size_found ? 2 * c->size_found : 64;
                Found *more = arena_new_array(c->arena, Found, size);

                if (c->n_found)
                        memcpy(more, c->found, c->n_found * sizeof(*more));
                c->found = more;
                c->size_found = size;
        }
        c->found[c->n_found++] = *f;
}

/* Return: 0, -errno. */
static int compare_name(Comparison *c, const SourceItem *item)
{
        const Sweep *s = c->sweep;
        ObjectKey key = { .source = s->source, .id = item->id };
        uint64_t serial = 0;
        Container old = { 0 };
        Found f;
        int r = space_read_container(queue_space(s->queue), &key, c->page, &old, &serial, NULL);

        if (r < 0)
                return error_trace(r);
        if (r == 0 && !old.dn_before && str_is(old.dn, item->dn))
                return 0;
        space_write_container(c->batch, &key, &(Container){ .dn = arena_strdup(c->arena, item->dn) }, serial);
        /* What is due by the feed's word is swept here as well, under the name that it has now. */
        if (r || dn_parse(c->arena, item->dn, &f.now, NULL) ||
            dn_parse(c->arena, old.dn_before ? old.dn_before : old.dn, &f.before, NULL) ||
            dn_is(f.now, f.before))
                return 0;
        f.missed = !old.dn_before && s->feed_watches && item->changed.ms &&
                   clock_wall(s->clock).ms - item->changed.ms > SWEEP_YOUNG_MS;
        add_found(c, &f);
        return 0;
}

static int compare_names(void *context, const SourceItem *items, size_t n)
{
        Comparison *c = context;

        arena_reset(c->page);
        for (size_t i = 0; i < n; i++) {
                int r = compare_name(c, &items[i]);

                if (r)
                        return r;
        }
        c->n += n;
        return c->sweep->progress && c->sweep->progress(c->sweep->context, "reading containers", c->n, 0)
                       ? SWEEP_E_CANCELLED
                       : 0;
}

/* By the name that it has now. */
static int order_found(const void *a, const void *b)
{
        const Found *x = a, *y = b;

        return strcmp(x->now->text, y->now->text);
}

/* Its own name is as it was, and so is what is above it, but for a name that is in the list itself. */
static bool is_explained(const Comparison *c, const Found *f, Arena *a)
{
        Found above = { 0 };
        const Found *found;

        if (!str_is(f->now->rdns[0].normalised, f->before->rdns[0].normalised) ||
            dn_parse(a, dn_parent_text(a, f->now), &above.now, NULL) ||
            dn_parse(a, dn_parent_text(a, f->before), &above.before, NULL))
                return false;
        found = bsearch(&above, c->found, c->n_found, sizeof(*c->found), order_found);
        return found && dn_is(found->before, above.before);
}

int containers_compare(Sweep *s, Arena *a, ContainerNames *ret_names, Diag *diag)
{
        _cleanup_(arena_freep) Arena *page = arena_new(0);
        Comparison c = { .sweep = s, .arena = a, .page = page, .batch = &ret_names->batch };
        int r;

        *ret_names = (ContainerNames){ 0 };
        space_batch_init(&ret_names->batch, a);
        r = sweep_source_failed(source_list(
                s->lister, &(SourceList){ .dn = s->dn, .classes = types, .n_classes = N_ELEMENTS(types) },
                compare_names, &c, diag));
        if (r)
                return r;
        if (c.n_found)
                qsort(c.found, c.n_found, sizeof(*c.found), order_found);
        ret_names->renames = arena_new_array(a, SweepRename, c.n_found);
        for (size_t i = 0; i < c.n_found; i++) {
                if (is_explained(&c, &c.found[i], page))
                        continue;
                ret_names->renames[ret_names->n_renames++] =
                        (SweepRename){ .now = c.found[i].now->text, .before = c.found[i].before->text };
                ret_names->n_missed += c.found[i].missed;
        }
        return 0;
}

int containers_store(const Sweep *s, const ContainerNames *names)
{
        return store(s, &names->batch);
}

/* -- what is due ----------------------------------------------------------------------------------------- */

typedef struct Due {
        uint16_t source;
        Arena *arena;
        ObjectKey key;
        Container container;
        uint64_t serial;
        bool found;
} Due;

static int look_at_row(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Due *due = context;

        if (!object_key_unpack(key, n_key, &due->key) || due->key.source != due->source)
                return 0;
        arena_reset(due->arena);
        if (container_unpack(due->arena, row->data, row->n, &due->container) || !due->container.dn_before)
                return 0;
        due->serial = row->serial;
        due->found = true;
        return 1;
}

static int find_due(const Sweep *s, Due *due)
{
        Space *space = queue_space(s->queue);
        int r;

        due->found = false;
        r = space->ops->walk(space, SPACE_CONTAINER, NULL, 0, look_at_row, due);
        return r < 0 ? error_trace(r) : 0;
}

/* Nothing is due any more, unless the feed has written meanwhile: then this one is left out. */
static int settle(const Sweep *s, const Due *due, bool exists)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        uint8_t packed[OBJECT_KEY_SIZE];
        SpaceBatch batch;

        space_batch_init(&batch, a);
        object_key_pack(&due->key, packed);
        if (exists)
                space_write_container(&batch, &due->key, &(Container){ .dn = due->container.dn },
                                      due->serial);
        else {
                space_delete(&batch, SPACE_CONTAINER, packed, sizeof(packed));
                batch.writes[batch.n_writes - 1].serial = due->serial;
        }
        return store(s, &batch);
}

static int sweep_due(Sweep *s, const Due *due, SweepResult *ret_result, Diag *diag)
{
        Sweep below = *s;
        int r;

        below.below = &due->key.id;
        below.dn = due->container.dn;
        below.renames = &(SweepRename){ .now = due->container.dn, .before = due->container.dn_before };
        below.n_renames = 1;
        r = sweep_run(&below, ret_result, diag);
        if (r == 0)
                r = read_names(s, &due->key.id, true, diag);
        /* It was deleted, or is not visible any more. */
        if (r == SWEEP_E_NO_CONTAINER) {
                diag_clear(diag);
                return settle(s, due, false);
        }
        return r ? r : settle(s, due, true);
}

int containers_work(Sweep *s, SweepResult *ret_result, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Due due = { .source = s->source, .arena = a };
        SweepResult one;
        int r;

        *ret_result = (SweepResult){ 0 };
        r = read_all_names(s, diag);
        while (r == 0) {
                r = find_due(s, &due);
                if (r || !due.found)
                        break;
                r = sweep_due(s, &due, &one, diag);
                if (r == 0)
                        sweep_result_add(ret_result, &one);
        }
        return r;
}
