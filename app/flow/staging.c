/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/staging.h"

#include "app/compare/last.h"
#include "app/flow/wiring.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/space/memo.h"
#include "engine/steps/catalogue.h"
#include "engine/target/graph-tenant.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MEMO_NAME "staging"

/* Clocks of ours and of the service differ by less. */
#define SKEW_MS ((int64_t)60 * 1000)

/* So long a call to Graph may take, and a run under way to end. */
#define PATIENCE_US ((int64_t)90 * 1000000)

/* So many held-back objects become changes at a time. */
#define PAGE 512

typedef struct Decision Decision;

struct Decision {
        StagingDecision decision;
        Wall at;
        const char *by;
        bool release; /* what was held back is still to be made due */

        uint64_t serial; /* of the row that it was read from; 0: there is none */
};

/* -- the memo ------------------------------------------------------------------------------------------ */

static const MemoShape shape = { .version = 1, .n_fields = 4 };

static int decision_read(Space *space, Arena *a, Decision *ret_decision)
{
        MemoReader m;
        uint64_t serial = 0;
        int r = memo_open(space, MEMO_NAME, &shape, a, &m, &serial);

        *ret_decision = (Decision){ 0 };
        if (r == SPACE_E_NONE)
                return 0;
        if (r)
                return error_fold(r);
        ret_decision->decision = (StagingDecision)unpack_int(&m.pack);
        ret_decision->at.ms = unpack_int(&m.pack);
        ret_decision->by = unpack_str(&m.pack, a);
        ret_decision->release = unpack_bool(&m.pack);
        ret_decision->serial = serial;
        return memo_close(&m) ? error_origin(-EIO) : 0;
}

/* Return: 0, QUEUE_E_STALE (somebody else has decided since it was read), QUEUE_E_FULL, -errno. */
static int decision_write(Queue *queue, const Decision *d, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SpaceBatch batch;
        PackWriter w;
        int r;

        memo_begin(&w, &shape);
        pack_int(&w, d->decision);
        pack_int(&w, d->at.ms);
        pack_str(&w, d->by);
        pack_bool(&w, d->release);
        space_batch_init(&batch, a);
        memo_end(&w, &batch, MEMO_NAME, d->serial);
        r = queue_put(queue, &(Intake){
                                     .writes = batch.writes,
                                     .n_writes = batch.n_writes,
                                     .checked = true,
                                     .now = now,
                             });
        return r == QUEUE_E_STALE || r == QUEUE_E_FULL ? r : error_fold(r);
}

/*
 * Another word on a decision that was made here (it has been carried out), unless it is another's by now: at
 * another node somebody may have decided while this one waited. Return: 0, QUEUE_E_STALE, QUEUE_E_FULL,
 * -errno.
 */
static int decision_amend(Queue *queue, const Decision *made, const Decision *amended, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Decision is, next = *amended;
        int r = decision_read(queue_space(queue), a, &is);

        if (r)
                return r;
        if (is.decision != made->decision || is.at.ms != made->at.ms ||
            !str_is(is.by ? is.by : "", made->by ? made->by : ""))
                return QUEUE_E_STALE;
        next.serial = is.serial;
        return decision_write(queue, &next, now);
}

/* -- what was held back -------------------------------------------------------------------------------- */

typedef struct Release {
        Queue *queue;
        Wall now;
        Arena *arena; /* of the page */
        Arena *one;   /* of the head in hand */
        Change *changes;
        size_t n_changes;
        size_t n_all;
        int result;
} Release;

static int release_page(Release *r)
{
        if (r->n_changes)
                r->result = queue_put(
                        r->queue,
                        &(Intake){ .changes = r->changes, .n_changes = r->n_changes, .now = r->now });
        if (r->result == 0)
                r->n_all += r->n_changes;
        r->n_changes = 0;
        arena_reset(r->arena);
        r->changes = arena_new_array(r->arena, Change, PAGE);
        return r->result;
}

/* A head without a hash is one whose last run did not reach the cloud (engine/steps/leave.c). */
static int release_head(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Release *r = context;
        ObjectKey object;
        Head head;

        arena_reset(r->one);
        if (!object_key_unpack(key, n_key, &object) ||
            space_read_head(queue_space(r->queue), &object, r->one, &head, NULL, NULL) || head.hash.low ||
            head.hash.high || !head.in_scope || head.deleted)
                return 0;
        (void)row;
        r->changes[r->n_changes++] = (Change){
                .id = object.id,
                .source = object.source,
                .kind = CHANGE_UPSERT,
                .lane = LANE_RECONCILE,
                .seen = r->now,
                .dn = arena_strdup(r->arena, head.dn),
        };
        return r->n_changes == PAGE ? release_page(r) : 0;
}

int staging_release(Queue *queue, Wall now, size_t *ret_n)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0), *one = arena_new(0);
        Release rel = { .queue = queue, .now = now, .arena = a, .one = one };
        Space *space = queue_space(queue);
        int r;

        release_page(&rel);
        r = space->ops->walk(space, SPACE_HEAD, NULL, 0, release_head, &rel);
        if (r == 0 && rel.result == 0)
                release_page(&rel);
        *ret_n = rel.n_all;
        return r ? error_fold(r) : rel.result;
}

/* Return: 0, QUEUE_E_FULL (what is left is released at the next start, or by another promote), QUEUE_E_STALE
 * (it is another's decision by now), -errno. */
static int release(Queue *queue, const Decision *d, Wall now, size_t *ret_n)
{
        Decision released = *d;
        int r = staging_release(queue, now, ret_n);

        if (r)
                return r;
        released.release = false;
        return decision_amend(queue, d, &released, now);
}

/* -- runs ---------------------------------------------------------------------------------------------- */

int staging_load(Staging *s, Queue *queue, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Decision d;
        size_t n;
        int r = decision_read(queue_space(queue), a, &d);

        if (r)
                return r;
        s->decision = d.decision;
        s->shared = queue->ops->role ? queue : NULL;
        if (!d.release)
                return 0;
        r = release(queue, &d, now, &n);
        return r == QUEUE_E_FULL || r == QUEUE_E_STALE ? 0 : error_fold(r);
}

/* What another node has decided holds here too. What cannot be read leaves what was known. */
static int look(Staging *s)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Decision d;

        if (decision_read(queue_space(s->shared), a, &d))
                return s->decision;
        s->decision = d.decision;
        return d.decision;
}

bool staging_is_on(Staging *s, bool configured)
{
        /* What this call has read decides: what others read at the same time may be older. */
        int decision = s->shared ? look(s) : s->decision;

        return decision == STAGING_AS_CONFIGURED ? configured : decision == STAGING_DEMOTED;
}

/* Counted before it is looked, in both: whoever has decided and then sees no run has seen all of them. */
bool staging_begin_run(Staging *s, bool configured)
{
        bool exports;

        s->n_exporting++;
        s->n_holding++;
        exports = !staging_is_on(s, configured);
        staging_end_run(s, !exports);
        return exports;
}

void staging_end_run(Staging *s, bool exports)
{
        if (exports)
                s->n_exporting--;
        else
                s->n_holding--;
}

/* -- people -------------------------------------------------------------------------------------------- */

static json_t *__attribute__((format(printf, 2, 3))) refuse(int status, const char *format, ...)
{
        char text[1024];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        return json_pack("{s:b, s:s%, s:i}", "ok", 0, "error", text, strlen(text), "exit", status);
}

static bool is_on(Wiring *w)
{
        _cleanup_(config_unrefp) Config *c = snapshot_get(&w->snapshot);

        return staging_is_on(&w->shared.staging, c->staging);
}

/* NULL: nobody else writes; else why there will be no export. */
static json_t *ask_for_another(Wiring *w, const Decision *d)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Wall now = clock_wall(w->clock), since = wall_add(now, -STAGING_OTHER_MS);
        Call call = { .lane = LANE_URGENT, .arena = a, .now = clock_mono(w->clock) };
        Diag diag = DIAG_INIT;
        char at[WALL_TEXT_MAX];
        TenantWrite write;
        json_t *answer = NULL;
        int r;

        /* Up to its demote it was this installation that wrote. */
        if (d->decision == STAGING_DEMOTED && d->at.ms + SKEW_MS > since.ms)
                since = wall_add(d->at, SKEW_MS);
        if (since.ms >= now.ms)
                return NULL;
        call.deadline = mono_add(call.now, PATIENCE_US);
        r = graph_tenant_last_write(w->graph, &call, since, &write, &diag);
        if (r == 0)
                answer = refuse(EXIT_OBJECT,
                                "another installation writes to this tenant with the same credentials: its "
                                "last write was at %s (%s%s%s). Demote or stop it, and come back an hour "
                                "after its last write; or say --take-over if it is stopped",
                                wall_format(write.at, at), write.activity, *write.object ? ": " : "",
                                write.object);
        else if (r != TARGET_E_NOT_FOUND)
                answer = refuse(r == TARGET_E_THROTTLED ? EXIT_THROTTLED : EXIT_UNREACHABLE,
                                "whether another installation writes to this tenant cannot be told: %s. Say "
                                "--take-over if there is none, or if it is stopped",
                                diag_text(&diag));
        diag_deinit(&diag);
        return answer;
}

/* The runs that began before the decision end by themselves, at the latest by the deadline of their calls. */
static bool wait_for_runs(Wiring *w, _Atomic uint64_t *n_runs)
{
        Mono end = mono_add(clock_mono(w->clock), PATIENCE_US);

        while (*n_runs && clock_mono(w->clock).us < end.us)
                usleep(10000);
        return *n_runs == 0 && queue_outlast(w->queue, end.us - clock_mono(w->clock).us) == 0;
}

static const char *why_not(int r)
{
        return r == QUEUE_E_STALE ? "somebody else has decided at the same moment" : queue_why(r);
}

/* Everything that staging has held back is due. `d` is the promote. NULL: so it is; else why not. */
static json_t *let_go(Wiring *w, const Decision *d, size_t *ret_n)
{
        const char *why = "a run that began before is still under way";
        int r;

        if (wait_for_runs(w, &w->shared.staging.n_holding)) {
                r = release(w->queue, d, clock_wall(w->clock), ret_n);
                if (r == 0)
                        return NULL;
                why = why_not(r);
        }
        return refuse(EXIT_OBJECT,
                      "staging has ended, but not all that it held back could be queued (%s). Say promote "
                      "again later",
                      why);
}

static json_t *promote(Wiring *w, const StagingRequest *request)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Wall now = clock_wall(w->clock);
        bool before = is_on(w);
        Decision d;
        json_t *answer;
        size_t n = 0;
        int r = decision_read(queue_space(w->queue), a, &d);

        if (r)
                return refuse(EXIT_OBJECT, "what was decided before cannot be read: %s", strerror(-r));
        if (before && !request->take_over) {
                answer = ask_for_another(w, &d);
                if (answer)
                        return answer;
        }
        if (before && !request->check) {
                d = (Decision){ STAGING_PROMOTED, now, request->name, true, d.serial };
                r = decision_write(w->queue, &d, now);
                if (r)
                        return refuse(EXIT_OBJECT, "the decision cannot be stored: %s", why_not(r));
                w->shared.staging.decision = d.decision;
        }
        if (d.release && !request->check) {
                answer = let_go(w, &d, &n);
                if (answer)
                        return answer;
                log_info(&w->log, "staging has ended", LOG_STR("by", request->name), LOG_INT("queued", n));
        }
        return json_pack("{s:b, s:{s:b, s:I, s:o?}}", "ok", 1, "result", "staging", before, "queued",
                         (json_int_t)n, "comparison", compare_last_read(queue_space(w->queue)));
}

/* NULL: it is decided; else why not. */
static json_t *begin_staging(Wiring *w, Decision *d)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Staging *s = &w->shared.staging;
        Decision was;
        int r = decision_read(queue_space(w->queue), a, &was);

        d->serial = r ? SPACE_ANY : was.serial;
        d->at = clock_wall(w->clock);
        /* First for the runs, then for the disk: what fails half-way has stopped the export. In a cluster the
         * disk is what the runs go by. */
        if (!s->shared)
                s->decision = STAGING_DEMOTED;
        r = decision_write(w->queue, d, d->at);
        if (r)
                return refuse(EXIT_OBJECT, "%sthe decision cannot be stored: %s",
                              s->shared ? "" : "staging is on until the next start, but ", why_not(r));
        s->decision = STAGING_DEMOTED;
        return NULL;
}

static json_t *demote(Wiring *w, const StagingRequest *request)
{
        bool before = is_on(w);
        Decision d = { .decision = STAGING_DEMOTED, .by = request->name }, ended;
        json_t *answer = before ? NULL : begin_staging(w, &d);
        int r;

        if (answer)
                return answer;
        /* Also when it was on: the one who began it may have waited in vain. */
        if (!wait_for_runs(w, &w->shared.staging.n_exporting))
                return refuse(EXIT_OBJECT, "staging is on, but a run that began before is still under way; "
                                           "say demote again");
        if (!before) {
                /* Until the last run had ended it was this installation that wrote. */
                ended = d;
                ended.at = clock_wall(w->clock);
                r = decision_amend(w->queue, &d, &ended, ended.at);
                if (r == QUEUE_E_STALE)
                        return refuse(EXIT_OBJECT, "%s, and it stands: look with sosync top", why_not(r));
                if (r)
                        return refuse(EXIT_OBJECT, "staging is on, but when it began cannot be stored: %s",
                                      why_not(r));
                log_info(&w->log, "staging has begun", LOG_STR("by", request->name));
        }
        return json_pack("{s:b, s:{s:b}}", "ok", 1, "result", "staging", before);
}

/* Both write twice, and wait in between: two at once would leave one decision in force and the other on disk.
 * At two nodes of a cluster the memo's serial does the same. */
json_t *staging_promote(Wiring *w, const StagingRequest *request)
{
        json_t *answer;

        pthread_mutex_lock(&w->staging_lock);
        answer = promote(w, request);
        pthread_mutex_unlock(&w->staging_lock);
        return answer;
}

json_t *staging_demote(Wiring *w, const StagingRequest *request)
{
        json_t *answer;

        pthread_mutex_lock(&w->staging_lock);
        answer = demote(w, request);
        pthread_mutex_unlock(&w->staging_lock);
        return answer;
}
