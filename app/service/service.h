/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Service: `sosync run`
 *
 *      feed threads -queue--> workers --outcome rows--> reporter
 *           ^                   |
 *      directory              Graph           main: signals, readiness, ticks    control: commands
 *
 * Stop (SIGTERM, SIGINT): feeds stop, workers finish what they have or give up the lease, the queue closes,
 * the reporter flushes. A second signal, or stop_timeout, ends the wait: what was in work is READY at the
 * next start. Reload (SIGHUP): a new configuration is loaded and checked whole; only then is it swapped in.
 * Readiness: one log line "ready", and sd_notify, as soon as changes are accepted and worked on; the
 * directory or Graph may be away, that is a circuit's business.
 */

#include "base/diag.h"

/* Runs until it is told to stop. `record`: a new file for what the feeds say, or NULL (listener/recording.h).
 * Return: exit status (sosync(1)). */
int service_run(const char *config_path, const char *record);
