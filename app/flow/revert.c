/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/revert.h"

#include "app/flow/revert-read.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/model/dn.h"
#include "engine/target/schema.h"

#include <errno.h>
#include <string.h>

/* Objects of one transaction, and entries removed in one. */
#define PAGE  200
#define PRUNE 2000

typedef struct Entries {
        const Revert *rv;
        Arena *arena;
        JournalEntry *items;
        size_t n, size;
        uint64_t n_seen;
        bool stopped;
} Entries;

/* -- entries --------------------------------------------------------------------------------------------- */

static bool is_meant(const Revert *rv, const JournalEntry *e)
{
        char run[GUID_TEXT_MAX];

        if (e->at.ms < rv->since.ms)
                return false;
        if (rv->run && !str_starts(guid_format(&e->run, run), rv->run))
                return false;
        return !rv->rules || (e->rules_version && str_starts(e->rules_version, rv->rules));
}

static int take_entry(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Entries *s = context;
        JournalEntry e;

        if (++s->n_seen % 1000 == 0 && s->rv->progress &&
            s->rv->progress(s->rv->context, "reading the journal", s->n_seen, 0)) {
                s->stopped = true;
                return 1;
        }
        /* A damaged entry says nothing about its object: it cannot be put back. */
        if (journal_unpack(s->arena, row->data, row->n, &e) || !is_meant(s->rv, &e))
                return 0;
        if (s->n == s->size) {
                size_t size = s->size ? s->size * 2 : 1024;
                JournalEntry *items = arena_new_array(s->arena, JournalEntry, size);

                if (s->n)
                        memcpy(items, s->items, s->n * sizeof(*items));
                s->items = items;
                s->size = size;
        }
        s->items[s->n++] = e;
        return 0;
}

static int by_object(const void *a, const void *b)
{
        const JournalEntry *x = a, *y = b;
        int order = x->key.source < y->key.source   ? -1
                    : x->key.source > y->key.source ? 1
                                                    : guid_compare(&x->key.id, &y->key.id);

        if (order)
                return order;
        return x->at.ms < y->at.ms ? -1 : x->at.ms > y->at.ms;
}

/* -- what one object wants ------------------------------------------------------------------------------- */

typedef struct Wants {
        Arena *arena;
        HoldWant *items;
        size_t n, size;
} Wants;

static HoldWant *add_want(Wants *w, const HoldWant *want)
{
        if (w->n == w->size) {
                size_t size = w->size ? w->size * 2 : 16;
                HoldWant *items = arena_new_array(w->arena, HoldWant, size);

                if (w->n)
                        memcpy(items, w->items, w->n * sizeof(*items));
                w->items = items;
                w->size = size;
        }
        w->items[w->n] = *want;
        return &w->items[w->n++];
}

/* One member, in one of the entries. */
typedef struct LinkEvent {
        const JournalOp *op;
        size_t order;
} LinkEvent;

static int by_link(const void *a, const void *b)
{
        const LinkEvent *x = a, *y = b;
        int order = strcmp(x->op->attribute, y->op->attribute);

        if (order == 0)
                order = guid_compare(&x->op->link, &y->op->link);
        return order ? order : x->order < y->order ? -1 : x->order > y->order;
}

static void want_value(Wants *w, const JournalOp *op)
{
        for (size_t i = 0; i < w->n; i++)
                if (w->items[i].verb == JOURNAL_SET && str_is(w->items[i].attribute, op->attribute)) {
                        w->items[i].expect = op->after;
                        return;
                }
        add_want(w, &(HoldWant){ .verb = JOURNAL_SET,
                                 .attribute = op->attribute,
                                 .expect = op->after,
                                 .restore = op->before });
}

/* Members: the first event says how it was before, the last how we left it. */
static void want_members(Wants *w, LinkEvent *events, size_t n)
{
        qsort(events, n, sizeof(*events), by_link);
        for (size_t i = 0; i < n;) {
                size_t last = i;

                while (last + 1 < n && str_is(events[last + 1].op->attribute, events[i].op->attribute) &&
                       guid_is(&events[last + 1].op->link, &events[i].op->link))
                        last++;
                if (events[i].op->verb == events[last].op->verb)
                        add_want(w, &(HoldWant){ .verb = events[i].op->verb == JOURNAL_LINK ? JOURNAL_UNLINK
                                                                                            : JOURNAL_LINK,
                                                 .attribute = events[i].op->attribute,
                                                 .link = events[i].op->link });
                i = last + 1;
        }
}

static void want_manager(Wants *w, const JournalOp *first, const JournalOp *last)
{
        const ObjectId none = { 0 };
        ObjectId before = first->verb == JOURNAL_LINK ? first->link_before : first->link;
        ObjectId after = last->verb == JOURNAL_LINK ? last->link : none;

        if (guid_is(&before, &after))
                return;
        add_want(w, &(HoldWant){ .verb = guid_is_zero(&before) ? JOURNAL_UNLINK : JOURNAL_LINK,
                                 .attribute = first->attribute,
                                 .link = guid_is_zero(&before) ? after : before,
                                 .link_expect = guid_is_zero(&before) ? none : after });
}

/* `*ret_created`: the entries made the object. */
static void collect(Wants *w, const JournalEntry *entries, size_t n, bool *ret_created)
{
        const JournalOp *manager_first = NULL, *manager_last = NULL;
        LinkEvent *events;
        size_t n_ops = 0, n_events = 0;

        *ret_created = false;
        for (size_t i = 0; i < n; i++)
                n_ops += entries[i].n_ops;
        events = arena_new_array(w->arena, LinkEvent, n_ops + 1);
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < entries[i].n_ops; k++) {
                        const JournalOp *op = &entries[i].ops[k];

                        if (op->verb == JOURNAL_CREATE) {
                                *ret_created = true;
                        } else if (op->verb == JOURNAL_SET) {
                                want_value(w, op);
                        } else if (str_is(op->attribute, "manager")) {
                                manager_first = manager_first ? manager_first : op;
                                manager_last = op;
                        } else {
                                events[n_events] = (LinkEvent){ .op = op, .order = n_events };
                                n_events++;
                        }
                }
        want_members(w, events, n_events);
        if (manager_first)
                want_manager(w, manager_first, manager_last);
}

/* -- what is there now ----------------------------------------------------------------------------------- */

static void leave(RevertFigures *f, const JournalEntry *e, const char *attribute, const char *why)
{
        json_array_append_new(f->left, json_pack("{s:s, s:s?, s:s}", "dn", e->dn ? e->dn : "", "attribute",
                                                 attribute, "why", why));
}

/* What must be read of it: the values that are wanted back. */
static void plan_read(RevertRead *read, const JournalEntry *e, const Wants *w)
{
        const char **names = arena_new_array(w->arena, const char *, w->n + 1);

        *read = (RevertRead){ .type = e->type, .id = e->cloud, .attributes = names };
        for (size_t i = 0; i < w->n; i++)
                if (w->items[i].verb == JOURNAL_SET)
                        names[read->n_attributes++] = w->items[i].attribute;
}

/* What is neither as we left it nor as it was is left alone. */
static void compare(const TargetSchema *schema, const JournalEntry *e, Wants *w, const RevertRead *now,
                    RevertFigures *f)
{
        size_t kept = 0;

        if (now->result == TARGET_E_NOT_FOUND) {
                leave(f, e, NULL, "it is not in Microsoft Entra ID any more");
                w->n = 0;
                return;
        }
        for (size_t i = 0; i < w->n; i++) {
                const HoldWant *want = &w->items[i];
                const TargetAttribute *at = target_attribute(schema, e->type, want->attribute);
                Value theirs = now->object ? object_get(now->object, want->attribute) : VALUE_NULL;

                if (want->verb == JOURNAL_SET && !at)
                        continue;
                if (want->verb == JOURNAL_SET && now->object && target_value_is(at, want->restore, theirs)) {
                        f->n_back++;
                        continue;
                }
                if (want->verb == JOURNAL_SET && now->object && !target_value_is(at, want->expect, theirs)) {
                        leave(f, e, want->attribute,
                              arena_printf(w->arena, "somebody has changed it since: it is \"%s\"",
                                           value_text(w->arena, theirs, 200)));
                        continue;
                }
                w->items[kept++] = *want;
                f->n_values += want->verb == JOURNAL_SET;
                f->n_links += want->verb != JOURNAL_SET;
        }
        w->n = kept;
}

/* -- putting it back ------------------------------------------------------------------------------------- */

typedef struct Page {
        Arena *arena;
        SpaceBatch batch;
        Change changes[PAGE];
        size_t n;
} Page;

static void page_begin(Page *p)
{
        arena_reset(p->arena);
        space_batch_init(&p->batch, p->arena);
        p->n = 0;
}

static int page_put(Page *p, Queue *q, Wall now)
{
        int r = p->n ? queue_put(q, &(Intake){ .changes = p->changes,
                                               .n_changes = p->n,
                                               .writes = p->batch.writes,
                                               .n_writes = p->batch.n_writes,
                                               .now = now })
                     : 0;

        page_begin(p);
        return r == QUEUE_E_FULL ? REVERT_E_FULL : error_fold(r);
}

static void page_add(Page *p, const ObjectKey *key, const char *dn, const char *by, Wall now)
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

static const char *reason_of(const Revert *rv, Arena *a)
{
        char since[WALL_TEXT_MAX];

        if (rv->run)
                return arena_printf(a, "run %s", rv->run);
        if (rv->rules)
                return arena_printf(a, "rules %s", rv->rules);
        return arena_printf(a, "everything since %s", wall_format(rv->since, since));
}

static void hold(Page *p, const Revert *rv, const JournalEntry *e, const Wants *w, Wall now)
{
        space_write_hold(&p->batch, &e->key,
                         &(Hold){ .since = now,
                                  .by = rv->by,
                                  .why = reason_of(rv, p->arena),
                                  .dn = e->dn,
                                  .wants = w->items,
                                  .n_wants = w->n });
        page_add(p, &e->key, e->dn, rv->by, now);
}

/* Some objects, read at the same time and put back in one transaction. */
typedef struct Group {
        const JournalEntry *last[PAGE]; /* of each, its last entry */
        Wants wants[PAGE];
        RevertRead reads[PAGE];
        size_t n;
} Group;

/* The next objects; returns the entry behind theirs. What the entries made is named. */
static size_t gather(const Entries *s, size_t i, Group *g, Arena *a, RevertFigures *f)
{
        g->n = 0;
        while (i < s->n && g->n < PAGE) {
                const JournalEntry *e = &s->items[i];
                Wants *w = &g->wants[g->n];
                bool created;
                size_t n = 1;

                while (i + n < s->n && s->items[i + n].key.source == e->key.source &&
                       guid_is(&s->items[i + n].key.id, &e->key.id))
                        n++;
                *w = (Wants){ .arena = a };
                collect(w, e, n, &created);
                if (created)
                        json_array_append_new(f->created, json_string(e->dn ? e->dn : ""));
                else if (w->n) {
                        g->last[g->n] = &e[n - 1];
                        plan_read(&g->reads[g->n], &e[n - 1], w);
                        g->n++;
                }
                i += n;
        }
        return i;
}

/* Return: 0, REVERT_E_UNREACHABLE, -errno. */
static int put_back(const Revert *rv, Group *g, Page *page, RevertFigures *f, Wall now, Diag *diag)
{
        for (size_t i = 0; i < g->n; i++)
                if (g->reads[i].result && g->reads[i].result != TARGET_E_NOT_FOUND) {
                        diag_set(diag, "%s",
                                 g->reads[i].why ? g->reads[i].why : "Microsoft Graph does not answer");
                        return g->reads[i].result < 0 ? g->reads[i].result : REVERT_E_UNREACHABLE;
                }
        for (size_t i = 0; i < g->n; i++) {
                compare(rv->schema, g->last[i], &g->wants[i], &g->reads[i], f);
                if (!g->wants[i].n)
                        continue;
                f->n_objects++;
                if (!rv->dry_run)
                        hold(page, rv, g->last[i], &g->wants[i], now);
        }
        return page_put(page, rv->queue, now);
}

static int plan_objects(const Revert *rv, const Entries *s, Page *page, RevertFigures *f, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0), *of_group = arena_new(0);
        Group *g = arena_new_of(a, Group);
        Wall now = clock_wall(rv->clock);
        RevertReaders readers;
        int r = 0;

        revert_readers_init(&readers);
        for (size_t i = 0; r == 0 && i < s->n;) {
                arena_reset(of_group);
                i = gather(s, i, g, of_group, f);
                for (size_t k = 0; k < g->n; k++)
                        g->reads[k].schema = rv->schema;
                if (rv->target)
                        revert_read(&readers, rv->target, rv->clock, g->reads, g->n);
                r = put_back(rv, g, page, f, now, diag);
                if (r == 0 && rv->progress && rv->progress(rv->context, "comparing", i, s->n))
                        r = REVERT_E_CANCELLED;
        }
        revert_readers_deinit(&readers);
        return r;
}

int revert_run(const Revert *rv, RevertFigures *ret_figures, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0), *b = arena_new(0);
        RevertFigures f = { .left = json_array(), .created = json_array() };
        Entries entries = { .rv = rv, .arena = a };
        Page *page = arena_new_of(a, Page);
        JournalEntry from = { .at = rv->since };
        uint8_t key[JOURNAL_KEY_SIZE];
        Space *space = queue_space(rv->queue);
        int r;

        page->arena = b;
        page_begin(page);
        journal_key(&from, key);
        r = error_fold(space->ops->walk(space, SPACE_JOURNAL, rv->since.ms ? key : NULL,
                                        rv->since.ms ? sizeof(key) : 0, take_entry, &entries));
        if (r == 0 && entries.stopped)
                r = REVERT_E_CANCELLED;
        f.n_entries = entries.n;
        if (r == 0 && entries.n) {
                qsort(entries.items, entries.n, sizeof(*entries.items), by_object);
                r = plan_objects(rv, &entries, page, &f, diag);
        }
        if (r) {
                json_decref(f.left);
                json_decref(f.created);
                return r;
        }
        *ret_figures = f;
        return 0;
}

/* -- what is held ---------------------------------------------------------------------------------------- */

typedef struct Listing {
        json_t *list;
        size_t max;
        Arena *arena;
} Listing;

static int list_one(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Listing *l = context;
        Hold h = { .dn = "" };
        char since[WALL_TEXT_MAX];
        json_t *left = json_array();

        arena_reset(l->arena);
        if (hold_unpack(l->arena, row->data, row->n, &h))
                h.why = "damaged";
        for (size_t i = 0; i < h.n_left; i++)
                json_array_append_new(left, json_string(h.left[i]));
        json_array_append_new(l->list, json_pack("{s:s?, s:s, s:s?, s:s?, s:I, s:o}", "dn", h.dn, "since",
                                                 wall_format(h.since, since), "why", h.why, "by", h.by,
                                                 "waiting", (json_int_t)h.n_wants, "left", left));
        return json_array_size(l->list) >= l->max;
}

json_t *revert_list(Queue *q, size_t max)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Listing l = { .list = json_array(), .max = max, .arena = a };
        Space *s = queue_space(q);

        if (s->ops->walk(s, SPACE_HOLD, NULL, 0, list_one, &l) == 0)
                return l.list;
        json_decref(l.list);
        return NULL;
}

typedef struct Releasing {
        Queue *queue;
        Space *space;
        const Dn *dn; /* NULL: all */
        Page *page;
        Arena *arena;
        Wall now;
        int n, r;
} Releasing;

static int release_one(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Releasing *l = context;
        uint64_t serial;
        ObjectKey object;
        const Dn *dn;
        Head head;
        Hold h;

        arena_reset(l->arena);
        if (!object_key_unpack(key, n_key, &object) ||
            space_read_head(l->space, &object, l->arena, &head, &serial, NULL))
                return 0;
        if (l->dn && (hold_unpack(l->arena, row->data, row->n, &h) || !h.dn ||
                      dn_parse(l->arena, h.dn, &dn, NULL) || !dn_is(dn, l->dn)))
                return 0;
        space_delete(&l->page->batch, SPACE_HOLD, key, n_key);
        head.hash = (Hash128){ 0 };
        space_write_head(&l->page->batch, &object, &head, serial);
        page_add(l->page, &object, head.dn, NULL, l->now);
        l->n++;
        l->r = l->page->n == PAGE ? page_put(l->page, l->queue, l->now) : 0;
        return l->r != 0;
}

int revert_release(Queue *q, const char *dn, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0), *b = arena_new(0), *c = arena_new(0);
        Releasing l = { .queue = q, .space = queue_space(q), .arena = b, .now = now };
        int r;

        if (dn && dn_parse(a, dn, &l.dn, NULL))
                return -EINVAL;
        l.page = arena_new_of(a, Page);
        l.page->arena = c;
        page_begin(l.page);
        r = l.space->ops->walk(l.space, SPACE_HOLD, NULL, 0, release_one, &l);
        if (r == 0)
                r = l.r;
        if (r == 0)
                r = page_put(l.page, q, now);
        return r == REVERT_E_FULL ? -ENOSPC : r ? error_fold(r) : l.n;
}

/* -- retention ------------------------------------------------------------------------------------------- */

typedef struct Pruning {
        SpaceBatch *batch;
        Wall before;
        int n;
} Pruning;

static int prune_one(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Pruning *p = context;
        const uint8_t *k = key;
        uint64_t at = 0;

        if (n_key != JOURNAL_KEY_SIZE)
                return 0;
        for (int i = 0; i < 8; i++)
                at = at << 8 | k[i];
        if ((int64_t)at >= p->before.ms || p->n == PRUNE)
                return 1;
        space_delete(p->batch, SPACE_JOURNAL, key, n_key);
        p->n++;
        return 0;
}

int revert_prune(Queue *q, Wall before, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Space *s = queue_space(q);
        SpaceBatch batch;
        Pruning p = { .batch = &batch, .before = before };
        int r;

        space_batch_init(&batch, a);
        r = s->ops->walk(s, SPACE_JOURNAL, NULL, 0, prune_one, &p);
        if (r == 0 && p.n)
                r = queue_put(q, &(Intake){ .writes = batch.writes, .n_writes = batch.n_writes, .now = now });
        return r ? error_fold(r) : p.n;
}
