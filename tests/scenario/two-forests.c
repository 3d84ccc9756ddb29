/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Two forests: an account and a mailbox object of each of many persons, changed at the same moment
 *
 *      corp: enabled account    --.                  32 workers
 *                                  >-- one person --------------> one cloud user
 *      res: disabled mailbox    --'
 *
 * Real threads, the durable queue, the shipped rules; directories and Entra ID in memory. Whatever the order,
 * there is one cloud user for each person, and every value comes from the rule that wins.
 *
 *      two-forests [PERSONS [ROUNDS]]
 */

#include "app/flow/worker.h"
#include "base/str.h"
#include "engine/source/source-mem.h"
#include "engine/target/graph.h"
#include "engine/target/target-mem.h"
#include "tests/scratch/scratch.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        N_WORKERS = 32,
        N_FORESTS = 2,
};

#define DEADLINE_US ((int64_t)120 * 1000000)

typedef struct Forest {
        const char *name, *base;
        SourceMem *directory;
        ObjectId server;
        uint64_t n_writes;
} Forest;

typedef struct Storm {
        Arena *arena;
        const char *folder;
        unsigned n_persons;
        Forest forests[N_FORESTS];
        Snapshot snapshot;
        Config *first;
        Connectors connectors;
        Queue *queue;
        Target *target;
        WorkerShared shared;
        Worker workers[N_WORKERS];
        pthread_t threads[N_WORKERS];
        Log log;
        unsigned n_wrong;
} Storm;

static void wrong(Storm *s, const char *what, const char *is, const char *wanted, unsigned person)
{
        if (s->n_wrong++ < 20)
                fprintf(stderr, "person %u: %s is %s, not %s\n", person, what, is ? is : "(none)",
                        wanted ? wanted : "(none)");
}

static void must(int r, const char *what)
{
        if (r) {
                fprintf(stderr, "%s: %d\n", what, r);
                exit(1);
        }
}

/* -- the two directories --------------------------------------------------------------------------------- */

static ObjectId id_of(unsigned forest, unsigned person)
{
        ObjectId id;
        unsigned key[2] = { forest, person };
        Hash128 h = hash128(key, sizeof(key), 7);

        memcpy(id.bytes, &h, sizeof(id.bytes));
        return id;
}

static const char *text(Storm *s, const char *what, unsigned person, unsigned round)
{
        return arena_printf(s->arena, "%s %u.%u", what, person, round);
}

/* The account gives the identity and the title; the mailbox gives what the account does not have. */
static void put(Storm *s, unsigned forest, unsigned person, unsigned round)
{
        Forest *f = &s->forests[forest];
        ObjectId id = id_of(forest, person), account = id_of(0, person);
        Value classes[] = { value_string("top"), value_string("person"), value_string("organizationalPerson"),
                            value_string("user") };
        ObjectBuilder b;
        SourceEntry entry = { .version = { .server = f->server, .number = ++f->n_writes },
                              .changed = clock_wall(&clock_system) };

        object_build(&b, s->arena);
        object_add(&b, "objectClass", value_list(classes, N_ELEMENTS(classes)));
        object_add(&b, "objectGUID", value_bytes(id.bytes, sizeof(id.bytes)));
        object_add(&b, "cn", value_string(text(s, forest ? "Box" : "Person", person, 0)));
        object_add(&b, "sAMAccountName",
                   value_string(arena_printf(s->arena, "%s%u", forest ? "box" : "p", person)));
        object_add(&b, "userPrincipalName",
                   value_string(arena_printf(s->arena, "p%u@%s", person, forest ? "res.test" : "corp.test")));
        object_add(&b, "userAccountControl", value_int(forest ? 514 : 512));
        object_add(&b, "title", value_string(text(s, forest ? "Mailbox" : "Chief", person, round)));
        object_add(&b, "displayName", value_string(text(s, forest ? "Mail" : "Name", person, round)));
        if (forest) {
                object_add(&b, "mS-DS-ConsistencyGuid", value_bytes(account.bytes, sizeof(account.bytes)));
                object_add(&b, "department", value_string(text(s, "Department", person, round)));
                object_add(&b, "telephoneNumber", value_string(text(s, "+44", person, round)));
        } else {
                object_add(&b, "physicalDeliveryOfficeName", value_string(text(s, "Room", person, round)));
        }
        entry.object = object_finish(
                &b, &id, "user",
                arena_printf(s->arena, "CN=%s %u,%s", forest ? "Box" : "Person", person, f->base));
        source_mem_put(f->directory, &entry);
}

static void change_all(Storm *s, unsigned round)
{
        Change *changes = arena_new_array(s->arena, Change, s->n_persons * N_FORESTS);
        size_t n = 0;

        for (unsigned i = 0; i < s->n_persons; i++)
                for (unsigned k = 0; k < N_FORESTS; k++) {
                        unsigned forest = (k + i + round) % N_FORESTS; /* none is always the first */

                        put(s, forest, i, round);
                        changes[n++] = (Change){
                                .id = id_of(forest, i),
                                .source = s->connectors.items[forest].number,
                                .kind = CHANGE_UPSERT,
                                .lane = LANE_NORMAL,
                                .seen = clock_wall(&clock_system),
                        };
                }
        must(queue_put(s->queue,
                       &(Intake){ .changes = changes, .n_changes = n, .now = clock_wall(&clock_system) }),
             "the queue takes nothing");
}

/* -- the process ----------------------------------------------------------------------------------------- */

static void load_config(Storm *s)
{
        const char *secret = arena_printf(s->arena, "%s/secret", s->folder);
        const char *path = arena_printf(s->arena, "%s/sosync.yaml", s->folder), *config;
        Diag diag = DIAG_INIT;
        Config *c;
        Str out;

        str_init(&out, SIZE_MAX);
        str_add(&out, "sources:\n");
        for (unsigned i = 0; i < N_FORESTS; i++)
                str_printf(&out,
                           "  - source: {name: %s, uris: [\"ldaps://dc.%s\"], base: \"%s\",\n"
                           "             bind: {mechanism: simple, dn: CN=sosync, password_file: %s}, tls: "
                           "{ca_file: %s}}\n",
                           s->forests[i].name, s->forests[i].name, s->forests[i].base, secret, secret);
        str_printf(&out,
                   "target:\n"
                   "  tenant_id: 11111111-2222-3333-4444-555555555555\n"
                   "  client_id: 22222222-2222-3333-4444-555555555555\n"
                   "  credentials: [{secret_file: %s}]\n"
                   "  ca_file: %s\n"
                   "brakes: {off: [create, values, disable]}\n",
                   secret, secret);
        config = out.data;
        must(str_write_file(secret, "secret\n", 7, 0600), secret);
        must(str_write_file(path, config, strlen(config), 0600), path);
        if (config_load(&c, path, &diag)) {
                fprintf(stderr, "%s\n", diag_text(&diag));
                exit(1);
        }
        str_deinit(&out);
        snapshot_init(&s->snapshot, c);
        s->first = config_ref(c);
}

static void open_all(Storm *s)
{
        Diag diag = DIAG_INIT;

        load_config(s);
        for (unsigned i = 0; i < N_FORESTS; i++) {
                Forest *f = &s->forests[i];

                memset(f->server.bytes, (int)i + 1, sizeof(f->server.bytes));
                f->directory = source_mem_new(&(SourceInfo){
                        .name = f->name,
                        .base = f->base,
                        .server = f->name,
                        .server_id = f->server,
                        .domain_fqdn = f->name,
                        .domain_netbios = f->name,
                        .forest_fqdn = f->name,
                        .forest_netbios = f->name,
                });
        }
        must(queue_lmdb_new(&s->queue,
                            &(QueueLmdbOptions){ .path = arena_printf(s->arena, "%s/state", s->folder),
                                                 .now = clock_wall(&clock_system) },
                            &diag),
             "the queue cannot be opened");
        must(target_mem_new(&s->target), "no target");
        must(connectors_open(&s->connectors, s->first, s->queue, &clock_system, &s->log, &diag),
             "no connectors");
        must(worker_shared_init(&s->shared, &s->snapshot, &s->connectors, s->queue, s->target, NULL,
                                &clock_system, &s->log),
             "no workers");
        diag_deinit(&diag);
}

static void *work(void *context)
{
        worker_run(context);
        return NULL;
}

static void start(Storm *s)
{
        for (unsigned i = 0; i < N_WORKERS; i++) {
                Source *sources[N_FORESTS] = { source_mem_open(s->forests[0].directory),
                                               source_mem_open(s->forests[1].directory) };

                worker_init(&s->workers[i], &s->shared, sources, LANES_ALL);
                must(pthread_create(&s->threads[i], NULL, work, &s->workers[i]), "no thread");
        }
}

static void stop(Storm *s)
{
        s->shared.stopping = true;
        queue_wake_all(s->queue, true);
        for (unsigned i = 0; i < N_WORKERS; i++) {
                pthread_join(s->threads[i], NULL);
                worker_deinit(&s->workers[i]);
        }
        worker_shared_deinit(&s->shared);
        connectors_close(&s->connectors);
        target_free(s->target);
        queue_free(s->queue);
        for (unsigned i = 0; i < N_FORESTS; i++)
                source_mem_free(s->forests[i].directory);
        config_unref(s->first);
        snapshot_deinit(&s->snapshot);
}

static bool is_idle(Storm *s)
{
        QueueStats stats;
        size_t n = 0;

        must(queue_stats(s->queue, clock_wall(&clock_system), &stats), "no numbers");
        for (unsigned lane = 0; lane < _LANE_N; lane++)
                n += stats.n[lane][QUEUE_READY] + stats.n[lane][QUEUE_LEASED] + stats.n[lane][QUEUE_DELAYED];
        return n == 0;
}

static void until_idle(Storm *s)
{
        Mono end = mono_add(clock_mono(&clock_system), DEADLINE_US);

        while (!is_idle(s)) {
                if (clock_mono(&clock_system).us > end.us) {
                        fprintf(stderr, "the queue does not run empty\n");
                        exit(1);
                }
                queue_wait(s->queue, 0, clock_wall(&clock_system), 20000);
        }
}

/* -- what must be ---------------------------------------------------------------------------------------- */

static void expect(Storm *s, const Object *o, const char *name, const char *wanted, unsigned person)
{
        const char *is = object_text(o, name);

        if (!is || !str_is(is, wanted))
                wrong(s, name, is, wanted, person);
}

static void check(Storm *s, unsigned round)
{
        size_t n_users = target_mem_count(s->target, "user");

        if (n_users != s->n_persons) {
                fprintf(stderr, "there are %zu cloud users of %u persons\n", n_users, s->n_persons);
                s->n_wrong++;
        }
        for (unsigned i = 0; i < s->n_persons; i++) {
                ObjectId account = id_of(0, i), cloud;
                const char *anchor = str_base64(s->arena, account.bytes, sizeof(account.bytes));
                const Object *o;

                if (!target_mem_find(s->target, "user", anchor, &cloud)) {
                        wrong(s, "the cloud user", NULL, anchor, i);
                        continue;
                }
                o = target_mem_get(s->target, &cloud, s->arena);
                expect(s, o, "userPrincipalName", arena_printf(s->arena, "p%u@corp.test", i), i);
                expect(s, o, "title", text(s, "Chief", i, round), i);
                expect(s, o, "displayName", text(s, "Name", i, round), i);
                expect(s, o, "physicalDeliveryOfficeName", text(s, "Room", i, round), i);
                expect(s, o, "department", text(s, "Department", i, round), i);
                expect(s, o, "telephoneNumber", text(s, "+44", i, round), i);
                if (!object_get(o, "accountEnabled").b)
                        wrong(s, "accountEnabled", "False", "True", i);
        }
}

int main(int argc, char **argv)
{
        Storm *s = calloc(1, sizeof(*s));
        unsigned rounds = argc > 2 ? (unsigned)atoi(argv[2]) : 3;
        char *folder = scratch_folder("two-forests");
        unsigned n_wrong;

        log_set_level(LOG_LEVEL_ERROR);
        s->arena = arena_new(0);
        s->n_persons = argc > 1 ? (unsigned)atoi(argv[1]) : 1000;
        s->folder = folder;
        s->forests[0] = (Forest){ .name = "corp.test", .base = "DC=corp,DC=test" };
        s->forests[1] = (Forest){ .name = "res.test", .base = "DC=res,DC=test" };
        open_all(s);
        start(s);
        for (unsigned round = 0; round < rounds; round++) {
                Mono began = clock_mono(&clock_system);

                change_all(s, round);
                until_idle(s);
                check(s, round);
                printf("round %u: %u persons, %u objects at once: %" PRId64 " ms; %u wrong\n", round,
                       s->n_persons, s->n_persons * N_FORESTS,
                       (clock_mono(&clock_system).us - began.us) / 1000, s->n_wrong);
        }
        stop(s);
        scratch_remove(folder);
        free(folder);
        n_wrong = s->n_wrong;
        arena_free(s->arena);
        free(s);
        return n_wrong != 0;
}
