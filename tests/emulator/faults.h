/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Faults: rules that make requests go wrong
 *
 *      {"method":"PATCH","path":"/v1.0/users/<glob>","nth":3,"probability":0.5,"count":10,"action":{...}}
 *
 * Rules are tried in order; the first that matches and fires is the fault of the request. The path is a glob
 * over the path without its query (an asterisk also spans slashes). `nth` lets only the n-th matching request
 * through to the action, `after` spares the first n, `count` ends the rule after so many.
 *
 * Actions (several may be combined where that makes sense):
 *
 *      status, code, message, retry_after, body, content_type   answer this; the request has no effect ...
 *      effect: true                                             ... unless this is set: it has, untold
 *      reset: "before" | "after"                                close the connection instead of an answer
 *      delay_ms                                                 answer later; in a $batch: all of it
 *      truncate: N                                              the real answer, cut after N bytes
 *      drip_ms                                                  the real answer, in slices this far apart
 *      html | garbage                                           200 with something that is not JSON
 *      content_type                                             the real answer under another type
 *      date_skew_s                                              a Date header that is wrong by so much
 */

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "answer.h"
#include "call.h"
#include "random.h"

typedef enum ResetKind ResetKind;
typedef struct Fault Fault;
typedef struct Faults Faults;

enum ResetKind {
        RESET_NONE,
        RESET_BEFORE,
        RESET_AFTER,
};

struct Fault {
        json_t *rule; /* as posted */
        char *method; /* NULL: any */
        char *path;   /* glob; NULL: any */
        uint64_t nth;
        uint64_t after;
        uint64_t count; /* 0: no end */
        double probability;
        uint64_t n_matched;
        uint64_t n_fired;

        /* action */
        int status; /* 0: the real one */
        bool effect;
        ResetKind reset;
        int64_t delay_ms;
        int64_t truncate; /* -1: no */
        int64_t drip_ms;
        int64_t date_skew_s;
        bool html;
        bool garbage;
        char *content_type;
        char *body;
        char *code;
        char *message;
        char *retry_after; /* header value; NULL: none. "date:N" becomes a date N seconds ahead */
        double wait_s;     /* what retry_after means, for the hold */
};

struct Faults {
        Fault *rules;
        size_t n;
        Random random;
};

void faults_reset(Faults *faults);

/* {"rules":[...],"seed":1}: adds to what is there. False: nothing was added, *ret_error (a literal) says why.
 */
bool faults_load(Faults *faults, const json_t *document, const char **ret_error);
void faults_write(const Faults *faults, Text *t);

/* The fault of this request, or NULL. Valid until the next load or reset. */
const Fault *faults_match(Faults *faults, const char *method, const char *target);

/* Does the request go on to its handler? */
bool fault_has_effect(const Fault *fault);

/* Puts the fault's answer in the place of the real one. Waits, cuts and resets are left to the server. */
void fault_apply(const Fault *fault, const Call *call, Answer *answer);
