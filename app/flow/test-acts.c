/* SPDX-License-Identifier: Apache-2.0 */

/* Acts: writes while the disk is full. What a line looks like and how lines are chained: report/test-audit.c.
 */

#include "app/flow/acts.h"

#include "base/str.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

typedef struct Fixture {
        char folder[64];
        Config config;
        ClockFake clock;
        Log log;
        Acts acts;
} Fixture;

static int setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        *state = f;
        snprintf(f->folder, sizeof(f->folder), "/tmp/sosync-test-acts-XXXXXX");
        if (!mkdtemp(f->folder))
                return -1;
        f->config.audit.path = f->folder;
        clock_fake_init(&f->clock, (Mono){ 1 }, (Wall){ 1795348800000 });
        return acts_open(&f->acts, &f->config, &f->clock.clock, &f->log, NULL);
}

static int teardown(void **state)
{
        Fixture *f = *state;
        char command[128];

        acts_close(&f->acts);
        snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
        if (system(command))
                return -1;
        free(f);
        return 0;
}

/* No file may grow: what a full disk says, but for the errno. */
static void fill_disk(bool full)
{
        struct rlimit limit;

        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
        limit.rlim_cur = full ? 0 : limit.rlim_max;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The reporter brings the rows again and again until they are on disk: each is one line. */
static void test_full_disk(void **state)
{
        Fixture *f = *state;
        Outcome o = { .sent = { 1795348800000 }, .finished = { 1795348800000 } };
        AuditVerdict v;
        int r = 0;

        fill_disk(true);
        for (int i = 0; i < 100 && r == 0; i++) {
                acts_write(&f->acts, 7, &o);
                acts_write(&f->acts, 8, &o);
                r = acts_flush(&f->acts) == AUDIT_E_FULL ? 0 : -1;
        }
        fill_disk(false);
        assert_int_equal(r, 0);
        acts_write(&f->acts, 7, &o);
        acts_write(&f->acts, 8, &o);
        acts_write(&f->acts, 9, &o);
        assert_int_equal(acts_flush(&f->acts), 0);
        assert_int_equal(audit_verify(f->folder, &v, NULL), 0);
        assert_false(v.is_broken);
        assert_int_equal(v.n_lines, 3);
}

/* A directory's name that is no UTF-8 is in the log, as near as JSON can say it. */
static void test_hostile_name(void **state)
{
        Fixture *f = *state;
        Outcome o = { .sent = { 1795348800000 }, .finished = { 1795348800000 } };
        char *text = NULL, path[128];
        size_t n;

        o.source.dn = "CN=\xed\xa0\x80"
                      "x\xff,DC=corp";
        acts_write(&f->acts, 7, &o);
        assert_int_equal(acts_flush(&f->acts), 0);
        snprintf(path, sizeof(path), "%s/2026-11-22.jsonl", f->folder);
        assert_int_equal(str_read_file(path, 100000, &text, &n), 0);
        assert_non_null(strstr(text, "\"dn\":\"CN=\\uFFFD"));
        free(text);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
                cmocka_unit_test_setup_teardown(test_hostile_name, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
