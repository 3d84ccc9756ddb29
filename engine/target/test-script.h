/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Script: the other side of target-graph, without a network
 *
 * A transport that answers at once, from a list of steps or by a function of the test, and keeps what was
 * asked. Sign-in is answered by itself.
 */

#include "engine/target/graph-internal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

typedef struct Script Script;
typedef struct ScriptRequest ScriptRequest;
typedef struct ScriptStep ScriptStep;

struct ScriptStep {
        const char *method;
        const char *url; /* behind the base; ends with '*': the beginning is enough */
        int status;      /* 0: see end */
        const char *body;
        const char *content_type; /* NULL: JSON */
        const char *retry_after, *scope, *percentage, *unit;
        HttpEnd end; /* with status 0, or HTTP_CUT */
        bool unsent; /* with status 0 */
};

struct ScriptRequest {
        const char *method, *url, *body;
        const char *headers[HTTP_HEADERS_MAX];
        size_t n_headers;
};

#define SCRIPT_REQUESTS_MAX 256
#define SCRIPT_BASE         "https://graph.test/v1.0"

struct Script {
        Http http;
        Arena *arena;
        ClockFake clock;
        GraphOptions options;
        GraphCredential credential;
        char secret_file[64];
        Target *target;
        Call call;
        Diag diag;

        const ScriptStep *steps;
        size_t n_steps, at;
        void (*answer)(Script *s, HttpRequest *r, const ScriptRequest *kept); /* instead of steps */
        size_t n_tokens;                                                      /* sign-ins so far */
        int64_t token_life_s;
        ScriptRequest requests[SCRIPT_REQUESTS_MAX]; /* without sign-ins */
        size_t n_requests;
};

int script_setup(void **state);
int script_teardown(void **state);

/* From here on these steps are expected, all of them, in order. */
void script_steps(Script *s, const ScriptStep *steps, size_t n);
void script_done(Script *s);
void script_reply(HttpRequest *r, int status, const char *body);

Call *script_call(Script *s);
json_t *script_body(const ScriptRequest *r); /* parsed; the caller's */
const char *script_header(const ScriptRequest *r, const char *name);

#define SCRIPT(s, ...)                                         \
        script_steps((s), (const ScriptStep[]){ __VA_ARGS__ }, \
                     sizeof((const ScriptStep[]){ __VA_ARGS__ }) / sizeof(ScriptStep))
