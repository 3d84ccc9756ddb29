/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/heap.h"

#include "base/cleanup.h"
#include "base/error.h"

#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define THREADS 40
#define BLOCKS  200
#define SIZE    ((size_t)20000)
#define LARGE   ((size_t)20 << 20)

/* All threads at once have what they need, then nobody has anything. */
static void *work(void *context)
{
        pthread_barrier_t *all = context;
        void *blocks[BLOCKS];

        for (size_t i = 0; i < BLOCKS; i++) {
                blocks[i] = malloc(SIZE);
                if (!blocks[i])
                        error_oom(SIZE);
                memset(blocks[i], 1, SIZE);
        }
        pthread_barrier_wait(all); /* everybody has it */
        pthread_barrier_wait(all); /* and it has been looked at */
        for (size_t i = BLOCKS; i > 0; i--)
                free(blocks[i - 1]);
        pthread_barrier_wait(all); /* nobody has any */
        pthread_barrier_wait(all); /* and that has been looked at: the threads live until here */
        return NULL;
}

static size_t n_heaps(void)
{
        size_t n = 0, size = 0;
        char *text = NULL;
        FILE *f = open_memstream(&text, &size);

        assert_int_equal(malloc_info(0, f), 0);
        fclose(f);
        for (const char *at = text; (at = strstr(at, "<heap nr=")); at++)
                n++;
        free(text);
        return n;
}

/* Memory that is no file's (proc(5)). */
static size_t anonymous(void)
{
        _cleanup_(cleanup_fclose) FILE *f = fopen("/proc/self/status", "re");
        char line[256];
        size_t kib = 0;

        while (f && fgets(line, sizeof(line), f))
                sscanf(line, "RssAnon: %zu", &kib);
        return kib << 10;
}

static void test_keeps_little(void **state)
{
        pthread_t threads[THREADS];
        pthread_barrier_t all;
        size_t before;
        bool is_glibc;
        void *large;

        (void)state;
        heap_setup();
        large = malloc(LARGE);
        is_glibc = large && mallinfo2().hblkhd >= LARGE;
        free(large); /* after which glibc by itself would keep twice as much in each heap */
        if (!is_glibc)
                skip(); /* a sanitizer's own malloc */
        before = anonymous();
        pthread_barrier_init(&all, NULL, THREADS + 1);
        for (size_t i = 0; i < THREADS; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, work, &all), 0);
        pthread_barrier_wait(&all);
        assert_true(anonymous() > before + THREADS * BLOCKS * SIZE);
        assert_in_range(n_heaps(), 1, HEAP_N_MAX);
        pthread_barrier_wait(&all);
        pthread_barrier_wait(&all);
        heap_trim();
        /* Of 160 MB what the heaps may keep, and a stack and a cache for each thread. */
        assert_in_range(anonymous(), 0, before + HEAP_N_MAX * HEAP_KEEP_MAX + ((size_t)4 << 20));
        pthread_barrier_wait(&all);
        for (size_t i = 0; i < THREADS; i++)
                pthread_join(threads[i], NULL);
        pthread_barrier_destroy(&all);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_keeps_little) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
