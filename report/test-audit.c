/* SPDX-License-Identifier: Apache-2.0 */

#include "report/audit.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_MS ((int64_t)86400000)

static const Wall noon = { 1795348800000 }; /* 2026-11-22T12:00:00Z */

typedef struct Fixture {
        char folder[64];
        char file[128]; /* of noon's day */
        Audit *audit;
} Fixture;

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        snprintf(f->folder, sizeof(f->folder), "/tmp/sosync-test-audit-XXXXXX");
        if (!f || !mkdtemp(f->folder))
                return -1;
        snprintf(f->file, sizeof(f->file), "%s/2026-11-22.jsonl", f->folder);
        *state = f;
        return audit_new(&f->audit, f->folder, NULL);
}

static int teardown(void **state)
{
        Fixture *f = *state;
        char command[128];

        audit_free(f->audit);
        snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
        if (system(command))
                return -1;
        free(f);
        return 0;
}

static void add_late(Fixture *f, Wall now, Wall at, const char *text)
{
        json_t *entry = json_pack("{s:s, s:s}", "kind", "act", "verb", text);

        audit_add(f->audit, now, at, entry);
        json_decref(entry);
}

static void add(Fixture *f, Wall now, const char *text)
{
        add_late(f, now, now, text);
}

static void reopen(Fixture *f)
{
        f->audit = audit_free(f->audit);
        assert_int_equal(audit_new(&f->audit, f->folder, NULL), 0);
}

static AuditVerdict verdict(Fixture *f)
{
        AuditVerdict v;

        assert_int_equal(audit_flush(f->audit), 0);
        assert_int_equal(audit_verify(f->folder, &v, NULL), 0);
        return v;
}

/* The file of noon's day, changed by a function. */
static void edit(Fixture *f, void (*change)(char *data, size_t *n))
{
        char *data;
        size_t n;

        assert_int_equal(str_read_file(f->file, 1 << 20, &data, &n), 0);
        change(data, &n);
        assert_int_equal(str_write_file(f->file, data, n, 0640), 0);
        free(data);
}

static void three(Fixture *f)
{
        add(f, noon, "one");
        add(f, noon, "two");
        add(f, noon, "three");
        assert_int_equal(audit_flush(f->audit), 0);
}

static void test_chain(void **state)
{
        Fixture *f = *state;
        AuditVerdict v;

        assert_int_equal(verdict(f).n_lines, 0);
        three(f);
        reopen(f);
        add(f, wall_add(noon, DAY_MS), "tomorrow");
        v = verdict(f);
        assert_false(v.is_broken);
        assert_int_equal(v.n_lines, 4);
        assert_int_equal(v.n_files, 2);
        assert_string_equal(v.first, "2026-11-22.jsonl");
        assert_string_equal(v.last, "2026-11-23.jsonl");
        assert_int_equal(strlen(v.chain), AUDIT_CHAIN_HEX);
}

/* Lines do not come in the order of their times: a run ends before midnight and is written after it, a clock
 * is set back. The chain has one order, and so have the files. */
static void test_yesterday(void **state)
{
        Fixture *f = *state;
        AuditVerdict v;

        three(f);
        add(f, wall_add(noon, DAY_MS), "tomorrow");
        add(f, noon, "late");
        assert_int_equal(audit_flush(f->audit), 0);
        add(f, noon, "later");
        reopen(f);
        add(f, wall_add(noon, -DAY_MS), "yesterday");
        add(f, wall_add(noon, DAY_MS), "again");
        v = verdict(f);
        assert_false(v.is_broken);
        assert_int_equal(v.n_lines, 8);
        assert_int_equal(v.n_files, 2);
        assert_string_equal(v.last, "2026-11-23.jsonl");
}

static bool find_verb(void *context, const AuditLine *line)
{
        const char **verb = context;

        if (!str_is(json_string_value(json_object_get(line->entry, "verb")), *verb))
                return false;
        *verb = NULL;
        return true;
}

static bool is_found_since(Fixture *f, Wall since, const char *verb)
{
        assert_int_equal(audit_walk(f->folder, since, find_verb, &verb, NULL), 0);
        return !verb;
}

/* What waited for days is no clock that is back: who looks for what came since then finds it. */
static void test_days_late(void **state)
{
        const Wall sunday = wall_add(noon, 3 * DAY_MS);
        Fixture *f = *state;
        AuditVerdict v;

        three(f);
        add(f, sunday, "today");
        add_late(f, sunday, noon, "late");
        add(f, sunday, "behind it");
        v = verdict(f);
        assert_false(v.is_broken);
        assert_int_equal(v.n_lines, 6);
        assert_int_equal(v.n_files, 2);
        assert_string_equal(v.last, "2026-11-25.jsonl");
        assert_true(is_found_since(f, sunday, "today"));
        assert_true(is_found_since(f, sunday, "behind it"));
        assert_true(is_found_since(f, noon, "late"));
        /* What ended when the clock was ahead, written when it is back, begins no day to come. */
        add_late(f, sunday, wall_add(noon, 400 * DAY_MS), "ahead");
        assert_string_equal(verdict(f).last, "2026-11-25.jsonl");
}

static void remove_last(char *data, size_t *n)
{
        char *end = memrchr(data, '\n', *n - 1);

        *n = (size_t)(end + 1 - data);
}

/* A clock that is years ahead, and comes back: its lines are kept in their place, and the days go on. */
static void test_far_ahead(void **state)
{
        const Wall ahead = wall_add(noon, 400 * DAY_MS);
        Fixture *f = *state;
        AuditVerdict v;

        three(f);
        add(f, ahead, "ahead");
        add(f, wall_add(ahead, DAY_MS), "further");
        assert_int_equal(audit_flush(f->audit), 0);
        assert_string_equal(verdict(f).last, "2027-12-28.jsonl");
        add(f, noon, "back");
        v = verdict(f);
        assert_false(v.is_broken);
        assert_int_equal(v.n_lines, 6);
        assert_int_equal(v.n_files, 1);
        /* A restart while it is ahead, with no line of the day it comes back to. */
        add(f, ahead, "ahead again");
        reopen(f);
        add(f, wall_add(noon, DAY_MS), "tomorrow");
        v = verdict(f);
        assert_false(v.is_broken);
        assert_int_equal(v.n_lines, 8);
        assert_string_equal(v.last, "2026-11-23.jsonl");
        assert_int_equal(v.n_files, 2);
        /* A machine that starts in 1970 does not carry the log there. */
        add(f, (Wall){ 3600000 }, "without a clock");
        v = verdict(f);
        assert_false(v.is_broken);
        assert_int_equal(v.n_lines, 9);
        assert_string_equal(v.first, "2026-11-22.jsonl");
}

/* The power fails between the two halves of it. */
static void test_far_ahead_torn(void **state)
{
        Fixture *f = *state;
        AuditVerdict v;
        char future[128];
        char *data;
        size_t n;

        three(f);
        add(f, wall_add(noon, 400 * DAY_MS), "ahead");
        assert_int_equal(audit_flush(f->audit), 0);
        snprintf(future, sizeof(future), "%s/2027-12-27.jsonl", f->folder);
        assert_int_equal(str_read_file(future, 1 << 20, &data, &n), 0);
        add(f, noon, "back");
        assert_int_equal(audit_flush(f->audit), 0);
        /* As it was when the first had its new name, and the second was not gone. */
        f->audit = audit_free(f->audit);
        assert_int_equal(str_write_file(future, data, n, 0640), 0);
        edit(f, remove_last);
        assert_int_equal(audit_new(&f->audit, f->folder, NULL), 0);
        add(f, noon, "back");
        v = verdict(f);
        assert_false(v.is_broken);
        assert_int_equal(v.n_lines, 5);
        assert_int_equal(v.n_files, 1);
        free(data);
}

static void change_word(char *data, size_t *n)
{
        char *at = memmem(data, *n, "two", 3);

        assert_non_null(at);
        memcpy(at, "too", 3);
}

static void remove_second(char *data, size_t *n)
{
        char *second = (char *)memchr(data, '\n', *n) + 1, *third = (char *)memchr(second, '\n', *n) + 1;

        memmove(second, third, (size_t)(data + *n - third));
        *n -= (size_t)(third - second);
}

static void swap_spaces(char *data, size_t *n)
{
        data[*n - 2] = ' ';
}

static void upper_chain(char *data, size_t *n)
{
        for (char *at = memchr(data, '\n', *n); at && at < data + *n; at++)
                if (*at >= 'a' && *at <= 'f') {
                        *at = (char)(*at - 32);
                        return;
                }
}

/* Whatever is changed, the first line that does not follow is named. */
static void test_tampering(void **state)
{
        static const struct {
                void (*change)(char *data, size_t *n);
                size_t line;
        } cases[] = { { change_word, 2 }, { remove_second, 2 }, { swap_spaces, 3 }, { upper_chain, 2 } };
        Fixture *f = *state;

        for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
                AuditVerdict v;

                unlink(f->file);
                reopen(f);
                three(f);
                assert_false(verdict(f).is_broken);
                edit(f, cases[i].change);
                v = verdict(f);
                assert_true(v.is_broken);
                assert_int_equal(v.number, cases[i].line);
                assert_string_equal(v.file, "2026-11-22.jsonl");
        }
}

static void tear(char *data, size_t *n)
{
        *n -= 7;
}

/* A crash in the middle of a line: it is cut, and what comes goes on from the last whole one. */
static void test_torn(void **state)
{
        Fixture *f = *state;
        AuditVerdict v;

        three(f);
        edit(f, tear);
        v = verdict(f);
        assert_false(v.is_broken);
        assert_int_equal(v.n_lines, 2);
        reopen(f);
        add(f, noon, "again");
        v = verdict(f);
        assert_false(v.is_broken);
        assert_int_equal(v.n_lines, 3);
}

static void test_retain(void **state)
{
        Fixture *f = *state;
        AuditVerdict v;

        three(f);
        add(f, wall_add(noon, 3 * DAY_MS), "later");
        assert_int_equal(audit_flush(f->audit), 0);
        audit_retain(f->audit, wall_add(noon, 3 * DAY_MS), 2);
        v = verdict(f);
        assert_false(v.is_broken);
        assert_int_equal(v.n_lines, 1);
        assert_string_equal(v.first, "2026-11-25.jsonl");
}

static bool count(void *context, const AuditLine *line)
{
        size_t *n = context;

        assert_string_equal(json_string_value(json_object_get(line->entry, "kind")), "act");
        assert_int_equal(strlen(json_string_value(json_object_get(line->entry, "time"))), 24);
        return ++*n == 2;
}

static void test_walk(void **state)
{
        Fixture *f = *state;
        size_t n = 0;

        three(f);
        assert_int_equal(audit_walk(f->folder, (Wall){ 0 }, count, &n, NULL), 0);
        assert_int_equal(n, 2);
        n = 5;
        assert_int_equal(audit_walk(f->folder, wall_add(noon, DAY_MS), count, &n, NULL), 0);
        assert_int_equal(n, 5);
}

/* Three gigabytes in front of the lines: who opens the log reads its end. */
static void test_large_open(void **state)
{
        Fixture *f = *state;
        char before[AUDIT_CHAIN_HEX + 1], after[AUDIT_CHAIN_HEX + 1], *lines;
        FILE *file;
        size_t n;

        three(f);
        audit_last(f->audit, before);
        f->audit = audit_free(f->audit);
        assert_int_equal(str_read_file(f->file, 1 << 20, &lines, &n), 0);
        assert_int_equal(truncate(f->file, (off_t)3 << 30), 0);
        file = fopen(f->file, "ae");
        assert_non_null(file);
        fprintf(file, "\n%s{\"torn", lines);
        fclose(file);
        free(lines);
        reopen(f);
        assert_string_equal(audit_last(f->audit, after), before);
        add(f, noon, "next");
        assert_int_equal(audit_flush(f->audit), 0);
        reopen(f);
        assert_string_not_equal(audit_last(f->audit, after), before);
}

/* A line that is longer than what is read at once, first, in between and last. */
static void test_long_lines(void **state)
{
        Fixture *f = *state;
        char text[200000];
        AuditVerdict v;

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        for (size_t i = 0; i < 3; i++) {
                add(f, noon, text);
                reopen(f);
                add(f, noon, "short");
        }
        add(f, noon, text);
        reopen(f);
        v = verdict(f);
        assert_false(v.is_broken);
        assert_int_equal(v.n_lines, 7);
}

/* What malloc has given out. */
static size_t in_use(void)
{
        struct mallinfo2 m = mallinfo2();

        return m.uordblks + m.hblkhd;
}

static bool note_most(void *context, const AuditLine *line)
{
        size_t *most = context, now = in_use();

        (void)line;
        *most = now > *most ? now : *most;
        return false;
}

/* Whoever reads a day's lines does not have the day in memory. */
static void test_large_walk(void **state)
{
        Fixture *f = *state;
        size_t before, most;

        for (size_t i = 0; i < 8000; i++)
                add(f, noon,
                    "One of so many that the file has a megabyte, and more than that: whoever reads it has "
                    "less.");
        assert_int_equal(audit_flush(f->audit), 0);
        before = most = in_use();
        assert_int_equal(audit_walk(f->folder, (Wall){ 0 }, note_most, &most, NULL), 0);
        assert_in_range(most - before, 0, 256 << 10);
        assert_int_equal(verdict(f).n_lines, 8000);
}

/* Names are hostile: a newline or a quote in a DN does not make a line of its own. */
static void test_hostile(void **state)
{
        Fixture *f = *state;

        add(f, noon, "CN=a\n{\"chain\":\"b\"}\",OU=\x1b[2J");
        add(f, noon, "next");
        assert_false(verdict(f).is_broken);
        assert_int_equal(verdict(f).n_lines, 2);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_chain, setup, teardown),
                cmocka_unit_test_setup_teardown(test_yesterday, setup, teardown),
                cmocka_unit_test_setup_teardown(test_days_late, setup, teardown),
                cmocka_unit_test_setup_teardown(test_far_ahead, setup, teardown),
                cmocka_unit_test_setup_teardown(test_far_ahead_torn, setup, teardown),
                cmocka_unit_test_setup_teardown(test_tampering, setup, teardown),
                cmocka_unit_test_setup_teardown(test_torn, setup, teardown),
                cmocka_unit_test_setup_teardown(test_retain, setup, teardown),
                cmocka_unit_test_setup_teardown(test_walk, setup, teardown),
                cmocka_unit_test_setup_teardown(test_large_open, setup, teardown),
                cmocka_unit_test_setup_teardown(test_long_lines, setup, teardown),
                cmocka_unit_test_setup_teardown(test_large_walk, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hostile, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
