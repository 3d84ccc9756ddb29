/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Visitor: who sends a request, by session, token, or a trusted proxy's word
 *
 * The loop's thread.
 */

#include "report/console/console-internal.h"

/*
 * Fills user, role, session, csrf and stranger of `q`. No user: nobody we know. A proxy's word comes first:
 * it may have signed in another person than the cookie is of, and that session ends then; also if it is a
 * person whom the configuration does not know (`stranger`), whom the cookie would make somebody else. A
 * bearer token is asked for last: no browser sends it by itself.
 */
void visitor_see(Console *c, struct evhttp_request *req, Ask *q);

/* The session that its cookie names. NULL: none. */
const char *visitor_cookie(struct evhttp_request *req, Arena *a);
/* With the answer. `seconds` 0: the browser forgets it. */
void visitor_set_cookie(Console *c, struct evhttp_request *req, Arena *a, const char *value, int64_t seconds);
