/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue-crash.h"

#include "queue/backup.h"
#include "queue/check.h"
#include "queue/record.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void path_of(const Fixture *f, const char *name, char buf[4200])
{
        snprintf(buf, 4200, "%s/%s", f->folder, name);
}

/* Opening must fail with this, and say so in these words. */
static void expect_refusal(Fixture *f, int expected, const char *words)
{
        Diag diag = DIAG_INIT;
        Queue *q;
        int r;

        q = contract_open(f->folder, f->now, 0, &diag, &r);
        if (q || r != expected)
                fail_msg("%d instead of %d: %s", r, expected, diag_text(&diag));
        if (!strstr(diag_text(&diag), words) || !strstr(diag_text(&diag), f->folder))
                fail_msg("\"%s\" does not say \"%s\"", diag_text(&diag), words);
        diag_deinit(&diag);
}

static void fill_some(Fixture *f, unsigned n)
{
        for (unsigned i = 0; i < n; i++)
                put_n(f, i, LANE_NORMAL);
        f->q = queue_free(f->q);
}

static void test_cut_short(void **state)
{
        Fixture *f = *state;
        char path[4200];
        struct stat st;

        fill_some(f, 300);
        path_of(f, "data.mdb", path);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(truncate(path, st.st_size / 2 / 4096 * 4096), 0);
        expect_refusal(f, -EBADMSG, "cut short");
        /* The file is as it was found. */
        assert_int_equal(stat(path, &st), 0);
        expect_refusal(f, -EBADMSG, "cut short");
}

static void write_at(const char *path, off_t at, const void *data, size_t n)
{
        int fd = open(path, O_WRONLY | O_CREAT, 0600);

        assert_true(fd >= 0);
        assert_int_equal(pwrite(fd, data, n, at), (ssize_t)n);
        close(fd);
}

static void test_no_store(void **state)
{
        static const char text[8192] = "This is a text and no store.";
        Fixture *f = *state;
        char path[4200];

        f->q = queue_free(f->q);
        path_of(f, "data.mdb", path);
        write_at(path, 0, text, sizeof(text));
        expect_refusal(f, -EBADMSG, "not a file of sosync");
        assert_int_equal(truncate(path, 100), 0);
        expect_refusal(f, -EBADMSG, "not a file of sosync");
        /* An empty file is a new one. */
        assert_int_equal(truncate(path, 0), 0);
        contract_reopen(f);
        put_n(f, 1, LANE_NORMAL);
}

/* Change rows of the store by hand. */
static void edit(Fixture *f, const char *table, const void *key, size_t n_key, const void *data, size_t n)
{
        MDB_val k = { n_key, (void *)(uintptr_t)key }, v = { n, (void *)(uintptr_t)data };
        MDB_env *env;
        MDB_txn *txn;
        MDB_dbi dbi;

        assert_int_equal(mdb_env_create(&env), 0);
        assert_int_equal(mdb_env_set_maxdbs(env, 64), 0);
        assert_int_equal(mdb_env_open(env, f->folder, 0, 0600), 0);
        assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
        assert_int_equal(mdb_dbi_open(txn, table, 0, &dbi), 0);
        assert_int_equal(mdb_put(txn, dbi, &k, &v, 0), 0);
        assert_int_equal(mdb_txn_commit(txn), 0);
        mdb_env_close(env);
}

static void test_newer(void **state)
{
        Fixture *f = *state;
        const uint8_t *data;
        PackWriter w;
        size_t n;

        fill_some(f, 3);
        pack_init(&w);
        pack_array(&w, 2);
        pack_int(&w, STORE_VERSION + 1);
        pack_str(&w, "9.9.9");
        data = pack_data(&w, &n);
        edit(f, "meta", "format", 6, data, n);
        pack_deinit(&w);
        expect_refusal(f, QUEUE_E_STALE, "newer program, sosync 9.9.9");
        edit(f, "meta", "format", 6, "garbage", 7);
        expect_refusal(f, -EBADMSG, "format cannot be read");
}

/* A row that cannot be read still says which object it was, and a change says only that. */
static void test_damaged_row(void **state)
{
        Fixture *f = *state;
        ObjectKey key = object_n(1);
        uint8_t packed[OBJECT_KEY_SIZE];
        Lease lease;
        bool there;

        fill_some(f, 3);
        object_key_pack(&key, packed);
        edit(f, "change", packed, sizeof(packed), "\x93garbage", 8);
        contract_reopen(f);
        assert_string_equal(item_n(f, 1, &there).reason, "the row is damaged");
        lease_n(f, 0);
        lease = lease_n(f, 1);
        assert_int_equal(lease.change.kind, CHANGE_UPSERT);
        ack_lease(f, &lease);
        settle(f);
        item_n(f, 1, &there);
        assert_false(there);
        lease = lease_n(f, 2);
        ack_lease(f, &lease);
        settle(f);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), QUEUE_E_EMPTY);
        assert_int_equal(stats(f).n[LANE_NORMAL][QUEUE_READY], 0);
}

/* A damaged row of a space is said, and can be written over. */
static void test_damaged_space(void **state)
{
        Fixture *f = *state;
        ObjectKey key = object_n(1);
        uint8_t packed[OBJECT_KEY_SIZE];
        Diag diag = DIAG_INIT;
        uint64_t serial = 0;
        SpaceBatch b;
        Intake in = { .now = f->now };
        Head head = { .type = "user" };

        f->q = queue_free(f->q);
        object_key_pack(&key, packed);
        edit(f, "space-head", packed, sizeof(packed), "\0\0\0\0\0\0\0\x05garbage", 15);
        contract_reopen(f);
        assert_int_equal(space_read_head(queue_space(f->q), &key, f->a, &head, &serial, &diag),
                         SPACE_E_CORRUPT);
        assert_non_null(strstr(diag_text(&diag), "the head row of 00000000-0000-0000-0000-000000000001"));
        assert_non_null(strstr(diag_text(&diag), "damaged"));
        diag_deinit(&diag);
        space_batch_init(&b, f->a);
        space_write_head(&b, &key, &head, serial);
        in.writes = b.writes;
        in.n_writes = b.n_writes;
        assert_int_equal(queue_put(f->q, &in), 0);
        assert_int_equal(space_read_head(queue_space(f->q), &key, f->a, &head, NULL, NULL), 0);
}

/* One owner: another process is told whose the folder is. */
static void test_owner(void **state)
{
        Fixture *f = *state;
        char words[64];
        int status;
        pid_t pid;

        snprintf(words, sizeof(words), "in use by process %ld", (long)getpid());
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                expect_refusal(f, QUEUE_E_GONE, words);
                contract_child_is_done();
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(contract_child_went_well(status));
        /* In this process too, and the first one is not hurt by the try. */
        expect_refusal(f, QUEUE_E_GONE, words);
        put_n(f, 1, LANE_NORMAL);
}

static void test_no_folder(void **state)
{
        Fixture *f = *state;
        char *place = f->folder;

        f->q = queue_free(f->q);
        assert_true(asprintf(&f->folder, "%s/no/such", place) > 0);
        expect_refusal(f, -ENOENT, "the folder above it does not exist");
        free(f->folder);
        assert_true(asprintf(&f->folder, "%s/file", place) > 0);
        write_at(f->folder, 0, "x", 1);
        expect_refusal(f, -ENOTDIR, "Not a directory");
        free(f->folder);
        f->folder = place;
}

/* A child leases n objects and dies with them: of itself (its handler of fatal signals has spoken), or not.
 */
static void die_with(Fixture *f, unsigned n, bool of_itself)
{
        int status, r;
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                f->q = contract_open(f->folder, f->now, 0, NULL, &r);
                if (r)
                        _exit(98);
                for (unsigned i = 0; i < n; i++)
                        lease_any(f);
                if (of_itself)
                        *queue_lmdb_crash_flag(f->q) = 1;
                kill(getpid(), SIGKILL);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* What is in work at three deaths is parked; what was beside it is not. */
static void test_three_deaths(void **state)
{
        Fixture *f = *state;
        ObjectKey key = object_n(1);
        QueueItem item;
        Lease lease;
        bool there;

        put_n(f, 1, LANE_NORMAL);
        put_n(f, 2, LANE_NORMAL);
        f->q = queue_free(f->q);
        die_with(f, 2, true);
        die_with(f, 2, true);
        /* From now on only one of the two at a time. */
        die_with(f, 1, true);
        contract_reopen(f);
        item = item_n(f, 1, &there);
        assert_int_equal(item.state, QUEUE_PARKED);
        assert_string_equal(item.reason, "CrashedTheService");
        lease = lease_n(f, 2);
        ack_lease(f, &lease);
        settle(f);
        /* A person may try it again; then it counts anew. */
        assert_int_equal(queue_unpark(f->q, &key, f->now), 0);
        f->q = queue_free(f->q);
        die_with(f, 1, true);
        contract_reopen(f);
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_READY);
}

static void test_one_at_a_time(void **state)
{
        Fixture *f = *state;
        Lease lease, other;

        put_n(f, 1, LANE_NORMAL);
        put_n(f, 2, LANE_NORMAL);
        f->q = queue_free(f->q);
        die_with(f, 2, true);
        die_with(f, 2, true);
        contract_reopen(f);
        put_n(f, 3, LANE_NORMAL);
        lease = lease_n(f, 1);
        other = lease_n(f, 3);
        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &other), QUEUE_E_EMPTY);
        ack_lease(f, &lease);
        settle(f);
        lease_n(f, 2);
}

/* kill -9 and a power cut blame no change. */
static void test_killed_from_outside(void **state)
{
        Fixture *f = *state;
        bool there;

        put_n(f, 1, LANE_NORMAL);
        f->q = queue_free(f->q);
        for (int i = 0; i < 5; i++)
                die_with(f, 1, false);
        contract_reopen(f);
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_READY);
}

/* The clock was set back while nobody was there to see it, after a kill -9 as after a clean stop. */
static void test_set_back_meanwhile(void **state)
{
        Fixture *f = *state;
        Commit c = { .now = f->now };
        Lease lease;

        for (int i = 0; i < 2; i++) {
                put_n(f, 1, LANE_NORMAL);
                lease = lease_n(f, 1);
                assert_int_equal(queue_retry(f->q, &lease, wall_add(f->now, 60000), "not now", &c), 0);
                f->q = queue_free(f->q);
                if (i)
                        die_with(f, 0, false);
                f->now = c.now = wall_add(f->now, -3600 * 1000);
                contract_reopen(f);
                lease = lease_n(f, 1);
                ack_lease(f, &lease);
                settle(f);
        }
}

/* A clean stop with leases is no death. */
static void test_clean_stop(void **state)
{
        Fixture *f = *state;
        bool there;

        put_n(f, 1, LANE_NORMAL);
        for (int i = 0; i < 5; i++) {
                lease_n(f, 1);
                contract_reopen(f);
        }
        assert_int_equal(item_n(f, 1, &there).state, QUEUE_READY);
}

/* A look at the store in use, as of `sosync queue check`: killed in the middle of its snapshot, or there
 * until it is killed. */
static pid_t look(const Fixture *f, bool dies)
{
        int ready[2];
        pid_t pid;
        char c;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                MDB_env *env;
                MDB_txn *txn;

                /* Another process: without the descriptors of this one, and not longer than it. */
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                dup2(ready[1], 3);
                close_range(4, ~0U, 0);
                if (mdb_env_create(&env) || mdb_env_set_mapsize(env, (size_t)1 << 30) ||
                    mdb_env_open(env, f->folder, MDB_RDONLY | MDB_NOTLS, 0600) ||
                    mdb_txn_begin(env, NULL, MDB_RDONLY, &txn))
                        _exit(1);
                if (dies)
                        raise(SIGKILL);
                close(3);
                for (;;)
                        pause();
        }
        close(ready[1]);
        assert_int_equal(read(ready[0], &c, 1), 0); /* it looks, or has died */
        close(ready[0]);
        return pid;
}

static void die_looking(const Fixture *f)
{
        pid_t pid = look(f, true);
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

/* A large backlog that has been worked off, but for the last `left` changes. */
static void work_off(Fixture *f, unsigned n, unsigned left)
{
        enum {
                PER_PUT = 5000
        };
        Change *changes = arena_new_array(f->a, Change, PER_PUT);
        Intake in = { .changes = changes, .n_changes = PER_PUT, .now = f->now };
        Arena *a = arena_new(0);
        Lease lease;

        for (unsigned i = 0; i < n; i++) {
                static char dn[400];

                memset(dn, 'x', sizeof(dn) - 1);
                changes[i % PER_PUT] = change_n(i, LANE_NORMAL);
                changes[i % PER_PUT].dn = dn;
                if (i % PER_PUT == PER_PUT - 1)
                        assert_int_equal(queue_put(f->q, &in), 0);
        }
        for (unsigned i = 0; i < n - left; i++) {
                assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, a, &lease), 0);
                ack_lease(f, &lease);
                arena_reset(a);
        }
        settle(f);
        arena_free(a);
}

/* The file is copied without its holes, once. */
static void test_compact(void **state)
{
        enum {
                N = 120000
        };
        Fixture *f = *state;

        work_off(f, N, 10);
        assert_true(stats(f).file_bytes > (size_t)64 << 20);
        contract_reopen(f);
        assert_true(stats(f).file_bytes < (size_t)4 << 20);
        for (unsigned i = N - 10; i < N; i++)
                lease_n(f, i);
}

/*
 * Beside somebody who looks (`sosync queue check`): LMDB's table of readers belongs to the file that was, and
 * with it the number of its last transaction, by which LMDB chooses one of two first pages. In the copy one
 * of them is that of an empty store.
 */
static void test_compact_beside_a_look(void **state)
{
        enum {
                N = 120000
        };
        Fixture *f = *state;

        for (int i = 0; i < 2; i++) {
                pid_t looker;

                work_off(f, N, 10);
                /* Both parities of the last transaction. */
                for (int k = 0; k < i; k++)
                        put_n(f, N + 1, LANE_NORMAL);
                settle(f);
                looker = look(f, false);
                contract_reopen(f);
                assert_true(stats(f).file_bytes < (size_t)4 << 20);
                for (unsigned n = N - 10; n < N; n++) {
                        Lease lease = lease_n(f, n);

                        ack_lease(f, &lease);
                }
                settle(f);
                kill(looker, SIGKILL);
                assert_int_equal(waitpid(looker, NULL, 0), looker);
        }
}

/* Work that leaves the store as it was. */
static size_t churn(Fixture *f)
{
        for (int round = 0; round < 20; round++) {
                for (unsigned i = 0; i < 40; i++)
                        put_n(f, i, LANE_NORMAL);
                for (unsigned i = 0; i < 40; i++) {
                        Lease lease = lease_n(f, i);

                        ack_lease(f, &lease);
                }
                settle(f);
        }
        return stats(f).file_bytes;
}

/* What was freed since its snapshot could never be used again, as long as the service runs. */
static void test_dead_reader(void **state)
{
        Fixture *f = *state;
        size_t before;

        churn(f);
        before = churn(f);
        die_looking(f);
        queue_tell_time(f->q, f->now);
        for (int i = 0; i < 3; i++)
                churn(f);
        assert_in_range(stats(f).file_bytes, 1, before + before / 2);
}

static bool never(void *context, uint64_t done, uint64_t total)
{
        *(unsigned *)context += 1;
        return false;
}

static bool at_once(void *context, uint64_t done, uint64_t total)
{
        return true;
}

/* The copy is what was durable, and a store of its own; one that is cancelled leaves nothing. */
static void test_backup(void **state)
{
        Fixture *f = *state;
        char copy[4200], file[4300];
        Diag diag = DIAG_INIT;
        uint64_t bytes = 0;
        unsigned n_shown = 0;
        QueueStats stats_of_copy;
        CheckResult check;
        struct stat st;
        Queue *q;
        int r;

        for (unsigned i = 0; i < 100; i++)
                put_n(f, i, LANE_NORMAL);
        path_of(f, "copy", copy);
        snprintf(file, sizeof(file), "%s/data.mdb", copy);
        assert_int_equal(queue_lmdb_backup(f->q, copy, at_once, NULL, &bytes, &diag), QUEUE_E_CLOSED);
        assert_int_equal(stat(file, &st), -1);
        assert_int_equal(queue_lmdb_backup(f->q, copy, never, &n_shown, &bytes, &diag), 0);
        assert_true(n_shown > 0);
        assert_int_equal(stat(file, &st), 0);
        assert_int_equal(st.st_size, bytes);
        assert_int_equal(queue_lmdb_backup(f->q, copy, never, &n_shown, &bytes, &diag), -EEXIST);
        assert_non_null(strstr(diag_text(&diag), copy));
        put_n(f, 200, LANE_NORMAL);

        assert_int_equal(queue_lmdb_check(copy, NULL, NULL, &check, &diag), 0);
        assert_int_equal(check.n_findings, 0);
        assert_int_equal(check.n_changes, 100);
        q = contract_open(copy, f->now, 0, &diag, &r);
        assert_non_null(q);
        assert_int_equal(queue_stats(q, f->now, &stats_of_copy), 0);
        assert_int_equal(stats_of_copy.n[LANE_NORMAL][QUEUE_READY], 100);
        queue_free(q);

        /* Not while it is in use; then it is as the copy was. */
        assert_int_equal(queue_lmdb_restore(f->folder, copy, &bytes, &diag), QUEUE_E_GONE);
        f->q = queue_free(f->q);
        assert_int_equal(queue_lmdb_restore(f->folder, copy, &bytes, &diag), 0);
        f->q = contract_open(f->folder, f->now, 0, &diag, &r);
        assert_non_null(f->q);
        assert_int_equal(stats(f).n[LANE_NORMAL][QUEUE_READY], 100);
        put_n(f, 300, LANE_NORMAL);
        diag_deinit(&diag);
}

/* What a due table and its rows say of each other must agree; a copy that does not is not restored. */
static void test_check(void **state)
{
        Fixture *f = *state;
        CheckResult check;
        Diag diag = DIAG_INIT;
        uint64_t bytes;
        MDB_val key, val;
        MDB_cursor *cursor;
        MDB_env *env;
        MDB_txn *txn;
        MDB_dbi dbi;

        /* Nothing was put into it yet: that is no damage. */
        assert_int_equal(queue_lmdb_check(f->folder, NULL, NULL, &check, &diag), 0);
        assert_int_equal(check.n_rows + check.n_findings, 0);
        fill_some(f, 10);
        assert_int_equal(queue_lmdb_check(f->folder, NULL, NULL, &check, &diag), 0);
        assert_int_equal(check.n_findings, 0);

        assert_int_equal(mdb_env_create(&env), 0);
        assert_int_equal(mdb_env_set_maxdbs(env, 64), 0);
        assert_int_equal(mdb_env_open(env, f->folder, 0, 0600), 0);
        assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
        assert_int_equal(mdb_dbi_open(txn, "due-normal-ready", 0, &dbi), 0);
        assert_int_equal(mdb_cursor_open(txn, dbi, &cursor), 0);
        assert_int_equal(mdb_cursor_get(cursor, &key, &val, MDB_FIRST), 0);
        assert_int_equal(mdb_cursor_del(cursor, 0), 0);
        mdb_cursor_close(cursor);
        assert_int_equal(mdb_dbi_open(txn, "space-head", 0, &dbi), 0);
        key = (MDB_val){ .mv_size = 18, .mv_data = (char[18]){ 0 } };
        val = (MDB_val){ .mv_size = 9, .mv_data = (char[9]){ 0 } };
        assert_int_equal(mdb_put(txn, dbi, &key, &val, 0), 0);
        assert_int_equal(mdb_txn_commit(txn), 0);
        mdb_env_close(env);

        assert_int_equal(queue_lmdb_check(f->folder, NULL, NULL, &check, &diag), 0);
        assert_int_equal(check.n_findings, 2);
        assert_non_null(strstr(diag.items[0].text, "does not stand where it says: lane normal, ready"));
        assert_non_null(
                strstr(diag.items[1].text, "head: 00000000-0000-0000-0000-000000000000: cannot be read"));
        assert_int_equal(queue_lmdb_restore("/nowhere/at/all", f->folder, &bytes, &diag), QUEUE_E_NONE);
        diag_clear(&diag);
        assert_int_equal(queue_lmdb_check("/nowhere/at/all", NULL, NULL, &check, &diag), -ENOENT);
        diag_deinit(&diag);
}

static void leave_head(Fixture *f, uint8_t n, const Head *head)
{
        ObjectKey key = { .id = { { n } } };
        SpaceBatch batch;

        space_batch_init(&batch, f->a);
        space_write_head(&batch, &key, head, SPACE_ANY);
        assert_int_equal(
                queue_put(f->q,
                          &(Intake){ .writes = batch.writes, .n_writes = batch.n_writes, .now = f->now }),
                0);
}

/* A create that was announced, and never was: its head leads nowhere, and that is no finding. One that was
 * imported is. */
static void test_check_heads(void **state)
{
        Fixture *f = *state;
        CheckResult check;
        Diag diag = DIAG_INIT;
        Head head = { .dn = "CN=a", .type = "user", .in_scope = true, .metaverse = { { 7 } } };

        leave_head(f, 1, &head);
        assert_int_equal(queue_lmdb_check(f->folder, NULL, NULL, &check, &diag), 0);
        assert_int_equal(check.n_objects, 1);
        assert_int_equal(check.n_findings, 0);

        head.imported = f->now;
        leave_head(f, 2, &head);
        assert_int_equal(queue_lmdb_check(f->folder, NULL, NULL, &check, &diag), 0);
        assert_int_equal(check.n_findings, 1);
        assert_string_equal(diag.items[0].text,
                            "head: 00000002-0000-0000-0000-000000000000: its metaverse object is not there");
        diag_deinit(&diag);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, contract_setup, contract_teardown)

const struct CMUnitTest contract_files[] = {
        TEST(test_cut_short),
        TEST(test_no_store),
        TEST(test_newer),
        TEST(test_damaged_row),
        TEST(test_damaged_space),
        TEST(test_owner),
        TEST(test_no_folder),
        TEST(test_three_deaths),
        TEST(test_one_at_a_time),
        TEST(test_clean_stop),
        TEST(test_set_back_meanwhile),
        TEST(test_compact),
        TEST(test_compact_beside_a_look),
        TEST(test_dead_reader),
        TEST(test_killed_from_outside),
        TEST(test_backup),
        TEST(test_check),
        TEST(test_check_heads),
};

const size_t n_contract_files = N_ELEMENTS(contract_files);
