/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protect: what every command does before it reads a secret
 *
 * No core file and no /proc/PID/mem for others of the same user (PR_SET_DUMPABLE, prctl(2); RLIMIT_CORE,
 * core(5)): a process of this program holds credentials that can write to a whole tenant. Files it makes are
 * nobody else's but the group's to read. (No core file: not in a build with a sanitizer, which looks into the
 * process itself.)
 *
 * And where standard input, output or error is closed, it is taken: the first file that is opened would get
 * its number, and the store would have the log's lines in it. What is written there fails, as it did.
 */

void protect_process(void);
