/* SPDX-License-Identifier: Apache-2.0 */

#include "app/control/private.h"
#include "app/job/jobs.h"

#include "app/control/matches.h"
#include "app/control/queue-view.h"
#include "app/control/sync.h"
#include "app/flow/brake-store.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/model/dn.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

/* -- answers ------------------------------------------------------------------------------------------- */

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
                            },
                            a, &o, &diag);
        if (r) {
                answer = answer_error(r == SYNC_E_WAITS || r == SYNC_E_FULL ? 5 : 1,
                                      r == SYNC_E_FULL  ? "the queue is full"
                                      : diag_any(&diag) ? diag_text(&diag)
                                                        : strerror(r < 0 ? -r : EIO));
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
                return answer_error(n == -EINVAL ? 2 : 1, n == -EINVAL ? text : strerror(-n));
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
        json_t *stats = queue_view_stats(w->queue, &w->shared.brakes, &config->brakes, clock_wall(w->clock));

        (void)request;
        return stats ? json_pack("{s:b, s:o}", "ok", 1, "result", stats)
                     : answer_error(1, "the queue cannot be read");
}

static json_t *answer_list(Connection *c, json_t *request)
{
        json_int_t max = json_integer_value(json_object_get(request, "max"));
        json_t *list = queue_view_list(c->control->wiring->queue,
                                       json_string_value(json_object_get(request, "state")),
                                       max > 0 && max < 100000 ? (size_t)max : 1000);

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
        return n < 0 ? answer_error(1, strerror(-n)) : json_pack("{s:b, s:i}", "ok", 1, "result", n);
}

/* {"do": "release", "brake": "disable", "drop": false}: what the brake holds goes on, or is forgotten. */
static json_t *answer_release(Connection *c, json_t *request)
{
        Wiring *w = c->control->wiring;
        const char *name = json_string_value(json_object_get(request, "brake"));
        bool drop = json_is_true(json_object_get(request, "drop"));
        Wall now = clock_wall(w->clock);
        char by[256];
        Brake brake;
        int n;

        if (!brake_parse(name, &brake))
                return answer_error(2, "there is no such brake: disable, members, values, create");
        pthread_mutex_lock(&w->shared.brakes_lock);
        n = brake_store_release(&w->shared.brakes, w->queue, brake, drop, now);
        pthread_mutex_unlock(&w->shared.brakes_lock);
        connection_user(c, by, sizeof(by));
        log_warning(&w->log, drop ? "a brake's changes were dropped" : "a brake was released",
                    LOG_STR("brake", name), LOG_STR("by", by), LOG_INT("changes", n));
        alarms_clear(&w->alarms, "brake", name, drop ? "its changes were dropped" : "it was released", now);
        return n < 0 ? answer_error(1, strerror(-n)) : json_pack("{s:b, s:i}", "ok", 1, "result", n);
}

static json_t *answer_status(Connection *c, json_t *request)
{
        (void)request;
        return json_pack("{s:b, s:o}", "ok", 1, "status", c->control->ops->status(c->control->context));
}

/* Long enough that a quiet hour costs nothing, short enough that a thread whose peer is gone comes home. */
#define WATCH_US ((int64_t)10 * 1000000)

/* A line has the names of `sosync report list --json`. */
static json_t *line_json(const LiveLine *line)
{
        char at[WALL_TEXT_MAX], guid[GUID_TEXT_MAX];
        json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s?}", "id", line->run_id,
                              "activityDateTime", wall_format(line->finished, at), "kind",
                              change_kind_name(line->kind), "lane", lane_name(line->lane), "status",
                              result_name(line->result), "outcome", disposition_name(line->disposition),
                              "provisioningAction", action_name(line->action), "objectGuid",
                              guid_format(&line->object, guid), "dn", line->dn, "displayName",
                              line->display_name, "errorCode", line->error_code);

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
        live_wait(live, last, WATCH_US);
        n = live_read(live, last, SIZE_MAX, a, &lines, &missed);
        for (size_t i = 0; i < n; i++)
                if (is_below(a, lines[i].dn, ou))
                        json_array_append_new(list, line_json(&lines[i]));
        if (n)
                last = lines[n - 1].number;
        return json_pack("{s:b, s:I, s:I, s:o}", "ok", 1, "last", (json_int_t)last, "missed",
                         (json_int_t)(after < 0 ? 0 : missed), "lines", list);
}

static const struct {
        const char *verb;
        json_t *(*answer)(Connection *c, json_t *request);
        bool acts; /* it changes something: into the audit log */
} verbs[] = {
        { "approve", answer_approve, true }, { "demote", answer_staging, true },
        { "drop", answer_steer, true },      { "job", answer_job, true },
        { "list", answer_list, false },      { "matches", answer_matches, false },
        { "promote", answer_staging, true }, { "release", answer_release, true },
        { "retry", answer_steer, true },     { "stats", answer_stats, false },
        { "status", answer_status, false },  { "sync", answer_sync, true },
        { "watch", answer_watch, false },
};

/* Who asked for what, and what became of it. A job says itself what it is called, and whether it only looks.
 */
static void record(Connection *c, const char *verb, const json_t *request, const json_t *result)
{
        const char *name = json_string_value(json_object_get(request, "kind")), *act = name ? name : verb;
        const JobKind *kind = name ? job_kind_find(job_kinds, name) : NULL;
        char by[256];

        if (kind)
                act = job_kind_act(kind, json_object_get(request, "arguments"));
        if (act)
                acts_person(&c->control->wiring->acts, connection_user(c, by, sizeof(by)), act, request,
                            result);
}

static json_t *answer(Connection *c, const char *line, size_t n)
{
        json_error_t error;
        json_t *request = json_loadb(line, n, JSON_REJECT_DUPLICATES, &error), *result = NULL;
        const char *verb = json_string_value(json_object_get(request, "do"));

        if (!request)
                return answer_error(2, error.text);
        for (size_t i = 0; verb && i < N_ELEMENTS(verbs); i++)
                if (str_is(verbs[i].verb, verb)) {
                        result = verbs[i].answer(c, request);
                        if (verbs[i].acts)
                                record(c, verb, request, result);
                }
        json_decref(request);
        return result ? result : answer_error(2, "unknown request");
}

/* -- connections --------------------------------------------------------------------------------------- */

static bool may_read(const Control *control, int fd)
{
        struct pollfd fds[] = { { .fd = fd, .events = POLLIN },
                                { .fd = control->wake[0], .events = POLLIN } };

        while (poll(fds, 2, -1) < 0)
                if (errno != EINTR)
                        return false;
        return !(fds[1].revents) && fds[0].revents;
}

/* One line in, one line out, until the peer closes. */
static void serve(Connection *c, char *line)
{
        size_t n = 0;

        while (may_read(c->control, c->fd)) {
                ssize_t got = recv(c->fd, line + n, CONTROL_LINE_MAX - n, 0);
                char *end;

                if (got <= 0)
                        return;
                n += (size_t)got;
                while ((end = memchr(line, '\n', n))) {
                        size_t length = (size_t)(end - line);
                        json_t *result = answer(c, line, length);

                        if (!connection_say(c, result))
                                return;
                        memmove(line, end + 1, n - length - 1);
                        n -= length + 1;
                }
                if (n == CONTROL_LINE_MAX)
                        return;
        }
}

static void *connection_thread(void *context)
{
        Connection *c = context;
        char *line = malloc(CONTROL_LINE_MAX);

        if (!line)
                error_oom(CONTROL_LINE_MAX);
        serve(c, line);
        free(line);
        close(c->fd);
        pthread_mutex_lock(&c->control->lock);
        c->done = true;
        pthread_mutex_unlock(&c->control->lock);
        return NULL;
}

/* Join the threads that have ended; `all`: wait for every one. */
static void reap(Control *control, bool all)
{
        List ended;

        list_init(&ended);
        pthread_mutex_lock(&control->lock);
        list_for_each_safe (i, &control->connections) {
                Connection *c = list_entry(i, Connection, link);

                if (!all && !c->done)
                        continue;
                list_remove(&c->link);
                list_push(&ended, &c->link);
                control->n_connections--;
        }
        pthread_mutex_unlock(&control->lock);
        list_for_each_safe (i, &ended) {
                Connection *c = list_entry(i, Connection, link);

                pthread_join(c->thread, NULL);
                free(c);
        }
}

/*
 * No file descriptor is left. One is kept for this: who asks sees the connection end, and does not wait for
 * an answer that cannot come. Where not even that helps, the thread does not spin.
 */
static void turn_away(Control *control)
{
        struct pollfd over = { .fd = control->wake[0], .events = POLLIN };
        int fd;

        close(control->spare);
        fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
                close(fd);
        control->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
        poll(&over, 1, 100);
}

static void accept_one(Control *control)
{
        int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC);
        Connection *c;
        uid_t uid;

        if (fd < 0 && (errno == EMFILE || errno == ENFILE))
                turn_away(control);
        if (fd < 0)
                return;
        reap(control, false);
        if (control->n_connections >= CONTROL_CONNECTIONS || !control_is_welcome(control, fd, &uid)) {
                close(fd);
                return;
        }
        /* A peer that does not read its answer must not hold a thread, nor our end. */
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &(struct timeval){ .tv_sec = 10 }, sizeof(struct timeval));
        c = calloc(1, sizeof(*c));
        if (!c)
                error_oom(sizeof(*c));
        c->control = control;
        c->fd = fd;
        c->uid = uid;
        pthread_mutex_lock(&control->lock);
        list_push(&control->connections, &c->link);
        control->n_connections++;
        pthread_mutex_unlock(&control->lock);
        if (pthread_create(&c->thread, NULL, connection_thread, c)) {
                pthread_mutex_lock(&control->lock);
                list_remove(&c->link);
                control->n_connections--;
                pthread_mutex_unlock(&control->lock);
                close(fd);
                free(c);
        }
}

static void *accept_thread(void *context)
{
        Control *control = context;

        while (may_read(control, control->fd))
                accept_one(control);
        return NULL;
}

/* -- life ---------------------------------------------------------------------------------------------- */

int control_new(Control **ret_control, Wiring *w, const ControlOps *ops, void *context, Diag *diag)
{
        _cleanup_(control_freep) Control *control = calloc(1, sizeof(*control));
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        int r;

        if (!control)
                error_oom(sizeof(*control));
        control->wiring = w;
        control->ops = ops;
        control->context = context;
        control->fd = control->wake[0] = control->wake[1] = -1;
        control->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
        pthread_mutex_init(&control->lock, NULL);
        list_init(&control->connections);
        control->path = strdup(control_path(a, w->first));
        if (!control->path)
                error_oom(1);
        if (pipe2(control->wake, O_CLOEXEC))
                return error_origin(-errno);
        r = control_listen(control, diag);
        if (r)
                return r;
        r = pthread_create(&control->thread, NULL, accept_thread, control);
        if (r)
                return error_origin(-r);
        control->started = true;
        *ret_control = TAKE(control);
        return 0;
}

Control *control_free(Control *c)
{
        if (!c)
                return NULL;
        if (c->wake[1] >= 0)
                close(c->wake[1]);
        if (c->started)
                pthread_join(c->thread, NULL);
        reap(c, true);
        if (c->wake[0] >= 0)
                close(c->wake[0]);
        if (c->fd >= 0)
                close(c->fd);
        if (c->spare >= 0)
                close(c->spare);
        if (c->bound)
                unlink(c->path);
        pthread_mutex_destroy(&c->lock);
        free(c->path);
        free(c);
        return NULL;
}
