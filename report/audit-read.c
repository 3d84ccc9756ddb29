/* SPDX-License-Identifier: Apache-2.0 */

#include "report/audit-chain.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "report/audit-file.h"
#include "report/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A line of a file, parsed for whoever wants the entry. Return: fn wants no more. */
typedef bool (*LineFn)(void *context, AuditLine *line);

/* Return: 0, -errno; `*ret_stop`: fn wanted no more. What is being written has no end yet, and is no line. */
static int walk_file(const char *folder, int32_t day, LineFn fn, void *context, bool *ret_stop, Diag *diag)
{
        char name[DAY_NAME_MAX];
        AuditLine line = { .file = day_name(day, AUDIT_SUFFIX, name) };
        _cleanup_(audit_file_close) AuditFile f = { .fd = -1 };
        int r = audit_file_open(&f, folder, name);

        while (r == 0 && !*ret_stop) {
                r = audit_file_next(&f, &line.text, &line.n);
                line.number++;
                if (r == 0)
                        *ret_stop = fn(context, &line);
        }
        if (r < 0)
                diag_set(diag, "%s/%s: cannot be read: %s", folder, name, strerror(-r));
        return r == AUDIT_FILE_E_END ? 0 : error_trace(r);
}

static int walk(const char *folder, Wall since, LineFn fn, void *context, Diag *diag)
{
        _cleanup_(cleanup_free) int32_t *days = NULL;
        bool stop = false;
        size_t n = 0;
        int r = audit_days(folder, &days, &n);

        if (r)
                diag_set(diag, "%s: the audit log cannot be read: %s", folder, strerror(-r));
        for (size_t i = 0; r == 0 && i < n && !stop; i++)
                if (!since.ms || days[i] >= day_of(since))
                        r = walk_file(folder, days[i], fn, context, &stop, diag);
        return error_trace(r);
}

typedef struct Reader {
        bool (*fn)(void *context, const AuditLine *line);
        void *context;
} Reader;

static bool parse_and_tell(void *context, AuditLine *line)
{
        Reader *reader = context;
        json_t *entry = json_loadb(line->text, line->n, JSON_REJECT_DUPLICATES, NULL);
        bool stop;

        line->entry = json_is_object(entry) ? entry : NULL;
        stop = reader->fn(reader->context, line);
        json_decref(entry);
        return stop;
}

int audit_walk(const char *folder, Wall since, bool (*fn)(void *context, const AuditLine *line),
               void *context, Diag *diag)
{
        return walk(folder, since, parse_and_tell, &(Reader){ fn, context }, diag);
}

static bool follows(void *context, AuditLine *line)
{
        AuditVerdict *v = context;
        char chain[AUDIT_CHAIN_HEX + 1], wanted[AUDIT_CHAIN_HEX + 1];
        const char *body;
        size_t n;
        bool ok = audit_line_parse(line->text, line->n, chain, &body, &n);

        if (ok && v->n_lines > 0) {
                audit_chain(v->chain, body, n, wanted);
                ok = strcmp(wanted, chain) == 0;
        }
        if (!ok) {
                v->is_broken = true;
                v->number = line->number;
                snprintf(v->file, sizeof(v->file), "%s", line->file);
                return true;
        }
        if (strcmp(v->last, line->file) != 0) {
                v->n_files++;
                snprintf(v->last, sizeof(v->last), "%s", line->file);
        }
        if (v->n_lines++ == 0)
                snprintf(v->first, sizeof(v->first), "%s", line->file);
        memcpy(v->chain, chain, sizeof(chain));
        return false;
}

/**
 * audit_verify() - does every line follow from the one before?
 *
 * Return: 0, -errno.
 */
int audit_verify(const char *folder, AuditVerdict *v, Diag *diag)
{
        *v = (AuditVerdict){ 0 };
        memset(v->chain, '0', AUDIT_CHAIN_HEX);
        return walk(folder, (Wall){ 0 }, follows, v, diag);
}
