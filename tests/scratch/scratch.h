/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Scratch folders: gone when the test is, however it ended
 *
 *      test ----first folder----> /dev/shm/sosync-scratch-XXXXXX/contract-XXXXXX
 *        '------------------fork--> keeper: waits for the end of the test, removes all of it
 *
 * The keeper is in a session of its own and holds nothing open, so whoever kills the test and its process
 * group, or waits for its output, is not in its way. Children of the test share its folders. Call it from one
 * thread.
 */

/* A new folder, with `kind` in its name. NULL and errno; free() it. */
char *scratch_folder(const char *kind);

/* With all that is in it, now. */
void scratch_remove(const char *folder);
