# SPDX-License-Identifier: Apache-2.0
"""ingest: 100,000 entries of OpenLDAP into the durable queue; beside it ldapsearch -E sync=ro of the same to /dev/null.

With `initial: all` and an empty state: from the moment the feed is connected (before that the service asks in vain for Graph, which is not there) until
it watches, when everything is durably queued. Both are lines of the service's log. See rows/syncrepl.py; SOSYNC_BENCH_PEOPLE
is how many (the whole is 1000000). Memory is what is anonymous, looked at every 20 ms.

What the baseline is worth is looked at first: ldapsearch must end well and print every entry.
"""

import subprocess
import time

from figures import measure
from ground import anonymous_bytes, said_at
from lab import Failure, wait_until
from rows.syncrepl import Syncrepl
from table import Line, judge, mib, ms


def search(g, out):
    """The whole refresh by ldapsearch."""
    status = g.ldapsearch("ro", out).wait(600)
    if status:
        raise Failure(f"ldapsearch ended with status {status}")


def check_baseline(g):
    g.settle()
    path = g.folder() / "ldif"
    with open(path, "wb") as out:
        search(g, out)
    with open(path, "rb") as f:
        n = sum(line.startswith(b"dn: ") for line in f)
    path.unlink()
    if n != g.n_all + 1:
        raise Failure(f"ldapsearch prints {n} of {g.n_all + 1} entries")


def row(bench):
    g = bench.once("syncrepl", Syncrepl)
    check_baseline(g)

    def one():
        began = time.monotonic()
        search(g, subprocess.DEVNULL)
        raw = time.monotonic() - began
        peak = 0

        def look():
            nonlocal peak
            peak = max(peak, anonymous_bytes(service.pid))
            return said_at(service.log, "watching")

        with g.service("all") as service:
            took = wait_until(look, 3600, "everything is queued", every_s=0.02) - said_at(service.log, "connected")
            if g.queued(service) < g.n_all:
                raise Failure(f"{g.queued(service)} of {g.n_all} are queued")
        return {"raw_s": raw, "s": took, "ratio": took / raw, "peak": peak}

    s = measure(one, g.n_runs, ["raw_s"])
    ratio = s.of("ratio")
    return [Line("ingest", f"{g.n_all:,} entries", ms(s.of("s") * 1000), ms(s.of("raw_s") * 1000), ratio, "<= 1.2x", judge(ratio <= 1.2, s),
                 f"{g.n_all / s.of('s'):,.0f} entries/s, all of them durable; {s.note()}"),
            Line("ingest", "memory meanwhile", mib(max(s.all("peak"))), "", None, "<= 20 MiB", judge(max(s.all("peak")) <= 20 * 1048576),
                 f"anonymous, the most of {len(s.runs)}; an idle service may have as much")]
