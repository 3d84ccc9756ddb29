/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/lanes.h"

#include <assert.h>

/**
 * lanes_pick() - the lane that the next lease goes to
 *
 * The lowest lane must be served when it has been passed by 15 times. If several reach that at once, only one
 * can be served in time; so each lane above the lowest is served one lease earlier than the one below it.
 */
Lane lanes_pick(const Lanes *l, LaneSet due)
{
        assert(due & LANES_ALL);

        for (unsigned i = _LANE_N - 1; i > LANE_URGENT; i--) {
                if (due & LANE_SET(i) && l->passed[i] >= LANES_SHARE - 1 - (_LANE_N - 1 - i))
                        return (Lane)i;
        }
        for (unsigned i = LANE_URGENT;; i++) {
                if (due & LANE_SET(i))
                        return (Lane)i;
        }
}

void lanes_given(Lanes *l, LaneSet due, Lane lane)
{
        for (unsigned i = 0; i < _LANE_N; i++) {
                if (i == lane)
                        l->passed[i] = 0;
                else if (due & LANE_SET(i))
                        l->passed[i]++;
        }
}
