/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compare last: what the latest whole comparison has found, kept for `sosync promote` and for the steps
 *
 * One memo in the state (compare.last): the numbers as JSON. One of a newer program, or a damaged one, is
 * none: the next comparison writes it anew. Any thread.
 */

#include "queue/queue.h"

#include <jansson.h>

/* The numbers of a comparison (app/job/compare.c), the caller's; NULL: there was none. */
json_t *compare_last_read(Space *s);

/* Durable when it returns. Return: 0, -errno. */
int compare_last_write(Queue *q, const json_t *numbers, Wall now);

/* The attribute that the anchors of the tenant were made of, where the rules make others; NULL: they fit. A
 * literal. */
const char *compare_last_anchor(Space *s);
const char *compare_anchor_literal(const char *name); /* NULL: no attribute that anchors are made of */
