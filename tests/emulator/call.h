/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Call: one request, taken apart
 *
 * A call does not know where it came from: the HTTP server builds one per request, $batch one per item, a
 * unit test one per check. Everything it points to lives as long as the call.
 *
 * The path is split before it is decoded, so an encoded slash stays inside its segment. Keys in brackets
 * become a segment of their own:
 *
 *      users('a@b')                       users | a@b
 *      groups(uniqueName='x')             groups | x (key uniqueName)
 *      members/graph.user                 members | microsoft.graph.user
 *      users/delta()                      users | delta
 */

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mem.h"
#include "store.h"

typedef enum Method Method;
typedef struct Call Call;
typedef struct Option Option;
typedef struct Segment Segment;

#define CALL_SEGMENTS 12
#define CALL_OPTIONS  16

enum Method {
        METHOD_GET = 1 << 0,
        METHOD_POST = 1 << 1,
        METHOD_PATCH = 1 << 2,
        METHOD_PUT = 1 << 3,
        METHOD_DELETE = 1 << 4,
        METHOD_OTHER = 1 << 5,
};

enum {
        _CALL_E_SUCCESS,

        CALL_E_ENCODING, /* a percent sign without two hexadecimal digits, a NUL, or bytes that are not UTF-8
                          */
        CALL_E_BRACKETS, /* a key in brackets that does not follow the OData form */
        CALL_E_LONG,     /* more segments or options than any request of Graph has */
};

struct Segment {
        char *text;
        char *key; /* name of the alternate key, NULL: none */
};

struct Option {
        char *name; /* without the dollar sign */
        char *value;
        bool dollar;
};

struct Call {
        Method method;
        const char *target; /* path and query as sent */
        Segment segments[CALL_SEGMENTS];
        size_t n_segments;
        Option options[CALL_OPTIONS];
        size_t n_options;

        /* Headers; NULL when absent */
        const char *authorization;
        const char *client_request_id;
        const char *consistency;
        const char *content_type;
        const char *host;
        const char *prefer;

        const char *body;
        size_t n_body;

        char request_id[ID_SIZE];
        int64_t now_us;  /* monotonic: when the request had arrived whole */
        int64_t wall_ms; /* UTC */
        uint64_t roles;  /* roles of the token, ROLE_* */
        uint64_t number; /* in the journal */
        bool batched;    /* an item of a $batch */
};

/* Splits target (which stays borrowed) into segments and options. On a condition the call can still be
 * deinited. */
int call_parse_target(Call *call, const char *target);
void call_deinit(Call *call);

const char *call_option(const Call *call, const char *name); /* NULL: absent */
bool call_is(const Call *call, size_t i, const char *text);  /* segment i, ASCII case ignored */
Method call_method(const char *name);
const char *call_method_name(Method method);

/* Percent-decoding. Return: 0 or CALL_E_ENCODING. A plus sign is a space in queries only. */
int call_decode(const char *s, size_t n, bool query, char **ret);
