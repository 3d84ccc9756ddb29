/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Fatal: the signals that end the process without its loop
 *
 *      a fault of ours         the marks of the queue learn of it, and the process dies of it as usual
 *      the watchdog's SIGABRT  dies of it as usual: that nothing was said for a minute is nobody's fault
 *      stop_timeout is over    ends at once
 *      told to stop twice      ends at once
 *
 * The marks are how a change that crashes the service is recognised at the next start (queue/marks.h).
 * Ending at once is exit status 0, with one line on standard error: the store is consistent at every moment,
 * and what was in work runs again at the next start.
 *
 * Main thread. A signal handler has nothing but globals: the crash flag is one, here and nowhere else.
 */

/* `flag` is queue_lmdb_crash_flag() and lives until fatal_forget(); NULL: nobody wants to know. */
void fatal_watch_crashes(_Atomic unsigned char *flag);
void fatal_forget(void);

void fatal_watch_alarm(void);       /* SIGALRM, which alarm() sends */
void fatal_watch_second_stop(void); /* SIGTERM, SIGINT; from when the loop has ended */
