/* SPDX-License-Identifier: Apache-2.0 */

/* Intake: which of the feed's entries become changes, and in which lane. */

#include "app/flow/intake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BASE "DC=corp,DC=contoso,DC=test"
#define OU   "OU=corp," BASE

typedef struct Desk {
        Arena *arena;
        ClockFake clock;
        Queue *queue;
        Snapshot snapshot;
        Log log;
        IntakeSink intake;
} Desk;

static int setup(void **state)
{
        static const char *const include[] = { OU }, *const exclude[] = { "OU=Service Accounts," OU },
                                 *const types[] = { "user", "group" };
        Arena *a = arena_new(0);
        Desk *d = arena_new_of(a, Desk);
        Config *c = arena_new_of(a, Config);
        UrgentRule *rules = arena_new_array(a, UrgentRule, 2);

        d->arena = a;
        clock_fake_init(&d->clock, (Mono){ 1 }, (Wall){ 1000000 });
        assert_int_equal(queue_mem_new(&d->queue), 0);
        c->arena = arena_new(0);
        c->refs = 1;
        c->sources = arena_new_array(a, SourceConfig, 1);
        c->n_sources = 1;
        c->sources->ldap.name = "corp.contoso.test";
        assert_int_equal(scope_new(a, BASE, include, 1, exclude, 1, types, 2, &c->sources->compiled, NULL),
                         0);
        rules[0].attribute = "userAccountControl";
        rules[0].revoke_sessions = true;
        assert_int_equal(expr_parse(a, "BitAnd([userAccountControl],2) = 2", NULL, &rules[0].when,
                                    &(size_t){ 0 }, NULL),
                         0);
        assert_int_equal(dn_parse(a, "OU=Executives," OU, &rules[1].ou, NULL), 0);
        c->urgent_rules = rules;
        c->n_urgent_rules = 2;
        snapshot_init(&d->snapshot, c);
        intake_init(&d->intake, d->queue, &d->snapshot, &d->clock.clock, &d->log, "feed", 0, c->sources);
        *state = d;
        return 0;
}

static int teardown(void **state)
{
        Desk *d = *state;

        intake_deinit(&d->intake);
        snapshot_deinit(&d->snapshot);
        queue_free(d->queue);
        arena_free(d->arena);
        return 0;
}

static Value classes(Desk *d, const char *most)
{
        Value *list = arena_new_array(d->arena, Value, 2);

        list[0] = value_string("top");
        list[1] = value_string(most);
        return value_list(list, 2);
}

static FeedEntry entry(Desk *d, uint8_t n, const char *dn, const char *class, int64_t control)
{
        ObjectBuilder b;
        ObjectId id = { .bytes = { n } };

        object_build(&b, d->arena);
        if (class)
                object_add(&b, "objectClass", classes(d, class));
        if (control)
                object_add(&b, "userAccountControl", value_int(control));
        return (FeedEntry){ .id = id, .dn = dn, .brought = object_finish(&b, &id, "", dn) };
}

static int give(Desk *d, const FeedEntry *entries, size_t n, bool catch_up)
{
        static const uint8_t bytes[] = { 'a', 0, 'b' };
        Position position = { .data = bytes, .n = sizeof(bytes) };

        return d->intake.sink.batch(&d->intake.sink, &(FeedBatch){ .entries = entries,
                                                                   .n_entries = n,
                                                                   .position = &position,
                                                                   .catch_up = catch_up,
                                                                   .seen = { 999000 } });
}

/* The change of this object in the queue; NULL: there is none. */
static const Change *queued(Desk *d, uint8_t n)
{
        QueueItem *items;
        size_t n_items;

        assert_int_equal(queue_list(d->queue, NULL, 100, d->arena, &items, &n_items), 0);
        for (size_t i = 0; i < n_items; i++)
                if (items[i].change.id.bytes[0] == n)
                        return &items[i].change;
        return NULL;
}

static void know(Desk *d, uint8_t n)
{
        ObjectKey key = { .id = { .bytes = { n } } };
        SpaceBatch batch;

        space_batch_init(&batch, d->arena);
        space_write_head(&batch, &key, &(Head){ .dn = "CN=known," OU, .type = "user", .in_scope = true }, 0);
        assert_int_equal(queue_put(d->queue, &(Intake){ .writes = batch.writes,
                                                        .n_writes = batch.n_writes,
                                                        .now = { 1000000 } }),
                         0);
}

static void test_scope(void **state)
{
        Desk *d = *state;
        const FeedEntry entries[] = {
                entry(d, 1, "CN=ada," OU, "user", 512),
                entry(d, 2, "CN=pc1," OU, "computer", 4096),
                entry(d, 3, "CN=daemon,OU=Service Accounts," OU, "user", 512),
                entry(d, 4, "CN=guest,CN=Users," BASE, "user", 512),
                entry(d, 5, "CN=elsewhere,DC=other,DC=test", "user", 512),
                entry(d, 6, "CN=no class," OU, NULL, 0),
                entry(d, 7, "not a name", "user", 512),
                entry(d, 8, OU, "organizationalUnit", 0),
        };

        assert_int_equal(give(d, entries, 8, false), 0);
        assert_non_null(queued(d, 1));
        assert_int_equal(queued(d, 1)->lane, LANE_NORMAL);
        assert_int_equal(queued(d, 1)->kind, CHANGE_UPSERT);
        assert_int_equal(queued(d, 1)->seen.ms, 999000);
        assert_string_equal(queued(d, 1)->dn, "CN=ada," OU);
        assert_null(queued(d, 2));
        assert_null(queued(d, 3));
        assert_null(queued(d, 4));
        assert_null(queued(d, 5));
        assert_non_null(queued(d, 6)); /* the run reads its class */
        assert_null(queued(d, 7));
        assert_null(queued(d, 8));
        assert_int_equal(d->intake.n_seen, 8);
        assert_int_equal(d->intake.n_queued, 2);
        assert_int_equal(d->intake.n_out_of_scope, 6);
}

/* DirSync brings these with every entry; a change of something that nobody reads is nobody's business. */
static void test_unread(void **state)
{
        Desk *d = *state;
        FeedEntry e = entry(d, 1, "CN=ada," OU, NULL, 0);

        know(d, 1);
        e.unread = true;
        assert_int_equal(give(d, &e, 1, false), 0);
        assert_null(queued(d, 1));
        assert_int_equal(d->intake.n_unread, 1);
        assert_int_equal(d->intake.n_out_of_scope, 0);
        /* A deleted one says more than that. */
        e.gone = true;
        assert_int_equal(give(d, &e, 1, false), 0);
        assert_non_null(queued(d, 1));
        assert_int_equal(d->intake.n_unread, 1);
}

/* What was imported once is followed wherever it goes. */
static void test_known(void **state)
{
        Desk *d = *state;
        FeedEntry entries[] = {
                entry(d, 1, "CN=ada,OU=Leavers," BASE, "user", 512),
                entry(d, 2, "CN=bob\\0ADEL:1,CN=Deleted Objects," BASE, NULL, 0),
                entry(d, 3, "CN=eve\\0ADEL:2,CN=Deleted Objects," BASE, NULL, 0),
                entry(d, 4, "not a name", "user", 514),
        };

        entries[1].gone = true;
        entries[2].gone = true;
        know(d, 1);
        know(d, 2);
        know(d, 4);
        assert_int_equal(give(d, entries, 4, false), 0);
        assert_non_null(queued(d, 1));
        assert_non_null(queued(d, 2));
        assert_int_equal(queued(d, 2)->kind, CHANGE_GONE);
        assert_null(queued(d, 3));
        assert_non_null(queued(d, 4));
}

static void test_urgent(void **state)
{
        Desk *d = *state;
        const FeedEntry entries[] = {
                entry(d, 1, "CN=ada," OU, "user", 514),
                entry(d, 2, "CN=bob," OU, "user", 512),
                entry(d, 3, "CN=boss,OU=Executives," OU, "user", 512),
                entry(d, 4, "CN=eve," OU, NULL, 514),
                entry(d, 5, "CN=guest,CN=Users," BASE, "user", 514),
        };

        assert_int_equal(give(d, entries, 5, true), 0);
        assert_int_equal(queued(d, 1)->lane, LANE_URGENT);
        assert_true(queued(d, 1)->revoke);
        assert_int_equal(queued(d, 2)->lane, LANE_RECONCILE); /* a catch-up, and not urgent */
        assert_false(queued(d, 2)->revoke);
        assert_int_equal(queued(d, 3)->lane, LANE_URGENT);
        assert_false(queued(d, 3)->revoke);
        assert_int_equal(queued(d, 4)->lane, LANE_URGENT);
        assert_null(queued(d, 5)); /* urgent is no way into scope */
        assert_int_equal(d->intake.n_urgent, 3);
}

static void import(Desk *d, uint8_t n, int64_t control)
{
        ObjectKey key = { .id = { .bytes = { n } } };
        FeedEntry e = entry(d, n, "CN=known," OU, "user", control);
        SpaceBatch batch;

        space_batch_init(&batch, d->arena);
        space_write_import(&batch, &key, e.brought, 0);
        assert_int_equal(queue_put(d->queue, &(Intake){ .writes = batch.writes,
                                                        .n_writes = batch.n_writes,
                                                        .now = { 1000000 } }),
                         0);
}

/* A feed that brings whole entries says of each change of a disabled account that it is disabled: urgent is
 * only the change that disabled it. */
static void test_urgent_once(void **state)
{
        Desk *d = *state;
        FeedEntry entries[] = {
                entry(d, 1, "CN=ada," OU, "user", 514), entry(d, 2, "CN=bob," OU, "user", 514),
                entry(d, 3, "CN=eve," OU, "user", 514), entry(d, 4, "CN=boss,OU=Executives," OU, "user", 514),
                entry(d, 5, "CN=new," OU, "user", 514),
        };

        for (size_t i = 0; i < 5; i++)
                entries[i].whole = i != 2;
        import(d, 1, 514);
        import(d, 2, 512);
        import(d, 3, 514);
        import(d, 4, 514);
        assert_int_equal(give(d, entries, 5, false), 0);
        assert_int_equal(queued(d, 1)->lane, LANE_NORMAL);
        assert_false(queued(d, 1)->revoke);
        assert_int_equal(queued(d, 2)->lane, LANE_URGENT);
        assert_true(queued(d, 2)->revoke);
        assert_int_equal(queued(d, 3)->lane, LANE_URGENT); /* brought because it has changed */
        assert_int_equal(queued(d, 4)->lane, LANE_URGENT); /* for where it is, not for what it was */
        assert_false(queued(d, 4)->revoke);
        assert_int_equal(queued(d, 5)->lane, LANE_URGENT);
}

/* The position moves also when nothing of a batch is ours: else the feed would bring it again for ever. */
static void test_position(void **state)
{
        Desk *d = *state;
        const FeedEntry pc = entry(d, 2, "CN=pc1," OU, "computer", 4096);
        const void *data;
        size_t n;

        assert_int_equal(queue_position(d->queue, "feed", d->arena, &data, &n), QUEUE_E_NONE);
        assert_int_equal(give(d, &pc, 1, false), 0);
        assert_int_equal(queue_position(d->queue, "feed", d->arena, &data, &n), 0);
        assert_int_equal(n, 3);
        assert_memory_equal(data, "a\0b", 3);
}

/* A look of several batches brings its position with the last: who is killed before that looks again from
 * where the look began. */
static void test_position_stays(void **state)
{
        Desk *d = *state;
        const FeedEntry ada = entry(d, 1, "CN=ada," OU, "user", 512);
        const void *data;
        size_t n;

        assert_int_equal(give(d, NULL, 0, false), 0);
        assert_int_equal(
                d->intake.sink.batch(&d->intake.sink,
                                     &(FeedBatch){ .entries = &ada, .n_entries = 1, .seen = { 999000 } }),
                0);
        assert_non_null(queued(d, 1));
        assert_int_equal(queue_position(d->queue, "feed", d->arena, &data, &n), 0);
        assert_int_equal(n, 3);
        assert_memory_equal(data, "a\0b", 3);
}

/* What the queue answers to the puts to come; else the real one does. */
static int refusal;
static int (*real_put)(Queue *q, const Intake *in);

static int put_or_refuse(Queue *q, const Intake *in)
{
        return refusal ? refusal : real_put(q, in);
}

static int give_more(Desk *d, const FeedEntry *e)
{
        return d->intake.sink.batch(
                &d->intake.sink,
                &(FeedBatch){
                        .entries = e, .n_entries = 1, .catch_up = true, .more = true, .seen = { 999000 } });
}

/* The middle of a catch-up is stored while the feed reads on: in order, and before any position. */
static void test_more(void **state)
{
        Desk *d = *state;
        const FeedEntry ada = entry(d, 1, "CN=ada," OU, "user", 512),
                        bob = entry(d, 2, "CN=bob," OU, "user", 512),
                        eve = entry(d, 3, "CN=eve," OU, "user", 512);
        static QueueOps ops;
        const void *data;
        size_t n;

        ops = *d->queue->ops;
        real_put = ops.put;
        ops.put = put_or_refuse;
        d->queue->ops = &ops;
        assert_int_equal(give_more(d, &ada), 0);
        assert_int_equal(d->intake.n_queued, 0); /* nobody has asked yet what has become of it */
        assert_int_equal(give_more(d, &bob), 0);
        assert_int_equal(d->intake.n_queued, 1);
        assert_int_equal(give(d, &eve, 1, true), 0);
        assert_int_equal(d->intake.n_queued, 3);
        assert_non_null(queued(d, 1));
        assert_string_equal(queued(d, 2)->dn, "CN=bob," OU);

        /* Full: said with the next, which is not stored before it. */
        refusal = QUEUE_E_FULL;
        assert_int_equal(give_more(d, &ada), 0);
        assert_int_equal(give(d, &bob, 1, true), FEED_E_FULL);
        refusal = 0;
        assert_int_equal(give(d, &bob, 1, true), 0);
        assert_int_equal(d->intake.n_queued, 5);

        /* Another node leads: what was lost there is followed by no position of this life. */
        refusal = QUEUE_E_GONE;
        assert_int_equal(give_more(d, &ada), 0);
        assert_int_equal(give(d, &bob, 1, true), FEED_E_FULL);
        refusal = 0;
        assert_int_equal(give(d, &bob, 1, true), FEED_E_FULL);
        assert_int_equal(d->intake.n_queued, 5);
        intake_lead(&d->intake, 0);
        assert_int_equal(give(d, &bob, 1, true), 0);
        assert_int_equal(d->intake.n_queued, 6);
        assert_int_equal(queue_position(d->queue, "feed", d->arena, &data, &n), 0);
}

static void on_settled(void *context)
{
        ++*(unsigned *)context;
}

/* The feed is settled when it watches, or has failed to for the first time; said once. */
static void test_settled(void **state)
{
        Desk *d = *state;
        unsigned n = 0;
        FeedStatus status;

        d->intake.settled = on_settled;
        d->intake.context = &n;
        d->intake.sink.state(&d->intake.sink, &(FeedStatus){ .state = FEED_CONNECTING });
        assert_int_equal(n, 0);
        d->intake.sink.state(&d->intake.sink, &(FeedStatus){ .state = FEED_WATCHING, .server = "dc1" });
        d->intake.sink.state(&d->intake.sink, &(FeedStatus){ .state = FEED_WATCHING, .server = "dc2" });
        assert_int_equal(n, 1);
        intake_status(&d->intake, d->arena, &status, NULL);
        assert_int_equal(status.state, FEED_WATCHING);
        assert_string_equal(status.server, "dc2");
}

static int64_t unwatched_s(Desk *d)
{
        FeedStatus status;
        IntakeWatch watch;

        intake_status(&d->intake, d->arena, &status, &watch);
        return watch.unwatched_us / 1000000;
}

static void tell(Desk *d, FeedState state)
{
        d->intake.sink.state(&d->intake.sink, &(FeedStatus){ .state = state });
        clock_fake_advance(&d->clock, 1000000);
}

/* Since when nobody has followed the source: from the start on, and what tries or catches up does not yet. */
static void test_unwatched(void **state)
{
        Desk *d = *state;
        FeedStatus status;
        IntakeWatch watch;

        intake_status(&d->intake, d->arena, &status, &watch);
        assert_int_equal(watch.unwatched_us, 1); /* it has just begun */
        tell(d, FEED_CONNECTING);
        tell(d, FEED_CATCHING_UP);
        assert_int_equal(unwatched_s(d), 2);
        tell(d, FEED_WATCHING);
        intake_status(&d->intake, d->arena, &status, &watch);
        assert_int_equal(watch.unwatched_us, 0);
        tell(d, FEED_BROKEN);
        tell(d, FEED_CONNECTING);
        tell(d, FEED_BROKEN);
        assert_int_equal(unwatched_s(d), 3);

        /* Another node has it; then the servers are gone, and nobody knows. */
        intake_stand_by(&d->intake, true);
        clock_fake_advance(&d->clock, 1000000);
        assert_int_equal(unwatched_s(d), 0);
        intake_stand_by(&d->intake, false);
        clock_fake_advance(&d->clock, 1000000);
        intake_stand_by(&d->intake, false);
        clock_fake_advance(&d->clock, 1000000);
        assert_int_equal(unwatched_s(d), 2);
        intake_stand_by(&d->intake, true);
        assert_int_equal(unwatched_s(d), 0);
}

/* What a feed says of itself is no news when the queue refuses what it brings, or when it says nothing more.
 */
static void test_stands(void **state)
{
        Desk *d = *state;
        FeedEntry ada = entry(d, 1, "CN=ada," OU, "user", 512);
        FeedStatus status = { .state = FEED_WATCHING, .server = "dc1", .server_id = { { 1 } } };
        static QueueOps ops;
        IntakeWatch watch;

        ops = *d->queue->ops;
        real_put = ops.put;
        ops.put = put_or_refuse;
        d->queue->ops = &ops;
        d->intake.sink.state(&d->intake.sink, &status);
        refusal = QUEUE_E_FULL;
        for (int i = 0; i < 3; i++) {
                assert_int_equal(give(d, &ada, 1, false), FEED_E_FULL);
                clock_fake_advance(&d->clock, 2000000);
                d->intake.sink.state(&d->intake.sink, &status);
        }
        intake_status(&d->intake, d->arena, &status, &watch);
        assert_int_equal(watch.unwatched_us, 6000000);
        assert_string_equal(watch.stands, "the queue takes no more");
        refusal = 0;
        assert_int_equal(give(d, &ada, 1, false), 0);
        intake_status(&d->intake, d->arena, &status, &watch);
        assert_int_equal(watch.unwatched_us, 0);
        assert_null(watch.stands);

        clock_fake_advance(&d->clock, INTAKE_STUCK_US - 1000000);
        assert_int_equal(unwatched_s(d), 0);
        clock_fake_advance(&d->clock, 1000000);
        intake_status(&d->intake, d->arena, &status, &watch);
        assert_int_equal(watch.unwatched_us, INTAKE_STUCK_US);
        assert_non_null(watch.stands);
        d->intake.sink.state(&d->intake.sink, &status);
        assert_int_equal(unwatched_s(d), 0);
}

/* It is in work for the first time, and not known before that run ends: what happens to it meanwhile is not
 * lost, wherever it goes. */
static void test_in_work(void **state)
{
        Desk *d = *state;
        FeedEntry entries[] = {
                entry(d, 1, "CN=ada,OU=Leavers," BASE, "user", 514),
                entry(d, 2, "CN=bob,OU=Leavers," BASE, "user", 514),
        };
        FeedEntry first = entry(d, 1, "CN=ada," OU, "user", 512);
        Lease lease = { 0 };

        assert_int_equal(give(d, &first, 1, false), 0);
        assert_int_equal(queue_lease(d->queue, (Wall){ 1000000 }, LANES_ALL, d->arena, &lease), 0);
        assert_int_equal(give(d, entries, 2, false), 0);
        assert_int_equal(queue_ack(d->queue, &lease, &(Commit){ .now = { 1000000 } }), 0);
        assert_non_null(queued(d, 1));
        assert_int_equal(queued(d, 1)->lane, LANE_URGENT);
        assert_string_equal(queued(d, 1)->dn, "CN=ada,OU=Leavers," BASE);
        assert_null(queued(d, 2));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_unread, setup, teardown),
                cmocka_unit_test_setup_teardown(test_scope, setup, teardown),
                cmocka_unit_test_setup_teardown(test_known, setup, teardown),
                cmocka_unit_test_setup_teardown(test_in_work, setup, teardown),
                cmocka_unit_test_setup_teardown(test_urgent, setup, teardown),
                cmocka_unit_test_setup_teardown(test_urgent_once, setup, teardown),
                cmocka_unit_test_setup_teardown(test_position, setup, teardown),
                cmocka_unit_test_setup_teardown(test_position_stays, setup, teardown),
                cmocka_unit_test_setup_teardown(test_more, setup, teardown),
                cmocka_unit_test_setup_teardown(test_settled, setup, teardown),
                cmocka_unit_test_setup_teardown(test_unwatched, setup, teardown),
                cmocka_unit_test_setup_teardown(test_stands, setup, teardown),
        };

        log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, 2);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
