/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Known objects put into a state folder: made-up people, each brought there by the ten steps
 *
 *      fill-space CONFIG FIRST COUNT
 *
 *      directory and Entra ID in memory --ten steps--> SpaceBatch --5,000 people a commit--> state folder
 *
 * The first source of the configuration gets COUNT people, numbered from FIRST, in the first container that
 * is in scope. Each is imported, put through the rules of the configuration, found by its anchor in an Entra
 * ID of its own and written there, so that both connector spaces, the metaverse, the join index and the
 * journal have of it what they have of a person after a first start with a tenant that is not empty. Neither
 * the directory nor the tenant of the configuration hears of it. Left out is the report of the run.
 *
 * The folder must know its source already (a service has run on it), and no service may run. One thread for
 * each processor. Prints how many seconds it took.
 */

#include "app/config/config.h"
#include "app/flow/connector.h"
#include "app/flow/state.h"
#include "base/str.h"
#include "engine/source/source-mem.h"
#include "engine/target/target-mem.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PER_PUT     5000
#define THREADS_MAX 8

typedef struct Filling {
        const Config *config;
        Queue *queue;
        RunConfig run;
        uint16_t source; /* number of the connector */
        SourceInfo info;
        const char *container, *suffix;
        pthread_mutex_t lock; /* protects next */
        uint64_t next, end;
} Filling;

/* What one thread works with. */
typedef struct Hand {
        Filling *f;
        Arena *run;  /* of the person in hand */
        Arena *kept; /* of what is not stored yet */
        SpaceBatch taken;
} Hand;

static _Noreturn void give_up(const char *what, const char *why)
{
        fprintf(stderr, "fill-space: %s: %s\n", what, why);
        exit(1);
}

/* GUIDs in no order, as those of a directory are. */
static ObjectId id_of(uint64_t i)
{
        Hash128 h = hash128(&i, sizeof(i), 7);
        ObjectId id;

        static_assert(sizeof(h) == sizeof(id.bytes), "a hash is as large as a GUID");
        memcpy(id.bytes, &h, sizeof(id.bytes));
        return id;
}

static void add_text(ObjectBuilder *b, const char *name, const char *text)
{
        object_add(b, name, value_string(text));
}

/* As the listener brings a person of rows/people.py. */
static const Object *person(const Filling *f, Arena *a, uint64_t number)
{
        static const Value classes[] = {
                { .type = VALUE_STRING, .n = 3, .s = "top" },
                { .type = VALUE_STRING, .n = 6, .s = "person" },
                { .type = VALUE_STRING, .n = 20, .s = "organizationalPerson" },
                { .type = VALUE_STRING, .n = 13, .s = "inetOrgPerson" },
        };
        unsigned i = (unsigned)number;
        ObjectId id = id_of(number);
        ObjectBuilder b;

        object_build(&b, a);
        object_add(&b, "objectClass",
                   value_list(arena_memdup(a, classes, sizeof(classes)), N_ELEMENTS(classes)));
        object_add(&b, "objectGUID",
                   value_bytes(arena_memdup(a, id.bytes, sizeof(id.bytes)), sizeof(id.bytes)));
        object_add(&b, "userAccountControl", value_int(512));
        add_text(&b, "sAMAccountName", arena_printf(a, "known%07u", i));
        add_text(&b, "cn", arena_printf(a, "Known %07u", i));
        add_text(&b, "displayName", arena_printf(a, "Known %07u", i));
        add_text(&b, "givenName", "Known");
        add_text(&b, "sn", arena_printf(a, "Number %07u", i));
        add_text(&b, "initials", "K");
        add_text(&b, "mail", arena_printf(a, "known%07u@%s", i, f->suffix));
        add_text(&b, "title", arena_printf(a, "Clerk of class %u", i % 10));
        add_text(&b, "department", arena_printf(a, "Department %u", i % 100));
        add_text(&b, "company", "Contoso");
        add_text(&b, "description", "One of very many");
        add_text(&b, "employeeID", arena_printf(a, "%u", i));
        add_text(&b, "employeeType", "Staff");
        add_text(&b, "telephoneNumber", arena_printf(a, "+44 20 7946 %07u", i));
        add_text(&b, "facsimileTelephoneNumber", arena_printf(a, "+44 20 7947 %07u", i));
        add_text(&b, "mobile", arena_printf(a, "+44 7700 %07u", i));
        add_text(&b, "physicalDeliveryOfficeName", arena_printf(a, "%u/%u", i % 10, i % 100));
        add_text(&b, "streetAddress", arena_printf(a, "%u St James's Square", i % 100));
        add_text(&b, "l", "London");
        add_text(&b, "st", "London");
        add_text(&b, "postalCode", arena_printf(a, "SW1A %uAA", i % 10));
        add_text(&b, "preferredLanguage", "en-GB");
        return object_finish(&b, &id, "inetOrgPerson", arena_printf(a, "cn=Known %07u,%s", i, f->container));
}

/* The one that Entra ID has already, by its anchor; most of its values are to be written. */
static void plant(Target *target, Arena *a, const Object *o)
{
        const char *name = object_text(o, "sAMAccountName");
        Attribute there[] = {
                { "accountEnabled", value_bool(true) },
                { "displayName", value_string("As it was before") },
                { "mailNickname", value_string(name) },
                { "sourceAnchor", value_string(str_base64(a, o->id.bytes, sizeof(o->id.bytes))) },
                { "userPrincipalName", value_string(object_text(o, "mail")) },
        };

        target_mem_plant(target, "user", there, N_ELEMENTS(there), false);
}

static void bring(Hand *h, uint64_t number)
{
        const Filling *f = h->f;
        const Object *o = person(f, h->run, number);
        _cleanup_(source_mem_freep) SourceMem *directory = source_mem_new(&f->info);
        _cleanup_(source_freep) Source *source = source_mem_open(directory);
        _cleanup_(target_freep) Target *target = NULL;
        Run *run = arena_new_of(h->run, Run);
        Wall now = clock_wall(&clock_system);
        Change change = {
                .source = f->source, .id = o->id, .kind = CHANGE_UPSERT, .lane = LANE_RECONCILE, .seen = now
        };

        source_mem_put(directory, &(SourceEntry){ .object = o,
                                                  .version = { .server = f->info.server_id, .number = 1 },
                                                  .changed = now });
        if (target_mem_new(&target))
                give_up("Entra ID", "cannot be made");
        plant(target, h->run, o);
        run_init(run, h->run, &f->run, source, target, queue_space(f->queue), &clock_system, &change);
        run->call.now = clock_mono(&clock_system);
        run->call.deadline = mono_add(run->call.now, (int64_t)60 * 1000000);
        pipeline_run(run);
        if (run->outcome.disposition != DISPOSITION_DONE)
                give_up(o->dn, run->outcome.error.code ? run->outcome.error.code : "has not become known");
        space_batch_append(&h->taken, &run->batch);
        run_deinit(run);
}

static int compare_writes(const void *a, const void *b)
{
        const SpaceWrite *x = a, *y = b;

        if (x->table != y->table)
                return x->table < y->table ? -1 : 1;
        return memcmp(x->key, y->key, x->n_key < y->n_key ? x->n_key : y->n_key);
}

/* Rows in the order of the tree. All are new, so there is nothing to delete. */
static void store(Hand *h)
{
        SpaceBatch *b = &h->taken;
        size_t n = 0;
        int r;

        for (size_t i = 0; i < b->n_writes; i++)
                if (b->writes[i].data)
                        b->writes[n++] = b->writes[i];
        qsort(b->writes, n, sizeof(*b->writes), compare_writes);
        r = queue_put(h->f->queue, &(Intake){ .writes = b->writes,
                                              .n_writes = n,
                                              .links = b->links,
                                              .n_links = b->n_links,
                                              .now = clock_wall(&clock_system) });
        if (r)
                give_up("the store", r == QUEUE_E_FULL ? "is full: state.limit" : strerror(-r));
        arena_reset(h->kept);
        space_batch_init(b, h->kept);
}

static bool take(Filling *f, uint64_t *ret_from, uint64_t *ret_to)
{
        pthread_mutex_lock(&f->lock);
        *ret_from = f->next;
        *ret_to = f->end - f->next > PER_PUT ? f->next + PER_PUT : f->end;
        f->next = *ret_to;
        pthread_mutex_unlock(&f->lock);
        return *ret_from < *ret_to;
}

static void *work(void *filling)
{
        Hand h = { .f = filling, .run = arena_new(0), .kept = arena_new(0) };
        uint64_t from, to;

        space_batch_init(&h.taken, h.kept);
        while (take(h.f, &from, &to)) {
                for (; from < to; from++) {
                        bring(&h, from);
                        arena_reset(h.run);
                }
                store(&h);
        }
        arena_free(h.run);
        arena_free(h.kept);
        return NULL;
}

/* Where people are, and what their addresses end in. */
static void find_place(Filling *f, Arena *a)
{
        const SourceConfig *s = &f->config->sources[0];
        const char *const *include = s->scope.include.items;
        const Dn *base;
        Str suffix;

        f->container = s->scope.include.n_items ? include[0] : s->ldap.base;
        if (dn_parse(a, s->ldap.base, &base, NULL))
                give_up(s->ldap.base, "is not a DN");
        str_init(&suffix, 256);
        for (size_t i = 0; i < base->n_rdns; i++)
                if (str_is_nocase(base->rdns[i].type, "dc"))
                        str_printf(&suffix, "%s%s", suffix.n ? "." : "", base->rdns[i].value);
        f->suffix = arena_strdup(a, suffix.data);
        str_deinit(&suffix);
        f->info = (SourceInfo){ .name = s->ldap.name, .base = s->ldap.base, .server = "memory" };
        f->info.domain_fqdn = f->info.forest_fqdn = f->suffix;
        f->info.domain_netbios = f->info.forest_netbios = "MEMORY";
        memset(f->info.server_id.bytes, 7, sizeof(f->info.server_id.bytes));
}

int main(int argc, char **argv)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Mono began = clock_mono(&clock_system);
        long n_threads = sysconf(_SC_NPROCESSORS_ONLN);
        pthread_t threads[THREADS_MAX];
        Connectors connectors;
        Filling f = { 0 };
        Log log = { 0 };
        Config *config;

        if (argc != 4)
                give_up("usage", "fill-space CONFIG FIRST COUNT");
        f.next = strtoull(argv[2], NULL, 10);
        f.end = f.next + strtoull(argv[3], NULL, 10);
        if (config_load(&config, argv[1], &diag))
                give_up(argv[1], diag_text(&diag));
        f.config = config;
        find_place(&f, a);
        if (state_open(&f.queue, config, clock_wall(&clock_system), &diag))
                give_up(config->state.path, diag_text(&diag));
        if (connectors_open(&connectors, config, f.queue, &clock_system, &log, &diag) ||
            !connectors.known[0].names)
                give_up(config->state.path, "does not know its source: no service has run on it yet");
        f.source = connectors.items[0].number;
        f.run = config->run;
        f.run.connectors = connectors_for_run(&connectors, config, a, &f.run.n_connectors);
        pthread_mutex_init(&f.lock, NULL);
        if (n_threads < 1 || n_threads > THREADS_MAX)
                n_threads = THREADS_MAX;
        for (long i = 0; i < n_threads; i++)
                if (pthread_create(&threads[i], NULL, work, &f))
                        give_up("thread", "cannot be started");
        for (long i = 0; i < n_threads; i++)
                pthread_join(threads[i], NULL);
        pthread_mutex_destroy(&f.lock);
        connectors_close(&connectors);
        queue_free(f.queue);
        config_unref(config);
        printf("%.1f\n", (double)(clock_mono(&clock_system).us - began.us) / 1e6);
        return 0;
}
