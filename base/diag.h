/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Diag: what an operator must read
 *
 * Library code fills it, only app/ prints it. Each item is one line: what, where, what was expected. A reader
 * of files collects all of its findings in one pass; other functions set one. Texts are UTF-8 without control
 * characters: diag_add() escapes what comes from outside, so that a line stays a line and a terminal stays
 * safe.
 *
 *      sosync.yaml:12:9: scope.include: "OU=x" is not a distinguished name: missing '=' after "OU"
 */

#include "base/cleanup.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct Diag Diag;
typedef struct DiagItem DiagItem;
typedef struct DiagMark DiagMark;

struct DiagMark {
        const char *file; /* or the name of an object; NULL: nowhere */
        int line;         /* 1-based; 0: none */
        int column;       /* 1-based; 0: none */
};

struct DiagItem {
        char *text; /* with its place in front */
};

struct Diag {
        DiagItem *items;
        size_t n_items;
        size_t n_dropped; /* beyond DIAG_MAX: counted, not kept */
};

#define DIAG_MAX  100
#define DIAG_INIT ((Diag){ 0 })

/* A NULL diag is allowed everywhere: nobody wants to know. */
void diag_deinit(Diag *d);
void diag_clear(Diag *d);
void diag_set(Diag *d, const char *format, ...) __attribute__((format(printf, 2, 3))); /* the only item */
void diag_add(Diag *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void diag_add_at(Diag *d, DiagMark at, const char *format, ...) __attribute__((format(printf, 3, 4)));
void diag_prefix(Diag *d, const char *format, ...)
        __attribute__((format(printf, 2, 3))); /* in front of all */

const char *diag_text(const Diag *d); /* the first item; "unknown error" if there is none */

static inline bool diag_any(const Diag *d)
{
        return d && d->n_items > 0;
}
