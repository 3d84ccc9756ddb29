/* SPDX-License-Identifier: Apache-2.0 */

#include "tests/contract/contract-queue.h"

#include <stdio.h>

static void test_list(void **state)
{
        Fixture *f = *state;
        QueueItem *items;
        ObjectKey after;
        size_t n, n_all = 0;

        for (unsigned i = 25; i >= 1; i--)
                put_n(f, i, LANE_NORMAL);
        assert_int_equal(queue_list(f->q, NULL, 0, f->a, &items, &n), 0);
        assert_int_equal(n, 0);
        for (n = 10; n == 10;) {
                assert_int_equal(queue_list(f->q, n_all ? &after : NULL, 10, f->a, &items, &n), 0);
                for (size_t i = 0; i < n; i++) {
                        ObjectId id = id_n((unsigned)++n_all);

                        assert_memory_equal(&items[i].change.id, &id, sizeof(id));
                }
                if (n)
                        after = (ObjectKey){ items[n - 1].change.source, items[n - 1].change.id };
        }
        assert_int_equal(n_all, 25);
}

static void test_outcomes(void **state)
{
        Fixture *f = *state;
        OutcomeRow *rows;
        uint64_t first;
        size_t n;

        for (unsigned i = 1; i <= 5; i++) {
                char run_id[40];
                Outcome o;
                Lease lease;
                Commit c = { .outcome = &o, .now = f->now };

                put_n(f, i, LANE_NORMAL);
                lease = lease_n(f, i);
                snprintf(run_id, sizeof(run_id), "run-%u", i);
                o = outcome_of(&lease, run_id);
                assert_int_equal(queue_ack(f->q, &lease, &c), 0);
        }
        settle(f);
        assert_int_equal(stats(f).n_outcomes, 5);
        assert_int_equal(queue_outcomes(f->q, 0, 3, f->a, &rows, &n), 0);
        assert_int_equal(n, 3);
        for (size_t i = 0; i < n; i++) {
                char run_id[40];
                Outcome o;

                assert_int_equal(outcome_unpack(f->a, rows[i].data, rows[i].n, &o), 0);
                snprintf(run_id, sizeof(run_id), "run-%zu", i + 1);
                assert_string_equal(o.run_id, run_id);
                assert_true(i == 0 || rows[i].sequence > rows[i - 1].sequence);
        }
        first = rows[2].sequence;
        assert_int_equal(queue_outcomes(f->q, first, 100, f->a, &rows, &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(queue_outcomes_done(f->q, first), 0);
        assert_int_equal(stats(f).n_outcomes, 2);
        assert_int_equal(queue_outcomes(f->q, 0, 100, f->a, &rows, &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(queue_outcomes_done(f->q, UINT64_MAX), 0);
        assert_int_equal(queue_outcomes(f->q, 0, 100, f->a, &rows, &n), 0);
        assert_int_equal(n, 0);
}

static void test_stats_oldest(void **state)
{
        Fixture *f = *state;
        Change c = change_n(1, LANE_NORMAL);
        QueueStats st = stats(f);

        assert_int_equal(st.oldest[LANE_NORMAL].ms, 0);
        c.seen = wall_add(f->now, -500);
        put_change(f, c);
        put_n(f, 2, LANE_NORMAL);
        st = stats(f);
        assert_int_equal(st.oldest[LANE_NORMAL].ms, f->now.ms - 500);
        assert_int_equal(st.n[LANE_NORMAL][QUEUE_READY], 2);
        lease_n(f, 1);
        assert_int_equal(stats(f).oldest[LANE_NORMAL].ms, f->now.ms);
}

/* More than one transaction removes. */
static void test_many_outcomes(void **state)
{
        enum {
                N = 4500
        };
        Fixture *f = *state;
        Change *c = arena_new_array(f->a, Change, N);
        Intake in = { .changes = c, .n_changes = N, .now = f->now };

        for (unsigned i = 0; i < N; i++)
                c[i] = change_n(i, LANE_NORMAL);
        assert_int_equal(queue_put(f->q, &in), 0);
        for (unsigned i = 0; i < N; i++) {
                Lease lease = lease_any(f);
                Outcome o = outcome_of(&lease, "run");
                Commit ack = { .outcome = &o, .now = f->now };

                assert_int_equal(queue_ack(f->q, &lease, &ack), 0);
        }
        settle(f);
        assert_int_equal(stats(f).n_outcomes, N);
        assert_int_equal(queue_outcomes_done(f->q, UINT64_MAX), 0);
        assert_int_equal(stats(f).n_outcomes, 0);
}

/* What waits at the time comes back at once; a closed queue says so. */
static void test_wait(void **state)
{
        Fixture *f = *state;
        Lease lease;

        assert_int_equal(queue_wait(f->q, LANES_ALL, f->now, 0), 0);
        put_n(f, 1, LANE_NORMAL);
        assert_int_equal(queue_wait(f->q, LANES_ALL, f->now, -1), 0);
        queue_wake_all(f->q, true);
        assert_int_equal(queue_wait(f->q, LANES_ALL, f->now, -1), QUEUE_E_CLOSED);
        assert_int_equal(queue_wait(f->q, 0, f->now, -1), QUEUE_E_CLOSED);
        /* The rest still works: workers end what they have. */
        lease = lease_n(f, 1);
        ack_lease(f, &lease);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, contract_setup, contract_teardown)

const struct CMUnitTest contract_lists[] = {
        TEST(test_list),         TEST(test_outcomes), TEST(test_many_outcomes),
        TEST(test_stats_oldest), TEST(test_wait),
};

const size_t n_contract_lists = N_ELEMENTS(contract_lists);
