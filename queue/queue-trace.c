/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/queue.h"

#include "base/error.h"
#include "base/str.h"

#include <string.h>

/*
 * A decorator: every call goes to `next`, and a line says what was asked and what came of it:
 *
 *      ack 01234567-89ab-cdef-0123-456789abcdef writes=3 links=0 -> 0
 */
typedef struct QueueTrace {
        Queue queue;
        Queue *next;
        void (*line)(void *context, const char *text);
        void *context;
} QueueTrace;

/* Longer than any line but those with a reason. */
#define TRACE_LINE_MAX 2000

static QueueTrace *queue_trace(Queue *q)
{
        return (QueueTrace *)q;
}

static const char *result_text(int r)
{
        static const char *const names[] = {
                [QUEUE_E_EMPTY - QUEUE_E_BASE_] = "empty",   [QUEUE_E_FULL - QUEUE_E_BASE_] = "full",
                [QUEUE_E_GONE - QUEUE_E_BASE_] = "gone",     [QUEUE_E_STALE - QUEUE_E_BASE_] = "stale",
                [QUEUE_E_CLOSED - QUEUE_E_BASE_] = "closed", [QUEUE_E_NONE - QUEUE_E_BASE_] = "none",
        };

        if (r == 0)
                return "ok";
        if (r < 0)
                return strerrorname_np(-r) ? strerrorname_np(-r) : "error";
        return r > QUEUE_E_BASE_ && r <= QUEUE_E_NONE ? names[r - QUEUE_E_BASE_] : "?";
}

static __attribute__((format(printf, 3, 4))) int say(QueueTrace *t, int r, const char *format, ...)
{
        Str s;
        va_list ap;

        str_init(&s, TRACE_LINE_MAX);
        va_start(ap, format);
        str_vprintf(&s, format, ap);
        va_end(ap);
        str_printf(&s, " -> %s", result_text(r));
        t->line(t->context, s.data);
        str_deinit(&s);
        return r;
}

/* A reason may come from outside: a line stays a line. */
static const char *safe(Arena *a, const char *s)
{
        return s ? str_safe(a, s, strlen(s)) : "";
}

static int put(Queue *queue, const Intake *in)
{
        QueueTrace *t = queue_trace(queue);
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        int r = t->next->ops->put(t->next, in);

        return say(t, r, "put changes=%zu writes=%zu links=%zu feed=%s position=%zu", in->n_changes,
                   in->n_writes, in->n_links, in->feed ? safe(a, in->feed) : "-",
                   in->feed ? in->n_position : 0);
}

static int say_lease(QueueTrace *t, int r, const char *what, LaneSet lanes, const Lease *lease)
{
        char guid[GUID_TEXT_MAX];

        if (r)
                return say(t, r, "%s lanes=%#x", what, lanes);
        return say(t, r, "%s lanes=%#x %s kind=%s lane=%s tries=%u", what, lanes,
                   guid_format(&lease->change.id, guid), change_kind_name((ChangeKind)lease->change.kind),
                   lane_name((Lane)lease->change.lane), lease->tries);
}

static int lease(Queue *queue, Wall now, LaneSet lanes, Arena *a, Lease *ret_lease)
{
        QueueTrace *t = queue_trace(queue);
        int r = t->next->ops->lease(t->next, now, lanes, a, ret_lease);

        return say_lease(t, r, "lease", lanes, ret_lease);
}

static int lease_of(Queue *queue, Wall now, LaneSet lanes, uint16_t source, Arena *a, Lease *ret_lease)
{
        QueueTrace *t = queue_trace(queue);
        int r = t->next->ops->lease_of(t->next, now, lanes, source, a, ret_lease);

        return say_lease(t, r, "lease-of", lanes, ret_lease);
}

static void bar(Queue *queue, uint16_t source, bool barred)
{
        QueueTrace *t = queue_trace(queue);

        t->next->ops->bar(t->next, source, barred);
        say(t, 0, "bar source=%u %s", source, barred ? "on" : "off");
}

static int lease_object(Queue *queue, Wall now, const ObjectKey *key, Arena *a, Lease *ret_lease)
{
        QueueTrace *t = queue_trace(queue);
        int r = t->next->ops->lease_object(t->next, now, key, a, ret_lease);

        return say_lease(t, r, "lease-object", LANES_ALL, ret_lease);
}

static int wait(Queue *queue, LaneSet lanes, Wall now, int64_t timeout_us)
{
        QueueTrace *t = queue_trace(queue);
        int r = t->next->ops->wait(t->next, lanes, now, timeout_us);

        return say(t, r, "wait lanes=%#x timeout=%lld", lanes, (long long)timeout_us);
}

static int say_end(QueueTrace *t, int r, const char *what, const Lease *lease, const Commit *c,
                   const char *reason)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char guid[GUID_TEXT_MAX];
        const SpaceBatch *b = c->batch;

        return say(t, r, "%s %s writes=%zu links=%zu edges=%zu appeared=%zu again=%zu outcome=%s%s%s", what,
                   guid_format(&lease->change.id, guid), b ? b->n_writes : 0, b ? b->n_links : 0,
                   b ? b->n_edges : 0, b ? b->n_appeared : 0, b ? b->n_again : 0, c->outcome ? "yes" : "no",
                   reason ? " reason=" : "", safe(a, reason));
}

static int ack(Queue *queue, const Lease *lease, const Commit *c)
{
        QueueTrace *t = queue_trace(queue);

        return say_end(t, t->next->ops->ack(t->next, lease, c), "ack", lease, c, NULL);
}

static int retry(Queue *queue, const Lease *lease, Wall not_before, const char *reason, const Commit *c)
{
        QueueTrace *t = queue_trace(queue);

        return say_end(t, t->next->ops->retry(t->next, lease, not_before, reason, c), "retry", lease, c,
                       reason);
}

static int park(Queue *queue, const Lease *lease, const char *reason, const Commit *c)
{
        QueueTrace *t = queue_trace(queue);

        return say_end(t, t->next->ops->park(t->next, lease, reason, c), "park", lease, c, reason);
}

static int note(Queue *queue, const Lease *lease, const Commit *c)
{
        QueueTrace *t = queue_trace(queue);

        return say_end(t, t->next->ops->note(t->next, lease, c), "note", lease, c, NULL);
}

static int release(Queue *queue, const Lease *lease)
{
        QueueTrace *t = queue_trace(queue);
        char guid[GUID_TEXT_MAX];

        return say(t, t->next->ops->release(t->next, lease), "release %s",
                   guid_format(&lease->change.id, guid));
}

static bool is_overtaken(Queue *queue, const Lease *lease)
{
        QueueTrace *t = queue_trace(queue);
        bool overtaken = t->next->ops->is_overtaken(t->next, lease);
        char guid[GUID_TEXT_MAX];

        say(t, 0, "is-overtaken %s %s", guid_format(&lease->change.id, guid), overtaken ? "yes" : "no");
        return overtaken;
}

static int unpark(Queue *queue, const ObjectKey *key, Wall now)
{
        QueueTrace *t = queue_trace(queue);
        char guid[GUID_TEXT_MAX];

        return say(t, t->next->ops->unpark(t->next, key, now), "unpark %s", guid_format(&key->id, guid));
}

static int drop(Queue *queue, const ObjectKey *key)
{
        QueueTrace *t = queue_trace(queue);
        char guid[GUID_TEXT_MAX];

        return say(t, t->next->ops->drop(t->next, key), "drop %s", guid_format(&key->id, guid));
}

static int position(Queue *queue, const char *feed, Arena *a, const void **ret_data, size_t *ret_n)
{
        QueueTrace *t = queue_trace(queue);

        return say(t, t->next->ops->position(t->next, feed, a, ret_data, ret_n), "position %s",
                   safe(a, feed));
}

static int has(Queue *queue, const ObjectKey *key, bool *ret_has)
{
        QueueTrace *t = queue_trace(queue);
        int r = t->next->ops->has(t->next, key, ret_has);

        return say(t, r, "has %s", r ? "?" : *ret_has ? "yes" : "no");
}

static int list(Queue *queue, const ObjectKey *after, size_t max, Arena *a, QueueItem **ret_items,
                size_t *ret_n)
{
        QueueTrace *t = queue_trace(queue);
        int r = t->next->ops->list(t->next, after, max, a, ret_items, ret_n);

        return say(t, r, "list max=%zu n=%zu", max, r ? 0 : *ret_n);
}

static int outcomes(Queue *queue, uint64_t after, size_t max, Arena *a, OutcomeRow **ret_rows, size_t *ret_n)
{
        QueueTrace *t = queue_trace(queue);
        int r = t->next->ops->outcomes(t->next, after, max, a, ret_rows, ret_n);

        return say(t, r, "outcomes after=%llu n=%zu", (unsigned long long)after, r ? 0 : *ret_n);
}

static int outcomes_done(Queue *queue, uint64_t up_to)
{
        QueueTrace *t = queue_trace(queue);

        return say(t, t->next->ops->outcomes_done(t->next, up_to), "outcomes-done %llu",
                   (unsigned long long)up_to);
}

static int stats(Queue *queue, Wall now, QueueStats *ret_stats)
{
        QueueTrace *t = queue_trace(queue);

        return say(t, t->next->ops->stats(t->next, now, ret_stats), "stats");
}

static void tell_time(Queue *queue, Wall now)
{
        queue_tell_time(queue_trace(queue)->next, now);
}

static void wake_all(Queue *queue, bool closing)
{
        QueueTrace *t = queue_trace(queue);

        t->next->ops->wake_all(t->next, closing);
        say(t, 0, "wake-all closing=%s", closing ? "yes" : "no");
}

static bool may_send(Queue *queue)
{
        return queue_may_send(queue_trace(queue)->next);
}

static int role(Queue *queue, const char *name, uint64_t *ret_term)
{
        QueueTrace *t = queue_trace(queue);

        return say(t, queue_role(t->next, name, ret_term), "role %s", name);
}

static void role_drop(Queue *queue, const char *name)
{
        queue_role_drop(queue_trace(queue)->next, name);
}

static int outlast(Queue *queue, int64_t timeout_us)
{
        QueueTrace *t = queue_trace(queue);

        return say(t, queue_outlast(t->next, timeout_us), "outlast");
}

static Space *space(Queue *queue)
{
        QueueTrace *t = queue_trace(queue);

        return t->next->ops->space(t->next);
}

static Queue *trace_free(Queue *queue)
{
        QueueTrace *t = queue_trace(queue);

        queue_free(t->next);
        say(t, 0, "free");
        free(t);
        return NULL;
}

static const QueueOps queue_trace_ops = {
        .name = "trace",
        .put = put,
        .lease = lease,
        .lease_of = lease_of,
        .lease_object = lease_object,
        .bar = bar,
        .wait = wait,
        .ack = ack,
        .retry = retry,
        .park = park,
        .note = note,
        .release = release,
        .is_overtaken = is_overtaken,
        .unpark = unpark,
        .drop = drop,
        .position = position,
        .has = has,
        .list = list,
        .outcomes = outcomes,
        .outcomes_done = outcomes_done,
        .stats = stats,
        .tell_time = tell_time,
        .wake_all = wake_all,
        .may_send = may_send,
        .role = role,
        .role_drop = role_drop,
        .outlast = outlast,
        .space = space,
        .free = trace_free,
};

/**
 * queue_trace_new() - say every call and its result, one line each
 * @next: owned from now on
 *
 * Return: 0.
 */
int queue_trace_new(Queue **ret_queue, Queue *next, void (*line)(void *context, const char *text),
                    void *context)
{
        QueueTrace *t = calloc(1, sizeof(*t));

        if (!t)
                error_oom(sizeof(*t));
        t->queue.ops = &queue_trace_ops;
        t->next = next;
        t->line = line;
        t->context = context;
        *ret_queue = &t->queue;
        return 0;
}
