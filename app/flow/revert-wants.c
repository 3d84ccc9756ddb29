/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/revert-wants.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static HoldWant *add_want(RevertWants *w, const HoldWant *want)
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

static void want_value(RevertWants *w, const JournalOp *op)
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
static void want_members(RevertWants *w, LinkEvent *events, size_t n)
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

static void want_manager(RevertWants *w, const JournalOp *first, const JournalOp *last)
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

void revert_wants(RevertWants *w, const JournalEntry *entries, size_t n, bool *ret_created)
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
