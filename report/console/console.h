/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Console: the service in a browser
 *
 *      browser --HTTP--> loop (evhttp)  checks, static files, events     may not block
 *                          |     ^
 *                        Ask     Answer
 *                          v     |
 *                        desk: a few threads make pages of reports, queue and rules    may block
 *
 * Every page is made on the server and works without JavaScript; the script only adds what is new while one
 * looks. Nothing is loaded from elsewhere. Whatever the console does beyond reading reports, queue and rules
 * goes through ConsoleOps, given by app/.
 *
 * Who may: named users, each with a token of their own (sign-in sets a cookie; or `Authorization: Bearer`),
 * or named by a proxy that is trusted; two roles, read and operate. Threats and what meets them:
 *
 *      DNS rebinding
 *              the Host header must be a name that the configuration knows
 *      CSRF
 *              actions are POST, with a token of the session and the same origin
 *      clickjacking
 *              frame-ancestors 'none'
 *      cookie theft
 *              HttpOnly, SameSite, Secure with TLS; sessions are in memory and end
 *      script in a value
 *              escaped everywhere; Content-Security-Policy lets only our two files in
 *      slow or many connections
 *              a request must be whole within CONSOLE_REQUEST_S; CONSOLE_CONNECTIONS of them
 *      giant headers, bodies
 *              CONSOLE_HEADERS_MAX, CONSOLE_BODY_MAX
 *      smuggling
 *              no Transfer-Encoding in a request, one Host, no absolute URI
 *      path traversal
 *              paths are rows of a table; a run id never becomes part of a file's name
 *      guessed tokens
 *              a token is long, and of many different characters; above CONSOLE_GUESSES wrong ones a
 *              minute they are not logged. Nobody is locked out by them
 *
 * Its own threads; console_new() and console_free() belong to the main thread.
 */

#include "base/clock.h"
#include "base/log.h"
#include "engine/rules/explain.h"
#include "report/console/console-config.h"
#include "report/live.h"
#include "report/store.h"
#include "report/vitals.h"

typedef struct Console Console;
typedef struct ConsoleExplain ConsoleExplain;
typedef struct ConsoleOps ConsoleOps;
typedef struct ConsoleOptions ConsoleOptions;

#define CONSOLE_CONNECTIONS 256
#define CONSOLE_FOLLOWERS   64 /* connections that events are sent to */
#define CONSOLE_REQUEST_S   20
#define CONSOLE_REPLY_S     60 /* a reader this slow is none */
#define CONSOLE_HEADERS_MAX 16384
#define CONSOLE_BODY_MAX    16384
#define CONSOLE_GUESSES     20
#define CONSOLE_PAGE_MAX    ((size_t)64 << 20)

/* Why a person's act was not done; the diag says what can be done about it. Anything else is our own fault.
 */
enum {
        CONSOLE_E_BASE_ = 2480, /* within ERROR_BASE_REPORT */

        CONSOLE_E_ASKED, /* what was asked for makes no sense: a name that is none */
        CONSOLE_E_WAITS, /* not now: it waits in the queue, or the queue takes no more */
};

/* What the rules make of one object, now. */
struct ConsoleExplain {
        const char *verdict; /* one line */
        const char *dn, *type;
        ExplainStage in, out;
        bool has_out;
        const char *const
                *out_notes; /* by out.attributes: what Graph makes of it, or NULL; NULL: nothing is known */
};

/* Called on desk threads; all may block. */
struct ConsoleOps {
        void (*vitals)(void *context, Arena *a, Vitals *ret_vitals);
        size_t (*pulse)(void *context, PulsePoint ret_points[PULSE_POINTS]);
        void (*metrics)(void *context, Str *out);

        /* The rules in force, for as long as `show` runs. */
        void (*rules)(void *context, void (*show)(void *page, const RuleSet *set), void *page);

        /* Reads the object from the directory. `see` is called with the result while it lives.
         * Return: 0, or > 0: the diag says why not. */
        int (*explain)(void *context, const char *dn, void (*see)(void *page, const ConsoleExplain *e),
                       void *page, Diag *diag);

        /* The flag of the regular cycle, as `sosync scheduler show --json` has it; and a person's hand on it.
         * Both ask the other side. Return: 0, or else: the diag may say why not. */
        int (*scheduler)(void *context, Str *out_json, Diag *diag);
        int (*scheduler_set)(void *context, bool enabled, Diag *diag);

        /* A person has done something, or tried to: for the audit log. `object`: a DN, a GUID or a word;
         * `error` NULL: it is done. */
        void (*acted)(void *context, const char *by, const char *verb, const char *object, const char *error);

        /* What a brake holds goes on, or (drop) is forgotten. Return: 0, CONSOLE_E_ASKED, -errno. */
        int (*release)(void *context, const char *brake, bool drop, const char *by, Diag *diag);

        /* A run now, through the service's queue. Return: 0 with its run id (arena), CONSOLE_E_ASKED,
         * CONSOLE_E_WAITS, -errno; the diag says. */
        int (*sync)(void *context, const char *dn, const char *by, Arena *a, const char **ret_run,
                    Diag *diag);
};

struct ConsoleOptions {
        const ConsoleConfig *config; /* borrowed, as all that follows, until console_free() */
        const Clock *clock;
        const Log *log;
        Queue *queue;
        const _Atomic(ReportStore *) *store; /* NULL behind it: the reporter has not opened it yet */
        Live *live;
        const ConsoleOps *ops;
        void *context;
};

/* Listens when it returns. Return: 0, -errno; the diag says what (an address in use, a certificate). */
int console_new(Console **ret_console, const ConsoleOptions *options, Diag *diag);

/* Connections end; what is at the desk is finished first. */
Console *console_free(Console *c);

/* The port it listens on: the configuration may say 0. */
unsigned console_port(const Console *c);

DEFINE_CLEANUP(Console, console_free)
