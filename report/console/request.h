/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Request: what one must be before it is asked who sent it
 *
 * Everything in it is of whoever reached the port, until it is compared with the configuration. What is
 * returned points into the request. The loop's thread.
 */

#include "report/console/console-internal.h"

/* NULL: it has none of this name. */
const char *request_header(struct evhttp_request *req, const char *name);
size_t request_n_headers(struct evhttp_request *req, const char *name);

/* What is wrong with it, in words for who sent it; NULL: nothing. */
const char *request_what_is_wrong(const Console *c, struct evhttp_request *req);

/* Does this act come from a page of ours? Programs say neither Origin nor Sec-Fetch-Site; they have a token.
 */
bool request_is_of_ours(const Console *c, struct evhttp_request *req);

/* Its path below `console.path`, whether a proxy has cut that off or not. */
const char *request_path(const Console *c, struct evhttp_request *req);

/* The fields of its body. False: it is no form. */
bool request_read_form(struct evhttp_request *req, Ask *q);
