/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compare scratch: spaces of a comparison's own, for several directories
 *
 *      each object --steps--> SpaceBatch --> scratch --steps--> what the rules would export --> judged
 *
 * A person with accounts in two directories has the values of both, and who is whom is known once both are
 * imported. Where this installation has not imported all of them yet, as in its first days, a comparison does
 * it for itself: every object goes through the steps once beforehand, and what the runs leave behind is put
 * into a store in a folder of its own, which is gone with the comparison. Some kilobytes of disk an object,
 * no memory.
 *
 * What was taken is there for later reads after a flush; objects of one directory that join each other
 * between two flushes are not seen. Belongs to one thread.
 */

#include "queue/queue.h"

typedef struct CompareScratch CompareScratch;

/* In a folder below `folder`; what a killed comparison has left there is removed first. Return: 0, -errno. */
int compare_scratch_new(CompareScratch **ret_scratch, const char *folder, const Clock *clock, Diag *diag);
CompareScratch *compare_scratch_free(CompareScratch *s);

Space *compare_scratch_space(CompareScratch *s);

/* Copied, and written with others. Return: 0, -errno. */
int compare_scratch_take(CompareScratch *s, const SpaceBatch *batch);
int compare_scratch_flush(CompareScratch *s);

DEFINE_CLEANUP(CompareScratch, compare_scratch_free)
