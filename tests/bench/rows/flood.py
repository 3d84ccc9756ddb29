# SPDX-License-Identifier: Apache-2.0
"""flood: how long a flood of changes takes, against the least time that the limits allow.

See rows/limited.py. The baseline is (n - 3,000) / 20 s, scaled: what no program with one application can beat.
"""

from rows.limited import BURST, RATE, SCALE, Limited
from table import NO_GOAL, Line, judge, ms


def row(bench):
    m = bench.once("limited", Limited)
    least = (m.n - BURST) / RATE
    # A few thousand changes are over almost within the burst, whose sending takes time too: only the full flood is judged.
    verdict = judge(m.seconds / least <= 1.1) if m.n >= 10000 else NO_GOAL
    return [Line("flood", f"{m.n:,} changes", ms(m.seconds * 1e3), ms(least * 1e3), m.seconds / least, "<= 1.1" if m.n >= 10000 else "", verdict,
                 f"limits {SCALE} times as fast; one run" + ("" if m.n >= 10000 else "; the goal is for 10,000 changes"))]
