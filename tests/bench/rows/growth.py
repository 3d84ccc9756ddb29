# SPDX-License-Identifier: Apache-2.0
"""growth: the latency of a change when the service knows a million objects, beside the same when it knows a thousand.

The changes, their pace and the end points are those of `latency`: 20 a second in OpenLDAP, each of a person of its own, from the modify's sending until its last
write request has arrived at Graph. Directory, emulator and the thousand people are the same for both; only the state folder is another (rows/people.py says
how it is filled). Service on the one, service on the other, in turns, with some seconds of changes each; half of the people are changed for the one and
half for the other, so that neither finds values in the cloud that it did not write. What a service has missed while the other one ran is worked off by a
start of its own before anything is measured. Also printed: how long that start takes until the service is ready, and one with nothing missed, anonymous memory
after the changes, and what the store takes on the disk.
"""

import itertools
import os

from figures import measure, percentile
from ground import anonymous_bytes
from rows.paced import PER_S, arrivals, change
from rows.people import N_PEOPLE, People
from table import Line, judge, mib, ms


def disk_bytes(state):
    return (state / "data.mdb").stat().st_blocks * 512


def row(bench):
    people = bench.once("people", People)
    ground = people.ground
    n = int(os.environ.get("SOSYNC_BENCH_KNOWN") or (10000 if bench.quick else 1000000))
    seconds = 4 if bench.quick else 20
    half = N_PEOPLE // 2
    of_few, of_many = itertools.cycle(ground.users[:half]), itertools.cycle(ground.users[half:])

    def changes(state, users):
        with ground.service(state=state, wait=False):
            late = ground.until_ready()
            ground.until_idle()
        with ground.service(state=state, wait=False) as service:
            ready = ground.until_ready()
            change(ground, users, PER_S)
            ground.until_idle(reported=True)
            ground.forget_journal()
            commits = change(ground, users, PER_S * seconds)
            ground.until_idle()
            arrived = arrivals(ground)
            times = [(arrived[t][-1] - c.sent_mono_ns) / 1e6 for t, c in commits.items() if t in arrived]
            return {"ready": ready, "late": late, "lost": len(commits) - len(times), "p50": percentile(times, 50), "p99": percentile(times, 99),
                    "anonymous": anonymous_bytes(service.pid)}

    with people.knowing(N_PEOPLE) as (few, _), people.knowing(n) as (many, fill_s):
        def one():
            base, ours = changes(few, of_few), changes(many, of_many)
            return {**{f"base_{k}": v for k, v in base.items()}, **ours, "ratio": ours["p50"] / base["p50"], "p99_ratio": ours["p99"] / base["p99"]}

        s = measure(one, 1 if bench.quick else 3, ["base_p50"])
        size, base_size = disk_bytes(many), disk_bytes(few)
    n_lost = sum(s.all("lost")) + sum(s.all("base_lost"))
    known = f"{n:,} known"
    return [
        Line("growth", f"p50, {known}", ms(s.of("p50")), ms(s.of("base_p50")), s.of("ratio"), "<= 1.5", judge(s.of("ratio") <= 1.5 and n_lost == 0, s),
             f"beside it: {N_PEOPLE:,} known; OpenLDAP, {PER_S * seconds} changes a run, {s.note()}" + (f"; {n_lost} NEVER ARRIVED" if n_lost else "")),
        Line("growth", f"p99, {known}", ms(s.of("p99")), ms(s.of("base_p99")), s.of("p99_ratio")),
        Line("growth", f"start, {known}", ms(s.of("ready")), ms(s.of("base_ready")), s.of("ready") / s.of("base_ready"),
             note=f"after what was missed, {PER_S * (seconds + 1)} changes: {ms(s.of('late'))}, beside it {ms(s.of('base_late'))}"),
        Line("growth", f"memory, {known}", mib(s.of("anonymous")), mib(s.of("base_anonymous")), note="anonymous, after the changes"),
        Line("growth", f"store, {known}", mib(size), mib(base_size), note=f"on the disk; filled by the ten steps in {fill_s:.0f} s"),
    ]
