/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Thread: begun with a name, which an operator sees in `top -H`, in a core and in gdb
 *
 *      r = thread_start(&w->thread, work, w, "worker %zu", i + 1);
 *
 * The name tells of what the thread is for, and of which of several; what is longer than THREAD_NAME_MAX is
 * cut. pthread_join() ends it.
 */

#include <pthread.h>

#define THREAD_NAME_MAX 16 /* with its NUL: what Linux keeps (prctl(2), PR_SET_NAME) */

/* Return: 0, -errno. */
int thread_start(pthread_t *ret_thread, void *(*fn)(void *context), void *context, const char *name, ...)
        __attribute__((format(printf, 4, 5)));
