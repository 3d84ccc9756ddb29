/* SPDX-License-Identifier: Apache-2.0 */

/* Roles: a feed that has ended by an error begins again, from what is stored. */

#include "app/service/roles.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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
        static const char *const uris[] = { "ldapi://%2Fnowhere%2Fat%2Fall" };
        Desk d = { .queue.ops = &ops };
        LdapConfig ldap = {
                .name = "corp",
                .uris = { .items = uris, .n_items = 1 },
                .base = "dc=corp,dc=example,dc=test",
                .connect_timeout_us = 1000000,
                .request_timeout_us = 1000000,
                .keepalive_us = 1000000,
                .bind.mechanism = BIND_EXTERNAL,
        };
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

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_feed_begins_again),
        };

        evthread_use_pthreads();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
