/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mortal: a queue whose process can die between the work and its acknowledgement
 *
 * While *dying is set, ack, retry and park say that all went well, and store nothing: what is on disk is what
 * a process leaves that was killed on that line. While *full is set, they are refused: the disk is full.
 * While *shut is set, no put of changes is taken. While
 * *unreadable is set, a run that reads a row of the spaces gets an error of the disk. A run that asks whether
 * something newer waits for it is a moment at which something may happen: `meanwhile` is called first.
 */

#include "queue/queue.h"

typedef struct MortalFlags {
        const bool *dying, *full, *shut, *unreadable;
        void (*meanwhile)(void *context);
        void *context;
} MortalFlags;

/* Owns `next`. What the flags point to outlives it. */
Queue *mortal_new(Queue *next, const MortalFlags *flags);
