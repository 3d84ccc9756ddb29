/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/revert.h"

#include "app/flow/revert-meant.h"
#include "app/flow/revert-page.h"
#include "app/flow/revert-read.h"
#include "app/flow/revert-wants.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/target/schema.h"

#include <stdlib.h>
#include <string.h>

/* Entries removed in one transaction. */
#define PRUNE 2000

/* -- entries --------------------------------------------------------------------------------------------- */

typedef struct Entries {
        const Revert *rv;
        RevertMeant meant;
        Arena *arena, *scratch;
        RevertEntry *items;
        size_t n, size;
        size_t n_meant; /* they are the first, by_object; 0: they are still looked for */
        uint64_t n_seen;
        bool stopped;
} Entries;

static int compare_object(const JournalEntry *x, const JournalEntry *y)
{
        return x->key.source < y->key.source   ? -1
               : x->key.source > y->key.source ? 1
                                               : guid_compare(&x->key.id, &y->key.id);
}

static int of_object(const void *a, const void *b)
{
        return compare_object(&((const RevertEntry *)a)->journal, &((const RevertEntry *)b)->journal);
}

static int by_object(const void *a, const void *b)
{
        const JournalEntry *x = &((const RevertEntry *)a)->journal, *y = &((const RevertEntry *)b)->journal;
        int order = compare_object(x, y);

        if (order)
                return order;
        return x->at.ms < y->at.ms ? -1 : x->at.ms > y->at.ms;
}

/* First what is meant; then, of the same objects, what is not. */
static bool is_wanted(Entries *s, const JournalEntry *e)
{
        RevertEntry key = { .journal = { .key = e->key } };
        bool is_meant = e->at.ms >= s->rv->since.ms && revert_meant_is(&s->meant, e);

        if (!s->n_meant)
                return is_meant;
        return !is_meant && bsearch(&key, s->items, s->n_meant, sizeof(key), of_object);
}

static int take_entry(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Entries *s = context;
        RevertEntry e = { .is_meant = !s->n_meant };

        if (++s->n_seen % 1000 == 0 && s->rv->progress &&
            s->rv->progress(s->rv->context, "reading the journal", s->n_seen, 0)) {
                s->stopped = true;
                return 1;
        }
        arena_reset(s->scratch);
        /* A damaged entry says nothing about its object: it cannot be put back. */
        if (journal_unpack(s->scratch, row->data, row->n, &e.journal) || !is_wanted(s, &e.journal) ||
            journal_unpack(s->arena, row->data, row->n, &e.journal))
                return 0;
        if (s->n == s->size) {
                size_t size = s->size ? s->size * 2 : 1024;
                RevertEntry *items = arena_new_array(s->arena, RevertEntry, size);

                if (s->n)
                        memcpy(items, s->items, s->n * sizeof(*items));
                s->items = items;
                s->size = size;
        }
        s->items[s->n++] = e;
        return 0;
}

/* Return: 0, REVERT_E_CANCELLED, -errno. */
static int walk_journal(Entries *s, Wall since)
{
        Space *space = queue_space(s->rv->queue);
        JournalEntry from = { .at = since };
        uint8_t key[JOURNAL_KEY_SIZE];
        int r;

        journal_key(&from, key);
        r = error_fold(space->ops->walk(space, SPACE_JOURNAL, since.ms ? key : NULL,
                                        since.ms ? sizeof(key) : 0, take_entry, s));
        return r == 0 && s->stopped ? REVERT_E_CANCELLED : r;
}

/* What is meant, and what came later of the same objects, object by object. Return: 0, REVERT_E_*, -errno. */
static int read_journal(Entries *s, Diag *diag)
{
        Wall first = { INT64_MAX };
        int r = walk_journal(s, s->rv->since);

        r = r ? r : revert_meant_check(&s->meant, diag);
        if (r || !s->n)
                return r;
        for (size_t i = 0; i < s->n; i++)
                first = s->items[i].journal.at.ms < first.ms ? s->items[i].journal.at : first;
        qsort(s->items, s->n, sizeof(*s->items), by_object);
        s->n_meant = s->n;
        r = walk_journal(s, first);
        if (r == 0)
                qsort(s->items, s->n, sizeof(*s->items), by_object);
        return r;
}

/* -- what is there now ----------------------------------------------------------------------------------- */

static void leave(RevertFigures *f, const JournalEntry *e, const char *attribute, const char *why)
{
        json_array_append_new(f->left, json_pack("{s:s, s:s?, s:s}", "dn", e->dn ? e->dn : "", "attribute",
                                                 attribute, "why", why));
}

/* What must be read of it: the values that are wanted back. */
static void plan_read(RevertRead *read, const JournalEntry *e, const RevertWants *w)
{
        const char **names = arena_new_array(w->arena, const char *, w->n + 1);

        *read = (RevertRead){ .type = e->type, .id = e->cloud, .attributes = names };
        for (size_t i = 0; i < w->n; i++)
                if (w->items[i].verb == JOURNAL_SET)
                        names[read->n_attributes++] = w->items[i].attribute;
}

/* What is neither as we left it nor as it was is left alone. */
static void compare(const TargetSchema *schema, const JournalEntry *e, RevertWants *w, const RevertRead *now,
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
                        bool ours = target_value_is(at, w->last[i], theirs);

                        leave(f, e, want->attribute,
                              arena_printf(w->arena, "somebody has changed it since%s: it is \"%s\"",
                                           ours ? ", and then sosync" : "",
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

static const char *reason_of(const Revert *rv, Arena *a)
{
        char since[WALL_TEXT_MAX];

        if (rv->run)
                return arena_printf(a, "run %s", rv->run);
        if (rv->rules)
                return arena_printf(a, "rules %s", rv->rules);
        return arena_printf(a, "everything since %s", wall_format(rv->since, since));
}

static bool is_same_want(const HoldWant *a, const HoldWant *b)
{
        bool one_value = a->verb == JOURNAL_SET || str_is(a->attribute, "manager");

        return (a->verb == JOURNAL_SET) == (b->verb == JOURNAL_SET) && str_is(a->attribute, b->attribute) &&
               (one_value || guid_is(&a->link, &b->link));
}

/* What a revert before this one wants and has not put back yet stays wanted, as if it had been done first. */
static void keep_wants(Hold *h, const Hold *old, Arena *a)
{
        HoldWant *wants = arena_new_array(a, HoldWant, old->n_wants + h->n_wants);
        size_t n = old->n_wants;

        memcpy(wants, old->wants, n * sizeof(*wants));
        for (size_t i = 0; i < h->n_wants; i++) {
                bool known = false;

                for (size_t k = 0; k < old->n_wants && !known; k++)
                        known = is_same_want(&old->wants[k], &h->wants[i]);
                if (!known)
                        wants[n++] = h->wants[i];
        }
        h->wants = wants;
        h->n_wants = n;
        h->why = str_is(old->why, h->why) ? h->why : arena_printf(a, "%s, then %s", old->why, h->why);
}

/* Return: 0, -errno. */
static int hold(RevertPage *p, const Revert *rv, const JournalEntry *e, const RevertWants *w, Wall now)
{
        Hold old, h = { .since = now,
                        .by = rv->by,
                        .why = reason_of(rv, p->arena),
                        .dn = e->dn,
                        .wants = w->items,
                        .n_wants = w->n };
        int r = space_read_hold(queue_space(rv->queue), &e->key, p->arena, &old);

        if (r < 0)
                return r;
        if (r == 0) {
                h.left = old.left;
                h.n_left = old.n_left;
        }
        if (r == 0 && old.n_wants)
                keep_wants(&h, &old, p->arena);
        space_write_hold(&p->batch, &e->key, &h);
        revert_page_add(p, &e->key, e->dn, rv->by, now);
        return 0;
}

/* Some objects, read at the same time and put back in one transaction. */
typedef struct Group {
        const JournalEntry *last[REVERT_PAGE]; /* of each, its last entry that is meant */
        RevertWants wants[REVERT_PAGE];
        RevertRead reads[REVERT_PAGE];
        size_t n;
} Group;

/* The next objects; returns the entry behind theirs. What the entries made is named. */
static size_t gather(const Entries *s, size_t i, Group *g, Arena *a, RevertFigures *f)
{
        g->n = 0;
        while (i < s->n && g->n < REVERT_PAGE) {
                const JournalEntry *last = NULL;
                RevertWants *w = &g->wants[g->n];
                size_t n = 0;

                for (; i + n < s->n && of_object(&s->items[i], &s->items[i + n]) == 0; n++)
                        if (s->items[i + n].is_meant)
                                last = &s->items[i + n].journal;
                *w = (RevertWants){ .arena = a, .schema = s->rv->schema };
                revert_wants(w, &s->items[i], n);
                i += n;
                if (w->is_created) {
                        json_array_append_new(f->created, json_string(last->dn ? last->dn : ""));
                        continue;
                }
                f->n_back += w->n_back;
                if (w->n) {
                        g->last[g->n] = last;
                        plan_read(&g->reads[g->n], last, w);
                        g->n++;
                }
        }
        return i;
}

/* Return: 0, REVERT_E_UNREACHABLE, -errno. */
static int put_back(const Revert *rv, Group *g, RevertPage *page, RevertFigures *f, Wall now, Diag *diag)
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
                if (!rv->dry_run) {
                        int r = hold(page, rv, g->last[i], &g->wants[i], now);

                        if (r)
                                return error_fold(r);
                }
        }
        return revert_page_put(page, rv->queue, now);
}

static int plan_objects(const Revert *rv, const Entries *s, RevertPage *page, RevertFigures *f, Diag *diag)
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
                        revert_read(&readers, rv->target, rv->clock, rv->asker, g->reads, g->n);
                r = put_back(rv, g, page, f, now, diag);
                if (r == 0 && rv->progress && rv->progress(rv->context, "comparing", i, s->n))
                        r = REVERT_E_CANCELLED;
                if (r > 0 && target_asker_is_gone(rv->asker))
                        r = REVERT_E_CANCELLED;
        }
        revert_readers_deinit(&readers);
        return r;
}

int revert_run(const Revert *rv, RevertFigures *ret_figures, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0), *b = arena_new(0), *c = arena_new(0);
        RevertFigures f = { .left = json_array(), .created = json_array() };
        Entries entries = { .rv = rv, .arena = a, .scratch = c };
        RevertPage *page = arena_new_of(a, RevertPage);
        int r = revert_meant_init(&entries.meant, a, rv->run, rv->rules, diag);

        page->arena = b;
        revert_page_begin(page);
        r = r ? r : read_journal(&entries, diag);
        f.n_entries = entries.n_meant;
        if (r == 0 && entries.n)
                r = plan_objects(rv, &entries, page, &f, diag);
        if (r) {
                json_decref(f.left);
                json_decref(f.created);
                return r;
        }
        *ret_figures = f;
        return 0;
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
                r = queue_put_batch(q, &batch, now);
        return r ? error_fold(r) : p.n;
}
