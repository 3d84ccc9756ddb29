/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Answer: what goes back, and what the journal notes about it
 *
 * A handler either fills `body` and a status, or calls answer_error(). answer_finish() turns an error into
 * Graph's shape, with the request's ids and date:
 *
 *      {"error":{"code","message","details":[{"code","message","target"}]?,
 *                "innerError":{"date","request-id","client-request-id"}}}
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

typedef struct Answer Answer;
typedef struct Call Call;
typedef struct Header Header;

#define ANSWER_HEADERS 16

struct Header {
        const char *name; /* literal */
        char *value;      /* owned */
};

struct Answer {
        int status;
        const char *content_type; /* literal; NULL: application/json as Graph writes it */
        Text body;
        Header headers[ANSWER_HEADERS];
        size_t n_headers;

        bool failed; /* body is built from the three below */
        const char *code;
        Text message;
        Text details; /* JSON objects, comma between */

        int64_t delay_ms; /* so much later than it could be; of a $batch, its slowest item */

        bool changed;        /* stored state differs from before */
        bool throttled;      /* refused by a limit or by a fault with status 429 */
        bool hold_violation; /* the request came before the time a Retry-After had named */
        const char *flag;    /* literal: something a test should shout about */
};

void answer_deinit(Answer *answer);
void answer_header(Answer *answer, const char *name, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* The first refusal stays: what is checked first is reported. `code` must be a literal. */
void answer_error(Answer *answer, int status, const char *code, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
void answer_detail(Answer *answer, const char *code, const char *target, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* Frequent refusals */
void answer_not_found(Answer *answer, const char *id);
void answer_no_content(Answer *answer);

void answer_finish(Answer *answer, const Call *call);

/* 2026-08-22T10:00:00 in UTC; ret must have room for 32 bytes */
void answer_time(int64_t wall_ms, char *ret);

/* The same as a property has it, with a Z */
void answer_stamp(int64_t wall_ms, char *ret);
