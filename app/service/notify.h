/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Notify: readiness and watchdog for the service manager (sd_notify). Without libsystemd these do nothing:
 * notify-none.c. */

void notify_ready(void);
void notify_stopping(void);
void notify_watchdog(void);
