/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue.h"

#include "queue/bus.h"
#include "tests/contract/nats.h"
#include "tests/scratch/scratch.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

const char *contract_backend;

const Wall contract_start = { INT64_C(1795593600000) };

bool contract_is_durable(void)
{
        return strcmp(contract_backend, "mem") != 0;
}

char *contract_folder(void)
{
        char *path = scratch_folder("contract");

        assert_non_null(path);
        return path;
}

/* A line of the trace must be one line, and not an empty one. */
static void check_line(void *context, const char *text)
{
        (void)context;
        assert_non_null(text);
        assert_true(text[0] != '\0');
        assert_null(strchr(text, '\n'));
}

/* The log of the cluster has the name of the folder, as its node has. */
static int open_jetstream(Queue **ret_queue, const char *folder, Wall now, int64_t limit, int64_t map,
                          Diag *diag)
{
        const char *name = strrchr(folder, '/') + 1, *urls[] = { nats_url() };
        BusOptions bus = { .urls = urls, .n_urls = 1, .name = name, .timeout_ms = 20000 };
        QueueJetstreamOptions options = { .path = folder,
                                          .limit = limit,
                                          .map = map,
                                          .now = now,
                                          .log = name,
                                          .node = "one",
                                          .bus = &bus };

        return queue_jetstream_new(ret_queue, &options, diag);
}

Queue *contract_open(const char *folder, Wall now, int64_t limit, Diag *diag, int *ret_r)
{
        Queue *q = NULL, *traced = NULL;
        int r;

        if (strcmp(contract_backend, "mem") == 0) {
                r = queue_mem_new(&q);
        } else {
                const char *map = getenv("SOSYNC_TEST_MAP");
                QueueLmdbOptions options = { .path = folder, .limit = limit, .now = now };

                /* valgrind has no 64 GiB of address space to give. */
                if (map)
                        options.map = atoll(map);

                if (strcmp(contract_backend, "jetstream") == 0)
                        r = open_jetstream(&q, folder, now, limit, options.map, diag);
                else
                        r = queue_lmdb_new(&q, &options, diag);
        }
        if (r == 0 && strcmp(contract_backend, "trace") == 0) {
                r = queue_trace_new(&traced, q, check_line, NULL);
                q = traced;
        }
        *ret_r = r;
        return q;
}

static void open_queue(Fixture *f)
{
        Diag diag = DIAG_INIT;
        int r;

        f->q = contract_open(f->folder, f->now, 0, &diag, &r);
        if (r)
                fail_msg("%d: %s", r, diag_text(&diag));
        diag_deinit(&diag);
}

Fixture *contract_place(void)
{
        Fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        f->a = arena_new(0);
        f->now = contract_start;
        f->folder = contract_is_durable() ? contract_folder() : NULL;
        return f;
}

void contract_end_place(Fixture *f)
{
        f->q = queue_free(f->q);
        if (f->folder)
                scratch_remove(f->folder);
        free(f->folder);
        arena_free(f->a);
        free(f);
}

int contract_setup(void **state)
{
        Fixture *f = contract_place();

        open_queue(f);
        *state = f;
        return 0;
}

int contract_teardown(void **state)
{
        contract_end_place(*state);
        return 0;
}

void contract_reopen(Fixture *f)
{
        f->q = queue_free(f->q);
        open_queue(f);
}

_Noreturn void contract_child_is_done(void)
{
        raise(SIGKILL);
        abort();
}

bool contract_child_went_well(int status)
{
        return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

ObjectId id_n(unsigned n)
{
        ObjectId id = { { 0 } };

        for (int i = 0; i < 4; i++)
                id.bytes[12 + i] = (uint8_t)(n >> (24 - 8 * i));
        return id;
}

ObjectKey object_n(unsigned n)
{
        return (ObjectKey){ .source = 0, .id = id_n(n) };
}

Change change_n(unsigned n, Lane lane)
{
        return (Change){ .id = id_n(n), .kind = CHANGE_UPSERT, .lane = (uint8_t)lane, .dn = "CN=somebody" };
}

void put_change(Fixture *f, Change c)
{
        Intake in = { .changes = &c, .n_changes = 1, .now = f->now };

        if (!c.seen.ms)
                c.seen = f->now;
        assert_int_equal(queue_put(f->q, &in), 0);
}

void put_n(Fixture *f, unsigned n, Lane lane)
{
        put_change(f, change_n(n, lane));
}

Lease lease_any(Fixture *f)
{
        Lease lease = { 0 };

        assert_int_equal(queue_lease(f->q, f->now, LANES_ALL, f->a, &lease), 0);
        return lease;
}

Lease lease_n(Fixture *f, unsigned n)
{
        Lease lease = lease_any(f);
        ObjectId id = id_n(n);

        assert_memory_equal(&lease.change.id, &id, sizeof(id));
        return lease;
}

void ack_lease(Fixture *f, const Lease *lease)
{
        Commit c = { .now = f->now };

        assert_int_equal(queue_ack(f->q, lease, &c), 0);
}

/* A put waits until it is durable, and so is all that stood in line before it. */
void settle(Fixture *f)
{
        Intake nothing = { .now = f->now };

        assert_int_equal(queue_put(f->q, &nothing), 0);
}

QueueStats stats(Fixture *f)
{
        QueueStats st;

        assert_int_equal(queue_stats(f->q, f->now, &st), 0);
        return st;
}

QueueItem item_n(Fixture *f, unsigned n, bool *ret_there)
{
        ObjectKey key = object_n(n), before = object_n(n - 1);
        QueueItem *items, none = { 0 };
        size_t n_items;

        assert_int_equal(queue_list(f->q, &before, 1, f->a, &items, &n_items), 0);
        *ret_there = n_items == 1 && guid_is(&items[0].change.id, &key.id);
        return *ret_there ? items[0] : none;
}

void batch_row(SpaceBatch *b, Arena *a, const char *name, const char *text, uint64_t serial)
{
        space_batch_init(b, a);
        memo_write(b, name, text, strlen(text), serial);
}

const char *read_row(Fixture *f, const char *name, uint64_t *ret_serial)
{
        const uint8_t *data;
        size_t n;
        int r;

        r = memo_read(queue_space(f->q), name, f->a, &data, &n, ret_serial);
        if (r == SPACE_E_NONE)
                return NULL;
        assert_int_equal(r, 0);
        return arena_strndup(f->a, (const char *)data, n);
}

Outcome outcome_of(const Lease *lease, const char *run_id)
{
        Outcome o = { .change = lease->change, .tries = lease->tries };

        snprintf(o.run_id, sizeof(o.run_id), "%s", run_id);
        return o;
}

int contract_run(const char *name, const struct CMUnitTest *tests, size_t n)
{
        /* cmocka's macro wants an array of known size. */
        return _cmocka_run_group_tests(name, tests, n, NULL, NULL);
}
