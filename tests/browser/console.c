/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Console to look at: reports of every fixture, and as many more as one wants
 *
 *      console FOLDER CONFIG [REPORTS [CHANGES_PER_SECOND]]
 *
 * Prints its port, and serves until its standard input ends. A line on it is a command: "parked N" parks N
 * changes, "held N" N more by a brake that is on then, "live N" lets N changes a second end from now on,
 * "done N" N at once, "unwritten N" N whose report is not written, "broken" and "well" change what the
 * service says of itself.
 */

#include "report/console/console.h"
#include "base/cleanup.h"
#include "engine/rules/rules.h"
#include "report/fixture.h"

#include <event2/thread.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

typedef struct World {
        Queue *queue;
        _Atomic(ReportStore *) store;
        Live *live;
        const RuleSet *rules;
        Arena *arena;
        PulsePoint pulse[PULSE_POINTS];
        _Atomic bool broken;
        _Atomic unsigned n_held; /* by the brake, which is on then */
        uint64_t n_made;
} World;

/* -- what the service says of itself --------------------------------------------------------------------- */

static void vitals(void *context, Arena *a, Vitals *v)
{
        World *w = context;
        Wall now = clock_wall(&clock_system);
        VitalsSource *source = arena_new_of(a, VitalsSource);
        VitalsBrake *brake = arena_new_of(a, VitalsBrake);
        VitalsAlarm *alarm = arena_new_of(a, VitalsAlarm);

        *source = (VitalsSource){
                .name = "corp.contoso.test",
                .ok = true,
                .watches = !w->broken,
                .state = w->broken ? "broken" : "watching",
                .server = "dc1.corp.contoso.test",
                .text = w->broken ? fixture_hostile : "watching",
                .proof_us = 1200000,
        };
        *v = (Vitals){
                .now = now,
                .started = wall_add(now, -86400000),
                .tenant = "11111111-2222-3333-4444-555555555555",
                .rules_version = "0123456789abcdef",
                .flag_state = "free",
                .flag_text = "Nothing waits; the regular cycle runs as it likes.",
                .sources = source,
                .n_sources = 1,
                .target_ok = !w->broken,
                .target_why = fixture_hostile,
                .has_budget = true,
                .reads = { .used = 0.12 },
                .writes = { .used = 0.43 },
                .certificate_end = wall_add(now, (int64_t)90 * 86400000),
        };
        *brake = (VitalsBrake){ .name = "disable",
                                .effect = "accounts turned off",
                                .code = "BrakeDisable",
                                .on = w->n_held,
                                .since = wall_add(now, -600000),
                                .limit = 25,
                                .window_us = INT64_C(600000000),
                                .counted = true,
                                .n_held = w->n_held };
        *alarm = (VitalsAlarm){
                .kind = "brake", .name = "disable", .text = fixture_hostile, .since = wall_add(now, -600000)
        };
        v->brakes = brake;
        v->n_brakes = 1;
        v->alarms = alarm;
        v->n_alarms = w->n_held ? 1 : 0;
        v->queue_ok = queue_stats(w->queue, now, &v->queue) == 0;
}

static size_t pulse(void *context, PulsePoint points[PULSE_POINTS])
{
        World *w = context;

        memcpy(points, w->pulse, sizeof(w->pulse));
        return PULSE_POINTS;
}

static void make_pulse(World *w)
{
        Wall now = clock_wall(&clock_system);

        for (int i = 0; i < PULSE_POINTS; i++) {
                double wave = sin(i / 23.0) + sin(i / 7.0) / 3;
                /* At the end nothing waits: that is what the page says in words. */
                double left = i > PULSE_POINTS - 30 ? (PULSE_POINTS - 1 - i) / 30.0 : 1;

                w->pulse[i] = (PulsePoint){
                        .at = wall_add(now, (i - PULSE_POINTS + 1) * PULSE_STEP_MS),
                        .p50_ms = i % 90 > 80 ? -1 : (int32_t)(320 + 90 * wave),
                        .p99_ms = i % 90 > 80 ? -1 : (int32_t)(620 + 220 * wave),
                        .waiting = { (uint32_t)(i % 60 == 0), (uint32_t)((35 + 25 * wave) * left),
                                     i > 200 ? (uint32_t)((PULSE_POINTS - i) / 2) : 0 },
                        .n_runs = (uint32_t)(100 + 50 * wave),
                        .n_failures = i % 50 == 0,
                        .used_reads = (float)(0.2 + 0.1 * wave),
                        .used_writes = (float)(0.5 + 0.2 * wave),
                        .hold = i > 240 && i < 260,
                };
        }
}

static void metrics(void *context, Str *out)
{
        (void)context;
        str_add(out, "# TYPE demo gauge\ndemo 1\n");
}

static void rules(void *context, void (*show)(void *page, const RuleSet *set), void *page)
{
        World *w = context;

        show(page, w->rules);
}

static int explain(void *context, const char *dn, void (*see)(void *page, const ConsoleExplain *e),
                   void *page, Diag *diag)
{
        World *w = context;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        ConsoleExplain e = { .verdict = "Goes to Entra ID as a user", .dn = dn };
        const char **notes;
        ObjectBuilder b;
        RuleInput input = { .connector = "corp.contoso.test" };
        ObjectId id = { .bytes = { 1 } };

        if (!strchr(dn, '=')) {
                diag_set(diag, "\"%s\" is not a distinguished name", dn);
                return 1;
        }
        object_build(&b, a);
        object_add(&b, "sAMAccountName", value_string("ada"));
        object_add(&b, "displayName", value_string(fixture_hostile));
        object_add(&b, "userPrincipalName", value_string("ada@contoso.test"));
        object_add(&b, "userAccountControl", value_int(512));
        object_add(&b, "dn", value_string(dn));
        input.object = object_finish(&b, &id, "user", dn);
        rules_explain_inbound(w->rules, &input, 1, 0, NULL, clock_wall(&clock_system), a, &e.in);
        if (e.in.result) {
                rules_explain_outbound(w->rules, e.in.result, NULL, NULL, 0, clock_wall(&clock_system), a,
                                       &e.out);
                e.has_out = true;
                notes = arena_new_array(a, const char *, e.out.n_attributes + 1);
                for (size_t i = 0; i < e.out.n_attributes; i++)
                        notes[i] = i % 2 ? "not sent: Microsoft Graph has no property for it" : NULL;
                e.out_notes = notes;
        }
        see(page, &e);
        return 0;
}

static bool enabled = true;

static int scheduler(void *context, Str *out_json, Diag *diag)
{
        (void)context;
        (void)diag;
        str_printf(
                out_json,
                "{\"SyncCycleEnabled\": %s, \"NextSyncCyclePolicyType\": \"Delta\", \"SosyncText\": \"x\"}",
                enabled ? "true" : "false");
        return 0;
}

static int scheduler_set(void *context, bool wanted, Diag *diag)
{
        (void)context;
        (void)diag;
        enabled = wanted;
        return 0;
}

/* -- reports --------------------------------------------------------------------------------------------- */

static void add(World *w, const Outcome *o)
{
        PackWriter writer;
        const void *data;
        size_t n;

        pack_init(&writer);
        outcome_pack(&writer, o);
        data = pack_data(&writer, &n);
        report_store_add(w->store, &data, &n, 1);
        pack_deinit(&writer);
        live_add(w->live, o);
}

static void name_run(World *w, Outcome *o)
{
        uint64_t k = ++w->n_made;

        snprintf(o->run_id, sizeof(o->run_id), "%08x-0000-4000-8000-%012llx", (unsigned)(k * 2654435761u),
                 (unsigned long long)k);
        memcpy(o->change.id.bytes, &k, sizeof(k));
}

static void make_one(World *w, Arena *a, Outcome *o, Wall at)
{
        static const char *const first[] = { "Ada",  "Grace", "Alan",   "Kurt",
                                             "Emmy", "Sofia", "Edsger", "Barbara" };
        static const char *const family[] = { "Lovelace", "Hopper",  "Turing",
                                              "Goedel",   "Noether", "Kowalewskaja" };
        uint64_t k = w->n_made;

        fixture_base(a, o);
        o->source.display_name =
                arena_printf(a, "%s %s %llu", first[k % 8], family[k % 6], (unsigned long long)k);
        o->source.dn = arena_printf(a, "CN=%s,OU=Team %llu,OU=People,OU=Corp,DC=corp,DC=contoso,DC=test",
                                    o->source.display_name, (unsigned long long)(k % 40));
        o->change.dn = o->source.dn;
        if (k % 97 == 0)
                fixture_error(a, o, FIXTURE_EXPORT, DISPOSITION_PARKED, "AttributeValueMustBeUnique",
                              ERROR_CATEGORY_FAILURE, "Another object has the value.",
                              "Change one of the two.", NULL);
        o->finished = at;
        o->change.lane = k % 50 == 0 ? LANE_URGENT : LANE_NORMAL;
        name_run(w, o);
}

static int sync_now(void *context, const char *dn, const char *by, Arena *a, const char **ret_run, Diag *diag)
{
        World *w = context;
        Outcome o;

        if (!strchr(dn, '=')) {
                diag_set(diag, "\"%s\" is not a distinguished name", dn);
                return CONSOLE_E_ASKED;
        }
        if (w->broken) {
                diag_set(diag, "the change waits in the queue: nobody answers");
                return CONSOLE_E_WAITS;
        }
        make_one(w, a, &o, clock_wall(&clock_system));
        o.source.dn = dn;
        o.initiated_by = by;
        add(w, &o);
        *ret_run = arena_strdup(a, o.run_id);
        return 0;
}

#define BATCH 1000

static void fill(World *w, size_t n)
{
        Wall now = clock_wall(&clock_system);

        for (size_t done = 0; done < n; done += BATCH) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                static PackWriter writers[BATCH];
                const void *data[BATCH];
                size_t sizes[BATCH], batch = n - done < BATCH ? n - done : BATCH;

                for (size_t i = 0; i < batch; i++) {
                        Outcome *o = arena_new_of(a, Outcome);

                        make_one(w, a, o, wall_add(now, -(int64_t)(n - done - i) * 100));
                        pack_init(&writers[i]);
                        outcome_pack(&writers[i], o);
                        data[i] = pack_data(&writers[i], &sizes[i]);
                }
                report_store_add(w->store, data, sizes, batch);
                for (size_t i = 0; i < batch; i++)
                        pack_deinit(&writers[i]);
        }
}

/* Every fixture, with scripts in every attribute among them, newest last. */
static void add_fixtures(World *w)
{
        Wall now = clock_wall(&clock_system);

        for (size_t i = 0; i < n_fixtures; i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                Outcome *o = arena_new_of(a, Outcome);

                fixtures[i].make(a, o);
                name_run(w, o);
                o->finished = wall_add(now, -(int64_t)(n_fixtures - i) * 1000);
                add(w, o);
                printf("report %s %s\n", fixtures[i].name, o->run_id);
        }
}

static void park(World *w, size_t n, const char *reason)
{
        static uint64_t k = 0;
        Wall now = clock_wall(&clock_system);

        for (size_t i = 0; i < n; i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                Change change = { .lane = LANE_NORMAL,
                                  .seen = now,
                                  .dn = i ? "CN=Waits,OU=Corp,DC=corp" : fixture_hostile };
                Lease lease = { 0 };

                k++;
                memcpy(change.id.bytes, &k, sizeof(k));
                queue_put(w->queue, &(Intake){ .changes = &change, .n_changes = 1, .now = now });
                if (queue_lease(w->queue, now, LANES_ALL, a, &lease) == 0)
                        queue_park(w->queue, &lease, reason, &(Commit){ .now = now });
        }
}

static void hold(World *w, size_t n)
{
        park(w, n, "BrakeDisable");
        w->n_held = (unsigned)n;
}

/* -- life ------------------------------------------------------------------------------------------------ */

/* So many changes end now. */
static void make(World *w, size_t n, bool written)
{
        for (size_t i = 0; i < n; i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                Outcome o;

                make_one(w, a, &o, clock_wall(&clock_system));
                if (written)
                        add(w, &o);
                else
                        live_add(w->live, &o);
        }
}

static bool obey(World *w, double *rate)
{
        char line[128];
        unsigned n;

        if (!fgets(line, sizeof(line), stdin))
                return false;
        if (sscanf(line, "parked %u", &n) == 1)
                park(w, n, "AttributeValueMustBeUnique");
        else if (sscanf(line, "held %u", &n) == 1)
                hold(w, n);
        else if (sscanf(line, "live %u", &n) == 1)
                *rate = n;
        else if (sscanf(line, "done %u", &n) == 1)
                make(w, n, true);
        else if (sscanf(line, "unwritten %u", &n) == 1)
                make(w, n, false);
        else
                w->broken = strncmp(line, "broken", 6) == 0;
        printf("done\n");
        fflush(stdout);
        return true;
}

static void serve(World *w, double rate)
{
        double owed = 0;

        for (;;) {
                struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };

                if (poll(&input, 1, rate > 0 ? 50 : -1) > 0 && !obey(w, &rate))
                        return;
                for (owed += rate / 20; owed >= 1; owed--)
                        make(w, 1, true);
        }
}

static int release(void *context, const char *brake, bool drop, const char *by, Diag *diag)
{
        World *w = context;

        (void)drop;
        (void)by;
        if (!str_is(brake, "disable")) {
                diag_set(diag, "there is no such brake");
                return CONSOLE_E_ASKED;
        }
        w->n_held = 0;
        return 0;
}

static void acted(void *context, const char *by, const char *verb, const char *object, const char *error)
{
        const Log log = { 0 };

        (void)context;
        log_info(&log, "acted", LOG_STR("by", by), LOG_STR("verb", verb), LOG_STR("object", object),
                 LOG_STR("error", error));
}

int main(int argc, char **argv)
{
        static const ConsoleOps ops = { .vitals = vitals,
                                        .pulse = pulse,
                                        .metrics = metrics,
                                        .rules = rules,
                                        .explain = explain,
                                        .scheduler = scheduler,
                                        .scheduler_set = scheduler_set,
                                        .acted = acted,
                                        .release = release,
                                        .sync = sync_now };
        static World w;
        ReportStore *store = NULL;
        const ConfigDoc *doc;
        ConsoleConfig config = { 0 };
        Diag diag = DIAG_INIT;
        Console *console = NULL;
        Log log = { 0 };

        if (argc < 3)
                return 2;
        signal(SIGPIPE, SIG_IGN);
        evthread_use_pthreads();
        setvbuf(stdin, NULL, _IONBF, 0);
        w.arena = arena_new(0);
        w.live = live_new();
        if (config_read_file(argv[2], console_fields, NULL, w.arena, &config, &doc, &diag) == 0)
                console_check(&config, doc, "console", &diag);
        if (!diag_any(&diag) && (queue_mem_new(&w.queue) || rules_load(w.arena, NULL, &w.rules, &diag) ||
                                 report_store_new(&store, argv[1], true, &diag)))
                diag_add(&diag, "cannot be opened");
        w.store = store;
        if (!diag_any(&diag)) {
                make_pulse(&w);
                fill(&w, argc > 3 ? strtoul(argv[3], NULL, 10) : 500);
                add_fixtures(&w);
                console_new(&console,
                            &(ConsoleOptions){ .config = &config,
                                               .clock = &clock_system,
                                               .log = &log,
                                               .queue = w.queue,
                                               .store = &w.store,
                                               .live = w.live,
                                               .ops = &ops,
                                               .context = &w },
                            &diag);
        }
        for (size_t i = 0; i < diag.n_items; i++)
                fprintf(stderr, "%s\n", diag.items[i].text);
        if (console) {
                printf("port %u\n", console_port(console));
                fflush(stdout);
                serve(&w, argc > 4 ? strtod(argv[4], NULL) : 0);
        }
        console = console_free(console);
        report_store_free(w.store);
        queue_free(w.queue);
        live_free(w.live);
        arena_free(w.arena);
        diag_deinit(&diag);
        return 0;
}
