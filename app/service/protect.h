/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Protect: what every command does before it reads a secret
 *
 * No core file and no /proc/PID/mem for others of the same user (PR_SET_DUMPABLE, prctl(2); RLIMIT_CORE,
 * core(5)): a process of this program holds credentials that can write to a whole tenant. Files it makes are
 * nobody else's but the group's to read.
 *
 * Not in a build with a sanitizer: those look into the process themselves.
 */

void protect_process(void);
