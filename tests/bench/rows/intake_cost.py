# SPDX-License-Identifier: Apache-2.0
"""intake-cost: CPU time for each change of that burst until it is durably queued, above what ldapsearch takes. See rows/burst_intake.py."""

from rows.burst_intake import Burst
from table import Line, judge


def row(bench):
    s = bench.once("burst-intake", Burst).series
    above = s.of("above_us")
    fast = s.of("rate") >= 1000
    return [Line("intake-cost", "per change", f"{s.of('cost_us'):.0f} µs", f"{s.of('raw_us'):.0f} µs", None, "<= 40 µs above",
                 judge(above <= 40, s) if fast else "no goal", f"{above:+.0f} µs above; at {s.of('rate'):,.0f} changes/s, all threads; {s.note()}")]
