/* SPDX-License-Identifier: Apache-2.0 */

/* Alarms: told once when they begin and once when they are over; and what the command of `notify:` gets. */

#include "app/flow/herald.h"

#include "base/str.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void remember(void *context, const AlarmEvent *e)
{
        Str *told = context;

        str_printf(told, "%s %s %s: %s\n", alarm_turn_name(e->turn), e->kind, e->name, e->text);
}

static void test_edges(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        AlarmEvent *list;
        Alarms alarms;
        Str told;
        size_t n;

        str_init(&told, 10000);
        alarms_init(&alarms, remember, &told);
        assert_false(alarms_clear(&alarms, "brake", "disable", "", (Wall){ 1 }));
        assert_true(alarms_raise(&alarms, "brake", "disable", "too many", (Wall){ 5 }));
        for (int i = 0; i < 1000; i++)
                assert_false(alarms_raise(&alarms, "brake", "disable", "again", (Wall){ 6 }));
        assert_true(alarms_raise(&alarms, "circuit", "target", "gone", (Wall){ 7 }));
        alarms_notice(&alarms, "credential", "secret_file", "expires soon", (Wall){ 8 });
        alarms_list(&alarms, a, &list, &n);
        assert_int_equal(n, 2);
        assert_string_equal(list[0].name, "disable");
        assert_int_equal(list[1].since.ms, 7);
        assert_true(alarms_clear(&alarms, "brake", "disable", "released", (Wall){ 9 }));
        assert_false(alarms_clear(&alarms, "brake", "disable", "released", (Wall){ 9 }));
        assert_string_equal(told.data, "opened brake disable: too many\n"
                                       "opened circuit target: gone\n"
                                       "notice credential secret_file: expires soon\n"
                                       "closed brake disable: released\n");
        alarms_deinit(&alarms);
        str_deinit(&told);
}

static void test_nobody(void **state)
{
        Alarms alarms;

        assert_false(alarms_raise(NULL, "a", "b", "c", (Wall){ 1 }));
        assert_false(alarms_clear(NULL, "a", "b", "c", (Wall){ 1 }));
        alarms_notice(NULL, "a", "b", "c", (Wall){ 1 });
        alarms_init(&alarms, NULL, NULL);
        assert_true(alarms_raise(&alarms, "a", "b", NULL, (Wall){ 1 }));
        alarms_deinit(&alarms);
}

/* What somebody else has said is data, also when it is not even UTF-8. */
static void test_text(void **state)
{
        AlarmEvent e = {
                .kind = "circuit", .name = "target", .text = "\"}\n", .since = { 1000 }, .at = { 1000 }
        };
        char *text = herald_text(&e, "corp");
        json_t *o = json_loads(text, 0, NULL);

        assert_string_equal(json_string_value(json_object_get(o, "text")), "\"}\n");
        assert_string_equal(json_string_value(json_object_get(o, "event")), "opened");
        assert_string_equal(json_string_value(json_object_get(o, "since")), "1970-01-01T00:00:01.000Z");
        json_decref(o);
        free(text);
        e.text = "\xff\xfe";
        text = herald_text(&e, "corp");
        o = json_loads(text, 0, NULL);
        assert_string_equal(json_string_value(json_object_get(o, "name")), "target");
        json_decref(o);
        free(text);
}

/* The command is told everything, in order, before the stop is over; one that fails stops nobody. */
static void test_command(void **state)
{
        char path[] = "/tmp/sosync-herald-XXXXXX", *text = NULL, script[256];
        int fd = mkstemp(path);
        const char *argv[] = { "/bin/sh", "-c", script };
        Config config = { .refs = 1,
                          .sources = &(SourceConfig){ .ldap = { .name = "corp" } },
                          .n_sources = 1 };
        Snapshot snapshot;
        Alarms alarms;
        Log log = { 0 };
        Herald herald;
        size_t n;

        snprintf(script, sizeof(script), "cat >> %s; exit 1", path);
        config.notify = (NotifyConfig){ .command = { .items = argv, .n_items = 3 }, .timeout_us = 30000000 };
        snapshot_init(&snapshot, &config);
        assert_int_equal(herald_start(&herald, &snapshot, &log), 0);
        alarms_init(&alarms, herald_tell, &herald);
        alarms_raise(&alarms, "circuit", "target", "gone", (Wall){ 1 });
        alarms_clear(&alarms, "circuit", "target", "back", (Wall){ 2 });
        herald_stop(&herald);
        herald_stop(&herald);
        assert_int_equal(str_read_file(path, 10000, &text, &n), 0);
        assert_non_null(strstr(text, "{\"event\":\"opened\",\"kind\":\"circuit\",\"name\":\"target\""));
        assert_true(strstr(text, "\"opened\"") < strstr(text, "\"closed\""));
        free(text);
        alarms_deinit(&alarms);
        close(fd);
        unlink(path);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_edges),
                cmocka_unit_test(test_nobody),
                cmocka_unit_test(test_text),
                cmocka_unit_test(test_command),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
