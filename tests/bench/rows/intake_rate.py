# SPDX-License-Identifier: Apache-2.0
"""intake-rate: 20,000 modifies on OpenLDAP, until all are durably queued; beside them ldapsearch -E sync=rp into a file. See rows/burst_intake.py."""

from rows.burst_intake import Burst
from table import Line, judge


def row(bench):
    m = bench.once("burst-intake", Burst)
    s = m.series
    ratio = s.of("ratio")
    return [Line("intake-rate", f"{m.n:,} modifies", f"{s.of('rate'):,.0f}/s", f"{s.of('raw_rate'):,.0f}/s", ratio, ">= 0.95x", judge(ratio >= 0.95, s),
                 f"OpenLDAP, syncrepl, none lost; {s.note()}")]
