/* SPDX-License-Identifier: Apache-2.0 */

/* What is asked for in one line and answered in one. */

#include "app/control/matches.h"
#include "app/control/private.h"
#include "app/control/queue-view.h"
#include "app/control/release.h"
#include "app/control/sync.h"
#include "app/flow/brake-store.h"
#include "app/job/jobs.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/model/dn.h"
#include "engine/steps/catalogue.h"
#include "report/facts.h"

#include <errno.h>
#include <string.h>

static bool asker_is_gone(void *context)
{
        return connection_is_gone(context);
}

static json_t *answer_sync(Connection *c, json_t *request)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const char *dn = json_string_value(json_object_get(request, "dn"));
        Diag diag = DIAG_INIT;
        PackWriter writer;
        const uint8_t *data;
        char name[256];
        json_t *answer;
        Outcome o;
        size_t n;
        int r;

        if (!dn)
                return answer_error(2, "sync: \"dn\" is missing");
        r = sync_by_service(c->control->wiring,
                            &(SyncRequest){
                                    .dn = dn,
                                    .staging = json_is_true(json_object_get(request, "staging")),
                                    .by = connection_user(c, name, sizeof(name)),
                                    .is_gone = asker_is_gone,
                                    .context = c,
                            },
                            a, &o, &diag);
        if (r) {
                answer = answer_error(r == SYNC_E_NAME                        ? 2
                                      : r == SYNC_E_WAITS || r == SYNC_E_FULL ? 5
                                                                              : 1,
                                      r == SYNC_E_FULL  ? QUEUE_FULL_TEXT
                                      : diag_any(&diag) ? diag_text(&diag)
                                                        : queue_why(r));
                diag_deinit(&diag);
                return answer;
        }
        diag_deinit(&diag);
        pack_init(&writer);
        outcome_pack(&writer, &o);
        data = pack_data(&writer, &n);
        answer = json_pack("{s:b, s:s}", "ok", 1, "outcome", str_base64(a, data, n));
        pack_deinit(&writer);
        return answer;
}

static json_t *answer_matches(Connection *c, json_t *request)
{
        json_t *list = matches_list(c->control->wiring->queue);

        (void)request;
        return list ? json_pack("{s:b, s:o}", "ok", 1, "result", list)
                    : answer_error(1, "the store cannot be read");
}

static json_t *answer_approve(Connection *c, json_t *request)
{
        const char *which = json_string_value(json_object_get(request, "which"));
        char name[256], text[1024];
        int n = which ? matches_approve(c->control->wiring->queue, which,
                                        connection_user(c, name, sizeof(name)),
                                        clock_wall(c->control->wiring->clock))
                      : -EINVAL;

        snprintf(text, sizeof(text), MATCHES_WHICH, which ? which : "");
        if (n < 0)
                return answer_error(n == -EINVAL ? 2 : 1, n == -EINVAL ? text : queue_why(n));
        return json_pack("{s:b, s:i}", "ok", 1, "result", n);
}

/* promote and demote */
static json_t *answer_staging(Connection *c, json_t *request)
{
        char name[256];
        const StagingRequest staging = {
                .check = json_is_true(json_object_get(request, "check")),
                .take_over = json_is_true(json_object_get(request, "takeOver")),
                .name = connection_user(c, name, sizeof(name)),
        };

        if (str_is(json_string_value(json_object_get(request, "do")), "demote"))
                return staging_demote(c->control->wiring, &staging);
        return staging_promote(c->control->wiring, &staging);
}

static json_t *answer_stats(Connection *c, json_t *request)
{
        Wiring *w = c->control->wiring;
        _cleanup_(config_unrefp) Config *config = snapshot_get(&w->snapshot);
        Wall now = clock_wall(w->clock);
        BrakeView brakes;
        json_t *stats;

        (void)request;
        brake_store_view(w->queue, &w->shared.brakes.counters, &config->brakes, now, &brakes);
        stats = queue_view_stats(w->queue, &brakes, now);
        return stats ? json_pack("{s:b, s:o}", "ok", 1, "result", stats)
                     : answer_error(1, "the queue cannot be read");
}

static json_t *answer_list(Connection *c, json_t *request)
{
        json_int_t max = json_integer_value(json_object_get(request, "max"));
        json_t *list = queue_view_list(c->control->wiring->queue,
                                       json_string_value(json_object_get(request, "state")),
                                       max > 0 && max <= 100000 ? (size_t)max : 1000);

        return list ? json_pack("{s:b, s:o}", "ok", 1, "result", list)
                    : answer_error(1, "the queue cannot be read");
}

static json_t *answer_steer(Connection *c, json_t *request)
{
        const char *which = json_string_value(json_object_get(request, "which"));
        bool drop = str_is(json_string_value(json_object_get(request, "do")), "drop");
        int n = which ? queue_view_steer(c->control->wiring->queue, drop ? QUEUE_VERB_DROP : QUEUE_VERB_RETRY,
                                         which, clock_wall(c->control->wiring->clock))
                      : -EINVAL;

        if (n == -EINVAL)
                return answer_error(2, "neither a distinguished name, nor an objectGUID, nor \"parked\"");
        return n < 0 ? answer_error(1, queue_why(n)) : json_pack("{s:b, s:i}", "ok", 1, "result", n);
}

/* {"do": "release", "brake": "disable", "drop": false}: what the brake holds goes on, or is forgotten. */
static json_t *answer_release(Connection *c, json_t *request)
{
        const char *name = json_string_value(json_object_get(request, "brake"));
        char by[256];
        Brake brake;
        int n;

        if (!brake_parse(name, &brake))
                return answer_error(2, "there is no such brake: disable, members, values, create");
        n = release_brake(c->control->wiring, brake, json_is_true(json_object_get(request, "drop")),
                          connection_user(c, by, sizeof(by)));
        return n < 0 ? answer_error(1, queue_why(n)) : json_pack("{s:b, s:i}", "ok", 1, "result", n);
}

static json_t *answer_status(Connection *c, json_t *request)
{
        (void)request;
        return json_pack("{s:b, s:o}", "ok", 1, "status", c->control->ops->status(c->control->context));
}

/* Long enough that a quiet hour costs nothing; and how soon a thread whose peer is gone comes home. */
#define WATCH_US ((int64_t)10 * 1000000)
#define LOOK_US  ((int64_t)250 * 1000)

/* A line has the names of `sosync report list --json`. */
static json_t *line_json(Arena *a, const LiveLine *line)
{
        char at[WALL_TEXT_MAX], guid[GUID_TEXT_MAX];
        json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?}", "id", line->run_id,
                              "activityDateTime", wall_format(line->finished, at), "kind",
                              change_kind_name(line->kind), "lane", lane_name(line->lane), "status",
                              result_name(line->result), "outcome", disposition_name(line->disposition),
                              "provisioningAction", action_name(line->action), "objectGuid",
                              guid_format(&line->object, guid), "dn", facts_utf8(a, line->dn), "displayName",
                              facts_utf8(a, line->display_name), "errorCode", line->error_code);

        json_object_set_new(o, "latencyMs",
                            line->latency_ms >= 0 ? json_integer((json_int_t)line->latency_ms) : json_null());
        return o;
}

static bool is_below(Arena *a, const char *text, const Dn *ou)
{
        const Dn *dn;

        return !ou || (dn_parse(a, text, &dn, NULL) == 0 && dn_is_below(dn, ou));
}

/* The runs since number `after`; waits for one. -1: from now on. */
static json_t *answer_watch(Connection *c, json_t *request)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Live *live = c->control->wiring->live;
        json_int_t after = json_integer_value(json_object_get(request, "after"));
        const char *below = json_string_value(json_object_get(request, "ou"));
        uint64_t last = after < 0 ? live_last(live) : (uint64_t)after, missed;
        json_t *list = json_array();
        const Dn *ou = NULL;
        LiveLine *lines;
        size_t n;

        if (below && dn_parse(a, below, &ou, NULL)) {
                json_decref(list);
                return answer_error(2, "watch: \"ou\" is not a distinguished name");
        }
        for (int64_t us = 0; us < WATCH_US && !connection_is_gone(c); us += LOOK_US)
                if (live_wait(live, last, LOOK_US))
                        break;
        n = live_read(live, last, SIZE_MAX, a, &lines, &missed);
        for (size_t i = 0; i < n; i++)
                if (is_below(a, lines[i].dn, ou))
                        json_array_append_new(list, line_json(a, &lines[i]));
        if (n)
                last = lines[n - 1].number;
        return json_pack("{s:b, s:I, s:I, s:o}", "ok", 1, "last", (json_int_t)last, "missed",
                         (json_int_t)(after < 0 ? 0 : missed), "lines", list);
}

static const struct Verb {
        const char *verb;
        json_t *(*answer)(Connection *c, json_t *request);
        bool acts;  /* it changes something: into the audit log */
        bool waits; /* for what others do: its answer may take long */
} verbs[] = {
        { "approve", answer_approve, true },    { "demote", answer_staging, true },
        { "drop", answer_steer, true },         { "job", answer_job, true, true },
        { "list", answer_list, false },         { "matches", answer_matches, false },
        { "promote", answer_staging, true },    { "release", answer_release, true },
        { "retry", answer_steer, true },        { "stats", answer_stats, false },
        { "status", answer_status, false },     { "sync", answer_sync, true, true },
        { "watch", answer_watch, false, true },
};

/*
 * Who asked for what, and what became of it. A job says itself what it is called, and whether it only looks.
 *
 * The kernel says who is at the other end. Who logged in before becoming root or the service's user is that
 * process's own word (we may not read its /proc entry: ProtectProc=invisible), and good for these two only:
 * they could write the log itself. Whoever else is let in has a name already, and may not take another.
 */
static void record(Connection *c, const char *verb, json_t *request, const json_t *result)
{
        const char *name = json_string_value(json_object_get(request, "kind")), *act = name ? name : verb;
        const JobKind *kind = name ? job_kind_find(job_kinds, name) : NULL;
        char by[256];

        if (c->uid != 0 && c->uid != geteuid())
                json_object_del(request, "login");
        if (kind)
                act = job_kind_act(kind, json_object_get(request, "arguments"));
        if (act)
                acts_person(&c->control->wiring->acts, connection_user(c, by, sizeof(by)), act, request,
                            result);
}

json_t *answer_busy(size_t n)
{
        char text[128];

        snprintf(text, sizeof(text), "the service is busy with %zu other commands; try again", n);
        return answer_error(EXIT_THROTTLED, text);
}

static json_t *answer_verb(Connection *c, const struct Verb *v, json_t *request)
{
        json_t *result;
        size_t n;

        if (v->waits && !control_enter(c->control, &n))
                return answer_busy(n);
        result = v->answer(c, request);
        if (v->waits)
                control_leave(c->control);
        if (v->acts)
                record(c, v->verb, request, result);
        return result;
}

json_t *answer_line(Connection *c, const char *line, size_t n)
{
        json_error_t error;
        json_t *request = json_loadb(line, n, JSON_REJECT_DUPLICATES, &error), *result = NULL;
        const char *verb = json_string_value(json_object_get(request, "do"));

        if (!request)
                return answer_error(2, error.text);
        for (size_t i = 0; verb && i < N_ELEMENTS(verbs); i++)
                if (str_is(verbs[i].verb, verb))
                        result = answer_verb(c, &verbs[i], request);
        json_decref(request);
        return result ? result : answer_error(2, "unknown request");
}
