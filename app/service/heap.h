/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Heap: how much memory malloc may keep that nobody uses
 *
 * glibc gives threads heaps of their own, up to eight for each processor, and each keeps the top of what it
 * has ever had: with 40 threads, most of what the process had was that. How much a heap may keep it decides
 * by itself: twice the largest block that was ever freed, which after one large answer is tens of megabytes,
 * for each. Both are said here instead, and what lies unused in between is given back from time to time, so
 * that the memory of a service that runs for years is that of its work. Two heaps are enough: what is small
 * comes from a cache of each thread, without a lock.
 *
 * Under a sanitizer, which has a malloc of its own, it changes nothing.
 */

#define HEAP_N_MAX    2
#define HEAP_KEEP_MAX ((size_t)1 << 20) /* of each; larger blocks are mappings of their own */
#define HEAP_TRIM_S   600

/* Before the first thread. */
void heap_setup(void);

/* Give back what lies unused between blocks in use; every HEAP_TRIM_S. It takes a millisecond or two. */
void heap_trim(void);
