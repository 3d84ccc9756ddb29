/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/intake.h"

#include "app/reconcile/containers.h"
#include "app/reconcile/filter-group.h"
#include "base/error.h"
#include "base/str.h"

#include <string.h>

typedef enum Verdict {
        VERDICT_DROP,
        VERDICT_NORMAL,
        VERDICT_URGENT,
        VERDICT_URGENT_REVOKE,
} Verdict;

/* Is the entry ours: is it followed already, or is it where we look and of a type we take? */
static bool is_ours(const Scope *scope, const FeedEntry *e, const Dn *dn, bool followed)
{
        const char *type;

        if (followed)
                return true;
        if (e->gone || !dn || !scope_judge(scope, dn).in)
                return false;
        type = e->brought ? scope_type_of(object_get(e->brought, "objectClass")) : "";
        /* A change of a few attributes brings no class: then the run reads it. */
        return !*type || scope_has_type(scope, type);
}

/* What it was; NULL: not known. Only a comparison tells what a whole entry has changed. */
static int read_before(IntakeSink *in, const FeedEntry *e, Arena *a, const Object **ret_before)
{
        ObjectKey key = { .source = in->source, .id = e->id };
        int r = space_read_import(queue_space(in->queue), &key, a, ret_before, NULL, NULL);

        if (r)
                *ret_before = NULL;
        return r < 0 ? error_trace(r) : 0;
}

static int judge_urgency(IntakeSink *in, const Config *c, const FeedEntry *e, const Dn *dn, Arena *a,
                         UrgentAnswer *ret_answer)
{
        const Object *before = NULL;
        Wall now = clock_wall(in->clock);
        int r = 0;

        *ret_answer = scope_urgent(c->urgent_rules, c->n_urgent_rules, dn, e->brought, NULL, now, a);
        if (e->whole && ret_answer->urgent) {
                r = read_before(in, e, a, &before);
                if (r == 0 && before)
                        *ret_answer = scope_urgent(c->urgent_rules, c->n_urgent_rules, dn, e->brought, before,
                                                   now, a);
        }
        return r;
}

/* Return: 0, -errno. */
static int judge(IntakeSink *in, const Config *c, const FeedEntry *e, Arena *a, bool followed,
                 Verdict *ret_verdict)
{
        const SourceConfig *source = config_source(c, in->source_config->ldap.name);
        const Dn *dn = NULL;
        UrgentAnswer urgent = { 0 };
        int r = 0;

        if (!source)
                source = in->source_config; /* a reload has dropped it: that waits for a restart */
        if (dn_parse(a, e->dn, &dn, NULL))
                dn = NULL;
        if (!is_ours(source->compiled, e, dn, followed)) {
                *ret_verdict = VERDICT_DROP;
                return 0;
        }
        if (dn && e->brought)
                r = judge_urgency(in, c, e, dn, a, &urgent);
        *ret_verdict = !urgent.urgent           ? VERDICT_NORMAL
                       : urgent.revoke_sessions ? VERDICT_URGENT_REVOKE
                                                : VERDICT_URGENT;
        return r;
}

/*
 * Whatever was imported once is followed, and so is what is in the queue: its first run may be at work, and
 * will have made it known when it ends. The queue is asked first: a run that ends in between has made it
 * known.
 */
static int is_followed(IntakeSink *in, const FeedEntry *e, Arena *a, bool *ret_followed)
{
        ObjectKey key = { .source = in->source, .id = e->id };
        Head head;
        int r = queue_has(in->queue, &key, ret_followed);

        if (r || *ret_followed)
                return r;
        r = space_read_head(queue_space(in->queue), &key, a, &head, NULL, NULL);
        if (r < 0)
                return error_trace(r);
        /* A damaged row is that of an object we knew: its next import mends it. */
        *ret_followed = r != SPACE_E_NONE;
        return 0;
}

static bool is_watched_group(IntakeSink *in, const WatchedGroup *groups, size_t n, const FeedEntry *e,
                             SpaceBatch *rows)
{
        bool is_one = false;
        const Dn *dn;

        if (n == 0 || dn_parse(rows->arena, e->dn, &dn, NULL))
                return false;
        for (size_t i = 0; i < n; i++)
                is_one |= watched_group_note(&groups[i], in->source, dn, rows);
        return is_one;
}

static int take_batch(FeedSink *sink, const FeedBatch *batch)
{
        IntakeSink *in = (IntakeSink *)sink;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(config_unrefp) Config *c = snapshot_get(in->snapshot);
        Change *changes = arena_new_array(a, Change, batch->n_entries + 1);
        bool containers_due = false, filter_due = false;
        const SourceConfig *source = config_source(c, in->source_config->ldap.name);
        const WatchedGroup *groups;
        uint64_t n_urgent = 0, n_unread = 0;
        size_t n = 0, n_groups;
        SpaceBatch rows;
        int r;

        source = source ? source : in->source_config;
        groups = watched_groups(a, source->scope.group_filter, c->run.rules, source->ldap.base, &n_groups);
        space_batch_init(&rows, a);
        for (size_t i = 0; i < batch->n_entries; i++) {
                const FeedEntry *e = &batch->entries[i];
                bool followed = false, is_container = false;
                Verdict v = VERDICT_DROP;

                if (e->unread && !e->gone) {
                        n_unread++;
                        continue;
                }
                r = is_followed(in, e, a, &followed);
                if (r == 0 && !followed)
                        r = container_note(queue_space(in->queue), in->source, e, &rows, &is_container,
                                           &containers_due);
                if (r == 0 && !is_container)
                        r = judge(in, c, e, a, followed, &v);
                filter_due |= is_watched_group(in, groups, n_groups, e, &rows);
                if (r)
                        return r;
                if (v == VERDICT_DROP)
                        continue;
                n_urgent += v != VERDICT_NORMAL;
                changes[n++] = (Change){
                        .id = e->id,
                        .source = in->source,
                        .kind = e->gone ? CHANGE_GONE : CHANGE_UPSERT,
                        .lane = v != VERDICT_NORMAL ? LANE_URGENT
                                : batch->catch_up   ? LANE_RECONCILE
                                                    : LANE_NORMAL,
                        .revoke = v == VERDICT_URGENT_REVOKE,
                        .version = e->version,
                        .changed = e->changed,
                        .seen = batch->seen,
                        .dn = e->dn,
                };
        }
        r = queue_put(in->queue, &(Intake){
                                         .changes = changes,
                                         .n_changes = n,
                                         .writes = rows.writes,
                                         .n_writes = rows.n_writes,
                                         .feed = in->feed,
                                         .position = batch->position ? batch->position->data : NULL,
                                         .n_position = batch->position ? batch->position->n : 0,
                                         .term = in->term,
                                         .now = clock_wall(in->clock),
                                 });
        if (r == QUEUE_E_GONE)
                return FEED_E_FULL; /* another node leads: the feed is stopped soon, and says no more until
                                       then */
        if (r == QUEUE_E_FULL) {
                if (!in->full)
                        log_error(in->log, "the queue takes no more (state.limit, or the disk is full); the "
                                           "feed pauses");
                in->full = true;
                return FEED_E_FULL;
        }
        if (r)
                return error_fold(r);
        if (containers_due)
                in->containers_due = true;
        if (filter_due)
                in->filter_due = true;
        in->n_seen += batch->n_entries;
        in->n_queued += n;
        in->n_out_of_scope += batch->n_entries - n - n_unread;
        in->n_unread += n_unread;
        in->n_urgent += n_urgent;
        return 0;
}

/* Trying again what has just failed, and failing in the same way, is none. The lock is held. */
static bool is_news(IntakeSink *in, const FeedStatus *status)
{
        const char *why = status->state == FEED_BROKEN && status->text ? status->text : "";

        if (in->said == FEED_BROKEN && status->state == FEED_CONNECTING)
                return false;
        if (in->said == status->state && strncmp(in->said_why, why, sizeof(in->said_why) - 1) == 0)
                return false;
        in->said = status->state;
        snprintf(in->said_why, sizeof(in->said_why), "%s", why);
        return true;
}

void intake_stand_by(IntakeSink *in)
{
        bool first;

        pthread_mutex_lock(&in->lock);
        first = !in->is_settled;
        in->is_settled = true;
        in->status = (FeedStatus){ .state = FEED_STOPPED, .text = "another node follows this source" };
        in->told = clock_mono(in->clock);
        pthread_mutex_unlock(&in->lock);
        if (first && in->settled)
                in->settled(in->context);
}

void intake_lead(IntakeSink *in, uint64_t term)
{
        in->term = term;
        in->full = false;
}

uint64_t intake_term(const IntakeSink *in)
{
        return in->term;
}

static void note_state(FeedSink *sink, const FeedStatus *status)
{
        IntakeSink *in = (IntakeSink *)sink;
        bool settled = status->state == FEED_WATCHING || status->state == FEED_BROKEN;
        bool news, first;

        pthread_mutex_lock(&in->lock);
        news = is_news(in, status);
        first = settled && !in->is_settled;
        in->is_settled |= settled;
        in->status = *status;
        in->told = clock_mono(in->clock);
        snprintf(in->server, sizeof(in->server), "%s", status->server ? status->server : "");
        snprintf(in->text, sizeof(in->text), "%s", status->text ? status->text : "");
        in->status.server = in->server;
        in->status.text = in->text;
        pthread_mutex_unlock(&in->lock);
        if (first && in->settled)
                in->settled(in->context);
        if (!news)
                return;
        if (status->state == FEED_BROKEN)
                log_warning(in->log, "feed", LOG_STR("state", feed_state_name(status->state)),
                            LOG_STR("server", status->server), LOG_STR("why", status->text));
        else
                log_info(in->log, "feed", LOG_STR("state", feed_state_name(status->state)),
                         LOG_STR("server", status->server), LOG_STR("text", status->text));
}

void intake_init(IntakeSink *in, Queue *queue, Snapshot *snapshot, const Clock *clock, const Log *log,
                 const char *feed, uint16_t source, const SourceConfig *source_config)
{
        *in = (IntakeSink){
                .sink = { .batch = take_batch, .state = note_state },
                .queue = queue,
                .snapshot = snapshot,
                .clock = clock,
                .log = log,
                .feed = feed,
                .source = source,
                .source_config = source_config,
        };
        in->status.server = in->server;
        in->status.text = in->text;
        pthread_mutex_init(&in->lock, NULL);
}

void intake_deinit(IntakeSink *in)
{
        pthread_mutex_destroy(&in->lock);
}

void intake_status(IntakeSink *in, Arena *a, FeedStatus *ret_status)
{
        pthread_mutex_lock(&in->lock);
        *ret_status = in->status;
        /* It tells every second; one that is stuck grows old all the same. */
        if (in->told.us)
                ret_status->proof_age_us += clock_mono(in->clock).us - in->told.us;
        ret_status->server = arena_strdup(a, in->server);
        ret_status->text = arena_strdup(a, in->text);
        pthread_mutex_unlock(&in->lock);
}

bool intake_is_watching(IntakeSink *in)
{
        bool watching;

        pthread_mutex_lock(&in->lock);
        watching = in->status.state == FEED_WATCHING;
        pthread_mutex_unlock(&in->lock);
        return watching;
}
