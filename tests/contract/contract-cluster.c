/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Several nodes on one log, against a real nats-server. Each node has a folder of its own; nodes that die are
 * processes of their own.
 */

#include "queue/bus.h"
#include "queue/queue-jetstream.h"
#include "tests/contract/contract-queue.h"
#include "tests/contract/nats.h"
#include "tests/scratch/scratch.h"

#include <errno.h>
#include <lmdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
        N_NODES = 2,
        N_OBJECTS = 60,
        N_WORKERS = 3, /* of each node */
        N_PUTS = 150,  /* of each node */
};

#define LEASE_US   ((int64_t)6 * 1000000)
#define DEADLINE_S 60
#define EXIT_SKIP  77

static const char *url;

typedef struct Cluster {
        Arena *a;
        Wall now;
        char *folders[N_NODES];
        Queue *nodes[N_NODES];
        char log[64];
} Cluster;

static int open_node(Cluster *c, int i, Diag *diag)
{
        const char *urls[] = { url };
        char name[16];
        BusOptions bus = { .urls = urls, .n_urls = 1, .name = "test", .timeout_ms = 20000 };
        QueueJetstreamOptions options = { .path = c->folders[i],
                                          .now = c->now,
                                          .log = c->log,
                                          .node = name,
                                          .bus = &bus,
                                          .lease_us = LEASE_US };

        snprintf(name, sizeof(name), "node-%d", i);
        return queue_jetstream_new(&c->nodes[i], &options, diag);
}

static void must_open(Cluster *c, int i)
{
        Diag diag = DIAG_INIT;
        int r = open_node(c, i, &diag);

        if (r)
                fail_msg("node %d: %d: %s", i, r, diag_text(&diag));
        diag_deinit(&diag);
}

static int setup(void **state)
{
        Cluster *c = calloc(1, sizeof(*c));

        assert_non_null(c);
        c->a = arena_new(0);
        c->now = contract_start;
        for (int i = 0; i < N_NODES; i++)
                c->folders[i] = contract_folder();
        snprintf(c->log, sizeof(c->log), "%s", strrchr(c->folders[0], '/') + 1);
        *state = c;
        return 0;
}

static int teardown(void **state)
{
        Cluster *c = *state;

        for (int i = 0; i < N_NODES; i++) {
                queue_free(c->nodes[i]);
                scratch_remove(c->folders[i]);
                free(c->folders[i]);
        }
        arena_free(c->a);
        free(c);
        return 0;
}

static void put(Cluster *c, int node, unsigned n)
{
        Change change = change_n(n, LANE_NORMAL);

        change.seen = c->now;
        assert_int_equal(
                queue_put(c->nodes[node], &(Intake){ .changes = &change, .n_changes = 1, .now = c->now }), 0);
}

/* All that was written anywhere before is in this node's copy: its own next entry stands behind it. */
static void catch_up(Cluster *c, int node)
{
        assert_int_equal(queue_put(c->nodes[node], &(Intake){ .now = c->now }), 0);
}

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

        must_open(c, 0);
        must_open(c, 1);
        put(c, 0, 1);
        put(c, 1, 2);
        catch_up(c, 0);
        assert_int_equal(queue_lease(c->nodes[0], c->now, LANES_ALL, c->a, &one), 0);
        catch_up(c, 1);
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
        catch_up(c, 1);
        assert_int_equal(
                queue_lease_object(c->nodes[1], c->now, &(ObjectKey){ 0, one.change.id }, c->a, &two),
                QUEUE_E_EMPTY);
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

        must_open(c, 0);
        must_open(c, 1);
        put(c, 0, 1);
        put(c, 0, 2);
        catch_up(c, 1);
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

        catch_up(c, node);
        assert_int_equal(queue_position(c->nodes[node], "a feed", c->a, &data, &n), 0);
        assert_int_equal(n, strlen(expected));
        assert_memory_equal(data, expected, n);
}

/* One has it; who had it before moves no position any more; and who says nothing loses it. */
static void test_role(void **state)
{
        Cluster *c = *state;
        uint64_t one = 0, two = 0, again = 0;
        time_t end = time(NULL) + DEADLINE_S;
        bool there = false;

        must_open(c, 0);
        must_open(c, 1);
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

/* -- random work on both, and the copies are the same ------------------------------------------------------
 */

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

        catch_up(c, node);
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
        pthread_t feeds[N_NODES], workers[N_NODES * N_WORKERS];
        Crew crews[N_NODES * (N_WORKERS + 1)];
        _Atomic unsigned wrong = 0;
        size_t n = 0;

        must_open(c, 0);
        must_open(c, 1);
        for (int i = 0; i < N_NODES * (N_WORKERS + 1); i++)
                crews[i] = (Crew){ c, i % N_NODES, (uint32_t)i * 77 + 1, in_work, &wrong, &stop };
        for (int i = 0; i < N_NODES; i++)
                assert_int_equal(pthread_create(&feeds[i], NULL, feed, &crews[n++]), 0);
        for (int i = 0; i < N_NODES * N_WORKERS; i++)
                assert_int_equal(pthread_create(&workers[i], NULL, worker, &crews[n++]), 0);
        for (int i = 0; i < N_NODES; i++)
                pthread_join(feeds[i], NULL);
        /* One closes and comes back while the other works. */
        atomic_store(&stop, true);
        for (int i = 0; i < N_NODES * N_WORKERS; i++)
                pthread_join(workers[i], NULL);
        assert_int_equal(wrong, 0);
        for (int i = 0; i < N_NODES; i++)
                expect_no_lease(c, i);
        c->nodes[1] = queue_free(c->nodes[1]);
        put(c, 0, 200);
        must_open(c, 1);
        put(c, 1, 201);
        catch_up(c, 0);
        c->nodes[0] = queue_free(c->nodes[0]);
        catch_up(c, 1);
        c->nodes[1] = queue_free(c->nodes[1]);
        /* What a node does not hear any more when it is closed it hears when it is opened. */
        must_open(c, 0);
        c->nodes[0] = queue_free(c->nodes[0]);
        same_copies(c);
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

        must_open(c, 0);
        must_open(c, 1);
        for (unsigned i = 0; i < N; i++)
                changes[i] = change_n(i, LANE_NORMAL);
        assert_int_equal(
                queue_put(c->nodes[0], &(Intake){ .changes = changes, .n_changes = N, .now = c->now }), 0);
        catch_up(c, 1);
        assert_int_equal(queue_stats(c->nodes[1], c->now, &st), 0);
        assert_int_equal(st.n[LANE_NORMAL][QUEUE_READY], N);
        assert_int_equal(queue_lease(c->nodes[1], c->now, LANES_ALL, c->a, &lease), 0);
}

/* -- nodes that die, or only sleep -------------------------------------------------------------------------
 */

typedef struct Shared {
        _Atomic int at;     /* how far the child is */
        _Atomic int answer; /* of its late ack, + 1 */
} Shared;

static void until(_Atomic int *at, int value)
{
        time_t end = time(NULL) + DEADLINE_S;

        while (atomic_load(at) < value) {
                assert_true(time(NULL) < end);
                nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
        }
}

/* Node 1 as a process of its own: it leases, and when it is asked to, acks with a row. */
static int be_child(char **argv)
{
        int fd = atoi(argv[5]);
        Cluster c = { .a = arena_new(0), .now = contract_start, .folders = { NULL, argv[2] } };
        Shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        SpaceBatch b;
        Commit commit = { .batch = &b, .now = c.now };
        Lease lease;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        snprintf(c.log, sizeof(c.log), "%s", argv[3]);
        url = argv[4];
        if (shared == MAP_FAILED || open_node(&c, 1, NULL) ||
            queue_lease(c.nodes[1], c.now, LANES_ALL, c.a, &lease))
                _exit(98);
        atomic_store(&shared->at, 1);
        while (atomic_load(&shared->at) < 2)
                nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
        batch_row(&b, c.a, "late", "x", SPACE_ANY);
        atomic_store(&shared->answer, queue_ack(c.nodes[1], &lease, &commit) + 1);
        atomic_store(&shared->at, 3);
        pause();
        _exit(0);
}

/* A program of its own, not a fork that goes on: libnats has threads, and a fork has none of them. */
static pid_t start_child(Cluster *c, Shared **ret_shared)
{
        int fd = memfd_create("shared", 0);
        char number[16];
        pid_t pid;

        assert_true(fd >= 0);
        assert_int_equal(ftruncate(fd, sizeof(**ret_shared)), 0);
        *ret_shared = mmap(NULL, sizeof(**ret_shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_true(*ret_shared != MAP_FAILED);
        snprintf(number, sizeof(number), "%d", fd);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                execl("/proc/self/exe", "contract-cluster", "child", c->folders[1], c->log, url, number,
                      (char *)NULL);
                _exit(127);
        }
        close(fd);
        return pid;
}

static void end_child(pid_t pid)
{
        int status;

        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
}

/* The lease is given to somebody else when its owner has been silent long enough, and not before. */
static int64_t until_leased(Cluster *c, Lease *lease)
{
        struct timespec start, now;
        int r;

        clock_gettime(CLOCK_MONOTONIC, &start);
        do {
                r = queue_lease(c->nodes[0], c->now, LANES_ALL, c->a, lease);
                if (r)
                        queue_wait(c->nodes[0], LANES_ALL, c->now, 1000000);
                clock_gettime(CLOCK_MONOTONIC, &now);
                assert_true(now.tv_sec < start.tv_sec + DEADLINE_S);
        } while (r);
        return (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
}

static void run_silent(Cluster *c, int how)
{
        Shared *shared =
                mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        const uint8_t *data;
        int64_t ms;
        Lease lease;
        pid_t pid;
        size_t n;

        must_open(c, 0);
        put(c, 0, 1);
        pid = start_child(c, &shared);
        until(&shared->at, 1);
        kill(pid, how);
        ms = until_leased(c, &lease);
        print_message("[   INFO   ] the lease was free after %lld ms\n", (long long)ms);
        assert_true(ms > LEASE_US / 1000);
        if (how == SIGSTOP) {
                kill(pid, SIGCONT);
                atomic_store(&shared->at, 2);
                until(&shared->at, 3);
                assert_int_equal(atomic_load(&shared->answer) - 1, QUEUE_E_GONE);
                catch_up(c, 0);
                assert_int_equal(memo_read(queue_space(c->nodes[0]), "late", c->a, &data, &n, NULL),
                                 SPACE_E_NONE);
        }
        end_child(pid);
        assert_int_equal(queue_ack(c->nodes[0], &lease, &(Commit){ .now = c->now }), 0);
        munmap(shared, sizeof(*shared));
}

static void test_killed(void **state)
{
        run_silent(*state, SIGKILL);
}

static void test_stopped(void **state)
{
        run_silent(*state, SIGSTOP);
}

/* A node that comes back ends what it had before, at once. */
static void test_comes_back(void **state)
{
        Cluster *c = *state;
        Shared *shared =
                mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        Lease lease;
        pid_t pid;

        must_open(c, 0);
        put(c, 0, 1);
        pid = start_child(c, &shared);
        until(&shared->at, 1);
        end_child(pid);
        must_open(c, 1);
        assert_int_equal(queue_lease(c->nodes[1], c->now, LANES_ALL, c->a, &lease), 0);
        munmap(shared, sizeof(*shared));
}

/* The others have taken a node for dead that lives: it begins anew, and no number that it used comes again.
 */
static void test_taken_for_dead(void **state)
{
        Cluster *c = *state;
        QueueJetstream *q;
        Entry end = { .op.kind = OP_END };
        time_t until = time(NULL) + DEADLINE_S;
        uint64_t number;
        Lease lost, again;

        must_open(c, 0);
        must_open(c, 1);
        q = queue_jetstream(c->nodes[0]);
        for (unsigned i = 1; i <= 5; i++)
                put(c, 0, i);
        assert_int_equal(queue_lease(c->nodes[0], c->now, LANES_ALL, c->a, &lost), 0);
        end.other = atomic_load(&q->session);
        number = atomic_load(&q->number);
        assert_int_equal(log_submit(queue_jetstream(c->nodes[1]), &end), 0);
        while (atomic_load(&q->session) == end.other) {
                assert_true(time(NULL) < until);
                nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
        }
        catch_up(c, 1);
        /* Nothing is given out to it before all know its new session. */
        do {
                assert_true(time(NULL) < until);
        } while (queue_lease(c->nodes[0], c->now, LANES_ALL, c->a, &again));
        assert_true(guid_is(&again.change.id, &lost.change.id));
        assert_int_equal(queue_ack(c->nodes[0], &lost, &(Commit){ .now = c->now }), QUEUE_E_GONE);
        assert_int_equal(queue_ack(c->nodes[0], &again, &(Commit){ .now = c->now }), 0);
        put(c, 0, 6);
        assert_true(atomic_load(&q->number) > number);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(int argc, char **argv)
{
        static const struct CMUnitTest tests[] = {
                TEST(test_two_nodes),   TEST(test_stale_across), TEST(test_role),
                TEST(test_same_copies), TEST(test_long_entry),   TEST(test_killed),
                TEST(test_stopped),     TEST(test_comes_back),   TEST(test_taken_for_dead),
        };

        if (argc == 6 && strcmp(argv[1], "child") == 0)
                return be_child(argv);
        if (!nats_start()) {
                printf("skipped: no nats-server on this machine (Debian: nats-server)\n");
                return EXIT_SKIP;
        }
        contract_backend = "jetstream";
        url = nats_url();
        return contract_run("cluster", tests, N_ELEMENTS(tests)) != 0;
}
