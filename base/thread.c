/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Beginning {
        void *(*fn)(void *context);
        void *context;
        char name[THREAD_NAME_MAX];
} Beginning;

/* It names itself: of a process that cannot be dumped, nobody but root may write the name of another thread.
 */
static void *begin(void *context)
{
        Beginning b = *(Beginning *)context;

        free(context);
        pthread_setname_np(pthread_self(), b.name);
        return b.fn(b.context);
}

int thread_start(pthread_t *ret_thread, void *(*fn)(void *context), void *context, const char *name, ...)
{
        Beginning *b = calloc(1, sizeof(*b));
        va_list arguments;
        int r;

        if (!b)
                error_oom(sizeof(*b));
        b->fn = fn;
        b->context = context;
        va_start(arguments, name);
        vsnprintf(b->name, sizeof(b->name), name, arguments);
        va_end(arguments);
        r = pthread_create(ret_thread, NULL, begin, b);
        if (r)
                free(b);
        return r ? error_origin(-r) : 0;
}
