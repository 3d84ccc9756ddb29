/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue-crash.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * kill -9 at random points, under load, again and again on the same folder. The feed puts objects 1, 2, 3,
 * ... with its place as position; an ack leaves a row "done" of its object in the same transaction. After
 * each death, for every object up to the position: it is in the queue, or it is done, and never both; nothing
 * behind the position is there; and no done object is given out again.
 */

enum {
        N_ROUNDS = 25,
        N_WORKERS = 4,
        MAX_OBJECTS = 60000,
};

typedef struct Yard {
        _Atomic unsigned n_events;
        _Atomic unsigned put_returned; /* highest object whose put has returned */
        _Atomic unsigned given_twice;
        _Atomic unsigned failed;
} Yard;

typedef struct Child {
        Fixture *f;
        Yard *yard;
        unsigned first;
} Child;

static void name_of(unsigned n, char buf[24])
{
        snprintf(buf, 24, "done-%08u", n);
}

static unsigned number_of(const Lease *lease)
{
        const uint8_t *b = lease->change.id.bytes + 12;

        return (unsigned)b[0] << 24 | (unsigned)b[1] << 16 | (unsigned)b[2] << 8 | b[3];
}

static void *feed(void *arg)
{
        Child *child = arg;
        unsigned n = child->first;

        while (n < MAX_OBJECTS) {
                Change c[3];
                unsigned last = n + 2;
                Intake in = { .changes = c,
                              .n_changes = 3,
                              .feed = "corp",
                              .position = &last,
                              .n_position = sizeof(last),
                              .now = child->f->now };

                for (unsigned i = 0; i < 3; i++)
                        c[i] = change_n(n + i, (Lane)((n + i) % _LANE_N));
                if (queue_put(child->f->q, &in))
                        atomic_fetch_add(&child->yard->failed, 1);
                atomic_store(&child->yard->put_returned, last);
                atomic_fetch_add(&child->yard->n_events, 1);
                n += 3;
        }
        return NULL;
}

static void *worker(void *arg)
{
        Child *child = arg;
        Queue *q = child->f->q;
        Arena *a = arena_new(0);

        for (;;) {
                const uint8_t *data;
                char name[24];
                SpaceBatch b;
                Outcome o;
                Commit c = { .batch = &b, .outcome = &o, .now = child->f->now };
                Lease lease;
                size_t n;

                arena_reset(a);
                if (queue_lease(q, child->f->now, LANES_ALL, a, &lease)) {
                        queue_wait(q, LANES_ALL, child->f->now, 1000);
                        continue;
                }
                name_of(number_of(&lease), name);
                if (memo_read(queue_space(q), name, a, &data, &n, NULL) == 0)
                        atomic_fetch_add(&child->yard->given_twice, 1);
                o = outcome_of(&lease, "run");
                space_batch_init(&b, a);
                memo_write(&b, name, "x", 1, 0);
                if (queue_ack(q, &lease, &c))
                        atomic_fetch_add(&child->yard->failed, 1);
                atomic_fetch_add(&child->yard->n_events, 1);
        }
        return NULL;
}

static _Noreturn void live(Fixture *f, Yard *yard, unsigned first)
{
        Child child = { f, yard, first };
        pthread_t threads[N_WORKERS + 1];
        int r;

        f->q = contract_open(f->folder, f->now, 0, NULL, &r);
        if (r)
                _exit(98);
        for (int i = 0; i < N_WORKERS; i++)
                pthread_create(&threads[i], NULL, worker, &child);
        pthread_create(&threads[N_WORKERS], NULL, feed, &child);
        pthread_join(threads[N_WORKERS], NULL);
        _exit(0);
}

/* What is in the queue, by number. */
static size_t mark_queued(Fixture *f, unsigned char *queued)
{
        ObjectKey after, *from = NULL;
        size_t n, n_all = 0;

        do {
                QueueItem *items;

                assert_int_equal(queue_list(f->q, from, 1000, f->a, &items, &n), 0);
                for (size_t i = 0; i < n; i++) {
                        Lease lease = { .change = items[i].change };

                        queued[number_of(&lease)] = 1;
                        after = (ObjectKey){ items[i].change.source, items[i].change.id };
                        from = &after;
                }
                n_all += n;
        } while (n == 1000);
        return n_all;
}

typedef struct Done {
        unsigned char *done;
        size_t n;
} Done;

static int mark_done(void *context, const void *key, size_t n_key, const SpaceRow *row)
{
        Done *d = context;
        char name[SPACE_KEY_MAX + 1];

        memcpy(name, key, n_key);
        name[n_key] = '\0';
        d->done[strtoul(name + 5, NULL, 10)] = 1;
        d->n++;
        return 0;
}

static unsigned check(Fixture *f, const Yard *yard, unsigned before)
{
        unsigned char *queued = calloc(MAX_OBJECTS + 10, 1), *done = calloc(MAX_OBJECTS + 10, 1);
        Space *s;
        Done d = { .done = done };
        const void *data;
        unsigned last = before;
        size_t n;
        int r;

        assert_non_null(queued);
        assert_non_null(done);
        arena_reset(f->a);
        f->q = contract_open(f->folder, f->now, 0, NULL, &r);
        assert_int_equal(r, 0);
        s = queue_space(f->q);
        if (queue_position(f->q, "corp", f->a, &data, &n) == 0)
                memcpy(&last, data, sizeof(last));
        assert_true(last >= atomic_load(&yard->put_returned));
        mark_queued(f, queued);
        assert_int_equal(s->ops->walk(s, SPACE_MEMO, NULL, 0, mark_done, &d), 0);
        assert_int_equal(stats(f).n_outcomes, d.n);
        for (unsigned i = 1; i < MAX_OBJECTS; i++) {
                if (i <= last && queued[i] + done[i] != 1)
                        fail_msg("object %u: in the queue %d, done %d", i, queued[i], done[i]);
                if (i > last && (queued[i] || done[i]))
                        fail_msg("object %u is behind the position %u", i, last);
        }
        assert_int_equal(atomic_load(&yard->given_twice), 0);
        assert_int_equal(atomic_load(&yard->failed), 0);
        f->q = queue_free(f->q);
        free(queued);
        free(done);
        return last;
}

static void test_kill_under_load(void **state)
{
        const char *given = getenv("SOSYNC_TEST_SEED");
        Fixture *f = contract_place();
        Yard *yard = mmap(NULL, sizeof(*yard), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        unsigned last = 0, random = 1;

        (void)state;
        assert_true(yard != MAP_FAILED);
        if (given)
                random = (unsigned)strtoul(given, NULL, 10);
        else if (getrandom(&random, sizeof(random), 0) < 0)
                random = 2;
        print_message("[   SEED   ] %u\n", random);
        for (int round = 0; round < N_ROUNDS; round++) {
                unsigned target;
                int status;
                pid_t pid;

                random = random * 1664525 + 1013904223;
                target = 1 + (random >> 8) % 400;
                atomic_store(&yard->n_events, 0);
                pid = fork();
                assert_true(pid >= 0);
                if (pid == 0)
                        live(f, yard, last + 1);
                while (atomic_load(&yard->n_events) < target)
                        sched_yield();
                kill(pid, SIGKILL);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                assert_true(WIFSIGNALED(status));
                last = check(f, yard, last);
        }
        assert_true(last > 0);
        munmap(yard, sizeof(*yard));
        contract_end_place(f);
}

const struct CMUnitTest contract_kill[] = {
        cmocka_unit_test(test_kill_under_load),
};

const size_t n_contract_kill = N_ELEMENTS(contract_kill);
