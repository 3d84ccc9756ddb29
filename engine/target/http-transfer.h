/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* One request as libcurl sees it; private to http*.c. Everything here runs on the thread that drives Http. */

#include "engine/target/http.h"

/* Prepare request->curl (a fresh or used easy handle) for this request. */
void http_transfer_prepare(HttpRequest *request, const HttpOptions *options, Mono now);

/* Translate libcurl's code into the end of the request: the only place where CURLcode means anything. */
void http_transfer_translate(HttpRequest *request, CURLcode code);
