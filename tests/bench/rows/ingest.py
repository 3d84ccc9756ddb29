# SPDX-License-Identifier: Apache-2.0
"""ingest: 100,000 entries of OpenLDAP into the durable queue; beside it ldapsearch -E sync=ro of the same to /dev/null.

From the start of the program, with `initial: all` and an empty state, until everything is durably queued. See rows/syncrepl.py; SOSYNC_BENCH_PEOPLE
is how many (the whole is 1000000). Memory is what is anonymous, looked at every few milliseconds.
"""

import os
import time

from figures import measure
from ground import anonymous_bytes
from lab import wait_until
from rows.syncrepl import Syncrepl
from table import Line, judge, mib, ms


def row(bench):
    g = bench.once("syncrepl", Syncrepl)

    def one():
        began = time.monotonic()
        with open(os.devnull, "wb") as out:
            g.ldapsearch("ro", out).wait(600)
        raw = time.monotonic() - began
        began = time.monotonic()
        peak = 0

        def look():
            nonlocal peak
            enough = g.queued(service) >= g.n_all
            peak = max(peak, anonymous_bytes(service.pid))
            return enough

        with g.service("all") as service:
            wait_until(look, 3600, "everything is queued", every_s=0.01)
            took = time.monotonic() - began
        return {"raw_s": raw, "s": took, "ratio": took / raw, "peak": peak}

    s = measure(one, g.n_runs, ["raw_s"])
    ratio = s.of("ratio")
    return [Line("ingest", f"{g.n_all:,} entries", ms(s.of("s") * 1000), ms(s.of("raw_s") * 1000), ratio, "<= 1.2x", judge(ratio <= 1.2, s),
                 f"{g.n_all / s.of('s'):,.0f} entries/s, all of them durable; {s.note()}"),
            Line("ingest", "memory meanwhile", mib(max(s.all("peak"))), "", None, "<= 20 MiB", judge(max(s.all("peak")) <= 20 * 1048576),
                 f"anonymous, the most of {len(s.runs)}; an idle service may have as much")]
