# SPDX-License-Identifier: Apache-2.0
"""compare: `sosync compare` over a hundred thousand people, what it waits for directory and tenant left out; and its memory. See rows/crowd.py."""

from rows.crowd import Crowd
from table import Line, judge, mib


def row(bench):
    m = bench.once("crowd", Crowd)
    took, most, early = m.compare.of("s"), max(m.compare.all("most")), max(m.compare.all("early"))
    return [
        Line("compare", f"{m.n:,} objects, besides reading", f"{took:.1f} s", "", None, "< 60 s", judge(took < 60),
             f"{m.compare.of('reading_s'):.1f} s more for reading; {m.compare.note()}"),
        Line("compare", "its memory", mib(most), mib(early), None, "<= 40 MiB", judge(most <= 40 * 1048576), "anonymous, highest, whatever was written that day; beside it the highest of the first tenth of the time"),
    ]
