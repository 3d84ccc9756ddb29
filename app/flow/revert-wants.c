/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/revert-wants.h"

#include "base/str.h"
#include "engine/target/schema.h"

#include <stdlib.h>
#include <string.h>

static void add_want(RevertWants *w, const HoldWant *want, Value last)
{
        if (w->n == w->size) {
                size_t size = w->size ? w->size * 2 : 16;
                HoldWant *items = arena_new_array(w->arena, HoldWant, size);
                Value *lasts = arena_new_array(w->arena, Value, size);

                if (w->n) {
                        memcpy(items, w->items, w->n * sizeof(*items));
                        memcpy(lasts, w->last, w->n * sizeof(*lasts));
                }
                w->items = items;
                w->last = lasts;
                w->size = size;
        }
        w->last[w->n] = last;
        w->items[w->n++] = *want;
}

/* -- values ---------------------------------------------------------------------------------------------- */

/* One attribute, from entry to entry. */
typedef struct Chain {
        const TargetAttribute *at; /* NULL: the schema has it no more */
        const char *attribute;
        Value restore, expect, last;
        bool is_wanted;
        bool is_over; /* somebody has changed it: what comes later begins with another's value */
} Chain;

typedef struct Chains {
        RevertWants *wants;
        Chain *items;
        size_t n;
} Chains;

static bool is_same(const Chain *c, Value ours, Value theirs)
{
        return c->at ? target_value_is(c->at, ours, theirs) : value_is(ours, theirs);
}

static Chain *chain_of(Chains *s, const char *type, const char *attribute)
{
        Chain *c;

        for (size_t i = 0; i < s->n; i++)
                if (str_is(s->items[i].attribute, attribute))
                        return &s->items[i];
        c = &s->items[s->n++];
        *c = (Chain){ .attribute = attribute, .at = target_attribute(s->wants->schema, type, attribute) };
        return c;
}

static void want_value(Chains *s, const char *type, const JournalOp *op)
{
        Chain *c = chain_of(s, type, op->attribute);

        if (!c->is_wanted)
                c->restore = op->before;
        c->expect = c->last = op->after;
        c->is_wanted = true;
        c->is_over = false;
}

static void follow_value(Chains *s, const char *type, const JournalOp *op)
{
        Chain *c = chain_of(s, type, op->attribute);

        c->last = op->after;
        if (!c->is_wanted || c->is_over)
                return;
        /* The same once more: its answer was lost, or what was read was not replicated yet. */
        if (is_same(c, c->restore, op->before) && is_same(c, c->expect, op->after))
                return;
        /* A write whose answer was lost may not have been done: then this one found what was there before. */
        if (is_same(c, c->restore, op->before) ||
            (is_same(c, c->expect, op->before) && is_same(c, c->restore, op->after))) {
                c->is_wanted = false;
                s->wants->n_back++;
        } else if (is_same(c, c->expect, op->before)) {
                c->expect = op->after;
        } else {
                c->is_over = true;
        }
}

static void take_values(const Chains *s)
{
        for (size_t i = 0; i < s->n; i++)
                if (s->items[i].is_wanted)
                        add_want(s->wants,
                                 &(HoldWant){ .verb = JOURNAL_SET,
                                              .attribute = s->items[i].attribute,
                                              .expect = s->items[i].expect,
                                              .restore = s->items[i].restore },
                                 s->items[i].last);
}

/* -- members --------------------------------------------------------------------------------------------- */

/* One member, in one of the entries. */
typedef struct LinkEvent {
        const JournalOp *op;
        size_t order;
        bool is_meant;
} LinkEvent;

static int by_link(const void *a, const void *b)
{
        const LinkEvent *x = a, *y = b;
        int order = strcmp(x->op->attribute, y->op->attribute);

        if (order == 0)
                order = guid_compare(&x->op->link, &y->op->link);
        return order ? order : x->order < y->order ? -1 : x->order > y->order;
}

static bool is_same_link(const LinkEvent *a, const LinkEvent *b)
{
        return str_is(a->op->attribute, b->op->attribute) && guid_is(&a->op->link, &b->op->link);
}

/* The first event that is meant says how it was before, the last how we left it. Returns how many are of this
 * member. */
static size_t want_member(RevertWants *w, const LinkEvent *events, size_t n)
{
        const JournalOp *first = NULL;
        JournalVerb last = JOURNAL_LINK;
        size_t i;

        for (i = 0; i < n && is_same_link(&events[0], &events[i]); i++) {
                if (!first && !events[i].is_meant)
                        continue;
                first = first ? first : events[i].op;
                last = events[i].op->verb;
                if (!events[i].is_meant && last != first->verb)
                        first = NULL; /* a later run has put it back */
        }
        if (first && first->verb == last)
                add_want(w,
                         &(HoldWant){ .verb = last == JOURNAL_LINK ? JOURNAL_UNLINK : JOURNAL_LINK,
                                      .attribute = first->attribute,
                                      .link = first->link },
                         VALUE_NULL);
        return i;
}

/* -- the manager ----------------------------------------------------------------------------------------- */

typedef struct Managers {
        const char *attribute; /* NULL: nothing is wanted */
        ObjectId before, after;
        bool is_over;
} Managers;

static void take_manager(Managers *m, const JournalOp *op, bool is_meant)
{
        const ObjectId none = { 0 };
        ObjectId before = op->verb == JOURNAL_LINK ? op->link_before : op->link;
        ObjectId after = op->verb == JOURNAL_LINK ? op->link : none;

        if (is_meant) {
                m->before = m->attribute ? m->before : before;
                m->after = after;
                m->attribute = op->attribute;
                m->is_over = false;
        } else if (m->attribute && !m->is_over) {
                if (guid_is(&m->before, &before) && guid_is(&m->after, &after))
                        return; /* the same once more */
                if (guid_is(&m->before, &before) ||
                    (guid_is(&m->after, &before) && guid_is(&m->before, &after)))
                        m->attribute = NULL;
                else if (guid_is(&m->after, &before))
                        m->after = after;
                else
                        m->is_over = true;
        }
}

static void want_manager(RevertWants *w, const Managers *m)
{
        const ObjectId none = { 0 };
        bool had = !guid_is_zero(&m->before);

        if (!m->attribute || guid_is(&m->before, &m->after))
                return;
        add_want(w,
                 &(HoldWant){ .verb = had ? JOURNAL_LINK : JOURNAL_UNLINK,
                              .attribute = m->attribute,
                              .link = had ? m->before : m->after,
                              .link_expect = had ? m->after : none },
                 VALUE_NULL);
}

/* -- an object ------------------------------------------------------------------------------------------- */

typedef struct Story {
        Chains values;
        LinkEvent *events;
        size_t n_events;
        Managers managers;
} Story;

static void take_op(Story *s, const RevertEntry *e, const JournalOp *op)
{
        if (op->verb == JOURNAL_CREATE)
                s->values.wants->is_created |= e->is_meant;
        else if (op->verb == JOURNAL_SET)
                (e->is_meant ? want_value : follow_value)(&s->values, e->journal.type, op);
        else if (str_is(op->attribute, "manager"))
                take_manager(&s->managers, op, e->is_meant);
        else {
                s->events[s->n_events] =
                        (LinkEvent){ .op = op, .order = s->n_events, .is_meant = e->is_meant };
                s->n_events++;
        }
}

void revert_wants(RevertWants *w, const RevertEntry *entries, size_t n)
{
        Story s = { .values = { .wants = w } };
        const ObjectId *cloud = NULL;
        size_t n_ops = 0;

        for (size_t i = 0; i < n; i++)
                n_ops += entries[i].journal.n_ops;
        s.values.items = arena_new_array(w->arena, Chain, n_ops + 1);
        s.events = arena_new_array(w->arena, LinkEvent, n_ops + 1);
        for (size_t i = 0; i < n; i++) {
                const JournalEntry *e = &entries[i].journal;

                if (entries[i].is_meant)
                        cloud = &e->cloud;
                else if (!cloud || !guid_is(cloud, &e->cloud))
                        continue; /* it was made again: another object */
                for (size_t k = 0; k < e->n_ops; k++)
                        take_op(&s, &entries[i], &e->ops[k]);
        }
        take_values(&s.values);
        qsort(s.events, s.n_events, sizeof(*s.events), by_link);
        for (size_t i = 0; i < s.n_events;)
                i += want_member(w, &s.events[i], s.n_events - i);
        want_manager(w, &s.managers);
}
