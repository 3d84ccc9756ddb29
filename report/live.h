/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Live: the last runs, as they end
 *
 * What people watch: `sosync watch`, and the console's list. A ring of the last LIVE_LINES runs, in memory;
 * each has a number, and whoever follows asks for what is newer than the last one it has seen. Nothing waits
 * for a reader: one that is too slow is told how many it has missed. Who goes away with a number and comes
 * back takes it along as a mark, which says of which life of the program it is.
 *
 * Any thread. The lock is held for a copy of some lines, never longer.
 */

#include "engine/model/outcome.h"

typedef struct Live Live;
typedef struct LiveLine LiveLine;

/* Two seconds and a half of the fastest that is asked of a list (200 a second). */
#define LIVE_LINES 512

#define LIVE_MARK_MAX 48

/* A longer name or DN is cut, with "…" in its end. */
#define LIVE_TEXT_MAX 1024

struct LiveLine {
        uint64_t number; /* from 1 on */
        char run_id[GUID_TEXT_MAX];
        ObjectId object;
        Wall finished;
        int64_t latency_ms; /* as ReportRow */
        Result result;
        Disposition disposition;
        Action action;
        Lane lane;
        ChangeKind kind;
        const char *type;
        const char *dn;
        const char *display_name;
        const char *error_code; /* NULL: none */
};

Live *live_new(void);
Live *live_free(Live *l);

void live_add(Live *l, const Outcome *o);

uint64_t live_last(Live *l); /* number of the newest; 0: none yet */

/* "5f0c...-17", in the buffer. */
const char *live_mark(const Live *l, uint64_t number, char buf[LIVE_MARK_MAX]);

/* False: it is of another life of the program, or none at all. */
bool live_parse_mark(const Live *l, const char *mark, uint64_t *ret_number);

/*
 * The lines after number `after`, oldest first, at most the newest `max`; texts live in the arena.
 * *ret_missed (may be NULL) are those between `after` and the first that is given. Returns how many.
 */
size_t live_read(Live *l, uint64_t after, size_t max, Arena *a, LiveLine **ret_lines, uint64_t *ret_missed);

/* Sleep until there is one after this number, or it is closed, or so long. Returns whether there is one. */
bool live_wait(Live *l, uint64_t after, int64_t timeout_us);

void live_close(Live *l); /* the program stops: nobody sleeps any more */

DEFINE_CLEANUP(Live, live_free)
