# SPDX-License-Identifier: Apache-2.0
"""intake-latency: from the directory's acknowledgement of a change until it is durably queued, 20 changes a second.

Samba with its mdb store (rows/paced.py): the end is the moment at which a worker has taken the change, rounded up to a whole millisecond: only what is
on disk is given out, so the true figure is a little lower. There is no `ldapsearch -E sync=rp` against Samba, hence an absolute goal and no baseline.

OpenLDAP (rows/syncrepl.py): feed-probe, which is the service's feed, intake and queue, says when each entry was on disk; beside it, one after the
other, `ldapsearch -E sync=rp` behind a pipe with one durable commit for each entry. Both begin when the modify is sent, because the directory tells
who follows it before it answers who writes.
"""

import itertools

from figures import measure, percentile
from rows.paced import PER_S, Paced, pace
from rows.syncrepl import Syncrepl
from table import Line, judge, ms


def openldap(bench):
    g = bench.once("syncrepl", Syncrepl)
    n = PER_S * (4 if bench.quick else 10)
    numbers = itertools.count(1)

    def follow(teller):
        sent = {}
        for i in pace(n):
            title = f"paced {next(numbers)}"
            sent[title] = g.admin.set(g.dn(i), title=title).sent_mono_ns
        teller.until(lambda: all(title in teller.told for title in sent), 30, "all are durable")
        return [(teller.told[title] - ns) / 1e6 for title, ns in sent.items()]

    def one():
        with g.baseline() as teller:
            base = follow(teller)
        with g.probe(g.folder()) as teller:
            ours = follow(teller)
        return {"p50": percentile(ours, 50), "p95": percentile(ours, 95), "base_p50": percentile(base, 50), "base_p95": percentile(base, 95),
                "ratio": percentile(ours, 95) / percentile(base, 95), "p50_ratio": percentile(ours, 50) / percentile(base, 50)}

    return measure(one, g.n_runs, ["base_p50"])


def row(bench):
    s = bench.once("paced", Paced).series
    o = openldap(bench)
    return [
        Line("intake-latency", "p95, Samba", ms(s.of("intake_p95")), "", None, "<= 40 ms", judge(s.of("intake_p95") <= 40, s), f"mdb store; {s.note()}"),
        Line("intake-latency", "p50, Samba", ms(s.of("intake_p50"))),
        Line("intake-latency", "p95, OpenLDAP", ms(o.of("p95")), ms(o.of("base_p95")), o.of("ratio"), "<= 2", judge(o.of("ratio") <= 2, o),
             f"from the modify's sending; {o.note()}"),
        Line("intake-latency", "p50, OpenLDAP", ms(o.of("p50")), ms(o.of("base_p50")), o.of("p50_ratio")),
    ]
