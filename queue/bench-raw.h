/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * BenchRaw: LMDB alone, as the baseline of bench-queue.c, and what both need
 */

#include "base/clock.h"
#include "engine/model/value.h"

extern const Wall bench_start;

_Noreturn void bench_give_up(const char *what, int r);
double bench_seconds(Mono from); /* since */
char *bench_folder_new(void);
void bench_folder_remove(char *path); /* with its files, and frees the path */
ObjectId bench_id_of(size_t n);       /* random to the order of a B-tree */

/* Puts, and the ends of what was put, of n changes; `batch` of them in each commit. Return: changes a second.
 */
double bench_raw(size_t n, size_t batch);
