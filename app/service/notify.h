/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Notify: readiness and watchdog for the service manager (sd_notify). Without libsystemd these do nothing:
 * notify-none.c.
 *
 * notify_beat() is said each second by a main loop that turns: ready, it feeds the watchdog; not yet, it asks
 * for another minute, for a first catch-up takes longer than any TimeoutStartSec= that somebody has guessed.
 * And a stop may take as long as stop_timeout says, whatever TimeoutStopSec= does.
 */

#include <stdbool.h>
#include <stdint.h>

void notify_ready(void);
void notify_beat(bool ready);
void notify_stopping(int64_t us); /* it takes so long at most */
