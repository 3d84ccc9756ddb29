/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/intake.h"

#include "app/reconcile/containers.h"
#include "app/reconcile/filter-group.h"
#include "app/reconcile/reconcile.h"
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
static int judge(IntakeSink *in, const Config *c, const SourceConfig *source, const FeedEntry *e,
                 const Dn *dn, Arena *a, bool followed, Verdict *ret_verdict)
{
        UrgentAnswer urgent = { 0 };
        int r = 0;

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

/* A batch on its way through. */
typedef struct Sieve {
        IntakeSink *in;
        const FeedBatch *batch;
        const Config *config;
        const SourceConfig *source;
        const WatchedGroup *groups;
        size_t n_groups;
        bool leaves_unknown; /* to a reconcile, which can see what has changed */
        Arena *keep;         /* what the put needs */
        Arena *scratch;      /* of one entry */
        Change *changes;
        size_t n_changes;
        SpaceBatch rows;
        IntakeCount count;
} Sieve;

static bool is_watched_group(Sieve *s, const Dn *dn)
{
        bool is_one = false;

        for (size_t i = 0; i < s->n_groups; i++)
                is_one |= watched_group_note(&s->groups[i], s->in->source, dn, &s->rows);
        return is_one;
}

static void add_change(Sieve *s, const FeedEntry *e, Verdict v)
{
        s->count.n_urgent += v != VERDICT_NORMAL;
        s->changes[s->n_changes++] = (Change){
                .id = e->id,
                .source = s->in->source,
                .kind = e->gone ? CHANGE_GONE : CHANGE_UPSERT,
                .lane = v != VERDICT_NORMAL  ? LANE_URGENT
                        : s->batch->catch_up ? LANE_RECONCILE
                                             : LANE_NORMAL,
                .revoke = v == VERDICT_URGENT_REVOKE,
                .version = e->version,
                .changed = e->changed,
                .seen = s->batch->seen,
                /* The feed's own copy ends when the next batch begins. */
                .dn = s->batch->more ? arena_strdup(s->keep, e->dn) : e->dn,
        };
}

/* Return: 0, -errno. */
static int sift(Sieve *s, const FeedEntry *e)
{
        IntakeSink *in = s->in;
        bool followed = false, is_container = false;
        Verdict v = VERDICT_DROP;
        const Dn *dn = NULL;
        int r;

        if (e->unread && !e->gone) {
                s->count.n_unread++;
                return 0;
        }
        if (dn_parse(s->scratch, e->dn, &dn, NULL))
                dn = NULL;
        r = is_followed(in, e, s->scratch, &followed);
        if (r == 0 && !followed)
                r = container_note(queue_space(in->queue), in->source, e, &s->rows, &is_container,
                                   &s->count.containers_due);
        if (r == 0 && !is_container)
                r = judge(in, s->config, s->source, e, dn, s->scratch, followed, &v);
        if (r)
                return r;
        s->count.filter_due |= is_watched_group(s, dn);
        if (v != VERDICT_DROP && !followed && s->leaves_unknown) {
                s->count.missed_due = true;
                v = VERDICT_DROP;
        }
        if (v != VERDICT_DROP)
                add_change(s, e, v);
        return 0;
}

static void count(IntakeSink *in, const IntakeCount *c)
{
        if (c->containers_due)
                in->containers_due = true;
        if (c->filter_due)
                in->filter_due = true;
        if (c->missed_due)
                in->missed_due = true;
        in->n_due += c->containers_due || c->filter_due;
        in->n_seen += c->n_seen;
        in->n_queued += c->n_queued;
        in->n_out_of_scope += c->n_seen - c->n_queued - c->n_unread;
        in->n_unread += c->n_unread;
        in->n_urgent += c->n_urgent;
}

/* What the queue says to a put, for the feed. */
static int answer(IntakeSink *in, int r, const IntakeCount *c)
{
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
        count(in, c);
        return 0;
}

/*
 * What was handed in before. Once another node has taken the lead, what was lost then must not be followed by
 * a position.
 *
 * Return: as FeedSink.batch.
 */
static int settle_before(IntakeSink *in)
{
        int put = storer_wait(&in->storer), r;

        in->is_over |= put == QUEUE_E_GONE;
        if (in->is_over)
                return FEED_E_FULL;
        r = answer(in, put, &in->on_its_way);
        if (put != QUEUE_E_FULL)
                in->on_its_way = (IntakeCount){ 0 };
        return r;
}

/*
 * A catch-up brings everything. Of a source that began "from now on" what was there before and is unknown was
 * left alone on purpose, and no entry tells whether it has changed since.
 */
static int begin_catch_up(Sieve *s, ReconcileMemo *ret_memo)
{
        int r = s->batch->catch_up ? reconcile_memo_read(s->in->queue, s->in->source, s->scratch, ret_memo)
                                   : 0;

        s->leaves_unknown = s->batch->catch_up && ret_memo->first_start.ms && !ret_memo->everything;
        return r;
}

static int take(IntakeSink *in, const FeedBatch *batch)
{
        _cleanup_(arena_freep) Arena *keep = arena_new(0), *scratch = arena_new(0);
        _cleanup_(config_unrefp) Config *c = snapshot_get(in->snapshot);
        const SourceConfig *source = config_source(c, in->source_config->ldap.name);
        Sieve s = {
                .in = in,
                .batch = batch,
                .config = c,
                /* A reload that drops it waits for a restart. */
                .source = source ? source : in->source_config,
                .keep = keep,
                .scratch = scratch,
                .changes = arena_new_array(keep, Change, batch->n_entries + 1),
                .count = { .n_seen = batch->n_entries },
        };
        ReconcileMemo memo = { 0 };
        Intake intake;
        int r;

        s.groups = watched_groups(keep, s.source->scope.group_filter, c->run.rules, s.source->ldap.base,
                                  &s.n_groups);
        space_batch_init(&s.rows, keep);
        r = begin_catch_up(&s, &memo);
        if (r)
                return r;
        for (size_t i = 0; i < batch->n_entries; i++) {
                r = sift(&s, &batch->entries[i]);
                if (r)
                        return r;
                arena_reset(scratch);
        }
        r = s.count.missed_due ? reconcile_note_missed(in->queue, in->source, &memo, &s.rows) : 0;
        if (r)
                return r;
        s.count.n_queued = s.n_changes;
        intake = (Intake){
                .changes = s.changes,
                .n_changes = s.n_changes,
                .writes = s.rows.writes,
                .n_writes = s.rows.n_writes,
                .feed = in->feed,
                .position = batch->position ? batch->position->data : NULL,
                .n_position = batch->position ? batch->position->n : 0,
                .term = in->term,
                .now = clock_wall(in->clock),
        };
        r = settle_before(in);
        if (r)
                return r;
        if (batch->more) {
                in->on_its_way = s.count;
                storer_put(&in->storer, TAKE(keep), &intake);
                return 0;
        }
        storer_end(&in->storer);
        return answer(in, queue_put(in->queue, &intake), &s.count);
}

static int take_batch(FeedSink *sink, const FeedBatch *batch)
{
        IntakeSink *in = (IntakeSink *)sink;
        int r = take(in, batch);

        pthread_mutex_lock(&in->lock);
        if (r != FEED_E_FULL)
                in->refused = (Mono){ 0 };
        else if (!in->refused.us)
                in->refused = clock_mono(in->clock);
        pthread_mutex_unlock(&in->lock);
        return r;
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

/* The lock is held. */
static void note_watched(IntakeSink *in, bool watched)
{
        if (watched)
                in->unwatched = (Mono){ 0 };
        else if (!in->unwatched.us)
                in->unwatched = clock_mono(in->clock);
}

void intake_stand_by(IntakeSink *in, bool known)
{
        bool first;

        pthread_mutex_lock(&in->lock);
        note_watched(in, known);
        first = !in->is_settled;
        in->is_settled = true;
        in->status = (FeedStatus){ .state = FEED_STOPPED };
        snprintf(in->text, sizeof(in->text), "%s",
                 known ? "another node follows this source" : "nobody knows which node follows this source");
        in->server[0] = '\0';
        in->refused = (Mono){ 0 };
        in->told = clock_mono(in->clock);
        pthread_mutex_unlock(&in->lock);
        if (first && in->settled)
                in->settled(in->context);
}

void intake_lead(IntakeSink *in, uint64_t term)
{
        storer_end(&in->storer);
        in->on_its_way = (IntakeCount){ 0 };
        in->is_over = false;
        in->term = term;
        in->full = false;
        pthread_mutex_lock(&in->lock);
        in->refused = (Mono){ 0 };
        pthread_mutex_unlock(&in->lock);
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
        note_watched(in, status->state == FEED_WATCHING);
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
        note_watched(in, false);
        storer_init(&in->storer, queue);
        pthread_mutex_init(&in->lock, NULL);
}

void intake_deinit(IntakeSink *in)
{
        storer_deinit(&in->storer);
        pthread_mutex_destroy(&in->lock);
}

/* The lock is held. */
static void judge_watch(const IntakeSink *in, Mono now, IntakeWatch *ret)
{
        Mono since = in->unwatched;
        /* A replay has no server, and says nothing more when it is over. */
        bool is_stuck = !guid_is_zero(&in->status.server_id) && now.us - in->told.us >= INTAKE_STUCK_US;

        *ret = (IntakeWatch){ 0 };
        if (is_stuck)
                ret->stands = "it has said nothing for a minute";
        if (is_stuck && (!since.us || in->told.us < since.us))
                since = in->told;
        if (in->refused.us)
                ret->stands = "the queue takes no more";
        if (in->refused.us && (!since.us || in->refused.us < since.us))
                since = in->refused;
        if (since.us)
                ret->unwatched_us = now.us > since.us ? now.us - since.us : 1;
}

void intake_status(IntakeSink *in, Arena *a, FeedStatus *ret_status, IntakeWatch *ret_watch)
{
        Mono now = clock_mono(in->clock);

        pthread_mutex_lock(&in->lock);
        *ret_status = in->status;
        /* One that is stuck grows old all the same. */
        if (in->told.us)
                ret_status->proof_age_us += now.us - in->told.us;
        ret_status->server = arena_strdup(a, in->server);
        ret_status->text = arena_strdup(a, in->text);
        if (ret_watch)
                judge_watch(in, now, ret_watch);
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
