/* SPDX-License-Identifier: Apache-2.0 */

/* Parked: what waits for a person, why, and what the person can do. */

#include "report/console/page.h"

#include <string.h>

#define PAGE  500
#define SHOWN 200

/* Whole pages of the queue are looked through; a backlog of millions is not. */
#define LOOKED_MAX 200000

typedef struct Parked {
        const QueueItem *items[SHOWN];
        size_t n, n_looked;
} Parked;

static void gather(Ask *q, Parked *p)
{
        ObjectKey after = { 0 };
        QueueItem *items;
        size_t n;

        while (p->n < SHOWN && p->n_looked < LOOKED_MAX &&
               queue_list(q->console->queue, p->n_looked ? &after : NULL, PAGE, q->arena, &items, &n) == 0 &&
               n) {
                for (size_t i = 0; i < n && p->n < SHOWN; i++)
                        if (items[i].state == QUEUE_PARKED)
                                p->items[p->n++] = &items[i];
                p->n_looked += n;
                after = (ObjectKey){ .source = items[n - 1].change.source, .id = items[n - 1].change.id };
        }
}

static void add_act(Ask *q, Str *out, const QueueItem *item, const char *verb, const char *button)
{
        char guid[GUID_TEXT_MAX], source[8];

        page_form(q, out, "/parked/steer", "inline");
        page_hidden(out, "verb", verb);
        snprintf(source, sizeof(source), "%u", (unsigned)item->change.source);
        page_hidden(out, "source", source);
        page_hidden(out, "object", guid_format(&item->change.id, guid));
        page_form_end(out, button, str_is(verb, "drop") ? "quiet" : "");
}

/* The report of its last run has the whole reason. */
static const char *last_run(Ask *q, const QueueItem *item)
{
        const ReportFilter filter = { .object = &item->change.id, .result = -1, .disposition = -1 };
        ReportStore *store = *q->console->store;
        ReportRow *rows;
        size_t n;

        if (!store || report_store_list(store, &filter, 0, 1, q->arena, &rows, &n) || !n)
                return NULL;
        return rows[0].run_id;
}

static void add_item(Ask *q, Str *out, const QueueItem *item, bool is_held)
{
        const char *run = last_run(q, item);

        html_raw(out, "<li class=\"card parked\"><div class=\"who\"><bdi class=\"dn\">");
        html_text(out, item->change.dn && *item->change.dn ? item->change.dn
                                                           : "(an object whose DN is not known)");
        html_raw(out, "</bdi></div><p><b class=\"errcode\">");
        html_text(out, item->reason ? item->reason : "parked");
        html_raw(out, "</b> <span class=\"muted\">");
        str_printf(out, "after %u tr%s, ", item->tries, item->tries == 1 ? "y" : "ies");
        html_text(out, lane_name((Lane)item->change.lane));
        html_raw(out, " lane, waits since ");
        page_time(out, item->queued, q->now);
        html_raw(out, "</span></p><div class=\"acts\">");
        if (run) {
                html_raw(out, "<a class=\"button\" href=\"");
                html_attr(out, q->prefix);
                html_raw(out, "/changes/");
                html_url(out, run);
                html_raw(out, "\">Why: its report</a>");
        }
        if (q->role == CONSOLE_OPERATE && q->csrf) {
                if (!is_held)
                        add_act(q, out, item, "retry", "Try again");
                add_act(q, out, item, "drop", "Drop");
        }
        html_raw(out, "</div></li>\n");
}

/* By a brake that is on: a try would only be parked again. */
static const VitalsBrake *held_by(const Vitals *v, const QueueItem *item)
{
        for (size_t i = 0; i < v->n_brakes; i++)
                if (v->brakes[i].on && str_is(v->brakes[i].code, item->reason))
                        return &v->brakes[i];
        return NULL;
}

/* What this brake holds; NULL: what none does. Returns how many. */
static size_t add_items(Ask *q, const Parked *p, const Vitals *v, const VitalsBrake *b)
{
        Str *out = &q->answer.body;
        size_t n = 0;

        for (size_t i = 0; i < p->n; i++) {
                if (held_by(v, p->items[i]) != b)
                        continue;
                if (n++ == 0)
                        html_raw(out, "<ul class=\"plain\">");
                add_item(q, out, p->items[i], b != NULL);
        }
        if (n)
                html_raw(out, "</ul>");
        return n;
}

static size_t add_brakes(Ask *q, const Parked *p, const Vitals *v)
{
        size_t n = 0;

        for (size_t i = 0; i < v->n_brakes; i++)
                if (v->brakes[i].on) {
                        page_brake(q, &v->brakes[i]);
                        add_items(q, p, v, &v->brakes[i]);
                        n++;
                }
        return n;
}

void page_parked(Ask *q)
{
        Parked *p = arena_new_of(q->arena, Parked);
        Str *out = &q->answer.body;
        size_t n_free = 0, n_on;
        Vitals v;

        q->console->ops->vitals(q->console->context, q->arena, &v);
        gather(q, p);
        for (size_t i = 0; i < p->n; i++)
                n_free += !held_by(&v, p->items[i]);
        page_begin(q, "Parked", "/parked");
        html_raw(
                out,
                "<main id=\"content\"><h1>Parked</h1><p class=\"muted\">Changes that only a person can help. "
                "Whatever changes at the object in the directory starts it again by itself. Dropping forgets "
                "a "
                "change; the object comes back with its next one.</p>");
        n_on = add_brakes(q, p, &v);
        if (n_on && n_free)
                html_raw(out, "<h2>For other reasons</h2>");
        if (!p->n && !n_on)
                html_raw(out, "<div class=\"card\"><p class=\"lead\">Nothing is parked.</p></div>");
        if (n_free > 1 && q->role == CONSOLE_OPERATE && q->csrf) {
                page_form(q, out, "/parked/steer", "inline");
                page_hidden(out, "verb", "retry-all");
                page_form_end(out, p->n == SHOWN ? "Try these again" : "Try all again", "main");
        }
        add_items(q, p, &v, NULL);
        if (p->n == SHOWN)
                str_printf(out, "<p class=\"muted\">These are %d; there may be more.</p>", SHOWN);
        html_raw(out, "</main>\n");
        page_end(q);
}

static int steer(Ask *q, const char *verb, const ObjectKey *key)
{
        return str_is(verb, "drop") ? queue_drop(q->console->queue, key)
                                    : queue_unpark(q->console->queue, key, q->now);
}

void page_steer(Ask *q)
{
        const char *verb = ask_field(q, "verb"), *object = ask_field(q, "object");
        Parked *p = arena_new_of(q->arena, Parked);
        ObjectKey key = { 0 };
        int64_t source = 0;
        Vitals v;
        int r = 0;

        log_info(q->console->log, "console", LOG_STR("user", q->user), LOG_STR("act", verb),
                 LOG_STR("object", object));
        if (str_is(verb, "retry-all")) {
                q->console->ops->vitals(q->console->context, q->arena, &v);
                gather(q, p);
                for (size_t i = 0; i < p->n && r >= 0; i++) {
                        if (held_by(&v, p->items[i]))
                                continue;
                        key = (ObjectKey){ .source = p->items[i]->change.source,
                                           .id = p->items[i]->change.id };
                        r = queue_unpark(q->console->queue, &key, q->now);
                }
        } else if ((str_is(verb, "retry") || str_is(verb, "drop")) && guid_parse(object, &key.id) &&
                   str_to_int64(ask_field(q, "source"), &source) && source >= 0 && source <= UINT16_MAX) {
                key.source = (uint16_t)source;
                r = steer(q, verb, &key);
        } else {
                page_say(q, 400, "Not understood", "This form is not one of ours.");
                return;
        }
        q->console->ops->acted(q->console->context, q->user, verb, *object ? object : "parked",
                               r < 0 ? strerror(-r) : NULL);
        /* Gone already, or in work: what was wanted has happened otherwise, and the list shows it. */
        if (r < 0)
                page_say(q, 500, "The queue cannot be changed", strerror(-r));
        else
                page_go(q, "/parked");
}
