/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mortal: a queue whose process can die between the work and its acknowledgement
 *
 * While *dying is set, ack, retry and park say that all went well, and store nothing: what is on disk is what
 * a process leaves that was killed on that line. While *full is set, they are refused: the disk is full.
 * While *shut is set, no put of changes is taken. While
 * *unreadable is set, a run that reads a row of the spaces gets an error of the disk.
 */

#include "queue/queue.h"

/* Owns `next`. The flags outlive it. */
Queue *mortal_new(Queue *next, const bool *dying, const bool *full, const bool *shut, const bool *unreadable);
