/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/scenario/scene.h"

#include "app/reconcile/reconcile.h"
#include "base/error.h"
#include "base/str.h"
#include "engine/space/memo.h"
#include "queue/check.h"
#include "tests/scenario/commands.h"
#include "tests/scenario/mortal.h"
#include "tests/scratch/scratch.h"

#include <errno.h>
#include <string.h>

/* The clock moves in steps of this, so that nothing that is due is more than one step late. */
#define STEP_MS 100

/* A worker that finds something to do for ever is a bug of the engine. */
#define RUNS_MAX 10000

bool scene_fail(Scene *s, const char *format, ...)
{
        va_list ap;

        va_start(ap, format);
        fprintf(stderr, "%s:%d: ", s->script.path, s->line ? s->line->number : 0);
        vfprintf(stderr, format, ap);
        fputc('\n', stderr);
        va_end(ap);
        if (s->line)
                fprintf(stderr, "        %s\n", s->line->text);
        if (s->seen.next == s->seen.n_lines)
                fprintf(stderr, "seen and not expected yet: nothing\n");
        else
                fprintf(stderr, "seen and not expected yet:\n");
        for (size_t i = s->seen.next; i < s->seen.n_lines && i < s->seen.next + 20; i++)
                fprintf(stderr, "        %s\n", seen_text(&s->seen, &s->seen.lines[i]));
        s->failed = true;
        return false;
}

/* -- the process ----------------------------------------------------------------------------------------- */

static int open_queue(Scene *s)
{
        Diag diag = DIAG_INIT;
        Queue *q;
        int r;

        if (s->lmdb)
                r = queue_lmdb_new(&q,
                                   &(QueueLmdbOptions){
                                           .path = arena_printf(s->arena, "%s/state", s->folder),
                                           .now = clock_wall(&s->clock.clock),
                                   },
                                   &diag);
        else
                r = queue_mem_new(&q);
        if (r)
                fprintf(stderr, "the queue cannot be opened: %s\n", diag_text(&diag));
        else
                s->queue = mortal_new(q, &(MortalFlags){
                                                 .dying = &s->dying,
                                                 .full = &s->full,
                                                 .shut = &s->shut,
                                                 .unreadable = &s->unreadable,
                                                 .meanwhile = command_meanwhile_now,
                                                 .context = s,
                                         });
        diag_deinit(&diag);
        return r;
}

static void see_alarm(void *context, const AlarmEvent *e)
{
        Scene *s = context;

        seen_value(&s->seen,
                   seen_add(&s->seen, true, "alarm %s %s %s", alarm_turn_name(e->turn), e->kind, e->name),
                   "text", e->text);
}

static int open_gate(Scene *s)
{
        GateOptions options = {
                .config = &s->gate_config->scheduler,
                .queue = s->queue,
                .target = s->cloud,
                .alarms = &s->alarms,
                .clock = &s->clock.clock,
                .log = &s->log,
        };

        if (!s->connect)
                return gate_open(&s->gate, s->gate_config, s->queue, s->cloud, &s->alarms, &s->clock.clock,
                                 &s->log);
        options.driver = connect_mem_open(s->connect);
        return gate_init(&s->gate, &options);
}

static int start(Scene *s)
{
        const Connector *c;
        int r = open_queue(s);

        if (r)
                return r;
        s->first = snapshot_get(&s->snapshot);
        r = connectors_open(&s->connectors, s->first, s->queue, &s->clock.clock, &s->log, NULL);
        if (r)
                return r;
        c = &s->connectors.items[0];
        intake_init(&s->intake, s->queue, &s->snapshot, &s->clock.clock, &s->log, c->feed, c->number,
                    c->source);
        alarms_init(&s->alarms, see_alarm, s);
        r = worker_shared_init(&s->shared, &s->snapshot, &s->connectors, s->queue,
                               s->target ? s->target : s->cloud, NULL, &s->clock.clock, &s->log);
        if (r)
                return r;
        s->shared.alarms = &s->alarms;
        /* What a script makes before time moves was there before the first start. */
        if (reconcile_note_start(s->queue, c->number, c->source, wall_add(clock_wall(&s->clock.clock), 1000)))
                return -EIO;
        s->gate_config = snapshot_get(&s->snapshot);
        r = open_gate(s);
        if (r)
                return r;
        gate_mind_staging(&s->gate, worker_exports, &s->shared);
        s->shared.gate = &s->gate;
        s->intake.containers_due = s->intake.filter_due = true; /* perhaps: as after every start */
        if (s->second) {
                const Connector *other = &s->connectors.items[1];

                intake_init(&s->second->intake, s->queue, &s->snapshot, &s->clock.clock, &s->log, other->feed,
                            other->number, other->source);
        }
        worker_init(&s->worker, &s->shared,
                    (Source *[]){ source_mem_open(s->directory),
                                  s->second ? source_mem_open(s->second->directory) : NULL },
                    LANES_ALL);
        return 0;
}

static void stop(Scene *s)
{
        if (!s->queue)
                return;
        worker_deinit(&s->worker);
        gate_deinit(&s->gate);
        s->gate_config = config_unref(s->gate_config);
        worker_shared_deinit(&s->shared);
        alarms_deinit(&s->alarms);
        intake_deinit(&s->intake);
        if (s->second)
                intake_deinit(&s->second->intake);
        connectors_close(&s->connectors);
        s->first = config_unref(s->first);
        s->queue = queue_free(s->queue);
}

bool scene_crash(Scene *s)
{
        if (!s->lmdb)
                return scene_fail(s, "a queue in memory does not survive a crash");
        stop(s);
        s->dying = false;
        if (start(s))
                return scene_fail(s, "the service does not start again");
        return true;
}

bool scene_reopen(Scene *s)
{
        gate_stop(&s->gate);
        stop(s);
        if (start(s))
                return scene_fail(s, "the service does not start again");
        return true;
}

bool scene_check(Scene *s)
{
        Diag diag = DIAG_INIT;
        CheckResult found;
        bool good = true;
        int r;

        if (!s->lmdb)
                return true;
        stop(s);
        r = queue_lmdb_check(arena_printf(s->arena, "%s/state", s->folder), NULL, NULL, &found, &diag);
        if (r || found.n_findings)
                good = scene_fail(s, "what the story leaves behind does not fit together: %s",
                                  diag_text(&diag));
        diag_deinit(&diag);
        return good;
}

static SourceMem *new_directory(Scene *s, const char *name, const char *base, int byte, ObjectId *ret_server)
{
        memset(ret_server->bytes, byte, sizeof(ret_server->bytes));
        return source_mem_new(&(SourceInfo){
                .name = name,
                .base = base,
                .server = arena_printf(s->arena, "dc1.%s", name),
                .server_id = *ret_server,
                .domain_fqdn = name,
                .domain_netbios = "CORP",
                .forest_fqdn = name,
                .forest_netbios = "CORP",
        });
}

bool scene_second(Scene *s, const char *name)
{
        SceneSource *second = arena_new_of(s->arena, SceneSource);

        if (s->second || s->n_things)
                return scene_fail(s, "a second directory comes first, and there is no third");
        /* What was started has one; it ends with what it has. */
        gate_stop(&s->gate);
        stop(s);
        second->name = arena_printf(s->arena, "%s.contoso.test", name);
        second->base = arena_printf(s->arena, "DC=%s,DC=contoso,DC=test", name);
        second->directory = new_directory(s, second->name, second->base, 0xdd, &second->server);
        s->second = second;
        return (scene_reload(s) && start(s) == 0) || scene_fail(s, "the service does not start again");
}

int scene_init(Scene *s, const char *backend)
{
        _cleanup_(cleanup_free) char *folder = scratch_folder("scenario");
        Config *config;
        int r;

        clock_fake_init(&s->clock, (Mono){ 1000000 }, (Wall){ SCENE_BEGIN_MS });
        seen_init(&s->seen, s->arena);
        s->lmdb = str_is(backend, "lmdb");
        if (!folder)
                return -errno;
        s->folder = arena_strdup(s->arena, folder);
        s->directory = new_directory(s, "corp.contoso.test", SCENE_BASE, 0xdc, &s->server);
        s->cloud = cloud_new(s);
        r = scene_load_config(s, &config);
        if (r)
                return r;
        snapshot_init(&s->snapshot, config);
        return start(s);
}

void scene_deinit(Scene *s)
{
        stop(s);
        if (s->snapshot.config)
                snapshot_deinit(&s->snapshot);
        if (s->target)
                s->target = target_free(s->target);
        else
                target_free(s->cloud);
        s->cloud = NULL;
        s->connect = connect_mem_free(s->connect);
        s->directory = source_mem_free(s->directory);
        if (s->second)
                source_mem_free(s->second->directory);
        if (s->folder)
                scratch_remove(s->folder);
}

/* -- work and time --------------------------------------------------------------------------------------- */

/* An acknowledgement returns before it is on disk; a put that follows it returns after. */
static bool barrier(Scene *s)
{
        SpaceBatch batch;
        uint8_t n[4];

        memcpy(n, &s->n_barriers, sizeof(n));
        s->n_barriers++;
        space_batch_init(&batch, s->arena);
        memo_write(&batch, "scenario.barrier", n, sizeof(n), SPACE_ANY);
        return queue_put(s->queue, &(Intake){ .writes = batch.writes,
                                              .n_writes = batch.n_writes,
                                              .now = clock_wall(&s->clock.clock) }) == 0;
}

/* A worker that waits for lanes in which something is due would wake at once, for ever. */
static bool waits_rightly(Scene *s, LaneSet lanes)
{
        QueueStats stats;

        if (queue_stats(s->queue, clock_wall(&s->clock.clock), &stats))
                return scene_fail(s, "the queue gives no numbers");
        for (unsigned lane = 0; lane < _LANE_N; lane++)
                if (lanes & LANE_SET(lane) && stats.n[lane][QUEUE_READY])
                        return scene_fail(s, "the worker waits for lane %s, in which something is due",
                                          lane_name((Lane)lane));
        return true;
}

/* The flag's thread, when the workers have come to rest. True: something has changed for them. */
static bool turn_flag(Scene *s)
{
        LaneSet before = gate_lanes(&s->gate);

        while (gate_turn(&s->gate) == 0)
                ;
        return gate_lanes(&s->gate) != before;
}

bool scene_work(Scene *s)
{
        if ((s->intake.containers_due || s->intake.filter_due) && !scene_do_jobs(s))
                return false;
        for (unsigned i = 0; i < RUNS_MAX; i++) {
                const Outcome *o;
                LaneSet lanes;
                int64_t wait;

                queue_tell_time(s->queue, clock_wall(&s->clock.clock));
                wait = worker_turn(&s->worker, &lanes, &o);

                if (o && s->dying) {
                        seen_add(&s->seen, false, "crash");
                        cloud_reads(s->cloud);
                        if (!scene_crash(s))
                                return false;
                        if (s->late)
                                return true;
                        continue;
                }
                if (o && !scene_see(s, o))
                        return false;
                if (o && !barrier(s))
                        return scene_fail(s, "the queue takes nothing");
                if (wait && !turn_flag(s))
                        return waits_rightly(s, lanes);
        }
        return scene_fail(s, "the worker does not come to rest");
}

bool scene_until(Scene *s, int64_t ms)
{
        if (ms < s->now_ms)
                return scene_fail(s, "time does not go back");
        while (s->now_ms < ms) {
                int64_t step = ms - s->now_ms < STEP_MS ? ms - s->now_ms : STEP_MS;

                clock_fake_advance(&s->clock, step * 1000);
                s->now_ms += step;
                if (!scene_work(s))
                        return false;
        }
        return true;
}

/* -- names ----------------------------------------------------------------------------------------------- */

Thing *scene_thing(Scene *s, const char *name)
{
        for (size_t i = 0; i < s->n_things; i++)
                if (str_is(s->things[i]->name, name))
                        return s->things[i];
        return NULL;
}

Thing *scene_thing_of(Scene *s, const ObjectId *id)
{
        for (size_t i = 0; i < s->n_things; i++)
                if (guid_is(&s->things[i]->id, id))
                        return s->things[i];
        return NULL;
}

Thing *scene_thing_of_anchor(Scene *s, const char *anchor)
{
        for (size_t i = 0; i < s->n_things; i++)
                if (str_is(s->things[i]->anchor, anchor))
                        return s->things[i];
        return NULL;
}

const char *scene_name_of_cloud(Scene *s, const ObjectId *id)
{
        const Object *o = target_mem_get(cloud_mem(s->cloud), id, s->arena);
        const Thing *t = o ? scene_thing_of_anchor(s, object_text(o, "sourceAnchor")) : NULL;
        char *text = arena_alloc(s->arena, GUID_TEXT_MAX);

        for (size_t i = 0; i < s->n_things && !t; i++)
                if (guid_is(&s->things[i]->planted, id))
                        t = s->things[i];
        return t ? t->name : guid_format(id, text);
}

bool scene_cloud_of(Scene *s, const Thing *t, ObjectId *ret_id)
{
        const char *type = str_is(t->type, "group") ? "group" : "user";

        if (!guid_is_zero(&t->planted)) {
                *ret_id = t->planted;
                return true;
        }
        return target_mem_find(cloud_mem(s->cloud), type, t->anchor, ret_id);
}
