# SPDX-License-Identifier: Apache-2.0
"""resume: changes that were made while the service was down.

Every user gets a new title while no service runs; then it starts. Measured: from the moment the feed is connected (its log
line) until the first change is durably queued; whether all have arrived with their last value; whether any was written twice.
No limits are in force. The baseline is a bare DirSync search by the same account for three attributes of the same changes: how long the domain
controller itself takes until the first entry is here (Samba makes the whole answer before it sends the first).

On OpenLDAP (rows/syncrepl.py) by feed-probe, which is the service's feed, intake and queue: from the start of the program until the first change is
durably queued, and whether all are.
"""

import collections
import json
import time

import ldap

import dirsync
from figures import measure
from ground import said_at
from programs import runs
from rows.syncrepl import Syncrepl
from table import Line, judge, ms

def openldap(bench):
    g = bench.once("syncrepl", Syncrepl)
    n = 2000 if bench.quick else 10000
    folder = g.folder()
    with g.probe(folder):
        pass

    def one():
        title = f"away {g.turn}"
        g.turn += 1
        g.modify(n, title)
        g.settle()
        began = time.monotonic_ns()
        with g.probe(folder, wait=False) as p:
            p.until(lambda: p.n >= n and p.is_watching, 60, f"{n} changes are queued")
            return {"first": (p.told[title] - began) / 1e6, "all": (time.monotonic_ns() - began) / 1e6, "n": p.n}

    return n, measure(one, g.n_runs)


def row(bench):
    ground, number = bench.ground, iter(range(1, 100))
    users = ground.users[:2000 if bench.quick else 10000]

    def one():
        title = f"While away {next(number)}"
        reader = ground.dc.reader()
        _, cookie = dirsync.look(reader, ground.dc.base, text="(cn=nobody has this name)")
        ground.ad.many(("modify", u.dn, [(ldap.MOD_REPLACE, "title", [title.encode()])]) for u in users)
        raw, _ = dirsync.look(reader, ground.dc.base, cookie)
        ground.forget_journal()
        began_ms = time.time() * 1e3
        with ground.service() as service:
            ground.until_writes(len(users), 300)
            ground.until_idle()
            took_s = time.time() - began_ms / 1e3
            connected = said_at(service.log, "connected") * 1e3
        first = min(r["queued"] for r in runs(ground) if r["queued"] >= began_ms - 1)
        per_user = collections.Counter(r["path"] for r in ground.writes() if r["method"] == "PATCH" and json.loads(r["body"]).get("jobTitle") == title)
        right = sum(1 for u in ground.graph.state()["users"] if u.get("jobTitle") == title)
        return {"first": first - connected, "lost": len(users) - right, "twice": sum(1 for n in per_user.values() if n > 1), "took": took_s,
                "raw": raw * 1000, "ratio": (first - connected) / raw / 1000}

    s = measure(one, 1 if bench.quick else 3)
    n = len(users)
    n_ldap, o = openldap(bench)
    return [
        Line("resume", "first queued, Samba", ms(max(s.all("first"))), ms(s.of("raw")), s.of("ratio"), "< 1 s", judge(max(s.all("first")) < 1000),
             f"{n:,} changes while down; worst of {len(s.runs)}; all at Graph {s.of('took'):.1f} s after the start"),
        Line("resume", "lost", str(max(s.all("lost"))), "", None, "0", judge(max(s.all("lost")) == 0)),
        Line("resume", "written twice", str(max(s.all("twice"))), "", None, "0", judge(max(s.all("twice")) == 0)),
        Line("resume", "first queued, OpenLDAP", ms(max(o.all("first"))), "", None, "< 1 s", judge(max(o.all("first")) < 1000),
             f"{n_ldap:,} changes while down, all queued after {ms(o.of('all'))}; worst of {len(o.runs)}"),
    ]
