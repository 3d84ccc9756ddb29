/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Later: answers that are not due yet, come in slices, or end in a reset
 *
 * An answer on its way belongs to the list until it has left. The client may go away meanwhile: evhttp then
 * lets go of the request (it has no connection any more) and leaves it to us to free.
 */

#include <event2/event.h>
#include <event2/http.h>
#include <stdint.h>

#include "faults.h"
#include "text.h"

typedef struct Later Later;

/* Headers are in the request already. fault may be NULL; it need not outlive the call. */
void later_send(Later **list, struct event_base *base, struct evhttp_request *request, int status,
                const Text *body, int64_t delay_ms, const Fault *fault);
void later_drop_all(Later **list);

/* The words behind a status */
const char *later_reason(int status);
