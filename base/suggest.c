/* SPDX-License-Identifier: Apache-2.0 */

#include "base/suggest.h"

/* Upper case and the dash instead of the underscore are the commonest slips: they cost nothing. */
static size_t plain_word(const char *s, char *out)
{
        size_t n = 0;

        for (; s[n]; n++) {
                if (n == SUGGEST_WORD_MAX)
                        return SUGGEST_WORD_MAX + 1;
                out[n] = s[n];
                if (s[n] == '-')
                        out[n] = '_';
                else if (s[n] >= 'A' && s[n] <= 'Z')
                        out[n] = (char)(s[n] + ('a' - 'A'));
        }
        return n;
}

/* Edits (a letter more, less, other, or two swapped) that make one word of the other: optimal string
 * alignment. */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
        size_t rows[3][SUGGEST_WORD_MAX + 1];

        for (size_t k = 0; k <= m; k++)
                rows[0][k] = k;
        for (size_t i = 1; i <= n; i++) {
                const size_t *last = rows[(i - 1) % 3], *before = rows[(i + 1) % 3];
                size_t *row = rows[i % 3];

                row[0] = i;
                for (size_t k = 1; k <= m; k++) {
                        size_t best = last[k - 1] + (a[i - 1] != b[k - 1]);

                        if (last[k] + 1 < best)
                                best = last[k] + 1;
                        if (row[k - 1] + 1 < best)
                                best = row[k - 1] + 1;
                        if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
                            before[k - 2] + 1 < best)
                                best = before[k - 2] + 1;
                        row[k] = best;
                }
        }
        return rows[n % 3][m];
}

void suggest_init(Suggest *s, const char *word)
{
        *s = (Suggest){ 0 };
        s->n = plain_word(word, s->word);
        s->best = s->n < 6 ? 2 : s->n / 3 + 1;
}

void suggest_offer(Suggest *s, const char *known)
{
        char b[SUGGEST_WORD_MAX];
        size_t m = plain_word(known, b), d;

        if (s->n == 0 || s->n > SUGGEST_WORD_MAX || m > SUGGEST_WORD_MAX)
                return;
        d = distance(s->word, s->n, b, m);
        if (d < s->best) {
                s->best = d;
                s->found = known;
        }
}
