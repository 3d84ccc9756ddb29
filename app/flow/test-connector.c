/* SPDX-License-Identifier: Apache-2.0 */

/* Connectors: numbers that belong to a source for ever, and circuits that concern one of them. */

#include "app/flow/connector.h"

#include "engine/source/source-mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

typedef struct Hall {
        Arena *arena;
        ClockFake clock;
        Queue *queue;
        Log log;
        Connectors connectors;
        Config *config;
} Hall;

static int setup(void **state)
{
        Arena *a = arena_new(0);
        Hall *h = arena_new_of(a, Hall);

        h->arena = a;
        clock_fake_init(&h->clock, (Mono){ 1000000 }, (Wall){ 1000000 });
        assert_int_equal(queue_mem_new(&h->queue), 0);
        log_set_level(LOG_LEVEL_ERROR);
        *state = h;
        return 0;
}

static int teardown(void **state)
{
        Hall *h = *state;

        connectors_close(&h->connectors);
        queue_free(h->queue);
        arena_free(h->arena);
        return 0;
}

/* Start again, with these sources: name, base, name, base, NULL. */
static void start(Hall *h, ...)
{
        const char *name;
        va_list ap;

        connectors_close(&h->connectors);
        h->config = arena_new_of(h->arena, Config);
        h->config->sources = arena_new_array(h->arena, SourceConfig, CONFIG_SOURCES_MAX);
        va_start(ap, h);
        while ((name = va_arg(ap, const char *))) {
                SourceConfig *s = &h->config->sources[h->config->n_sources++];

                s->ldap.name = name;
                s->ldap.base = va_arg(ap, const char *);
                assert_int_equal(
                        scope_new(h->arena, s->ldap.base, NULL, 0, NULL, 0, NULL, 0, &s->compiled, NULL), 0);
        }
        va_end(ap);
        assert_int_equal(connectors_open(&h->connectors, h->config, h->queue, &h->clock.clock, &h->log, NULL),
                         0);
}

static int number_of(Hall *h, const char *name)
{
        for (size_t i = 0; i < h->connectors.n; i++)
                if (strcmp(h->connectors.items[i].name, name) == 0)
                        return h->connectors.items[i].number;
        return -1;
}

static void test_numbers_stay(void **state)
{
        Hall *h = *state;
        const char *const *names;
        size_t n;

        start(h, "corp", "DC=corp", "res", "DC=res", (char *)NULL);
        assert_int_equal(number_of(h, "corp"), 0);
        assert_int_equal(number_of(h, "res"), 1);

        /* Another order; then one less, and another instead: its number is not given again. */
        start(h, "res", "DC=res", "corp", "DC=corp", (char *)NULL);
        assert_int_equal(number_of(h, "corp"), 0);
        assert_int_equal(number_of(h, "res"), 1);
        start(h, "res", "DC=res", (char *)NULL);
        assert_int_equal(number_of(h, "res"), 1);
        assert_null(connectors_find(&h->connectors, 0));
        start(h, "lab", "DC=lab", "res", "DC=res", (char *)NULL);
        assert_int_equal(number_of(h, "lab"), 2);
        start(h, "corp", "DC=corp", (char *)NULL);
        assert_int_equal(number_of(h, "corp"), 0);

        assert_int_equal(connector_names_stored(queue_space(h->queue), h->arena, &names, &n), 0);
        assert_int_equal(n, 3);
        assert_string_equal(names[2], "lab");
        assert_string_equal(connectors_name(&h->connectors, 1), "res");
        assert_null(connectors_name(&h->connectors, 3));
}

static void test_renamed(void **state)
{
        Hall *h = *state;

        start(h, "corp", "DC=corp,DC=test", (char *)NULL);
        start(h, "Headquarters", "dc=Corp, dc=test", "res", "DC=res", (char *)NULL);
        assert_int_equal(number_of(h, "Headquarters"), 0);
        assert_int_equal(number_of(h, "res"), 1);
        /* Its feed goes on from where it was. */
        assert_string_equal(h->connectors.items[0].feed, "corp");
}

/* A domain is renamed, and later its source too. */
static void test_another_base(void **state)
{
        Hall *h = *state;

        start(h, "corp", "DC=corp,DC=test", (char *)NULL);
        start(h, "corp", "DC=ad,DC=test", (char *)NULL);
        start(h, "ad", "DC=ad,DC=test", "res", "DC=corp,DC=test", (char *)NULL);
        assert_int_equal(number_of(h, "ad"), 0);
        assert_int_equal(number_of(h, "res"), 1);
}

/* A store that has no list yet: what is in it is of the source that has a position. */
static void test_old_store(void **state)
{
        Hall *h = *state;

        assert_int_equal(queue_put(h->queue, &(Intake){ .feed = "corp", .position = "x", .n_position = 1 }),
                         0);
        start(h, "res", "DC=res", "corp", "DC=corp", (char *)NULL);
        assert_int_equal(number_of(h, "corp"), 0);
        assert_int_equal(number_of(h, "res"), 1);
}

static void test_too_many(void **state)
{
        Hall *h = *state;
        Diag diag = DIAG_INIT;

        for (int i = 0; i < QUEUE_SOURCES_MAX; i++)
                start(h, arena_printf(h->arena, "s%d", i), arena_printf(h->arena, "DC=s%d", i), (char *)NULL);
        connectors_close(&h->connectors);
        h->config->sources[0].ldap.name = "one more";
        h->config->sources[0].ldap.base = "DC=more";
        assert_int_equal(
                connectors_open(&h->connectors, h->config, h->queue, &h->clock.clock, &h->log, &diag),
                CONNECTOR_E_TOO_MANY);
        assert_non_null(strstr(diag_text(&diag), "the 65th"));
        diag_deinit(&diag);
}

static void test_of_dn(void **state)
{
        Hall *h = *state;

        start(h, "corp", "DC=corp,DC=test", "eu", "DC=eu,DC=corp,DC=test", "res", "DC=res", (char *)NULL);
        assert_string_equal(connectors_of_dn(&h->connectors, "CN=a,OU=x,DC=EU,DC=corp,DC=test")->name, "eu");
        assert_string_equal(connectors_of_dn(&h->connectors, "CN=a,OU=eu,DC=corp,DC=test")->name, "corp");
        assert_string_equal(connectors_of_dn(&h->connectors, "CN=a,dc=res")->name, "res");
        assert_string_equal(connectors_of_dn(&h->connectors, "CN=a,DC=nowhere")->name, "corp");
        assert_string_equal(connectors_of_dn(&h->connectors, "not a name")->name, "corp");
}

/* A run sees all sources by number; of those that are not configured only the name. */
static void test_for_run(void **state)
{
        Hall *h = *state;
        const RunConnector *list;
        SourceMem *directory;
        Source *source;
        size_t n;

        start(h, "corp", "DC=corp", "res", "DC=res", (char *)NULL);
        directory = source_mem_new(&(SourceInfo){
                .name = "res",
                .base = "DC=res",
                .domain_fqdn = "res.test",
                .domain_netbios = "RES",
                .forest_fqdn = "res.test",
                .forest_netbios = "RES",
        });
        source = source_mem_open(directory);
        source_mem_fail(directory, SOURCE_E_UNREACHABLE, 1, "gone");
        assert_false(connector_is_named(&h->connectors, &h->connectors.items[1], source));
        assert_true(connector_is_named(&h->connectors, &h->connectors.items[1], source));

        /* After a restart its names are known, although it is gone; and although it is not configured. */
        start(h, "res", "DC=res", (char *)NULL);
        source_mem_fail(directory, SOURCE_E_UNREACHABLE, 1, "gone");
        assert_true(connector_is_named(&h->connectors, &h->connectors.items[0], source));
        /* It is not asked again by each run. */
        assert_true(connector_is_named(&h->connectors, &h->connectors.items[0], source));
        assert_false(h->connectors.items[0].told);
        clock_fake_advance(&h->clock, 61 * (int64_t)1000000);
        assert_true(connector_is_named(&h->connectors, &h->connectors.items[0], source));
        assert_true(h->connectors.items[0].told);
        list = connectors_for_run(&h->connectors, h->config, h->arena, &n);
        assert_int_equal(n, 2);
        assert_string_equal(list[0].name, "corp");
        assert_null(list[0].scope);
        assert_non_null(list[1].scope);
        assert_int_equal(list[1].n_parameters, 6);
        assert_string_equal(list[1].parameters[1].name, "Domain.Netbios");
        assert_string_equal(list[1].parameters[1].value, "RES");
        source_free(source);
        source_mem_free(directory);
}

static void put(Hall *h, uint16_t source, uint8_t id)
{
        Change c = { .source = source, .id = { { id } }, .lane = LANE_NORMAL, .seen = { 1 } };

        assert_int_equal(queue_put(h->queue,
                                   &(Intake){
                                           .changes = &c,
                                           .n_changes = 1,
                                           .now = clock_wall(&h->clock.clock),
                                   }),
                         0);
}

static void test_one_is_gone(void **state)
{
        Hall *h = *state;
        Connectors *cs = &h->connectors;
        int64_t until = 60000000;
        Connector *probe;
        Lease lease = { 0 };
        Mono now;

        start(h, "corp", "DC=corp", "res", "DC=res", (char *)NULL);
        put(h, 0, 1);
        put(h, 1, 2);
        now = clock_mono(&h->clock.clock);
        assert_true(connector_failed(cs, &cs->items[0], now, "gone"));
        assert_false(connector_failed(cs, &cs->items[0], now, "gone"));

        /* The other goes on. */
        assert_int_equal(connectors_ask(cs, now, &probe, &until), 0);
        assert_null(probe);
        assert_int_equal(until, CIRCUIT_PROBE_FIRST_US);
        assert_int_equal(queue_lease(h->queue, (Wall){ 2000000 }, LANES_ALL, h->arena, &lease), 0);
        assert_int_equal(lease.change.source, 1);
        assert_int_equal(queue_lease(h->queue, (Wall){ 2000000 }, LANES_ALL, h->arena, &lease),
                         QUEUE_E_EMPTY);

        /* Both are: there is nothing to do until one may be tried. */
        assert_true(connector_failed(cs, &cs->items[1], now, "gone too"));
        until = 60000000;
        assert_int_equal(connectors_ask(cs, now, &probe, &until), CIRCUIT_PROBE_FIRST_US);

        now = mono_add(now, CIRCUIT_PROBE_FIRST_US);
        assert_int_equal(connectors_ask(cs, now, &probe, &until), 0);
        assert_ptr_equal(probe, &cs->items[0]);
        assert_true(connector_works(cs, probe, now));
        assert_int_equal(queue_lease(h->queue, (Wall){ 2000000 }, LANES_ALL, h->arena, &lease), 0);
        assert_int_equal(lease.change.source, 0);

        /* Nothing to try the other with: later, and not at once again. */
        assert_int_equal(connectors_ask(cs, now, &probe, &until), 0);
        assert_ptr_equal(probe, &cs->items[1]);
        circuit_postpone(&probe->circuit, now);
        until = 60000000;
        assert_int_equal(connectors_ask(cs, now, &probe, &until), 0);
        assert_null(probe);
        assert_int_equal(until, 2 * CIRCUIT_PROBE_FIRST_US);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
        const struct CMUnitTest tests[] = {
                TEST(test_numbers_stay), TEST(test_renamed), TEST(test_another_base), TEST(test_old_store),
                TEST(test_too_many),     TEST(test_of_dn),   TEST(test_for_run),      TEST(test_one_is_gone),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
