# SPDX-License-Identifier: Apache-2.0
"""under-limit: how much of what the service may send is used, and how often Graph has to refuse.

See rows/limited.py. The baseline is the budget: a burst of 3,000 and 20 writes a second, scaled, over the time from the
first to the last accepted write. The goal is for 10,000 updates: what the service leaves unused of the burst, for safety, weighs
more in fewer.
"""

from rows.limited import SCALE, Limited
from table import NO_GOAL, Line, judge


def row(bench):
    m = bench.once("limited", Limited)
    whole = m.n >= 10000
    return [
        Line("under-limit", "budget used", f"{m.used:.1%}", f"{m.budget:,.0f} writes", m.used, ">= 97%" if whole else "",
             judge(m.used >= 0.97) if whole else NO_GOAL,
             f"{m.n:,} updates in {m.seconds:.1f} s, limits {SCALE} times as fast, tenant L, share 1; one run"),
        Line("under-limit", "refused with 429", f"{m.n_throttled / m.n:.2%}", "", None, "<= 0.1%", judge(m.n_throttled / m.n <= 0.001)),
        Line("under-limit", "requests inside a hold", str(m.n_in_hold), "", None, "0", judge(m.n_in_hold == 0)),
    ]
