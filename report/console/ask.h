/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Ask and Answer: a request that has passed all checks, and what becomes of it
 *
 * The loop makes an Ask, a desk thread fills its Answer, the loop sends it. In between it belongs to the
 * desk: everything a page needs is copied into it. Page functions see nothing of HTTP beyond this.
 */

#include "report/console/console.h"

typedef struct Answer Answer;
typedef struct Ask Ask;
typedef struct AskField AskField;

struct AskField {
        const char *name, *value;
};

/* Zeroed: 200, a page. */
struct Answer {
        int status;           /* 0: 200 */
        const char *type;     /* NULL: text/html */
        const char *location; /* 303; path below the prefix */
        const char *file;     /* offered as a file of this name */
        Str body;
};

struct Ask {
        const ConsoleOptions *console;
        Arena *arena;
        Wall now;

        const char *prefix; /* "" or "/sosync"; before every link */
        const char *path;   /* "/changes" */
        const char *rest;   /* behind the route's path: a run id; "" */
        bool post;
        const AskField *fields; /* of the query, or of the form */
        size_t n_fields;
        const char *query; /* as it came, for links that keep it; "" */

        /* Who. NULL: nobody has signed in (the sign-in page). */
        const char *user;
        ConsoleRole role;
        const char *session; /* its id, shown to nobody; NULL: as csrf */
        const char *csrf;    /* NULL: with a bearer token, which no other site can send */
        /* Whom a trusted proxy has signed in and the configuration does not know; "": it said several names,
         * or none. NULL: it names nobody, or a user. */
        const char *stranger;

        Answer answer;
};

/* The last of this name; "" if there is none. */
const char *ask_field(const Ask *q, const char *name);

/* "a=1&b=%20" into fields; false: it cannot be read, or has too many. */
#define ASK_FIELDS_MAX 32
bool ask_parse(Arena *a, const char *text, const AskField **ret_fields, size_t *ret_n);
