/* SPDX-License-Identifier: Apache-2.0 */

/* Roles: which of them this node has, and a feed that has ended by an error. */

#include "app/service/roles.h"

#include "app/flow/test-nowhere.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct Desk {
        Queue queue;
        int n_positions; /* so often a feed has asked where to begin */
} Desk;

static int position(Queue *q, const char *feed, Arena *a, const void **ret_data, size_t *ret_n)
{
        ((Desk *)q)->n_positions++;
        return QUEUE_E_NONE;
}

static void test_feed_begins_again(void **state)
{
        static const QueueOps ops = { .name = "desk", .position = position };
        Desk d = { .queue.ops = &ops };
        LdapConfig ldap = test_nowhere();
        SourceConfig source = { 0 };
        Config config = { 0 };
        Connector connector = { .name = "corp", .feed = "feed-corp", .ldap = &ldap, .source = &source };
        Wiring w = {
                .first = &config,
                .clock = &clock_system,
                .queue = &d.queue,
                .connectors = { .items = &connector, .n = 1 },
        };
        Feeder feeder = { 0 };
        bool leads = false;
        unsigned waits = 0;
        Roles r = { .wiring = &w, .feeders = &feeder, .leads = &leads, .waits = &waits };
        Diag diag = DIAG_INIT;

        feeder_prepare(&feeder, &w, &connector, NULL, NULL);
        assert_int_equal(roles_look(&r, &diag), 0);
        assert_true(leads);
        assert_int_equal(d.n_positions, 1);
        assert_int_equal(roles_look(&r, &diag), 0);
        assert_int_equal(d.n_positions, 1);

        event_base_loopexit(feeder.thread.base, NULL);
        while (!feeder_has_ended(&feeder))
                ;
        assert_int_equal(roles_look(&r, &diag), 0);
        assert_false(leads);
        assert_int_equal(d.n_positions, 1);
        for (int i = 0; i < 100 && !leads; i++)
                assert_int_equal(roles_look(&r, &diag), 0);
        assert_true(leads);
        assert_int_equal(d.n_positions, 2);
        assert_false(feeder_has_ended(&feeder));

        feeder_stop(&feeder);
        feeder_deinit(&feeder);
        diag_deinit(&diag);
}

/* Whom the servers have given a role: of the feeds "a" and "b", and of the cycle. */
typedef struct Servers {
        Queue queue;
        char given[8], dropped[8];
        bool gone; /* none of them answers */
} Servers;

static char letter(const char *role)
{
        return role[strlen(role) - 1];
}

static int give(Queue *q, const char *role, uint64_t *ret_term)
{
        *ret_term = 7;
        if (((Servers *)q)->gone)
                return QUEUE_E_EMPTY;
        return strchr(((Servers *)q)->given, letter(role)) ? 0 : QUEUE_E_GONE;
}

static void drop(Queue *q, const char *role)
{
        Servers *s = (Servers *)q;

        s->dropped[strlen(s->dropped)] = letter(role);
}

static int no_position(Queue *q, const char *feed, Arena *a, const void **ret_data, size_t *ret_n)
{
        return QUEUE_E_NONE;
}

static void look(Roles *r, const char *given)
{
        Servers *s = (Servers *)r->wiring->queue;
        Diag diag = DIAG_INIT;

        snprintf(s->given, sizeof(s->given), "%s", given);
        memset(s->dropped, 0, sizeof(s->dropped));
        assert_int_equal(roles_look(r, &diag), 0);
        diag_deinit(&diag);
}

static bool is_followed(Feeder *f)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        FeedStatus status;
        IntakeWatch watch;

        intake_status(&f->intake, a, &status, &watch);
        return watch.unwatched_us == 0;
}

/* Who reconciles must hear what changes meanwhile: one node has all the roles, and they follow the first. */
static void test_one_node_has_them_all(void **state)
{
        static const QueueOps ops = {
                .name = "servers", .position = no_position, .role = give, .role_drop = drop
        };
        Servers servers = { .queue.ops = &ops };
        LdapConfig ldap = test_nowhere();
        SourceConfig source = { 0 };
        Config config = { 0 };
        Connector connectors[] = {
                { .name = "a", .feed = "feed-a", .ldap = &ldap, .source = &source },
                { .name = "b", .feed = "feed-b", .ldap = &ldap, .source = &source },
        };
        Wiring w = {
                .first = &config,
                .clock = &clock_system,
                .queue = &servers.queue,
                .connectors = { .items = connectors, .n = 2 },
        };
        Feeder feeders[2] = { 0 };
        bool leads[2] = { false };
        unsigned waits[2] = { 0 };
        Roles r = { .wiring = &w, .feeders = feeders, .leads = leads, .waits = waits };

        for (int i = 0; i < 2; i++)
                feeder_prepare(&feeders[i], &w, &connectors[i], NULL, NULL);
        look(&r, "be");
        assert_false(leads[0] || leads[1] || roles_has_cycle(&r));
        look(&r, "abe");
        assert_true(leads[0] && leads[1] && roles_has_cycle(&r));
        assert_string_equal(servers.dropped, "");
        look(&r, "ab");
        assert_true(leads[0] && leads[1] && !roles_has_cycle(&r));
        look(&r, "abe");

        /* The first is another's now, and that one may have the others at once. */
        look(&r, "be");
        assert_false(leads[0] || leads[1] || roles_has_cycle(&r));
        assert_string_equal(servers.dropped, "be");
        look(&r, "be");
        assert_string_equal(servers.dropped, "");

        /* As far as this node knows: it has none of them, and another has; then nobody can say who. */
        assert_true(is_followed(&feeders[0]) && is_followed(&feeders[1]));
        servers.gone = true;
        look(&r, "be");
        assert_false(is_followed(&feeders[0]) || is_followed(&feeders[1]));
        servers.gone = false;
        look(&r, "be");
        assert_true(is_followed(&feeders[0]) && is_followed(&feeders[1]));
        for (int i = 0; i < 2; i++)
                feeder_deinit(&feeders[i]);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_feed_begins_again),
                cmocka_unit_test(test_one_node_has_them_all),
        };

        evthread_use_pthreads();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
