/* SPDX-License-Identifier: Apache-2.0 */

/* What Entra Connect's single object sync says, and target-owner over a target in memory. */

#include "engine/target/owner-internal.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/target/target-mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND_US ((int64_t)1000000)
#define N_USERS   30

typedef struct Room Room;

/* Connect as a test wants it. */
typedef struct Fake {
        Owner owner; /* first */
        Room *room;
        bool silent; /* its rules give no title */
        int end;
        unsigned n_syncs, n_cycles;
} Fake;

struct Room {
        Arena *arena;
        ClockFake clock;
        Target *mem, *target;
        Fake *fake;
        OwnerConfig config;
        ObjectId ids[N_USERS];
};

/* The DN of a test is the number of the user. */
static int fake_sync(Owner *o, OwnerAsk *ask, Diag *diag)
{
        static const OwnerNote done = { .key = "", .text = "success" };
        Fake *f = (Fake *)o;
        int64_t n = 0;

        f->n_syncs++;
        assert_true(str_to_int64(ask->call->dn, &n));
        clock_fake_advance(&f->room->clock, 5 * SECOND_US);
        ask->said = (OwnerReport){ .notes = &done, .n_notes = 1 };
        if (f->end)
                diag_set(diag, "as the test says");
        else if (!f->silent)
                target_mem_force(f->room->mem, &f->room->ids[n], "title", value_string("Chief"));
        return f->end;
}

static int fake_cycle(Owner *o, Diag *diag)
{
        ((Fake *)o)->n_cycles++;
        return 0;
}

static Owner *fake_free(Owner *o)
{
        free(o);
        return NULL;
}

static const OwnerOps fake_ops = {
        .name = "fake", .ways = &owner_connect, .sync = fake_sync, .cycle = fake_cycle, .free = fake_free
};

static int begin(void **state)
{
        Room *room = calloc(1, sizeof(*room));

        room->arena = arena_new(0);
        clock_fake_init(&room->clock, (Mono){ 1000000 }, (Wall){ 1795305600000 });
        assert_int_equal(target_mem_new(&room->mem), 0);
        for (size_t i = 0; i < N_USERS; i++) {
                Attribute attributes[] = {
                        { .name = "userPrincipalName",
                          .value = value_string(arena_printf(room->arena, "u%zu@contoso.test", i)) },
                        { .name = "accountEnabled", .value = value_bool(true) },
                };

                room->ids[i] = target_mem_plant(room->mem, "user", attributes, 2, true);
        }
        room->config = (OwnerConfig){ .pace_us = 2 * SECOND_US, .cycle_above = 20 };
        room->fake = calloc(1, sizeof(*room->fake));
        if (!room->fake)
                error_oom(sizeof(*room->fake));
        room->fake->owner.ops = &fake_ops;
        room->fake->room = room;
        target_owner_new(&room->target, room->mem, &room->fake->owner, &room->config, &room->clock.clock);
        *state = room;
        return 0;
}

static int end(void **state)
{
        Room *room = *state;

        target_free(room->target);
        arena_free(room->arena);
        free(room);
        return 0;
}

/* A disable in front, and the title behind it. */
static int apply(Room *room, size_t user, const char *title, OpResult results[2], Call *ret_call)
{
        Op ops[] = {
                { .kind = OP_SET,
                  .type = "user",
                  .id = room->ids[user],
                  .attribute = "accountEnabled",
                  .value = value_bool(false) },
                { .kind = OP_SET,
                  .type = "user",
                  .id = room->ids[user],
                  .attribute = "title",
                  .value = value_string(title),
                  .owner = true },
        };
        Diag diag = DIAG_INIT;
        int r;

        *ret_call = (Call){ .arena = room->arena,
                            .lane = LANE_NORMAL,
                            .now = clock_mono(&room->clock.clock),
                            .dn = arena_printf(room->arena, "%zu", user) };
        ret_call->deadline = mono_add(ret_call->now, 60 * SECOND_US);
        r = target_apply(room->target, ret_call, ops, 2, results, &diag);
        diag_deinit(&diag);
        return r;
}

static void test_one(void **state)
{
        Room *room = *state;
        OpResult results[2];
        Call call;

        assert_int_equal(apply(room, 0, "Chief", results, &call), 0);
        assert_int_equal(results[0].state, OP_DONE);
        assert_int_equal(results[1].state, OP_DONE);
        assert_int_equal(call.owner_said.n_notes, 1);
        assert_string_equal(call.owner_said.notes[0].text, "success");
        assert_int_equal(room->fake->n_syncs, 1);
        /* The next one comes too soon; its disable does not wait. */
        assert_int_equal(apply(room, 1, "Chief", results, &call), TARGET_E_OWNER_BUSY);
        assert_int_equal(results[0].state, OP_DONE);
        assert_int_equal(results[1].state, OP_NOT_SENT);
        assert_int_equal(call.retry_at.us - clock_mono(&room->clock.clock).us, 2 * SECOND_US);
        clock_fake_advance(&room->clock, 2 * SECOND_US);
        assert_int_equal(apply(room, 1, "Chief", results, &call), 0);
}

static void test_throttled(void **state)
{
        Room *room = *state;
        OpResult results[2];
        Call call;

        room->fake->end = OWNER_E_THROTTLED;
        assert_int_equal(apply(room, 0, "Chief", results, &call), TARGET_E_OWNER_BUSY);
        room->fake->end = 0;
        clock_fake_advance(&room->clock, 299 * SECOND_US);
        assert_int_equal(apply(room, 0, "Chief", results, &call), TARGET_E_OWNER_BUSY);
        assert_int_equal(room->fake->n_syncs, 1);
        clock_fake_advance(&room->clock, SECOND_US);
        assert_int_equal(apply(room, 0, "Chief", results, &call), 0);
}

static void test_away(void **state)
{
        Room *room = *state;
        OpResult results[2];
        Call call;

        room->fake->end = OWNER_E_UNREACHABLE;
        assert_int_equal(apply(room, 0, "Chief", results, &call), TARGET_E_OWNER_AWAY);
        assert_int_equal(apply(room, 1, "Chief", results, &call), TARGET_E_OWNER_AWAY);
        assert_int_equal(results[0].state, OP_DONE);
        assert_int_equal(room->fake->n_syncs, 1);
}

static void test_failed(void **state)
{
        Room *room = *state;
        OpResult results[2];
        Call call;

        room->fake->end = OWNER_E_FAILED;
        assert_int_equal(apply(room, 0, "Chief", results, &call), TARGET_E_REJECTED);
        assert_int_equal(results[1].state, OP_FAILED);
        assert_string_equal(results[1].code, "ConnectSyncFailed");
        assert_string_equal(results[1].reason, "as the test says");
}

/* It says that it has done it, and Entra ID never shows it: its rules give something else. */
static void test_disagrees(void **state)
{
        Room *room = *state;
        OpResult results[2];
        Call call;

        room->fake->silent = true;
        assert_int_equal(apply(room, 0, "Chief", results, &call), TARGET_E_OWNER_BUSY);
        for (int i = 0; i < 11; i++) {
                clock_fake_advance(&room->clock, 10 * SECOND_US);
                assert_int_equal(apply(room, 0, "Chief", results, &call), TARGET_E_OWNER_BUSY);
        }
        assert_int_equal(room->fake->n_syncs, 1); /* it is not asked again and again */
        clock_fake_advance(&room->clock, 10 * SECOND_US);
        assert_int_equal(apply(room, 0, "Chief", results, &call), TARGET_E_REJECTED);
        assert_string_equal(results[1].code, "ConnectDisagrees");
        assert_string_equal(results[1].reason, "title is absent and should be \"Chief\"");
        /* Another wish is asked for anew. */
        room->fake->silent = false;
        assert_int_equal(apply(room, 0, "Chief", results, &call), 0);
        assert_int_equal(room->fake->n_syncs, 2);
}

static void test_cycle(void **state)
{
        Room *room = *state;
        OpResult results[2];
        Call call;

        for (size_t i = 0; i < N_USERS; i++)
                apply(room, i, "Chief", results, &call);
        assert_int_equal(room->fake->n_syncs, 1);
        assert_int_equal(room->fake->n_cycles, 0);
        clock_fake_advance(&room->clock, 2 * SECOND_US);
        for (size_t i = 1; i < N_USERS; i++)
                assert_int_equal(apply(room, i, "Chief", results, &call), TARGET_E_OWNER_BUSY);
        assert_int_equal(room->fake->n_syncs, 1);
        assert_int_equal(room->fake->n_cycles, 1);
        assert_int_equal(call.retry_at.us - clock_mono(&room->clock.clock).us, 20 * SECOND_US);
}

static int parse(const char *text, Arena *a, OwnerReport *ret_said)
{
        return owner_parse(text, strlen(text), a, ret_said, NULL);
}

static void assert_note(const OwnerReport *said, size_t i, const char *key, const char *text)
{
        assert_true(i < said->n_notes);
        assert_string_equal(said->notes[i].key, key);
        assert_string_equal(said->notes[i].text, text);
}

/* Steps with whatever is in their details, and the values it has written. */
static void test_report(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        OwnerReport said = { 0 };

        assert_int_equal(
                parse("\xef\xbb\xbf{\"provisioningStatusInfo\":{\"status\":\"success\"},"
                      "\"provisioningSteps\":[{"
                      "\"name\":\"SourceImport\",\"status\":\"success\",\"description\":\"Im\\u001bported.\","
                      "\"details\":"
                      "{\"objectType\":\"user\",\"attributes\":[{\"name\":\"title\",\"value\":\"Chief\","
                      "\"syncRule\":\"In from AD - User "
                      "Common\"},7],\"deep\":{\"a\":{}}}},7,{},{\"name\":\"Export\","
                      "\"status\":\"skipped\"}],\"modifiedProperties\":[{\"displayName\":\"title\","
                      "\"oldValue\":\"Clerk\","
                      "\"newValue\":\"Chief\"},{\"displayName\":\"fax\",\"oldValue\":\"1\",\"newValue\":\"\"}"
                      ",[]]}",
                      a, &said),
                0);
        assert_note(&said, 0, "", "success");
        assert_note(&said, 1, "SourceImport",
                    "success: Im\\x1bported.\nobjectType: user\nattributes: name: title; value: Chief; "
                    "syncRule: In "
                    "from AD - User Common\nattributes: 7\ndeep: a: ...");
        assert_note(&said, 2, "Export", "skipped");
        assert_note(&said, 3, "wrote title", "Chief, was Clerk");
        assert_note(&said, 4, "wrote fax", "(no value), was 1");
        assert_int_equal(said.n_notes, 5);
}

/* An answer that is all steps is not all shown. */
static void test_long_report(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        OwnerReport said = { 0 };
        Str s;

        str_init(&s, (size_t)4 << 20);
        str_add(&s, "{\"provisioningStatusInfo\":{\"status\":\"success\"},\"provisioningSteps\":[");
        for (int i = 0; i < 1000; i++) {
                str_printf(&s, "%s{\"name\":\"S\",\"status\":\"success\",\"description\":\"x", i ? "," : "");
                for (int k = 0; k < 500; k++)
                        str_add(&s, "\xc3\xa9\xc3\xa9\xc3\xa9");
                str_add(&s, "\"}");
        }
        str_add(&s, "]}");
        assert_int_equal(parse(s.data, a, &said), 0);
        assert_int_equal(said.n_notes, 64);
        assert_true(strlen(said.notes[1].text) <= 4096 && strlen(said.notes[1].text) > 3000);
        assert_true(str_is_utf8(said.notes[1].text, strlen(said.notes[1].text)));
        str_deinit(&s);
}

static void test_answers(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        OwnerReport said = { 0 };

        assert_int_equal(parse("{\"provisioningStatusInfo\":{\"status\":\"failure\",\"errorInformation\":"
                               "{\"errorCode\":\"SyncThrottled\",\"reason\":\"\"}}}",
                               a, &said),
                         OWNER_E_THROTTLED);
        assert_int_equal(parse("{\"provisioningStatusInfo\":{\"status\":\"failure\"}}", a, &said),
                         OWNER_E_FAILED);
        assert_int_equal(parse("", a, &said), OWNER_E_UNREACHABLE);
        assert_int_equal(parse("WARNING: x", a, &said), OWNER_E_UNREACHABLE);
        assert_int_equal(parse("{\"provisioningStatusInfo\":[]}", a, &said), OWNER_E_UNREACHABLE);
}

/* Five requests in ten seconds, whenever they come, and one that never left takes no place. */
static void test_slots(void **state)
{
        OwnerSlots s = { .n = 2, .window_us = 10 * SECOND_US }, none = { 0 };
        size_t a = 9, b = 9, c = 9;

        assert_int_equal(owner_slots_take(&none, (Mono){ 1 }, &a), 0);
        assert_int_equal(owner_slots_take(&s, (Mono){ SECOND_US }, &a), 0);
        assert_int_equal(owner_slots_take(&s, (Mono){ SECOND_US }, &b), 0);
        assert_int_not_equal(a, b);
        /* Both are under way: nobody knows when they leave. */
        assert_int_equal(owner_slots_take(&s, (Mono){ SECOND_US }, &c), 2 * SECOND_US);
        owner_slots_end(&s, a, (Mono){ 3 * SECOND_US });
        owner_slots_end(&s, b, (Mono){ 4 * SECOND_US });
        assert_int_equal(owner_slots_take(&s, (Mono){ 5 * SECOND_US }, &c), 8 * SECOND_US);
        assert_int_equal(owner_slots_take(&s, (Mono){ 13 * SECOND_US - 1 }, &c), 1);
        assert_int_equal(owner_slots_take(&s, (Mono){ 13 * SECOND_US }, &c), 0);
        assert_int_equal(c, a);
        /* It did not leave: its place is as it was, a window after the one before. */
        owner_slots_end(&s, c, (Mono){ 0 });
        assert_int_equal(owner_slots_take(&s, (Mono){ 13 * SECOND_US }, &c), 0);
        owner_slots_end(&s, 99, (Mono){ 1 });
}

/* Whatever comes, in any window no more leave than there are slots. */
static void test_slots_any_window(void **state)
{
        enum {
                N = 400,
                SLOTS = 5
        };
        OwnerSlots s = { .n = SLOTS, .window_us = 10 * SECOND_US };
        int64_t left[N] = { 0 };
        size_t n = 0, slot;

        srand(20261122);
        for (Mono now = { SECOND_US }; n < N; now.us += rand() % SECOND_US) {
                if (owner_slots_take(&s, now, &slot))
                        continue;
                now.us += rand() % SECOND_US; /* on its way */
                left[n++] = now.us;
                owner_slots_end(&s, slot, now);
        }
        for (size_t i = SLOTS; i < N; i++)
                assert_true(left[i] - left[i - SLOTS] >= 10 * SECOND_US);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
                TEST(test_one),
                TEST(test_throttled),
                TEST(test_away),
                TEST(test_failed),
                TEST(test_disagrees),
                TEST(test_cycle),
                cmocka_unit_test(test_report),
                cmocka_unit_test(test_long_report),
                cmocka_unit_test(test_answers),
                cmocka_unit_test(test_slots),
                cmocka_unit_test(test_slots_any_window),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
