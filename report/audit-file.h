/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AuditFile: a day of the audit log, read a piece at a time
 *
 * A write is a kilobyte, so a busy day is two gigabytes: whoever opens the log wants its last line, and
 * whoever searches it one line after the other. What is in memory is a piece, or a line that is longer.
 *
 * The file may grow meanwhile, and may be cut by who writes it: a line is given out when its end is there.
 *
 * Private to report/audit*.c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct AuditFile AuditFile;

enum {
        AUDIT_FILE_E_BASE_ = 2460, /* within ERROR_BASE_REPORT */

        AUDIT_FILE_E_END, /* no whole line follows */
};

struct AuditFile {
        int fd;
        uint64_t next; /* where the file is read next */
        char *data;    /* of what was read: */
        size_t at, n;  /* not given out yet, and its end */
        size_t size;
};

/* Return: 0, -errno. */
int audit_file_open(AuditFile *f, const char *folder, const char *name);
void audit_file_close(AuditFile *f);

/* The next line, without its end; until the next call. Return: 0, AUDIT_FILE_E_END, -EFBIG: no line of ours
 * is so long, -errno. */
int audit_file_next(AuditFile *f, const char **ret_line, size_t *ret_n);

/*
 * The last line, and where what follows it begins (`*ret_end`; with AUDIT_FILE_E_END: 0). Instead of
 * audit_file_next(), not after it. Return: as there.
 */
int audit_file_last(AuditFile *f, const char **ret_line, size_t *ret_n, uint64_t *ret_end);

/* Does the one end with all of the other? Return: 0, -errno. */
int audit_file_ends_with(AuditFile *f, AuditFile *tail, bool *ret_does);

/* All of it, to where `to` is. Return: 0, -errno. */
int audit_file_copy(AuditFile *f, int to);
