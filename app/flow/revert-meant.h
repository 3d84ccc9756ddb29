/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Revert, meant: the one run, and the one version of the rules, whose beginnings somebody has given
 *
 * What is put back is written for many people at once: a beginning that is empty, or that fits several, means
 * nothing, and one that fits none is not "done". As with reports, it has at least four characters.
 */

#include "base/diag.h"
#include "engine/space/journal.h"

typedef struct RevertMeant RevertMeant;

#define REVERT_MEANT_NAMED 4 /* of those that a beginning fits, so many are named */

/* What a beginning has fitted so far. */
typedef struct RevertFits {
        const char *beginning; /* NULL: any */
        const char *ids[REVERT_MEANT_NAMED];
        size_t n_ids; /* different ones; counted as far as they are named, and one more */
} RevertFits;

struct RevertMeant {
        Arena *arena;
        RevertFits run, rules;
};

enum {
        REVERT_MEANT_E_BASE_ = 2570, /* within ERROR_BASE_APP */

        REVERT_E_UNCLEAR, /* a beginning that is none, or fits several: the diag says which */
        REVERT_E_NO_SUCH, /* it fits nothing in the journal */
};

/* Either may be NULL. Return: 0, REVERT_E_UNCLEAR. */
int revert_meant_init(RevertMeant *m, Arena *a, const char *run, const char *rules, Diag *diag);

bool revert_meant_is(RevertMeant *m, const JournalEntry *e);

/* Once all entries were seen. Return: 0, REVERT_E_UNCLEAR, REVERT_E_NO_SUCH. */
int revert_meant_check(const RevertMeant *m, Diag *diag);
