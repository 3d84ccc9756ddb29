/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/error.h"

#include <stdalign.h>
#include <string.h>

/* Most runs need a few kB: one block. Blocks double, so that a big run needs few of them. */
#define BLOCK_FIRST ((size_t)4 << 10)
#define BLOCK_MAX   ((size_t)256 << 10)

typedef struct Block Block;

struct Block {
        Block *next;
        size_t size;
        size_t used;
        alignas(max_align_t) unsigned char data[];
};

struct Arena {
        Block *head; /* where small allocations come from */
        size_t next_size;
        size_t limit;
        size_t used;
        bool full;
};

static size_t align_up(size_t size)
{
        const size_t mask = alignof(max_align_t) - 1;

        if (size > SIZE_MAX - mask)
                error_oom(size);
        return (size + mask) & ~mask;
}

static Block *block_new(size_t size)
{
        Block *b;

        if (size > SIZE_MAX - sizeof(*b))
                error_oom(size);
        b = malloc(sizeof(*b) + size);
        if (!b)
                error_oom(size);
        b->next = NULL;
        b->size = size;
        b->used = 0;
        return b;
}

/**
 * arena_new() - make an empty arena
 * @limit: bytes after which arena_full() answers true; 0: never
 */
Arena *arena_new(size_t limit)
{
        Arena *a = calloc(1, sizeof(*a));

        if (!a)
                error_oom(sizeof(*a));
        a->limit = limit;
        a->next_size = BLOCK_FIRST;
        return a;
}

/**
 * arena_reset() - let go of everything that came from the arena
 *
 * The blocks go back to malloc instead of being kept: it costs little, and a sanitizer then reports whoever
 * still holds a pointer.
 */
void arena_reset(Arena *a)
{
        while (a->head) {
                Block *b = a->head;

                a->head = b->next;
                free(b);
        }
        a->next_size = BLOCK_FIRST;
        a->used = 0;
        a->full = false;
}

Arena *arena_free(Arena *a)
{
        if (a) {
                arena_reset(a);
                free(a);
        }
        return NULL;
}

/**
 * arena_alloc() - memory until the next reset
 *
 * Return: never NULL; a size of 0 gives a pointer that may not be read.
 */
void *arena_alloc(Arena *a, size_t size)
{
        size_t need = align_up(size ? size : 1);
        Block *b = a->head;
        void *p;

        /* The sum saturates: an arena that has reached the limit stays full. */
        a->used = need > SIZE_MAX - a->used ? SIZE_MAX : a->used + need;
        if (a->limit && a->used > a->limit)
                a->full = true;

        if (!b || b->size - b->used < need) {
                if (need > a->next_size / 2) {
                        /* A large piece gets its own block behind the head, whose rest stays in use. */
                        b = block_new(need);
                        if (a->head) {
                                b->next = a->head->next;
                                a->head->next = b;
                        } else {
                                a->head = b;
                        }
                } else {
                        b = block_new(a->next_size);
                        b->next = a->head;
                        a->head = b;
                        if (a->next_size < BLOCK_MAX)
                                a->next_size *= 2;
                }
        }
        p = b->data + b->used;
        b->used += need;
        return p;
}

void *arena_alloc0(Arena *a, size_t n, size_t size)
{
        size_t total;
        void *p;

        if (__builtin_mul_overflow(n, size, &total))
                error_oom(SIZE_MAX);
        p = arena_alloc(a, total);
        memset(p, 0, total);
        return p;
}

void *arena_memdup(Arena *a, const void *data, size_t size)
{
        void *p = arena_alloc(a, size);

        if (size)
                memcpy(p, data, size);
        return p;
}

char *arena_strdup(Arena *a, const char *s)
{
        return s ? arena_memdup(a, s, strlen(s) + 1) : NULL;
}

/**
 * arena_strndup() - copy at most @n bytes of a text, less if it ends before
 */
char *arena_strndup(Arena *a, const char *s, size_t n)
{
        size_t len;
        char *p;

        if (!s)
                return NULL;
        len = strnlen(s, n);
        p = arena_alloc(a, len + 1);
        memcpy(p, s, len);
        p[len] = '\0';
        return p;
}

char *arena_vprintf(Arena *a, const char *format, va_list ap)
{
        va_list again;
        int n;
        char *p;

        va_copy(again, ap);
        n = vsnprintf(NULL, 0, format, again);
        va_end(again);
        if (n < 0)
                return arena_strdup(a, "");
        p = arena_alloc(a, (size_t)n + 1);
        vsnprintf(p, (size_t)n + 1, format, ap);
        return p;
}

char *arena_printf(Arena *a, const char *format, ...)
{
        va_list ap;
        char *p;

        va_start(ap, format);
        p = arena_vprintf(a, format, ap);
        va_end(ap);
        return p;
}

/**
 * arena_used() - bytes handed out since the last reset, rounding included
 */
size_t arena_used(const Arena *a)
{
        return a->used;
}

bool arena_full(const Arena *a)
{
        return a->full;
}
