/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cleanup: an owner that lets go by itself at the end of its scope
 *
 *      _cleanup_(queue_freep) Queue *q = NULL;
 *      ...
 *      *ret_queue = TAKE(q);        the owner is now the caller
 *      return 0;
 *
 * Every destructor x_free() takes NULL and half-built objects and returns NULL, so that
 * DEFINE_CLEANUP(Queue, queue_free) can make queue_freep() of it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((__cleanup__(f)))

#define DEFINE_CLEANUP(type, func)                                       \
        static inline __attribute__((__unused__)) void func##p(type **p) \
        {                                                                \
                if (*p)                                                  \
                        *p = func(*p);                                   \
        }

/* Take the pointer out of its owner. */
#define TAKE(p)                                   \
        __extension__({                           \
                __typeof__(p) *take_p_ = &(p);    \
                __typeof__(p) take_v_ = *take_p_; \
                *take_p_ = NULL;                  \
                take_v_;                          \
        })

/* The same for a file descriptor, whose nothing is -1. */
#define TAKE_FD(fd)                     \
        __extension__({                 \
                int *take_p_ = &(fd);   \
                int take_v_ = *take_p_; \
                *take_p_ = -1;          \
                take_v_;                \
        })

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

static inline void cleanup_free(void *p)
{
        free(*(void **)p);
}

static inline void cleanup_fclose(FILE **f)
{
        if (*f)
                fclose(*f);
}

static inline void cleanup_close(int *fd)
{
        if (*fd >= 0)
                close(*fd);
}
