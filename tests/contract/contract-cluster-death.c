/* SPDX-License-Identifier: Apache-2.0 */

/* Nodes that die, or only sleep. Where another must not be this process, it is a child. */

#include "queue/queue-jetstream.h"
#include "tests/contract/contract-cluster.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct Shared {
        _Atomic int at;     /* how far the child is */
        _Atomic int answer; /* of its late ack, + 1 */
} Shared;

static void until(_Atomic int *at, int value)
{
        time_t end = time(NULL) + NODES_DEADLINE_S;

        while (atomic_load(at) < value) {
                assert_true(time(NULL) < end);
                nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
        }
}

/* It leases, and when it is asked to, acks with a row. */
int nodes_be_child(char **argv)
{
        int fd = atoi(argv[5]);
        Cluster c = { .a = arena_new(0), .now = contract_start, .folders = { NULL, argv[2] } };
        Shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        SpaceBatch b;
        Commit commit = { .batch = &b, .now = c.now };
        Lease lease;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        snprintf(c.log, sizeof(c.log), "%s", argv[3]);
        nodes_url = argv[4];
        if (shared == MAP_FAILED || nodes_try_open(&c, 1, NULL) ||
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
                execl("/proc/self/exe", "contract-cluster", "child", c->folders[1], c->log, nodes_url, number,
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
                assert_true(now.tv_sec < start.tv_sec + NODES_DEADLINE_S);
        } while (r);
        return (now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000;
}

static void run_silent(Cluster *c, int how)
{
        Shared *shared;
        const uint8_t *data;
        int64_t ms;
        Lease lease;
        pid_t pid;
        size_t n;

        nodes_open(c, 0);
        nodes_put(c, 0, 1);
        pid = start_child(c, &shared);
        until(&shared->at, 1);
        kill(pid, how);
        ms = until_leased(c, &lease);
        print_message("[   INFO   ] the lease was free after %lld ms\n", (long long)ms);
        assert_true(ms > NODES_LEASE_US / 1000);
        if (how == SIGSTOP) {
                kill(pid, SIGCONT);
                atomic_store(&shared->at, 2);
                until(&shared->at, 3);
                assert_int_equal(atomic_load(&shared->answer) - 1, QUEUE_E_GONE);
                nodes_catch_up(c, 0);
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
        Shared *shared;
        Lease lease;
        pid_t pid;

        nodes_open(c, 0);
        nodes_put(c, 0, 1);
        pid = start_child(c, &shared);
        until(&shared->at, 1);
        end_child(pid);
        nodes_open(c, 1);
        assert_int_equal(queue_lease(c->nodes[1], c->now, LANES_ALL, c->a, &lease), 0);
        munmap(shared, sizeof(*shared));
}

/* A node that is back before the others have ended its session ends it itself; what they had noted is noted
 * for nobody then, and takes no place from who dies next. */
static void test_many_came_back(void **state)
{
        Cluster *c = *state;
        QueueJetstream *q;
        Lease lease;

        nodes_open(c, 0);
        nodes_open(c, 1);
        nodes_put(c, 0, 1);
        nodes_catch_up(c, 1);
        assert_int_equal(queue_lease(c->nodes[1], c->now, LANES_ALL, c->a, &lease), 0);

        /* As years of quick reboots have left it. */
        q = queue_jetstream(c->nodes[0]);
        log_keeper_stop(q);
        for (size_t i = 0; i < LOG_NODES_MAX; i++)
                q->missed[i] = (LogMissed){ .session = log_session_new(), .since_us = 1 };
        q->keeper_stops = false;
        assert_int_equal(log_keeper_start(q), 0);

        log_keeper_stop(queue_jetstream(c->nodes[1]));
        until_leased(c, &lease);
        assert_int_equal(queue_ack(c->nodes[0], &lease, &(Commit){ .now = c->now }), 0);
}

/* The others have taken a node for dead that lives: it begins anew, and no number that it used comes again.
 */
static void test_taken_for_dead(void **state)
{
        Cluster *c = *state;
        QueueJetstream *q;
        Entry end = { .op.kind = OP_END };
        time_t until = time(NULL) + NODES_DEADLINE_S;
        uint64_t number;
        Lease lost, again;

        nodes_open(c, 0);
        nodes_open(c, 1);
        q = queue_jetstream(c->nodes[0]);
        for (unsigned i = 1; i <= 5; i++)
                nodes_put(c, 0, i);
        assert_int_equal(queue_lease(c->nodes[0], c->now, LANES_ALL, c->a, &lost), 0);
        end.other = atomic_load(&q->session);
        number = atomic_load(&q->number);
        assert_int_equal(log_submit(queue_jetstream(c->nodes[1]), &end), 0);
        while (atomic_load(&q->session) == end.other) {
                assert_true(time(NULL) < until);
                nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
        }
        nodes_catch_up(c, 1);
        /* Nothing is given out to it before all know its new session. */
        do {
                assert_true(time(NULL) < until);
        } while (queue_lease(c->nodes[0], c->now, LANES_ALL, c->a, &again));
        assert_true(guid_is(&again.change.id, &lost.change.id));
        assert_int_equal(queue_ack(c->nodes[0], &lost, &(Commit){ .now = c->now }), QUEUE_E_GONE);
        assert_int_equal(queue_ack(c->nodes[0], &again, &(Commit){ .now = c->now }), 0);
        nodes_put(c, 0, 6);
        assert_true(atomic_load(&q->number) > number);
}

const struct CMUnitTest contract_cluster_death[] = {
        NODES_TEST(test_killed),         NODES_TEST(test_stopped),        NODES_TEST(test_comes_back),
        NODES_TEST(test_many_came_back), NODES_TEST(test_taken_for_dead),
};
const size_t n_contract_cluster_death = N_ELEMENTS(contract_cluster_death);
