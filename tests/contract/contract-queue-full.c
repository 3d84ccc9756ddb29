/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue-crash.h"

#include "tests/contract/contract-queue-shim.h"
#include "tests/scratch/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int put_result(Fixture *f, unsigned n)
{
        Change c = change_n(n, LANE_NORMAL);
        Intake in = { .changes = &c, .n_changes = 1, .now = f->now };

        return queue_put(f->q, &in);
}

/* Until there is room: the store tries again ten times a second. */
static void put_until_ok(Fixture *f, unsigned n)
{
        int r;

        do
                r = put_result(f, n);
        while (r == QUEUE_E_FULL);
        assert_int_equal(r, 0);
}

static int big_ack(Fixture *f, const Lease *lease, const char *name)
{
        static char big[60000];
        SpaceBatch b;
        Commit c = { .batch = &b, .now = f->now };

        space_batch_init(&b, f->a);
        memo_write(&b, name, big, sizeof(big), SPACE_ANY);
        return queue_ack(f->q, lease, &c);
}

/* What was promised is kept in memory until there is room; nothing else is accepted. */
static void test_full_and_back(void **state)
{
        Fixture *f = *state;
        SpaceBatch b;
        Commit c = { .batch = &b, .now = f->now };
        Intake nothing = { .now = f->now };
        ObjectKey three = object_n(3);
        Lease one, two;
        bool there;
        int r;

        put_n(f, 1, LANE_NORMAL);
        put_n(f, 2, LANE_NORMAL);
        put_n(f, 3, LANE_NORMAL);
        one = lease_n(f, 1);
        two = lease_n(f, 2);
        shim_arm(SHIM_ERROR, 1, ENOSPC);
        batch_row(&b, f->a, "one", "done", SPACE_ANY);
        assert_int_equal(queue_ack(f->q, &one, &c), 0);
        assert_int_equal(put_result(f, 4), QUEUE_E_FULL);
        /* Once it is known, an ack is refused too, and its lease is kept. */
        batch_row(&b, f->a, "two", "done", SPACE_ANY);
        while ((r = queue_note(f->q, &two, &c)) == 0)
                ;
        assert_int_equal(r, QUEUE_E_FULL);
        assert_int_equal(queue_drop(f->q, &three), -ENOSPC);
        assert_true(stats(f).full);
        assert_string_equal(read_row(f, "one", NULL), "done");
        assert_null(read_row(f, "two", NULL));
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_LEASED);
        assert_int_equal(item_n(f, 2, &there).state, QUEUE_LEASED);
        item_n(f, 4, &there);
        assert_false(there);

        shim_arm(SHIM_NONE, 0, 0);
        while ((r = queue_ack(f->q, &two, &c)) == QUEUE_E_FULL)
                ;
        assert_int_equal(r, 0);
        while ((r = queue_put(f->q, &nothing)) == QUEUE_E_FULL)
                ;
        assert_int_equal(r, 0);
        assert_false(stats(f).full);
        item_n(f, 1, &there);
        assert_false(there);
        item_n(f, 2, &there);
        assert_false(there);
        put_n(f, 4, LANE_NORMAL);
        contract_reopen(f);
        assert_string_equal(read_row(f, "one", NULL), "done");
        assert_string_equal(read_row(f, "two", NULL), "done");
        lease_n(f, 3);
        lease_n(f, 4);
}

/* A stop on a full disk gives up what it could not store; it is given out again. */
static void test_full_at_stop(void **state)
{
        Fixture *f = *state;
        Lease lease;

        put_n(f, 1, LANE_NORMAL);
        lease = lease_n(f, 1);
        shim_arm(SHIM_ERROR, 1, ENOSPC);
        ack_lease(f, &lease);
        f->q = queue_free(f->q);
        shim_arm(SHIM_NONE, 0, 0);
        contract_reopen(f);
        lease_n(f, 1);
}

/* Above the limit feeds pause; acks go on, and what they free makes room again. */
static void test_limit(void **state)
{
        Fixture *f = *state;
        SpaceBatch b;
        Intake memo = { .now = f->now };
        Diag diag = DIAG_INIT;
        unsigned n = 0, n_acked = 0;
        Lease lease;
        int r;

        f->q = queue_free(f->q);
        f->q = contract_open(f->folder, f->now, 400000, &diag, &r);
        assert_int_equal(r, 0);
        while ((r = put_result(f, n)) == 0)
                assert_true(++n < 100000);
        assert_int_equal(r, QUEUE_E_FULL);
        assert_true(stats(f).full);
        assert_true(stats(f).file_bytes >= 400000);
        assert_int_equal(stats(f).limit_bytes, 400000);
        /* Small durable values are stored even now: the scheduler's flag must be given back. */
        batch_row(&b, f->a, "flag", "back", SPACE_ANY);
        memo.writes = b.writes;
        memo.n_writes = b.n_writes;
        assert_int_equal(queue_put(f->q, &memo), 0);
        while (queue_lease(f->q, f->now, LANES_ALL, f->a, &lease) == 0) {
                ack_lease(f, &lease);
                n_acked++;
        }
        assert_int_equal(n_acked, n);
        settle(f);
        put_n(f, 1, LANE_NORMAL);
        assert_false(stats(f).full);
}

/* Even the map can be full: acks are refused then, and nothing breaks. */
static void test_map_full(void **state)
{
        QueueLmdbOptions options = { .map = 2 << 20, .now = contract_start };
        Fixture *f = *state;
        char name[16];
        Lease lease;
        unsigned n = 0;
        int r = 0;

        f->q = queue_free(f->q);
        scratch_remove(f->folder);
        options.path = f->folder;
        assert_int_equal(queue_lmdb_new(&f->q, &options, NULL), 0);
        for (unsigned i = 0; i < 60; i++)
                put_n(f, i, LANE_NORMAL);
        while (r == 0) {
                lease = lease_any(f);
                snprintf(name, sizeof(name), "row-%u", n++);
                r = big_ack(f, &lease, name);
                assert_true(n < 60);
                if (r == 0)
                        r = put_result(f, 1000) == QUEUE_E_FULL ? QUEUE_E_FULL : 0;
        }
        assert_int_equal(r, QUEUE_E_FULL);
        /* Reads go on. */
        assert_non_null(read_row(f, "row-0", NULL));
}

static void fill(Fixture *f, unsigned *n)
{
        int r;

        while ((r = put_result(f, *n)) == 0)
                (*n)++;
        assert_int_equal(r, QUEUE_E_FULL);
        assert_true(stats(f).full);
}

/* A test that needs a process of its own: the parent only wants to know that it went well, or could not be.
 */
static void in_child(void (*fn)(Fixture *f))
{
        Fixture *f;
        int status;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                f = contract_place();
                fn(f);
                contract_end_place(f);
                contract_child_is_done();
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
                skip();
        assert_true(contract_child_went_well(status));
}

/* The kernel refuses to let the file grow (EFBIG), as a quota would. */
static void limit_of_file(Fixture *f)
{
        struct rlimit limit;
        unsigned n = 0;
        int r;

        signal(SIGXFSZ, SIG_IGN);
        if (getrlimit(RLIMIT_FSIZE, &limit) < 0)
                _exit(77);
        f->q = contract_open(f->folder, f->now, 0, NULL, &r);
        assert_int_equal(r, 0);
        limit.rlim_cur = 300000;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        fill(f, &n);
        limit.rlim_cur = limit.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        put_until_ok(f, n);
        contract_reopen(f);
        assert_int_equal(stats(f).n[LANE_NORMAL][QUEUE_READY], n + 1);
}

static void test_limit_of_file(void **state)
{
        (void)state;
        in_child(limit_of_file);
}

/* A real file system that is full; only root may mount one, in a name space that ends with this process. */
static void full_file_system(Fixture *f)
{
        char ballast[4200], *place = f->folder;
        unsigned n = 0;
        int fd, r;

        if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", place, "tmpfs", 0, "size=80m") < 0)
                _exit(77);
        assert_true(asprintf(&f->folder, "%s/state", place) > 0);
        f->q = contract_open(f->folder, f->now, 0, NULL, &r);
        assert_int_equal(r, 0);
        put_n(f, 100000, LANE_NORMAL);
        snprintf(ballast, sizeof(ballast), "%s/ballast", place);
        fd = open(ballast, O_WRONLY | O_CREAT | O_EXCL, 0600);
        assert_true(fd >= 0);
        /* All but half a megabyte. */
        assert_int_equal(posix_fallocate(fd, 0, (off_t)(79 << 20)), 0);
        fill(f, &n);
        assert_true(n > 0);
        /* With 8 MiB it is still full: 64 are wanted before work goes on. */
        assert_int_equal(ftruncate(fd, (off_t)(71 << 20)), 0);
        assert_int_equal(put_result(f, n), QUEUE_E_FULL);
        close(fd);
        unlink(ballast);
        put_until_ok(f, n);
        assert_false(stats(f).full);
        contract_reopen(f);
        assert_int_equal(stats(f).n[LANE_NORMAL][QUEUE_READY], n + 2);
        f->q = queue_free(f->q);
        scratch_remove(f->folder);
        umount(place);
        free(f->folder);
        f->folder = place;
}

static void test_full_file_system(void **state)
{
        (void)state;
        in_child(full_file_system);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, contract_setup, contract_teardown)

const struct CMUnitTest contract_full[] = {
        TEST(test_full_and_back),
        TEST(test_full_at_stop),
        TEST(test_limit),
        TEST(test_map_full),
        cmocka_unit_test(test_limit_of_file),
        cmocka_unit_test(test_full_file_system),
};

const size_t n_contract_full = N_ELEMENTS(contract_full);
