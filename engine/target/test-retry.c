/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/target-mem.h"
#include "engine/target/target-retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

typedef struct Bench Bench;

struct Bench {
        ClockFake clock;
        Arena *arena;
        Target *mem;
        Target *retry;
        Call call;
        Diag diag;
        ObjectId id;
        unsigned n_waits;
        int64_t waited;
        bool stopped;
};

static bool wait_fake(void *context, int64_t us)
{
        Bench *b = context;

        ++b->n_waits;
        b->waited += us;
        clock_fake_advance(&b->clock, us);
        return b->stopped;
}

static int setup(void **state)
{
        Bench *b = calloc(1, sizeof(*b));
        Attribute name = { "displayName", value_string("Ada") };

        clock_fake_init(&b->clock, (Mono){ 7000000 }, (Wall){ 0 });
        b->arena = arena_new(0);
        assert_int_equal(target_mem_new(&b->mem), 0);
        assert_int_equal(target_retry_with(&b->retry, b->mem, &b->clock.clock, wait_fake, b), 0);
        b->id = target_mem_plant(b->mem, "user", &name, 1, false);
        *state = b;
        return 0;
}

static int teardown(void **state)
{
        Bench *b = *state;

        target_free(b->retry);
        arena_free(b->arena);
        diag_deinit(&b->diag);
        free(b);
        return 0;
}

static Call *call_of(Bench *b)
{
        b->call = (Call){ .lane = LANE_NORMAL,
                          .now = b->clock.mono,
                          .deadline = mono_add(b->clock.mono, 10000000),
                          .arena = b->arena };
        return &b->call;
}

static int on_object(ObjectSink *sink, const TargetObject *o)
{
        return 0;
}

static int fetch(Bench *b)
{
        char buf[GUID_TEXT_MAX];
        ObjectSink sink = { .object = on_object };
        Match m = { .type = "user", .by = MATCH_ID, .value = guid_format(&b->id, buf) };

        return target_fetch(b->retry, call_of(b), &m, &sink, &b->diag);
}

static int set_title(Bench *b, OpResult *result)
{
        Op op = {
                .kind = OP_SET, .type = "user", .id = b->id, .attribute = "title", .value = value_string("x")
        };

        return target_apply(b->retry, call_of(b), &op, 1, result, &b->diag);
}

static void test_reads(void **state)
{
        Bench *b = *state;

        target_mem_fail(b->mem, &(MemFault){ .on = MEM_FETCH, .n = 3, .end = TARGET_E_TRANSIENT });
        assert_int_equal(fetch(b), 0);
        assert_int_equal(b->n_waits, 3);
        assert_in_range(b->waited, 175000, 350000);
        assert_false(diag_any(&b->diag));
        /* For ever is not in place: two seconds. */
        target_mem_fail(b->mem, &(MemFault){ .on = MEM_FETCH, .n = 1000, .end = TARGET_E_UNREACHABLE });
        b->waited = 0;
        assert_int_equal(fetch(b), TARGET_E_UNREACHABLE);
        assert_in_range(b->waited, 500000, 2000000);
        assert_true(diag_any(&b->diag));
}

static void test_conditions_pass(void **state)
{
        static const int ends[] = { TARGET_E_REFUSED, TARGET_E_NOT_FOUND, TARGET_E_AMBIGUOUS,
                                    TARGET_E_REJECTED, -5 };
        Bench *b = *state;

        for (size_t i = 0; i < N_ELEMENTS(ends); ++i) {
                target_mem_fail(b->mem, &(MemFault){ .on = MEM_FETCH, .end = ends[i] });
                assert_int_equal(fetch(b), ends[i]);
        }
        assert_int_equal(b->n_waits, 0);
}

static void test_throttled(void **state)
{
        Bench *b = *state;
        OpResult result;

        target_mem_fail(b->mem,
                        &(MemFault){ .on = MEM_APPLY, .end = TARGET_E_THROTTLED, .retry_us = 1500000 });
        assert_int_equal(set_title(b, &result), 0);
        assert_int_equal(result.state, OP_DONE);
        assert_int_equal(b->waited, 1500000);
        /* A longer wait is not for a worker to sit in. */
        target_mem_fail(b->mem,
                        &(MemFault){ .on = MEM_APPLY, .end = TARGET_E_THROTTLED, .retry_us = 2500000 });
        assert_int_equal(set_title(b, &result), TARGET_E_THROTTLED);
        assert_int_equal(result.state, OP_NOT_SENT);
        assert_int_equal(b->call.retry_at.us, b->clock.mono.us + 2500000);
        assert_int_equal(b->n_waits, 1);
        /* One that is over already does not make the repetitions follow each other at once. */
        target_mem_fail(b->mem,
                        &(MemFault){ .on = MEM_FETCH, .n = 1000, .end = TARGET_E_THROTTLED, .retry_us = 0 });
        assert_int_equal(fetch(b), TARGET_E_THROTTLED);
        assert_in_range(b->n_waits, 3, 12);
}

static void test_writes(void **state)
{
        Bench *b = *state;
        OpResult result;
        size_t n;

        target_mem_fail(b->mem, &(MemFault){ .on = MEM_APPLY, .end = TARGET_E_TRANSIENT });
        assert_int_equal(set_title(b, &result), 0); /* it had no effect */
        /* It may have had its effect: who repeats it must look first. */
        target_mem_clear_journal(b->mem);
        target_mem_fail(b->mem, &(MemFault){ .on = MEM_APPLY, .end = TARGET_E_TRANSIENT, .after = true });
        assert_int_equal(set_title(b, &result), TARGET_E_TRANSIENT);
        assert_int_equal(result.state, OP_FAILED);
        assert_string_equal(result.code, "AnswerLost");
        target_mem_journal(b->mem, b->arena, &n);
        assert_int_equal(n, 1);
}

static void test_stop(void **state)
{
        Bench *b = *state;

        b->stopped = true;
        target_mem_fail(b->mem, &(MemFault){ .on = MEM_FETCH, .n = 9, .end = TARGET_E_TRANSIENT });
        assert_int_equal(fetch(b), TARGET_E_TRANSIENT);
        assert_int_equal(b->n_waits, 1);
}

/* A target that does some of the operations, and then wants a pause. */
typedef struct Halves {
        Target target;
        size_t n_calls;
        size_t n_seen[8];
        ObjectId first_id[8];
} Halves;

static int halves_apply(Target *t, Call *call, const Op *ops, size_t n, OpResult *results, Diag *diag)
{
        Halves *h = (Halves *)t;

        h->n_seen[h->n_calls] = n;
        h->first_id[h->n_calls] = ops[0].id;
        if (h->n_calls++ == 0) {
                results[0].state = OP_DONE;
                guid_parse("0a0a0a0a-0000-4000-8000-00000000000a", &results[0].id);
                results[1].state = OP_DONE;
                results[2].state = OP_NOT_WRITABLE;
                call->retry_at = mono_add(call->now, 100000);
                return TARGET_E_THROTTLED;
        }
        for (size_t i = 0; i < n; ++i)
                results[i].state = OP_DONE;
        return 0;
}

static Target *halves_free(Target *t)
{
        return NULL;
}

static const TargetOps halves_ops = { .apply = halves_apply, .free = halves_free };

static void test_rest_only(void **state)
{
        Bench *b = *state;
        Halves h = { .target.ops = &halves_ops };
        Op ops[6] = { { .kind = OP_CREATE, .type = "user" }, { .kind = OP_SET, .type = "user" },
                      { .kind = OP_SET, .type = "user" },    { .kind = OP_LINK, .type = "user" },
                      { .kind = OP_LINK, .type = "user" },   { .kind = OP_LINK, .type = "user" } };
        OpResult results[6];
        Target *retry;
        char buf[GUID_TEXT_MAX];

        assert_int_equal(target_retry_with(&retry, &h.target, &b->clock.clock, wait_fake, b), 0);
        assert_int_equal(target_apply(retry, call_of(b), ops, 6, results, &b->diag), 0);
        assert_int_equal(h.n_calls, 2);
        assert_int_equal(h.n_seen[1], 3);
        /* What followed the create is told the id it got. */
        assert_string_equal(guid_format(&h.first_id[1], buf), "0a0a0a0a-0000-4000-8000-00000000000a");
        for (size_t i = 0; i < 6; ++i)
                assert_int_equal(results[i].state, i == 2 ? OP_NOT_WRITABLE : OP_DONE);
        target_free(retry);
}

static void test_delay(void **state)
{
        for (unsigned n = 1; n < 100; ++n) {
                for (uint64_t random = 0; random < 1000000; random += 99991) {
                        int64_t full = n > 5 ? 1000000 : 50000 << (n - 1), us = retry_delay(n, random);

                        if (full > 1000000)
                                full = 1000000;
                        assert_in_range(us, full / 2, full);
                }
        }
}

static char traced[4096];

static void on_line(void *context, const char *text)
{
        snprintf(traced, sizeof(traced), "%s", text);
}

static void test_trace(void **state)
{
        Bench *b = *state;
        Target *mem, *trace;
        Op ops[] = { { .kind = OP_SET,
                       .type = "user",
                       .attribute = "title",
                       .value = value_string("secret value") },
                     { .kind = OP_SET, .type = "user", .attribute = "pager", .value = value_string("x") },
                     { .kind = OP_REVOKE_SESSIONS, .type = "user" } };
        Attribute name = { "displayName", value_string("Ada") };
        OpResult results[3];
        ObjectId id;

        assert_int_equal(target_mem_new(&mem), 0);
        assert_int_equal(target_trace_new(&trace, mem, on_line, NULL), 0);
        id = target_mem_plant(mem, "user", &name, 1, false);
        for (size_t i = 0; i < 3; ++i)
                ops[i].id = id;
        assert_int_equal(target_apply(trace, call_of(b), ops, 3, results, &b->diag), 0);
        assert_string_equal(traced, "apply 3 operations (set 2, revoke 1) pager:NotWritableThroughGraph 2 "
                                    "done: ok, 0 reads, 2 writes");
        target_mem_fail(mem, &(MemFault){ .on = MEM_INFO, .end = TARGET_E_REFUSED, .reason = "no consent" });
        assert_int_equal(target_info(trace, call_of(b), &(TargetInfo){ 0 }, &b->diag), TARGET_E_REFUSED);
        assert_string_equal(traced, "info: refused, 0 reads, 0 writes: no consent");
        target_free(trace);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_reads), TEST(test_conditions_pass), TEST(test_throttled),         TEST(test_writes),
                TEST(test_stop),  TEST(test_rest_only),       cmocka_unit_test(test_delay), TEST(test_trace),
        };

        return cmocka_run_group_tests_name("retry", tests, NULL, NULL);
}
