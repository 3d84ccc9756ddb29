/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Test config fixture: read a text by the table of test-config.h, and compare all findings
 */

#include "base/test-config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct Fixture {
        Arena *a;
        TestConfig c;
        const ConfigDoc *doc;
        Diag diag;
} Fixture;

static inline int fixture_setup(void **state)
{
        Fixture *f = calloc(1, sizeof(*f));

        f->a = arena_new(0);
        *state = f;
        return 0;
}

static inline int fixture_teardown(void **state)
{
        Fixture *f = *state;

        diag_deinit(&f->diag);
        arena_free(f->a);
        free(f);
        return 0;
}

static inline int read_text(Fixture *f, const char *text)
{
        memset(&f->c, 0, sizeof(f->c));
        diag_clear(&f->diag);
        return config_read_text("t.yaml", text, strlen(text), test_fields, &test_hooks, f->a, &f->c, &f->doc,
                                &f->diag);
}

static inline void assert_good(Fixture *f, const char *text)
{
        int r = read_text(f, text);

        if (r)
                fail_msg("%d: %s", r, diag_text(&f->diag));
        assert_false(diag_any(&f->diag));
}

/* All findings, in order, each without "t.yaml:". */
static inline void assert_findings(Fixture *f, const char *text, size_t n, const char *const *expected)
{
        assert_int_equal(read_text(f, text), CONFIG_E_INVALID);
        for (size_t i = 0; i < f->diag.n_items && i < n; i++) {
                assert_true(str_starts(f->diag.items[i].text, "t.yaml:"));
                assert_string_equal(f->diag.items[i].text + 7, expected[i]);
        }
        if (f->diag.n_items > n)
                fail_msg("one too many: %s", f->diag.items[n].text);
        assert_int_equal(f->diag.n_items, n);
}

#define FINDINGS(f, text, ...)                                                      \
        assert_findings((f), (text), N_ELEMENTS(((const char *[]){ __VA_ARGS__ })), \
                        (const char *[]){ __VA_ARGS__ })

#define FIXTURE_TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)
