# SPDX-License-Identifier: Apache-2.0
"""rules-diff: `sosync rules diff` over a hundred thousand people, one value of each of whom would be another. See rows/crowd.py."""

from rows.crowd import Crowd
from table import Line, judge, mib


def row(bench):
    m = bench.once("crowd", Crowd)
    took, most = m.diff.of("s"), max(m.diff.all("most"))
    return [
        Line("rules-diff", f"{m.n:,} objects", f"{took:.1f} s", "", None, "<= 20 s", judge(took <= 20),
             f"{m.populate_s:.0f} s for all to reach the cloud; {m.diff.note()}"),
        Line("rules-diff", "its memory", mib(most), "", None, "<= 40 MiB", judge(most <= 40 * 1048576), "anonymous, the highest of all runs"),
    ]
