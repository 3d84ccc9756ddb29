/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Suggest: the known word that a wrong one was probably meant to be
 *
 *      suggest_init(&s, "stagging");
 *      for each known word:
 *              suggest_offer(&s, known);
 *      s.found: "staging"; NULL: nothing is near
 *
 * Upper case and the dash instead of the underscore cost nothing, two letters swapped cost one. A third of
 * the word may be wrong, in short words one letter. Of several the first of the nearest is taken.
 */

#include <stddef.h>

typedef struct Suggest Suggest;

/* Longest word that is compared; the longest of our keys has 22 letters. */
#define SUGGEST_WORD_MAX 40

struct Suggest {
        const char *found; /* one of those offered, borrowed */
        size_t best, n;
        char word[SUGGEST_WORD_MAX];
};

void suggest_init(Suggest *s, const char *word);
void suggest_offer(Suggest *s, const char *known);
