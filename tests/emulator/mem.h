/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Memory: allocation that cannot fail, and cleanup attributes
 *
 * The emulator is a test program: when the machine is out of memory it aborts. Every size that comes from
 * outside is bounded where it enters (server.c), so nothing a client sends can bring that about.
 */

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define _cleanup_(f) __attribute__((cleanup(f)))

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static inline void *mem_need(void *p)
{
        if (!p)
                abort();
        return p;
}

static inline void *mem_zero(size_t n, size_t size)
{
        return mem_need(calloc(n ? n : 1, size));
}

static inline void *mem_grow(void *p, size_t n, size_t size)
{
        return mem_need(reallocarray(p, n ? n : 1, size));
}

static inline char *mem_text(const char *s)
{
        return mem_need(strdup(s));
}

static inline char *mem_part(const char *s, size_t n)
{
        return mem_need(strndup(s, n));
}

static inline void mem_freep(void *p)
{
        free(*(void **)p);
}

static inline void mem_json_freep(json_t **p)
{
        json_decref(*p);
}
