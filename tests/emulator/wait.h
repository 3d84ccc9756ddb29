/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Wait: journal requests that are answered when enough records have come
 *
 * GET /_emulator/journal?after=N&min=K&wait_ms=T spares a test its sleep. Each waiting request looks at each
 * record once.
 */

#include <event2/event.h>
#include <event2/http.h>

#include "admin.h"

typedef struct Wait Wait;

/* Answers at once when there is nothing to wait for. */
void wait_start(Wait **list, struct event_base *base, const Journal *journal, struct evhttp_request *request,
                const AdminWait *wanted);

/* After records have been added */
void wait_look(Wait **list);
void wait_drop_all(Wait **list);
