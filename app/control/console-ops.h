/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the console asks of the service beyond reports, queue and rules (report/console/console.h). */

#include "app/control/monitor.h"
#include "report/console/console.h"

/* The context of console_ops. */
typedef struct ConsoleService {
        Wiring *wiring;
        Monitor *monitor;
        Log log;
} ConsoleService;

extern const ConsoleOps console_ops;

/* Start the console if the configuration has one. Return: 0 (NULL: none), -errno with the diag. */
int console_start(Console **ret_console, ConsoleService *service, Diag *diag);
