/* SPDX-License-Identifier: Apache-2.0 */

/* Random work on both nodes, and the copies are the same. */

#include "tests/contract/contract-cluster.h"

#include <lmdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum {
        N_OBJECTS = 60,
        N_WORKERS = 3, /* of each node */
        N_PUTS = 150,  /* of each node */
};

typedef struct Crew {
        Cluster *c;
        int node;
        uint32_t random;
        _Atomic bool *in_work;
        _Atomic unsigned *wrong;
        _Atomic bool *stop;
} Crew;

static uint32_t pick(Crew *crew, uint32_t n)
{
        crew->random = crew->random * 1664525 + 1013904223;
        return (crew->random >> 8) % n;
}

static void *feed(void *context)
{
        Crew *crew = context;

        for (int i = 0; i < N_PUTS; i++) {
                Change change = change_n(pick(crew, N_OBJECTS), (Lane)pick(crew, _LANE_N));

                change.seen = crew->c->now;
                if (queue_put(crew->c->nodes[crew->node],
                              &(Intake){ .changes = &change, .n_changes = 1, .now = crew->c->now }))
                        atomic_fetch_add(crew->wrong, 1);
        }
        return NULL;
}

static void end_one(Crew *crew, Queue *q, const Lease *lease, Arena *a)
{
        Edge edge = { .from = { 0, lease->change.id },
                      .attribute = "member",
                      .to = id_n(pick(crew, N_OBJECTS)) };
        ObjectId cloud = id_n(1000);
        SpaceBatch b;
        Commit commit = { .batch = &b, .now = crew->c->now };
        int r;

        space_batch_init(&b, a);
        memo_write(&b, pick(crew, 2) ? "a" : "b", "x", 1, SPACE_ANY);
        space_write_cloud_of(&b, &(ObjectKey){ 0, lease->change.id }, &cloud);
        if (pick(crew, 2))
                space_wait(&b, &edge);
        if (pick(crew, 2))
                commit.rest_until = wall_add(crew->c->now, 500);
        r = pick(crew, 4) == 0   ? queue_retry(q, lease, crew->c->now, "again", &commit)
            : pick(crew, 4) == 0 ? queue_release(q, lease)
                                 : queue_ack(q, lease, &commit);
        if (r)
                atomic_fetch_add(crew->wrong, 1);
}

static void *worker(void *context)
{
        Crew *crew = context;
        Queue *q = crew->c->nodes[crew->node];
        Arena *a = arena_new(0);

        while (!atomic_load(crew->stop)) {
                Lease lease;
                unsigned n;

                arena_reset(a);
                if (queue_lease(q, crew->c->now, LANES_ALL, a, &lease)) {
                        queue_wait(q, LANES_ALL, crew->c->now, 2000);
                        continue;
                }
                n = lease.change.id.bytes[15];
                if (atomic_exchange(&crew->in_work[n], true))
                        atomic_fetch_add(crew->wrong, 1);
                sched_yield();
                atomic_store(&crew->in_work[n], false);
                end_one(crew, q, &lease, a);
        }
        arena_free(a);
        return NULL;
}

/* No lease has stayed behind: every worker has ended its own. */
static void expect_no_lease(Cluster *c, int node)
{
        QueueItem *items;
        size_t n;

        nodes_catch_up(c, node);
        assert_int_equal(queue_list(c->nodes[node], NULL, N_OBJECTS, c->a, &items, &n), 0);
        for (size_t i = 0; i < n; i++)
                assert_int_not_equal(items[i].state, QUEUE_LEASED);
}

/* A table as one hash of all its keys and values, in order. */
static uint64_t hash_table(const char *folder, const char *table)
{
        uint64_t h = 14695981039346656037u;
        MDB_cursor *cursor;
        MDB_val key, val;
        MDB_env *env;
        MDB_txn *txn;
        MDB_dbi dbi;

        assert_int_equal(mdb_env_create(&env), 0);
        assert_int_equal(mdb_env_set_maxdbs(env, 64), 0);
        assert_int_equal(mdb_env_open(env, folder, MDB_RDONLY, 0600), 0);
        assert_int_equal(mdb_txn_begin(env, NULL, MDB_RDONLY, &txn), 0);
        assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
        assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
        while (mdb_cursor_get(cursor, &key, &val, MDB_NEXT) == 0) {
                for (size_t i = 0; i < key.mv_size; i++)
                        h = (h ^ ((const uint8_t *)key.mv_data)[i]) * 1099511628211u;
                for (size_t i = 0; i < val.mv_size; i++)
                        h = (h ^ ((const uint8_t *)val.mv_data)[i]) * 1099511628211u;
        }
        mdb_cursor_close(cursor);
        mdb_txn_abort(txn);
        mdb_env_close(env);
        return h;
}

static void same_copies(Cluster *c)
{
        static const char *const tables[] = {
                "change",     "position",       "due-normal-ready", "due-normal-delayed", "due-urgent-ready",
                "space-memo", "space-cloud-of", "link-wait",        "link-ready",         "rest",
                "held",       "claim",
        };

        for (size_t i = 0; i < N_ELEMENTS(tables); i++) {
                if (hash_table(c->folders[0], tables[i]) != hash_table(c->folders[1], tables[i]))
                        fail_msg("the copies differ in %s", tables[i]);
        }
}

static void test_same_copies(void **state)
{
        Cluster *c = *state;
        _Atomic bool in_work[256] = { false }, stop = false;
        pthread_t feeds[NODES_N], workers[NODES_N * N_WORKERS];
        Crew crews[NODES_N * (N_WORKERS + 1)];
        _Atomic unsigned wrong = 0;
        size_t n = 0;

        nodes_open(c, 0);
        nodes_open(c, 1);
        for (int i = 0; i < NODES_N * (N_WORKERS + 1); i++)
                crews[i] = (Crew){ c, i % NODES_N, (uint32_t)i * 77 + 1, in_work, &wrong, &stop };
        for (int i = 0; i < NODES_N; i++)
                assert_int_equal(pthread_create(&feeds[i], NULL, feed, &crews[n++]), 0);
        for (int i = 0; i < NODES_N * N_WORKERS; i++)
                assert_int_equal(pthread_create(&workers[i], NULL, worker, &crews[n++]), 0);
        for (int i = 0; i < NODES_N; i++)
                pthread_join(feeds[i], NULL);
        /* One closes and comes back while the other works. */
        atomic_store(&stop, true);
        for (int i = 0; i < NODES_N * N_WORKERS; i++)
                pthread_join(workers[i], NULL);
        assert_int_equal(wrong, 0);
        for (int i = 0; i < NODES_N; i++)
                expect_no_lease(c, i);
        c->nodes[1] = queue_free(c->nodes[1]);
        nodes_put(c, 0, 200);
        nodes_open(c, 1);
        nodes_put(c, 1, 201);
        nodes_catch_up(c, 0);
        c->nodes[0] = queue_free(c->nodes[0]);
        nodes_catch_up(c, 1);
        c->nodes[1] = queue_free(c->nodes[1]);
        /* What a node does not hear any more when it is closed it hears when it is opened. */
        nodes_open(c, 0);
        c->nodes[0] = queue_free(c->nodes[0]);
        same_copies(c);
}

const struct CMUnitTest contract_cluster_copies[] = {
        NODES_TEST(test_same_copies),
};
const size_t n_contract_cluster_copies = N_ELEMENTS(contract_cluster_copies);
