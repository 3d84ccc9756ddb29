# SPDX-License-Identifier: Apache-2.0
"""intake-latency: from the directory's acknowledgement of a change until it is durably queued.

Samba with its mdb store, 20 changes a second (rows/paced.py). The end is the moment at which a worker has taken the change,
rounded up to a whole millisecond: only what is on disk is given out, so the true figure is a little lower. There is no
`ldapsearch -E sync=rp` against Samba, hence an absolute goal and no baseline.
"""

from rows.paced import Paced
from table import Line, judge, ms


def row(bench):
    s = bench.once("paced", Paced).series
    return [
        Line("intake-latency", "p95", ms(s.of("intake_p95")), "", None, "<= 40 ms", judge(s.of("intake_p95") <= 40, s), f"Samba, mdb store; {s.note()}"),
        Line("intake-latency", "p50", ms(s.of("intake_p50"))),
    ]
