/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the tests of this folder share: cmocka, a folder that goes away, and packed outcomes. */

#include "report/fixture.h"
#include "report/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

char *test_folder(void); /* the caller's: test_folder_done */
void test_folder_done(char *folder);
char *test_path(const char *folder, const char *name);        /* in a static buffer */
int64_t test_file_size(const char *folder, const char *name); /* -1: none */

/* 2026-11-22 00:00 UTC, and the name of its log. */
#define TEST_DAY_MS 1795305600000LL
#define TEST_DAY    20779
#define TEST_LOG    "2026-11-22.log"

/* An update whose run id, name and time come from its number. */
void test_outcome(Arena *a, Outcome *o, unsigned number, int64_t finished_ms);
void test_pack(Arena *a, const Outcome *o, const void **ret_data, size_t *ret_n);
const char *test_run_id(unsigned number, char *buf);

/* Add one, or a row of them in one batch, `step` ms apart; asserts that it went well. */
void test_add(ReportStore *s, unsigned number, int64_t finished_ms);
void test_add_range(ReportStore *s, unsigned first, unsigned n, int64_t finished_ms, int64_t step);

/* How many fit the filter; NULL: all. */
size_t test_count(ReportStore *s, const ReportFilter *filter);
