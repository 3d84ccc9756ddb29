/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * State: the durable queue and spaces that the configuration names, opened
 *
 * The one place that knows which backends there are.
 */

#include "app/config/config.h"
#include "queue/queue.h"

/*
 * Root goes on as the owner of the folder (app/flow/owner.h).
 * Return: 0, QUEUE_E_GONE (another process has the folder), QUEUE_E_STALE, QUEUE_E_EMPTY (no server of a
 * cluster answers), -errno; the diag says what and where.
 */
int state_open(Queue **ret_queue, const Config *c, Wall now, Diag *diag);
int state_exit_status(int r); /* of a command that could not open it */
