/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/heap.h"

#include <malloc.h>
#include <stddef.h>

/* mallopt(3): whoever sets a threshold also ends that it moves by itself. */
void heap_setup(void)
{
        mallopt(M_ARENA_MAX, HEAP_N_MAX);
        mallopt(M_MMAP_THRESHOLD, (int)HEAP_KEEP_MAX);
        mallopt(M_TRIM_THRESHOLD, (int)HEAP_KEEP_MAX);
}

void heap_trim(void)
{
        malloc_trim(HEAP_KEEP_MAX);
}
