/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Audit: who did what, in a log that shows when somebody has changed it
 *
 *      audit/2026-11-22.jsonl      {"chain":"<64 hex digits>",<members of the entry>}
 *
 * One JSON object a line. `chain` is SHA-256 over the chain of the line before (as text; 64 zeros before the
 * first line of all) followed by the rest of the line, from behind the comma to the last brace. The first
 * line of a day goes on from the last one of the day before. So a line that was changed, removed, added or
 * moved breaks the chain at its place; a log that was cut at its end, or made anew as a whole, is shown by a
 * copy of a later chain kept elsewhere: `sosync audit verify` prints the last one.
 *
 * Entries hold no values of attributes, only their names. What is in them is up to the caller.
 *
 * A clock that was far ahead leaves a file of a day to come, and nothing may be written behind it: when the
 * clock is back, its lines are put behind those of the day it is, in their order and with the time they had.
 * A day before every file is not believed: there the clock is wrong now.
 *
 * The writer: one at a time (the state folder has one owner), any thread. Lines are gathered, and are on disk
 * when audit_flush returns 0. A last line that a crash has torn is cut when the log is opened; who wrote it
 * writes it again.
 */

#include "base/clock.h"
#include "base/diag.h"

#include <jansson.h>
#include <stdint.h>

typedef struct Audit Audit;
typedef struct AuditLine AuditLine;
typedef struct AuditVerdict AuditVerdict;

enum {
        AUDIT_E_BASE_ = 2450, /* within ERROR_BASE_REPORT */

        AUDIT_E_FULL, /* no room on disk: the lines are kept, flush again */
};

#define AUDIT_CHAIN_HEX 64

/* Open to write. The folder is made with 0750 if it is not there; files are 0640. Return: 0, -errno. */
int audit_new(Audit **ret_audit, const char *folder, Diag *diag);

/* `entry`: an object without "chain" and "time", which are added. `at`: of what is told, its "time"; it may
 * be long ago when it waited to be written. `now`: the clock. Kept in memory until the next flush. */
void audit_add(Audit *a, Wall now, Wall at, const json_t *entry);

/* Return: 0, AUDIT_E_FULL, -errno. */
int audit_flush(Audit *a);

/* The chain of the last line that was added. Returns buf. */
const char *audit_last(Audit *a, char buf[AUDIT_CHAIN_HEX + 1]);

/* Remove the days that ended longer ago. The newest file stays: the chain goes on from it. */
void audit_retain(Audit *a, Wall now, int64_t keep_days);

Audit *audit_free(Audit *a); /* flushes */

DEFINE_CLEANUP(Audit, audit_free)

/* A line as it is in the file. */
struct AuditLine {
        const char *file; /* "2026-11-22.jsonl" */
        size_t number;    /* in the file, from 1 */
        const char *text;
        size_t n;
        const json_t *entry; /* NULL: not an object of ours */
};

/*
 * Every line of the files, oldest first. `since`: days that ended before are left out (0: all). fn returns
 * true to stop. Needs no writer, and sees what is on disk. Return: 0, -errno (the diag names the file).
 */
int audit_walk(const char *folder, Wall since, bool (*fn)(void *context, const AuditLine *line),
               void *context, Diag *diag);

struct AuditVerdict {
        size_t n_lines, n_files;
        bool is_broken;
        char file[32]; /* of the first line that does not follow from the one before; "": none */
        size_t number;
        char chain[AUDIT_CHAIN_HEX + 1]; /* of the last line */
        char first[32], last[32];        /* files */
};

/* Does every line follow from the one before? The oldest file there is is believed to begin where retention
 * has cut. Return: 0 (see the verdict), -errno. */
int audit_verify(const char *folder, AuditVerdict *ret_verdict, Diag *diag);
