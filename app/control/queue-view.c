/* SPDX-License-Identifier: Apache-2.0 */

#include "app/control/queue-view.h"

#include "app/flow/connector.h"
#include "base/error.h"
#include "engine/model/dn.h"
#include "report/facts.h"

#include <errno.h>
#include <string.h>

static json_t *lane_json(const QueueStats *s, Lane lane, Wall now)
{
        json_t *o = json_object();

        for (int state = 0; state < _QUEUE_STATE_N; state++)
                json_object_set_new(o, queue_state_name((QueueState)state),
                                    json_integer((json_int_t)s->n[lane][state]));
        json_object_set_new(o, "oldestSeconds",
                            s->oldest[lane].ms ? json_real((double)(now.ms - s->oldest[lane].ms) / 1000.0)
                                               : json_null());
        return o;
}

static json_t *brakes_json(const BrakeView *view)
{
        json_t *list = json_array();

        for (int i = 0; i < _BRAKE_N; i++) {
                const BrakeStatus *s = &view->status[i];
                char since[WALL_TEXT_MAX];

                json_array_append_new(
                        list,
                        json_pack("{s:s, s:s, s:o, s:I, s:I, s:I, s:o}", "name", brake_name((Brake)i),
                                  "state",
                                  s->off  ? "unused"
                                  : s->on ? "on"
                                          : "off",
                                  "since", s->on ? json_string(wall_format(s->since, since)) : json_null(),
                                  "used", (json_int_t)s->used, "limit", (json_int_t)s->limit, "windowSeconds",
                                  (json_int_t)(s->window_us / 1000000), "held",
                                  view->counted ? json_integer((json_int_t)view->n_held[i]) : json_null()));
        }
        return list;
}

json_t *queue_view_stats(Queue *q, const BrakeView *brakes, Wall now)
{
        QueueStats s;
        json_t *o, *lanes;

        if (queue_stats(q, now, &s))
                return NULL;
        o = json_object();
        lanes = json_object();
        for (int lane = 0; lane < _LANE_N; lane++)
                json_object_set_new(lanes, lane_name((Lane)lane), lane_json(&s, (Lane)lane, now));
        json_object_set_new(o, "lanes", lanes);
        json_object_set_new(o, "brakes", brakes_json(brakes));
        json_object_set_new(o, "waitingReferences", json_integer((json_int_t)s.n_waiting_edges));
        json_object_set_new(o, "readyReferences", json_integer((json_int_t)s.n_ready_edges));
        json_object_set_new(o, "reportsToWrite", json_integer((json_int_t)s.n_outcomes));
        json_object_set_new(o, "put", json_integer((json_int_t)s.n_put));
        json_object_set_new(o, "merged", json_integer((json_int_t)s.n_merged));
        json_object_set_new(o, "acknowledged", json_integer((json_int_t)s.n_acked));
        json_object_set_new(o, "retried", json_integer((json_int_t)s.n_retried));
        json_object_set_new(o, "parkedSinceStart", json_integer((json_int_t)s.n_parked));
        json_object_set_new(o, "commits", json_integer((json_int_t)s.n_commits));
        json_object_set_new(o, "fileBytes", json_integer((json_int_t)s.file_bytes));
        json_object_set_new(o, "limitBytes", json_integer((json_int_t)s.limit_bytes));
        json_object_set_new(o, "full", json_boolean(s.full));
        return o;
}

static long long number(const json_t *o, const char *key)
{
        return (long long)json_integer_value(json_object_get(o, key));
}

static void brakes_text(const json_t *brakes, Str *out)
{
        const json_t *b;
        size_t i;

        str_printf(out, "\n%-10s %8s %8s %8s   %s\n", "brake", "counted", "limit", "within", "state");
        json_array_foreach(brakes, i, b)
        {
                const char *name = json_string_value(json_object_get(b, "name"));
                const char *state = json_string_value(json_object_get(b, "state"));
                const char *since = json_string_value(json_object_get(b, "since"));
                const json_t *held = json_object_get(b, "held");
                char window[64];

                str_printf(out, "%-10s %8lld %8lld %8s   %s", name, number(b, "used"), number(b, "limit"),
                           duration_format(number(b, "windowSeconds") * 1000000, window, sizeof(window)),
                           str_is(state, "on") ? "ON" : state);
                if (since)
                        str_printf(out, " since %s\n%10s ", since, "");
                if (since && json_is_integer(held))
                        str_printf(out, "%lld change%s held: ", (long long)json_integer_value(held),
                                   json_integer_value(held) == 1 ? " is" : "s are");
                if (since)
                        str_printf(out, "`sosync queue release --brake %s`", name);
                str_add(out, "\n");
        }
}

void queue_view_stats_text(const json_t *stats, Str *out)
{
        const json_t *lanes = json_object_get(stats, "lanes");

        str_printf(out, "%-10s %8s %8s %8s %8s %8s   %s\n", "lane", "ready", "leased", "delayed", "parked",
                   "dated", "oldest waits");
        for (int lane = 0; lane < _LANE_N; lane++) {
                const json_t *l = json_object_get(lanes, lane_name((Lane)lane));
                const json_t *oldest = json_object_get(l, "oldestSeconds");
                char age[64] = "-";

                if (json_is_number(oldest))
                        duration_format((int64_t)(json_number_value(oldest) * 1e6), age, sizeof(age));
                str_printf(out, "%-10s", lane_name((Lane)lane));
                for (int state = 0; state < _QUEUE_STATE_N; state++)
                        str_printf(out, " %8lld", number(l, queue_state_name((QueueState)state)));
                str_printf(out, "   %s\n", age);
        }
        brakes_text(json_object_get(stats, "brakes"), out);
        str_printf(out, "\nreferences  %lld wait for their target, %lld are ready to be set\n",
                   number(stats, "waitingReferences"), number(stats, "readyReferences"));
        str_printf(out, "reports     %lld to be written\n", number(stats, "reportsToWrite"));
        str_printf(out, "store       %.1f MiB of %.1f MiB%s\n",
                   (double)number(stats, "fileBytes") / 1048576.0,
                   (double)number(stats, "limitBytes") / 1048576.0,
                   json_is_true(json_object_get(stats, "full")) ? ": FULL, feeds pause" : "");
}

/* -- changes ------------------------------------------------------------------------------------------- */

#define PAGE 500

static json_t *time_json(Wall t)
{
        char text[WALL_TEXT_MAX];

        return t.ms ? json_string(wall_format(t, text)) : json_null();
}

/* Names are the directory's, and may be no UTF-8: JSON takes none, and the change would not be listed at all.
 */
static json_t *item_json(const QueueItem *item, const char *source)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char guid[GUID_TEXT_MAX];
        json_t *o = json_pack(
                "{s:s, s:s, s:s, s:s, s:s, s:i}", "objectGuid", guid_format(&item->change.id, guid), "dn",
                facts_utf8(a, item->change.dn ? item->change.dn : ""), "lane",
                lane_name((Lane)item->change.lane), "kind", change_kind_name((ChangeKind)item->change.kind),
                "state", queue_state_name(item->state), "tries", (int)item->tries);

        json_object_set_new(o, "source", source ? json_string(source) : json_null());
        json_object_set_new(o, "reason", item->reason ? json_string(item->reason) : json_null());
        json_object_set_new(o, "seen", time_json(item->change.seen));
        json_object_set_new(o, "due", time_json(item->due));
        return o;
}

/* Every row, page by page; fn returns > 0 to stop. */
static int each(Queue *q, int (*fn)(void *context, const QueueItem *item), void *context)
{
        ObjectKey after = { 0 };
        bool first = true;

        for (;;) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                QueueItem *items;
                size_t n;
                int r = queue_list(q, first ? NULL : &after, PAGE, a, &items, &n);

                if (r || n == 0)
                        return error_fold(r);
                for (size_t i = 0; i < n; i++) {
                        r = fn(context, &items[i]);
                        if (r)
                                return r < 0 ? r : 0;
                }
                after = (ObjectKey){ .source = items[n - 1].change.source, .id = items[n - 1].change.id };
                first = false;
        }
}

typedef struct Listing {
        json_t *list;
        const char *state;
        size_t max;
        const char *const *sources; /* names, by number */
        size_t n_sources;
} Listing;

static int add_item(void *context, const QueueItem *item)
{
        Listing *l = context;
        uint16_t source = item->change.source;

        /* Dates are no work that waits: only for who asks. */
        if (l->state ? str_is(l->state, queue_state_name(item->state)) : item->state != QUEUE_DATED)
                json_array_append_new(l->list,
                                      item_json(item, source < l->n_sources ? l->sources[source] : NULL));
        return json_array_size(l->list) >= l->max;
}

json_t *queue_view_list(Queue *q, const char *state, size_t max)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Listing l = { .list = json_array(), .state = state, .max = max };

        if (connector_names_stored(queue_space(q), a, &l.sources, &l.n_sources) == 0 &&
            each(q, add_item, &l) == 0)
                return l.list;
        json_decref(l.list);
        return NULL;
}

static const char *text(const json_t *o, const char *key)
{
        const char *s = json_string_value(json_object_get(o, key));

        return s ? s : "";
}

/* Longer than the longest code; what is longer moves the line's object to the right. */
#define REASON_MAX 40

void queue_view_list_text(const json_t *list, size_t columns, Str *out)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        size_t i, width = 24, room;
        const char *first = text(json_array_get(list, 0), "source");
        bool several = false;
        json_t *o;

        /* The column of a single source would say the same in every line. */
        json_array_foreach(list, i, o)
        {
                size_t n = str_columns(text(o, "reason"));

                several |= !str_is(text(o, "source"), first);
                if (n > width)
                        width = n < REASON_MAX ? n : REASON_MAX;
        }
        room = columns > 28 + width + 24 ? columns - 28 - width : 24;
        if (several && room > 60)
                room -= 26;
        if (json_array_size(list))
                str_printf(out, "%-8s %-9s %5s  %-*s  %s%s\n", "state", "lane", "tries", (int)width, "reason",
                           several ? "source                    " : "", "object");
        json_array_foreach(list, i, o)
        {
                const char *dn = text(o, "dn"), *reason = text(o, "reason"), *source = text(o, "source");

                str_printf(out, "%-8s %-9s %5lld  %-*s  ", text(o, "state"), text(o, "lane"),
                           number(o, "tries"), (int)width, str_safe(a, reason, strlen(reason)));
                if (several)
                        str_printf(out, "%-24s  ", str_safe(a, source, strlen(source)));
                str_printf(out, "%s\n", dn_shorten(a, str_safe(a, dn, strlen(dn)), room));
        }
}

typedef struct Steering {
        Queue *queue;
        QueueVerb verb;
        const Dn *dn;   /* NULL: "parked" */
        Arena *scratch; /* for the name of one change */
        Wall now;
        int n;
} Steering;

static bool is_meant(const Steering *s, const QueueItem *item)
{
        const Dn *dn;

        if (!s->dn)
                return item->state == QUEUE_PARKED;
        arena_reset(s->scratch);
        return item->change.dn && dn_parse(s->scratch, item->change.dn, &dn, NULL) == 0 && dn_is(dn, s->dn);
}

static int steer_one(Steering *s, const ObjectKey *key)
{
        int r = s->verb == QUEUE_VERB_RETRY ? queue_unpark(s->queue, key, s->now) : queue_drop(s->queue, key);

        s->n += r == 0;
        return r < 0 ? r : 0;
}

static int steer_item(void *context, const QueueItem *item)
{
        Steering *s = context;
        ObjectKey key = { .source = item->change.source, .id = item->change.id };

        return is_meant(s, item) ? steer_one(s, &key) : 0;
}

/* By its key, of whichever source: nobody walks through a backlog for it. */
static int steer_guid(Steering *s, const ObjectId *id, Arena *a)
{
        const char *const *names;
        size_t n;
        int r = connector_names_stored(queue_space(s->queue), a, &names, &n);

        for (size_t i = 0; r == 0 && (i < n || i == 0); i++)
                r = steer_one(s, &(ObjectKey){ .source = (uint16_t)i, .id = *id });
        return r;
}

int queue_view_steer(Queue *q, QueueVerb verb, const char *which, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0), *scratch = arena_new(0);
        Steering s = { .queue = q, .verb = verb, .scratch = scratch, .now = now };
        ObjectId id;
        int r;

        if (guid_parse(which, &id))
                r = steer_guid(&s, &id, a);
        else if (!str_is(which, "parked") && (!*which || dn_parse(a, which, &s.dn, NULL)))
                return -EINVAL;
        else
                r = each(q, steer_item, &s);
        return r ? r : s.n;
}
