# SPDX-License-Identifier: Apache-2.0
"""compare: `sosync compare` over a hundred thousand people, what it waits for directory and tenant left out; and its memory. See rows/crowd.py."""

from rows.crowd import Crowd
from table import Line, judge, mib


def row(bench):
    m = bench.once("crowd", Crowd)
    took, most, early = m.compare.of("s"), m.compare.of("most"), m.compare.of("early")
    return [
        Line("compare", f"{m.n:,} objects, besides reading", f"{took:.1f} s", "", None, "< 60 s", judge(took < 60),
             f"{m.compare.of('reading_s'):.1f} s more for reading; {m.compare.note()}"),
        Line("compare", "its memory", mib(most), mib(early), note="anonymous, highest; beside it the highest of the first tenth of the time"),
    ]
