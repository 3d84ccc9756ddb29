/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue-crash.h"

#include "base/str.h"
#include "tests/contract/contract-queue-shim.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * A fixed play of calls is run in a child that dies, or is refused, at every single write and flush that LMDB
 * makes. What the next start finds must be the state after the last call that had returned, or after the one
 * that was under way: nothing less, nothing between.
 */

enum {
        N_STEPS = 9
};

static void must(int r)
{
        if (r) {
                fprintf(stderr, "unexpected result %d\n", r);
                _exit(99);
        }
}

static void put_two(Fixture *f, unsigned first, const char *position)
{
        Change c[2] = { change_n(first, LANE_NORMAL), change_n(first + 1, LANE_URGENT) };
        Intake in = { .changes = c,
                      .n_changes = 2,
                      .feed = "corp",
                      .position = position,
                      .n_position = strlen(position),
                      .now = f->now };
        int r;

        do
                r = queue_put(f->q, &in);
        while (r == QUEUE_E_FULL);
        must(r);
}

/* Durable, whatever the disk says for a while. */
static void settled(Fixture *f)
{
        Intake nothing = { .now = f->now };
        int r;

        do
                r = queue_put(f->q, &nothing);
        while (r == QUEUE_E_FULL);
        must(r);
}

static Lease take(Fixture *f, unsigned n)
{
        ObjectKey key = object_n(n);
        Lease lease = { 0 };

        must(queue_lease_object(f->q, f->now, &key, f->a, &lease));
        return lease;
}

static void step(Fixture *f, unsigned i)
{
        ObjectKey one = object_n(1);
        ObjectId cloud = id_n(1001), member = id_n(77);
        Edge edge = { .from = object_n(2), .attribute = "manager", .to = id_n(1) };
        static Lease lease;
        Outcome o;
        SpaceBatch b;
        Commit c = { .batch = &b, .outcome = &o, .now = f->now };
        int r;

        space_batch_init(&b, f->a);
        switch (i) {
        case 0:
                put_two(f, 1, "cookie 1");
                return;
        case 1:
                put_two(f, 3, "cookie 2");
                return;
        case 2:
                lease = take(f, 2);
                o = outcome_of(&lease, "run-2");
                space_wait(&b, &edge);
                do
                        r = queue_ack(f->q, &lease, &c);
                while (r == QUEUE_E_FULL);
                break;
        case 3:
                lease = take(f, 1);
                memo_write(&b, "intent", "create", 6, 0);
                c.outcome = NULL;
                do
                        r = queue_note(f->q, &lease, &c);
                while (r == QUEUE_E_FULL);
                break;
        case 4:
                o = outcome_of(&lease, "run-1");
                memo_delete(&b, "intent");
                memo_write(&b, "person", "Ada", 3, 0);
                space_write_cloud_of(&b, &one, &cloud);
                space_appeared(&b, &one);
                space_write_link(&b, LINK_CLOUD, LINK_ADD, &cloud, sizeof(cloud), "member", &member);
                do
                        r = queue_ack(f->q, &lease, &c);
                while (r == QUEUE_E_FULL);
                break;
        case 5:
                lease = take(f, 3);
                o = outcome_of(&lease, "run-3");
                do
                        r = queue_retry(f->q, &lease, wall_add(f->now, 1000), "busy", &c);
                while (r == QUEUE_E_FULL);
                break;
        case 6:
                lease = take(f, 4);
                o = outcome_of(&lease, "run-4");
                do
                        r = queue_park(f->q, &lease, "broken", &c);
                while (r == QUEUE_E_FULL);
                break;
        case 7:
                put_two(f, 3, "cookie 3");
                return;
        default:
                do
                        r = queue_outcomes_done(f->q, 0xfffff);
                while (r == -ENOSPC);
                break;
        }
        must(r);
        settled(f);
}

/* Everything that a start can see, as text. */
static char *digest(Fixture *f)
{
        static const char *const memos[] = { "intent", "person" };
        ObjectId cloud = id_n(1001), found, *ids;
        ObjectKey one = object_n(1);
        OutcomeRow *rows;
        QueueItem *items;
        const void *position;
        QueueStats st = stats(f);
        char *text;
        size_t n;
        Str s;

        str_init(&s, 100000);
        must(queue_list(f->q, NULL, 100, f->a, &items, &n));
        for (size_t i = 0; i < n; i++)
                str_printf(&s, "%d %s %s %s tries=%u due=%lld %s\n", items[i].change.id.bytes[15],
                           queue_state_name(items[i].state), lane_name((Lane)items[i].change.lane),
                           change_kind_name((ChangeKind)items[i].change.kind), items[i].tries,
                           (long long)items[i].due.ms, items[i].reason ? items[i].reason : "");
        if (queue_position(f->q, "corp", f->a, &position, &n) == 0)
                str_printf(&s, "position %.*s\n", (int)n, (const char *)position);
        for (size_t i = 0; i < N_ELEMENTS(memos); i++) {
                const char *row = read_row(f, memos[i], NULL);

                str_printf(&s, "%s %s\n", memos[i], row ? row : "-");
        }
        str_printf(&s, "cloud-of %s\n", space_read_cloud_of(queue_space(f->q), &one, &found) ? "-" : "yes");
        must(space_read_links(queue_space(f->q), LINK_CLOUD, &cloud, sizeof(cloud), "member", f->a, &ids,
                              &n));
        str_printf(&s, "links %zu waiting %zu ready %zu\n", n, st.n_waiting_edges, st.n_ready_edges);
        must(queue_outcomes(f->q, 0, 100, f->a, &rows, &n));
        for (size_t i = 0; i < n; i++) {
                Outcome o;

                must(outcome_unpack(f->a, rows[i].data, rows[i].n, &o));
                str_printf(&s, "outcome %s\n", o.run_id);
        }
        text = str_take(&s);
        str_deinit(&s);
        return text;
}

/* The state after the first n steps, as a start finds it. */
static char *expected(unsigned n)
{
        Fixture *f;
        void *state;
        char *text;

        contract_setup(&state);
        f = state;
        for (unsigned i = 0; i < n; i++)
                step(f, i);
        contract_reopen(f);
        text = digest(f);
        contract_teardown(&state);
        return text;
}

/* Counters that outlive the child. */
typedef struct Shared {
        _Atomic unsigned n_done;
        _Atomic unsigned n_calls;
} Shared;

static Shared *shared_new(void)
{
        void *p = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        assert_true(p != MAP_FAILED);
        return p;
}

/* The child: all steps, with the shim armed. */
static _Noreturn void play(Fixture *f, Shared *shared, ShimVerb verb, unsigned at, unsigned value)
{
        Diag diag = DIAG_INIT;
        int r;

        f->q = contract_open(f->folder, f->now, 0, &diag, &r);
        if (r)
                _exit(98);
        shim_arm(verb, at, value);
        for (unsigned i = 0; i < N_STEPS; i++) {
                step(f, i);
                shared->n_done = i + 1;
        }
        shared->n_calls = shim_calls();
        shim_arm(SHIM_NONE, 0, 0);
        queue_free(f->q);
        contract_child_is_done();
}

/* Let a child play in a new folder and die. Return: its status; what it said on standard error in `said`. */
static int run_child(Fixture *f, Shared *shared, ShimVerb verb, unsigned at, unsigned value, char said[400])
{
        int fds[2], status;
        ssize_t n = 0, m;
        pid_t pid;

        *shared = (Shared){ 0 };
        assert_int_equal(pipe(fds), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                close(fds[0]);
                dup2(fds[1], STDERR_FILENO);
                play(f, shared, verb, at, value);
        }
        close(fds[1]);
        while (n < 399 && (m = read(fds[0], said + n, (size_t)(399 - n))) > 0)
                n += m;
        said[n] = '\0';
        close(fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return status;
}

static void check_state(Fixture *f, char *const states[N_STEPS + 1], const Shared *shared, const char *what,
                        unsigned at)
{
        unsigned done = shared->n_done;
        Diag diag = DIAG_INIT;
        char *found;
        int r;

        f->q = contract_open(f->folder, f->now, 0, &diag, &r);
        if (r)
                fail_msg("%s at call %u: %s", what, at, diag_text(&diag));
        found = digest(f);
        if (strcmp(found, states[done]) != 0 && (done == N_STEPS || strcmp(found, states[done + 1]) != 0))
                fail_msg("%s at call %u, after %u steps:\n%s\nbut expected\n%s\nor\n%s", what, at, done,
                         found, states[done], done < N_STEPS ? states[done + 1] : "-");
        free(found);
        f->q = queue_free(f->q);
        diag_deinit(&diag);
}

typedef struct Play {
        Shared *shared;
        char *states[N_STEPS + 1];
        unsigned n_calls;
} Play;

static int play_setup(void **state)
{
        Play *p = calloc(1, sizeof(*p));
        char said[400];
        Fixture *f;

        assert_non_null(p);
        p->shared = shared_new();
        for (unsigned i = 0; i <= N_STEPS; i++)
                p->states[i] = expected(i);
        f = contract_place();
        assert_true(contract_child_went_well(run_child(f, p->shared, SHIM_NONE, 0, 0, said)));
        p->n_calls = p->shared->n_calls;
        assert_true(p->n_calls > 2 * N_STEPS);
        check_state(f, p->states, p->shared, "no crash", 0);
        contract_end_place(f);
        *state = p;
        return 0;
}

static int play_teardown(void **state)
{
        Play *p = *state;

        for (unsigned i = 0; i <= N_STEPS; i++)
                free(p->states[i]);
        munmap(p->shared, sizeof(*p->shared));
        free(p);
        return 0;
}

static void die_everywhere(Play *p, ShimVerb verb, const char *what)
{
        for (unsigned at = 1; at <= p->n_calls; at++) {
                Fixture *f = contract_place();
                char said[400];
                int status = run_child(f, p->shared, verb, at, at * 2654435761u, said);

                /* Commits are shared as it comes: a play may have fewer writes than the first, and end. */
                if (!contract_child_went_well(status))
                        fail_msg("%s at call %u: status %#x: %s", what, at, (unsigned)status, said);
                check_state(f, p->states, p->shared, what, at);
                contract_end_place(f);
        }
}

static void test_kill(void **state)
{
        die_everywhere(*state, SHIM_KILL, "kill");
}

static void test_tear(void **state)
{
        die_everywhere(*state, SHIM_TEAR, "torn write");
}

static void test_power_cut(void **state)
{
        die_everywhere(*state, SHIM_CUT, "power cut");
}

/* An error of the disk that is not its being full: one clear line, the end, and nothing lost. */
static void test_disk_error(void **state)
{
        Play *p = *state;

        for (unsigned at = 1; at <= p->n_calls; at++) {
                Fixture *f = contract_place();
                char said[400];
                int status = run_child(f, p->shared, SHIM_ERROR, at, EIO, said);

                if (!contract_child_went_well(status)) {
                        assert_true(WIFSIGNALED(status));
                        assert_int_equal(WTERMSIG(status), SIGABRT);
                        assert_non_null(strstr(said, f->folder));
                        assert_non_null(strstr(said, "a commit failed: Input/output error"));
                }
                check_state(f, p->states, p->shared, "disk error", at);
                contract_end_place(f);
        }
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, play_setup, play_teardown)

const struct CMUnitTest contract_crash[] = {
        TEST(test_kill),
        TEST(test_tear),
        TEST(test_power_cut),
        TEST(test_disk_error),
};

const size_t n_contract_crash = N_ELEMENTS(contract_crash);
