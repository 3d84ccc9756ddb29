/* SPDX-License-Identifier: Apache-2.0 */

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "listener/usn-window.h"

static UsnPair *new_pairs(void)
{
        UsnPair *pairs = calloc(WINDOW_SLOTS, sizeof(*pairs));

        if (!pairs)
                error_oom(WINDOW_SLOTS * sizeof(*pairs));
        return pairs;
}

void window_init(UsnWindow *w)
{
        *w = (UsnWindow){ .pairs = new_pairs(), .n_marks = 1 };
}

void window_deinit(UsnWindow *w)
{
        free(w->pairs);
        w->pairs = NULL;
}

static void forget_pairs(UsnWindow *w)
{
        memset(w->pairs, 0, WINDOW_SLOTS * sizeof(*w->pairs));
        w->n_pairs = 0;
}

/**
 * window_begin() - nothing up to this USN can still come
 */
void window_begin(UsnWindow *w, uint64_t usn)
{
        w->marks[0] = (UsnMark){ .usn = usn };
        w->n_marks = 1;
        w->overflowed = false;
        if (w->n_pairs)
                forget_pairs(w);
}

static void drop_oldest(UsnWindow *w)
{
        memmove(w->marks, w->marks + 1, --w->n_marks * sizeof(*w->marks));
}

/**
 * window_look_ended() - a look that began then, with this H read before, has ended
 */
void window_look_ended(UsnWindow *w, Mono began, uint64_t usn)
{
        if (w->overflowed) {
                window_begin(w, usn);
                return;
        }
        if (began.us - w->marks[w->n_marks - 1].at.us < WINDOW_MARK_US)
                return;
        if (w->n_marks == WINDOW_MARKS)
                drop_oldest(w);
        w->marks[w->n_marks++] = (UsnMark){ .at = began, .usn = usn };
}

/**
 * window_lower() - everything up to here has been visible for long enough
 *
 * Return: the USN.
 */
uint64_t window_lower(UsnWindow *w, Mono now)
{
        while (w->n_marks > 1 && now.us - w->marks[1].at.us >= WINDOW_US)
                drop_oldest(w);
        return w->marks[0].usn;
}

/* GUIDs are random; the USN spreads those of one object. The slot of the pair, or the free one for it. */
static UsnPair *find_slot(UsnPair *pairs, const ObjectId *id, uint64_t usn)
{
        uint64_t h;
        size_t i;

        memcpy(&h, id->bytes, sizeof(h));
        h = (h ^ usn) * 0x9e3779b97f4a7c15u;
        i = (size_t)(h >> 32) & (WINDOW_SLOTS - 1);
        while (pairs[i].usn && (pairs[i].usn != usn || !guid_is(&pairs[i].id, id)))
                i = (i + 1) & (WINDOW_SLOTS - 1);
        return &pairs[i];
}

bool window_has(const UsnWindow *w, const ObjectId *id, uint64_t usn)
{
        return usn && find_slot(w->pairs, id, usn)->usn;
}

/* Those below the window are not asked for again. */
static void purge(UsnWindow *w)
{
        UsnPair *old = w->pairs;

        w->pairs = new_pairs();
        w->n_pairs = 0;
        for (size_t i = 0; i < WINDOW_SLOTS; i++)
                if (old[i].usn > w->marks[0].usn) {
                        *find_slot(w->pairs, &old[i].id, old[i].usn) = old[i];
                        w->n_pairs++;
                }
        free(old);
        if (w->n_pairs <= WINDOW_PAIRS_MAX / 2)
                return;
        w->overflowed = true;
        forget_pairs(w);
}

void window_add(UsnWindow *w, const ObjectId *id, uint64_t usn)
{
        UsnPair *slot;

        if (!usn || w->overflowed)
                return;
        if (w->n_pairs == WINDOW_PAIRS_MAX)
                purge(w);
        if (w->overflowed)
                return;
        slot = find_slot(w->pairs, id, usn);
        w->n_pairs += !slot->usn;
        *slot = (UsnPair){ .id = *id, .usn = usn };
}
