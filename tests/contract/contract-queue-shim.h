/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Shim: the writes of LMDB, counted and made to fail
 *
 * pwrite, writev and fdatasync are defined here and so replace libc's for this program and for liblmdb.
 * Unarmed they do what they always do.
 *
 *      KILL    the process dies by SIGKILL before the n-th call
 *      TEAR    half of the n-th call is written, then the same
 *      CUT     the power goes before the n-th call: of what was written since the last flush, each write is
 *              on disk or not, by chance
 *      ERROR   the n-th call, and those behind it until shim_arm(SHIM_NONE), fail with an errno
 */

typedef enum ShimVerb {
        SHIM_NONE,
        SHIM_KILL,
        SHIM_TEAR,
        SHIM_CUT,
        SHIM_ERROR,
} ShimVerb;

/* `at` counts from 1. `value`: the errno of SHIM_ERROR, the seed of SHIM_CUT. */
void shim_arm(ShimVerb verb, unsigned at, unsigned value);
unsigned shim_calls(void); /* since it was armed */
