/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * AuditChain: the shape of a line of the audit log, and which days there are
 *
 * Private to report/audit*.c; the format is in report/audit.h.
 */

#include "report/audit.h"

#define AUDIT_SUFFIX ".jsonl"
#define AUDIT_HEAD   "{\"chain\":\""

/* The chain of a line: SHA-256 of the chain before and the line's body. `ret` may be `before`. */
void audit_chain(const char before[AUDIT_CHAIN_HEX], const char *body, size_t n,
                 char ret[AUDIT_CHAIN_HEX + 1]);

/* Take a line apart. False: it has not this shape. `ret_body` points into the line. */
bool audit_line_parse(const char *line, size_t n, char ret_chain[AUDIT_CHAIN_HEX + 1], const char **ret_body,
                      size_t *ret_n_body);

/* Days that have a file, sorted; free() them. Return: 0, -errno. */
int audit_days(const char *folder, int32_t **ret_days, size_t *ret_n);
