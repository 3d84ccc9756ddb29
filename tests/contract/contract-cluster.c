/* SPDX-License-Identifier: Apache-2.0 */

/* Two nodes: what one does, the other knows. */

#include "tests/contract/contract-cluster.h"
#include "queue/queue-jetstream.h"
#include "tests/contract/nats.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#define EXIT_SKIP 77

static QueueState state_of(Cluster *c, int node, unsigned n)
{
        ObjectKey before = object_n(n - 1);
        QueueItem *items;
        size_t n_items;

        assert_int_equal(queue_list(c->nodes[node], &before, 1, c->a, &items, &n_items), 0);
        assert_int_equal(n_items, 1);
        return items[0].state;
}

/* What one node does, the other knows; an object has one worker in both. */
static void test_two_nodes(void **state)
{
        Cluster *c = *state;
        ObjectId person = id_n(7);
        Commit done = { .now = c->now };
        Lease one, two;

        nodes_open(c, 0);
        nodes_open(c, 1);
        nodes_put(c, 0, 1);
        nodes_put(c, 1, 2);
        nodes_catch_up(c, 0);
        assert_int_equal(queue_lease(c->nodes[0], c->now, LANES_ALL, c->a, &one), 0);
        nodes_catch_up(c, 1);
        assert_int_equal(state_of(c, 1, 1), QUEUE_LEASED);
        assert_int_equal(queue_lease(c->nodes[1], c->now, LANES_ALL, c->a, &two), 0);
        assert_false(guid_is(&one.change.id, &two.change.id));
        assert_int_equal(queue_lease(c->nodes[1], c->now, LANES_ALL, c->a, &two), QUEUE_E_EMPTY);
        assert_int_equal(queue_drop(c->nodes[1], &(ObjectKey){ 0, one.change.id }), QUEUE_E_GONE);

        assert_int_equal(space_claim(queue_space(c->nodes[0]), &person), 0);
        assert_int_equal(space_claim(queue_space(c->nodes[1]), &person), SPACE_E_BUSY);
        space_release(queue_space(c->nodes[0]), &person);
        assert_int_equal(space_claim(queue_space(c->nodes[1]), &person), 0);

        assert_int_equal(queue_ack(c->nodes[0], &one, &done), 0);
        nodes_catch_up(c, 1);
        assert_int_equal(
                queue_lease_object(c->nodes[1], c->now, &(ObjectKey){ 0, one.change.id }, c->a, &two),
                QUEUE_E_EMPTY);
}

/* What the other has leased by now is waited for, and nothing that it leases later. */
static void test_outlast(void **state)
{
        Cluster *c = *state;
        const int64_t moment = 50000, patience = (int64_t)NODES_DEADLINE_S * 1000000;
        Commit done = { .now = c->now };
        Lease one, two, own;

        nodes_open(c, 0);
        nodes_open(c, 1);
        nodes_put(c, 0, 1);
        nodes_put(c, 0, 2);
        nodes_catch_up(c, 1);
        assert_int_equal(queue_outlast(c->nodes[0], 0), 0);
        assert_int_equal(queue_lease(c->nodes[1], c->now, LANES_ALL, c->a, &one), 0);
        nodes_catch_up(c, 0);
        assert_int_equal(queue_outlast(c->nodes[0], moment), QUEUE_E_EMPTY);
        assert_int_equal(queue_outlast(c->nodes[1], 0), 0); /* its own is its own affair */
        assert_int_equal(queue_ack(c->nodes[1], &one, &done), 0);
        assert_int_equal(queue_outlast(c->nodes[0], patience), 0);
        assert_int_equal(queue_lease(c->nodes[0], c->now, LANES_ALL, c->a, &own), 0);
        assert_int_equal(queue_outlast(c->nodes[0], 0), 0);

        /* A node that ends has nothing left. */
        nodes_put(c, 1, 3);
        assert_int_equal(queue_lease(c->nodes[1], c->now, LANES_ALL, c->a, &two), 0);
        nodes_catch_up(c, 0);
        assert_int_equal(queue_outlast(c->nodes[0], moment), QUEUE_E_EMPTY);
        c->nodes[1] = queue_free(c->nodes[1]);
        assert_int_equal(queue_outlast(c->nodes[0], patience), 0);
}

/* Everything that is due is worked on, and rests. Return: how many. */
static size_t work_all(Cluster *c, int node)
{
        Commit commit = { .now = c->now, .rest_until = wall_add(c->now, 500) };
        Lease lease;
        size_t n = 0;

        while (queue_lease(c->nodes[node], c->now, LANES_ALL, c->a, &lease) == 0) {
                assert_int_equal(queue_ack(c->nodes[node], &lease, &commit), 0);
                n++;
        }
        return n;
}

static size_t rests_in(Cluster *c, int node)
{
        Store *s = &queue_jetstream(c->nodes[node])->lmdb.store;
        MDB_txn *txn;
        MDB_stat stat;

        nodes_catch_up(c, node);
        assert_int_equal(store_read(s, &txn), 0);
        assert_int_equal(mdb_stat(txn, s->rest, &stat), 0);
        store_read_end(s, txn);
        return stat.ms_entries;
}

/* A rest that is over goes with those that come: else each object that was ever exported would keep a row. */
static void test_rests_go(void **state)
{
        enum {
                N_FIRST = 40,
                N_THEN = 30
        };
        Cluster *c = *state;

        nodes_open(c, 0);
        nodes_open(c, 1);
        for (unsigned i = 0; i < N_FIRST; i++)
                nodes_put(c, 0, 1 + i);
        assert_int_equal(work_all(c, 0), N_FIRST);
        assert_int_equal(rests_in(c, 0), N_FIRST);
        c->now = wall_add(c->now, 3600 * 1000);
        for (unsigned i = 0; i < N_THEN; i++)
                nodes_put(c, 0, 1000 + i);
        assert_int_equal(work_all(c, 1), N_THEN);
        assert_in_range(rests_in(c, 0), 1, N_THEN);
        assert_int_equal(rests_in(c, 1), rests_in(c, 0));
}

/* A row that another node has written since it was read refuses the whole. */
static void test_stale_across(void **state)
{
        Cluster *c = *state;
        SpaceBatch b;
        Commit commit = { .batch = &b, .now = c->now };
        const uint8_t *data;
        Lease one, two;
        size_t n;

        nodes_open(c, 0);
        nodes_open(c, 1);
        nodes_put(c, 0, 1);
        nodes_put(c, 0, 2);
        nodes_catch_up(c, 1);
        assert_int_equal(queue_lease(c->nodes[0], c->now, LANES_ALL, c->a, &one), 0);
        assert_int_equal(queue_lease(c->nodes[1], c->now, LANES_ALL, c->a, &two), 0);
        batch_row(&b, c->a, "memo", "by one", 0);
        assert_int_equal(queue_ack(c->nodes[0], &one, &commit), 0);
        batch_row(&b, c->a, "memo", "by two", 0);
        assert_int_equal(queue_ack(c->nodes[1], &two, &commit), QUEUE_E_STALE);
        assert_int_equal(memo_read(queue_space(c->nodes[1]), "memo", c->a, &data, &n, NULL), 0);
        assert_memory_equal(data, "by one", n);
}

static int put_position(Cluster *c, int node, uint64_t term, const char *position)
{
        Change change = change_n(50, LANE_NORMAL);

        return queue_put(c->nodes[node], &(Intake){ .changes = &change,
                                                    .n_changes = 1,
                                                    .feed = "a feed",
                                                    .position = position,
                                                    .n_position = strlen(position),
                                                    .term = term,
                                                    .now = c->now });
}

static void expect_position(Cluster *c, int node, const char *expected)
{
        const void *data;
        size_t n;

        nodes_catch_up(c, node);
        assert_int_equal(queue_position(c->nodes[node], "a feed", c->a, &data, &n), 0);
        assert_int_equal(n, strlen(expected));
        assert_memory_equal(data, expected, n);
}

/* One has it; who had it before moves no position any more; and who says nothing loses it. */
static void test_role(void **state)
{
        Cluster *c = *state;
        uint64_t one = 0, two = 0, again = 0;
        time_t end = time(NULL) + NODES_DEADLINE_S;
        bool there = false;

        nodes_open(c, 0);
        nodes_open(c, 1);
        assert_int_equal(queue_role(c->nodes[0], "a feed", &one), 0);
        assert_int_equal(queue_role(c->nodes[1], "a feed", &two), QUEUE_E_GONE);
        assert_int_equal(put_position(c, 0, one, "first"), 0);
        assert_int_equal(queue_role(c->nodes[0], "a feed", &again), 0);
        assert_true(again == one);

        /* Given up, it is another's at once. */
        queue_role_drop(c->nodes[0], "a feed");
        assert_int_equal(queue_role(c->nodes[1], "a feed", &two), 0);
        assert_true(two > one);
        assert_int_equal(put_position(c, 1, two, "second"), 0);
        assert_int_equal(put_position(c, 0, one, "late"), QUEUE_E_GONE);
        expect_position(c, 0, "second");
        /* Its change says "look again", and that is taken. */
        assert_int_equal(queue_has(c->nodes[1], &(ObjectKey){ 0, id_n(50) }, &there), 0);
        assert_true(there);

        /* Node 1 does not ask any more. */
        while (queue_role(c->nodes[0], "a feed", &again)) {
                assert_true(time(NULL) < end);
                nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
        }
        assert_true(again > two);
        assert_int_equal(put_position(c, 1, two, "late"), QUEUE_E_GONE);
        assert_int_equal(put_position(c, 0, again, "third"), 0);
        expect_position(c, 1, "third");
}

/* Its key is one thing and its term another: what a node that has lost the role says late takes no term away
 * from the one that has it now, but for a moment. */
static void test_term_comes_late(void **state)
{
        Cluster *c = *state;
        uint64_t two = 0, again = 0;
        Entry late = { .op = { .kind = OP_TERM, .feed = "a feed" } };

        nodes_open(c, 0);
        nodes_open(c, 1);
        assert_int_equal(queue_role(c->nodes[1], "a feed", &two), 0);
        assert_int_equal(put_position(c, 1, two, "first"), 0);
        assert_int_equal(log_submit(queue_jetstream(c->nodes[0]), &late), 0);
        nodes_catch_up(c, 1);
        assert_int_equal(put_position(c, 1, two, "refused"), QUEUE_E_GONE);

        assert_int_equal(queue_role(c->nodes[1], "a feed", &again), 0);
        assert_true(again > late.sequence);
        assert_int_equal(put_position(c, 1, again, "second"), 0);
        two = again;
        assert_int_equal(queue_role(c->nodes[1], "a feed", &again), 0);
        assert_true(again == two);
        expect_position(c, 0, "second");
}

typedef struct Asker {
        Queue *queue;
        uint64_t term;
        int answer;
} Asker;

static void *ask(void *context)
{
        Asker *asker = context;

        asker->answer = queue_role(asker->queue, "a feed", &asker->term);
        return NULL;
}

/* A role that was ours when we asked, and another's when the log had said so. */
static void test_role_is_lost_while_asked(void **state)
{
        Cluster *c = *state;
        QueueJetstream *q;
        Asker asker = { 0 };
        time_t end = time(NULL) + NODES_DEADLINE_S;
        char key[CLUSTER_KEY_SIZE];
        uint64_t two = 0, revision;
        const char *holder;
        pthread_t thread;

        nodes_open(c, 0);
        nodes_open(c, 1);
        q = queue_jetstream(c->nodes[0]);
        atomic_store(&q->stopping, true);
        log_stop(q);
        asker.queue = c->nodes[0];
        assert_int_equal(pthread_create(&thread, NULL, ask, &asker), 0);
        cluster_key("a feed", key);
        while (bucket_get(q->role_keys, key, c->a, &holder, &revision)) {
                assert_true(time(NULL) < end);
                nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
        }
        while (queue_role(c->nodes[1], "a feed", &two)) {
                assert_true(time(NULL) < end);
                nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
        }
        atomic_store(&q->stopping, false);
        assert_int_equal(log_start(q), 0);
        pthread_join(thread, NULL);
        assert_int_equal(asker.answer, QUEUE_E_EMPTY);
        assert_int_equal(put_position(c, 1, two, "of the one that has it"), 0);
}

/* An entry that is longer than a message of the server. */
static void test_long_entry(void **state)
{
        enum {
                N = 30000
        };
        Cluster *c = *state;
        Change *changes = arena_new_array(c->a, Change, N);
        QueueStats st;
        Lease lease;

        nodes_open(c, 0);
        nodes_open(c, 1);
        for (unsigned i = 0; i < N; i++)
                changes[i] = change_n(i, LANE_NORMAL);
        assert_int_equal(
                queue_put(c->nodes[0], &(Intake){ .changes = changes, .n_changes = N, .now = c->now }), 0);
        nodes_catch_up(c, 1);
        assert_int_equal(queue_stats(c->nodes[1], c->now, &st), 0);
        assert_int_equal(st.n[LANE_NORMAL][QUEUE_READY], N);
        assert_int_equal(queue_lease(c->nodes[1], c->now, LANES_ALL, c->a, &lease), 0);
}

static const struct CMUnitTest contract_cluster[] = {
        NODES_TEST(test_two_nodes),
        NODES_TEST(test_outlast),
        NODES_TEST(test_rests_go),
        NODES_TEST(test_stale_across),
        NODES_TEST(test_role),
        NODES_TEST(test_term_comes_late),
        NODES_TEST(test_role_is_lost_while_asked),
        NODES_TEST(test_long_entry),
};

int main(int argc, char **argv)
{
        int n_failed;

        if (argc == 6 && strcmp(argv[1], "child") == 0)
                return nodes_be_child(argv);
        if (!nats_start()) {
                printf("skipped: no nats-server on this machine (Debian: nats-server)\n");
                return EXIT_SKIP;
        }
        contract_backend = "jetstream";
        nodes_url = nats_url();
        n_failed = contract_run("cluster", contract_cluster, N_ELEMENTS(contract_cluster));
        n_failed += contract_run("cluster-copies", contract_cluster_copies, n_contract_cluster_copies);
        n_failed += contract_run("cluster-death", contract_cluster_death, n_contract_cluster_death);
        return n_failed != 0;
}
