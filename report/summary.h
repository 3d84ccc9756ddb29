/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Summary: an outcome as JSON, with exactly the names of Graph's provisioningObjectSummary
 *
 * Times ISO 8601 UTC; enum values as Graph writes them; empty ids are "" and absent objects null, as in
 * Graph's own samples. What Graph has no name for (times per step, attribute info, server, lane) is under
 * `details`, which is an open type there.
 */

#include "engine/model/outcome.h"

#include <jansson.h>

json_t *summary_json(const Outcome *o); /* new reference; never NULL */

/* One document, indented for people, or on one line (sosync sync of several objects: one JSON a line). */
char *summary_text(const Outcome *o, bool one_line); /* free */
