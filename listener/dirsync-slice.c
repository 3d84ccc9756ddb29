/* SPDX-License-Identifier: Apache-2.0 */

#include <inttypes.h>
#include <stdio.h>

#include "listener/dirsync-slice.h"

static void set_end(DirsyncSlice *s)
{
        s->to = s->end <= s->above || s->end - s->above <= s->width ? SLICE_OPEN : s->above + s->width;
}

void slice_begin(DirsyncSlice *s, uint64_t above, uint64_t end)
{
        *s = (DirsyncSlice){
                .above = above, .end = end, .width = SLICE_FIRST, .few = SLICE_FEW, .is_first = true
        };
        set_end(s);
}

const char *slice_filter(const DirsyncSlice *s, char buffer[static SLICE_FILTER_MAX])
{
        if (s->is_first && slice_is_last(s))
                return SLICE_ALL;
        if (s->is_first)
                snprintf(buffer, SLICE_FILTER_MAX, "(uSNChanged<=%" PRIu64 ")", s->to);
        else if (slice_is_last(s))
                snprintf(buffer, SLICE_FILTER_MAX, "(uSNChanged>=%" PRIu64 ")", s->above + 1);
        else
                snprintf(buffer, SLICE_FILTER_MAX, "(&(uSNChanged>=%" PRIu64 ")(uSNChanged<=%" PRIu64 "))",
                         s->above + 1, s->to);
        return buffer;
}

bool slice_is_last(const DirsyncSlice *s)
{
        return s->to == SLICE_OPEN;
}

void slice_next(DirsyncSlice *s, uint64_t n_entries)
{
        if (s->was_refused && n_entries / 2 < s->few)
                s->few = n_entries / 2;
        else if (!s->was_refused && n_entries <= s->few && s->width <= UINT64_MAX / 4)
                s->width *= 2;
        s->above = s->to;
        s->is_first = s->was_refused = false;
        set_end(s);
}

bool slice_halve(DirsyncSlice *s)
{
        uint64_t to = slice_is_last(s) ? s->end : s->to;

        if (to < s->above + 2)
                return false;
        s->width = (to - s->above) / 2;
        s->to = s->above + s->width;
        s->was_refused = true;
        return true;
}
