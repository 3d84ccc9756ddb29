/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Journal: every request to Graph and to the token endpoint, in the order of arrival
 *
 *      first (oldest kept)                                    last
 *        |  41  |  42  |  43  | ...                           |  99  |
 *      dropped: 40 records that are no longer here
 *
 * Bounded twice, by number and by bytes; the oldest records go first, and `first` and `dropped` tell so.
 * Numbers are never given twice, not even after journal_clear().
 *
 * Passwords, secrets and assertions are replaced before a body is stored. Bodies longer than JOURNAL_BODY are
 * cut.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "answer.h"
#include "call.h"
#include "text.h"

typedef struct Entry Entry;
typedef struct Journal Journal;
typedef struct JournalFilter JournalFilter;

#define JOURNAL_BODY 16384

struct Entry {
        uint64_t number;
        uint64_t batch; /* number of the $batch this was an item of; 0: none */
        int64_t time_us;
        int64_t wall_ms;
        Method method;
        int status; /* 0: the connection was reset instead */
        bool changed;
        bool throttled;
        bool hold_violation;
        bool fault;
        const char *flag;
        uint32_t size;  /* of this allocation */
        uint32_t query; /* offsets in text; 0: absent */
        uint32_t client_id;
        uint32_t body;
        char request_id[ID_SIZE];
        char text[]; /* path, then the others */
};

struct Journal {
        Entry **ring;
        size_t size;
        size_t max_bytes;
        size_t n_bytes;
        uint64_t first; /* oldest kept; last + 1 when empty */
        uint64_t last;
        uint64_t dropped;
        FILE *file; /* one line per record as well; NULL: none */
        uint64_t n_writes, n_changed, n_throttled, n_violations;
};

struct JournalFilter {
        uint64_t after;
        const char *method; /* NULL: any */
        const char *path;   /* glob; NULL: any */
        bool changed;       /* only records that changed something */
};

void journal_init(Journal *journal, size_t size, size_t max_bytes, FILE *file);
void journal_deinit(Journal *journal);
void journal_clear(Journal *journal);

/* A number ahead of journal_add(), so that items of a batch can name it. */
uint64_t journal_number(Journal *journal);
void journal_add(Journal *journal, uint64_t number, uint64_t batch, const Call *call, const Answer *answer,
                 bool fault);

const Entry *journal_find(const Journal *journal, uint64_t number); /* NULL: gone, or not there yet */
bool journal_match(const JournalFilter *filter, const Entry *entry);
void journal_write_entry(const Entry *entry, Text *t);

/* {"first","last","dropped","records":[...]} with at most limit records */
void journal_write(const Journal *journal, const JournalFilter *filter, size_t limit, Text *t);
