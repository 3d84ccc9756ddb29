/* SPDX-License-Identifier: Apache-2.0 */

/* Parked: what waits for a person, why, and what the person can do. */

#include "report/console/page.h"

#include <string.h>

#define PAGE  500
#define SHOWN 200

/* Whole pages of the queue are looked through; a backlog of millions is not. */
#define LOOKED_MAX 200000

typedef struct Parked {
        QueueItem items[SHOWN];
        const char *runs[SHOWN]; /* the last of each; NULL: without a report */
        size_t n, n_looked;
        size_t n_all;  /* of the queue, as its counters say */
        bool is_whole; /* no other is in the queue */
} Parked;

static size_t count_parked(Ask *q)
{
        QueueStats stats;
        size_t n = 0;

        if (queue_stats(q->console->queue, q->now, &stats))
                return SIZE_MAX;
        for (size_t lane = 0; lane < _LANE_N; lane++)
                n += stats.n[lane][QUEUE_PARKED];
        return n;
}

static void keep(Ask *q, Parked *p, const QueueItem *item)
{
        QueueItem *kept = &p->items[p->n++];

        *kept = *item;
        kept->change = (Change){ .source = item->change.source,
                                 .id = item->change.id,
                                 .lane = item->change.lane,
                                 .dn = item->change.dn ? arena_strdup(q->arena, item->change.dn) : NULL };
        kept->reason = item->reason ? arena_strdup(q->arena, item->reason) : NULL;
}

/* Return: 0, -errno. */
static int gather(Ask *q, Parked *p)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ObjectKey after = { 0 };
        QueueItem *items;
        size_t n = 1;

        p->n_all = count_parked(q);
        while (n && p->n < p->n_all && p->n < SHOWN && p->n_looked < LOOKED_MAX) {
                int r;

                arena_reset(a);
                r = queue_list(q->console->queue, p->n_looked ? &after : NULL, PAGE, a, &items, &n);
                if (r)
                        return r;
                for (size_t i = 0; i < n && p->n < SHOWN; i++)
                        if (items[i].state == QUEUE_PARKED)
                                keep(q, p, &items[i]);
                p->n_looked += n;
                if (n)
                        after = (ObjectKey){ .source = items[n - 1].change.source,
                                             .id = items[n - 1].change.id };
        }
        p->is_whole = !n || p->n >= p->n_all;
        return 0;
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

/* The report of each one's last run has the whole reason. */
static void find_runs(Ask *q, Parked *p)
{
        ObjectId *objects = arena_new_array(q->arena, ObjectId, p->n + 1);
        ReportStore *store = *q->console->store;

        for (size_t i = 0; i < p->n; i++)
                objects[i] = p->items[i].change.id;
        if (store)
                report_store_newest_runs(store, objects, p->n, q->arena, p->runs);
}

static void add_item(Ask *q, Str *out, const QueueItem *item, const char *run, bool is_held)
{
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
                if (held_by(v, &p->items[i]) != b)
                        continue;
                if (n++ == 0)
                        html_raw(out, "<ul class=\"plain\">");
                add_item(q, out, &p->items[i], p->runs[i], b != NULL);
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

/* Why there are no more of them here. */
static void say_rest(Str *out, const Parked *p)
{
        if (p->is_whole)
                return;
        html_raw(out, "<p class=\"muted\">");
        if (p->n_all != SIZE_MAX)
                str_printf(out, "%zu change%s parked. ", p->n_all, p->n_all == 1 ? " is" : "s are");
        if (p->n == SHOWN)
                str_printf(out, "These are the first %d of the queue.", SHOWN);
        else
                str_printf(out, "The queue is long: of its first %zu changes, %zu %s parked.", p->n_looked,
                           p->n, p->n == 1 ? "is" : "are");
        html_raw(out, " <code>sosync queue list --state parked</code> looks through it all.</p>");
}

void page_parked(Ask *q)
{
        Parked *p = arena_new_of(q->arena, Parked);
        Str *out = &q->answer.body;
        size_t n_free = 0, n_on;
        Vitals v;
        int r = gather(q, p);

        if (r) {
                page_say(q, 500, "The queue cannot be read", strerror(-r));
                return;
        }
        find_runs(q, p);
        q->console->ops->vitals(q->console->context, q->arena, &v);
        for (size_t i = 0; i < p->n; i++)
                n_free += !held_by(&v, &p->items[i]);
        page_begin(q, "Parked", "/parked");
        html_raw(
                out,
                "<main id=\"content\"><h1>Parked</h1><p class=\"muted\">Changes that only a person can help. "
                "Whatever changes at the object in the directory starts it again by itself. Dropping forgets "
                "a "
                "change; the object comes back with its next one.</p>");
        say_rest(out, p);
        n_on = add_brakes(q, p, &v);
        if (n_on && n_free)
                html_raw(out, "<h2>For other reasons</h2>");
        if (!p->n && !n_on && p->is_whole)
                html_raw(out, "<div class=\"card\"><p class=\"lead\">Nothing is parked.</p></div>");
        if (n_free > 1 && q->role == CONSOLE_OPERATE && q->csrf) {
                page_form(q, out, "/parked/steer", "inline");
                page_hidden(out, "verb", "retry-all");
                page_form_end(out, p->is_whole ? "Try all again" : "Try these again", "main");
        }
        add_items(q, p, &v, NULL);
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
                r = gather(q, p);
                for (size_t i = 0; i < p->n && r >= 0; i++) {
                        if (held_by(&v, &p->items[i]))
                                continue;
                        key = (ObjectKey){ .source = p->items[i].change.source, .id = p->items[i].change.id };
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
