/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Arena: memory that dies together
 *
 * A run (one change through the ten steps) and a loaded configuration each have one. What comes from an arena
 * is never freed alone. Allocation never returns NULL: out of memory aborts the process, and the change is
 * delivered again after the restart. Blocks come from malloc and go back on reset, so that a sanitizer sees
 * any use after the end of a run.
 *
 * The limit guards against input that never ends: an allocation beyond it aborts nothing, but sets `full`
 * and is still served; whoever reads bytes from outside asks arena_full() at its border and gives up there.
 *
 * An arena belongs to one thread at a time.
 */

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Arena Arena;

/* 256 MiB a run: an entry may have 64 MiB, and everything derived from it must fit too. */
#define ARENA_LIMIT_RUN ((size_t)256 << 20)

Arena *arena_new(size_t limit); /* 0: no limit */
Arena *arena_free(Arena *a);
void arena_reset(Arena *a);

void *arena_alloc(Arena *a, size_t size);            /* aligned for any type, not cleared */
void *arena_alloc0(Arena *a, size_t n, size_t size); /* n * size, overflow aborts */
void *arena_memdup(Arena *a, const void *data, size_t size);
char *arena_strdup(Arena *a, const char *s); /* NULL gives NULL */
char *arena_strndup(Arena *a, const char *s, size_t n);
char *arena_printf(Arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(Arena *a, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));

size_t arena_used(const Arena *a);
bool arena_full(const Arena *a);

#define arena_new_of(a, type)       ((type *)arena_alloc0((a), 1, sizeof(type)))
#define arena_new_array(a, type, n) ((type *)arena_alloc0((a), (n), sizeof(type)))

DEFINE_CLEANUP(Arena, arena_free)
