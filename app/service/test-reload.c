/* SPDX-License-Identifier: Apache-2.0 */

/* Reload: the main loop waits for nobody who is making rules active. */

#include "app/service/reload.h"

#include "app/flow/rules-active.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

/* In a cluster that no server answers, rules_activate() holds the lock as long as that lasts; the watchdog
 * gives the main loop a minute. */
static void test_while_rules_become_active(void **state)
{
        Config first = { .path = "/nowhere/at/all.yaml" };
        Wiring w = { .first = &first, .rules_lock = PTHREAD_MUTEX_INITIALIZER };
        const char *restart = NULL;
        bool refused = false;

        alarm(20); /* instead of waiting for ever */
        pthread_mutex_lock(&w.rules_lock);
        assert_int_equal(rules_follow(&w, &restart, NULL), 0);
        reload_follow_rules(&w, &refused);
        assert_false(refused);
        assert_int_equal(reload_config(&w), RELOAD_E_LATER);
        pthread_mutex_unlock(&w.rules_lock);

        /* There is no such file, and that is said now. */
        assert_int_equal(reload_config(&w), 0);
        assert_int_equal(pthread_mutex_trylock(&w.rules_lock), 0);
        pthread_mutex_unlock(&w.rules_lock);
        alarm(0);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_while_rules_become_active),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
