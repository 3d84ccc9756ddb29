# SPDX-License-Identifier: Apache-2.0
"""urgent: one urgent change a second behind a backlog, while the published limits are in force.

An account is disabled in the directory every second; measured until the PATCH that disables it in the cloud has arrived. The
baseline is the same without a backlog. In both, emulator and service keep the published limits of a large tenant, unscaled,
with the default share (0.8) and the default urgent reserve. The backlog is real as far as it is reached within the row
(users that each need a PATCH), and filled up with made-up objects behind them; its burst is over before the first urgent
change is made, so that normal changes leave at the sustained rate. Quick: share 0.2, which fewer users use up, and nobody made up.
"""

import json
import time

from lab import wait_until

from figures import measure, percentile
from programs import fill_queue
from rows.paced import pace
from table import Line, judge, ms

LIMITS = "tenant_size: large, share: {share}"
BURST = 3000 * 0.9  # less the urgent reserve; of it, the share


def disable(ground, users):
    """One a second; latencies in ms."""
    commits = {}
    for i in pace(len(users), per_s=1):
        commits[users[i].id] = ground.ad.modify(users[i].dn, replace={"userAccountControl": 546})

    def arrived():
        found = {}
        for r in ground.writes():
            if r["method"] == "PATCH" and json.loads(r["body"] or "{}").get("accountEnabled") is False:
                found.setdefault(r["path"].rpartition("/")[2], r["time_us"])
        return found if all(i in found for i in commits) else None
    found = wait_until(arrived, 60, "every disabled account in the cloud", every_s=0.5)
    return [(found[i] * 1000 - c.mono_ns) / 1e6 for i, c in commits.items()]


def enable(ground, users):
    for u in users:
        ground.ad.modify(u.dn, replace={"userAccountControl": 544})


def row(bench):
    ground = bench.ground
    n_urgent = 6 if bench.quick else 40
    n_made_up = 0 if bench.quick else 100000
    # Quick: a smaller part of the limits, which fewer users use up.
    share = 0.2 if bench.quick else 0.8
    limits, burst = LIMITS.format(share=share), BURST * share
    leavers, backlog = ground.users[-n_urgent:], ground.users[:-n_urgent]

    def without():
        with ground.published_limits(), ground.copy_of_state() as state:
            ground.forget_journal()
            with ground.service(state=state, limits=limits):
                return disable(ground, leavers)

    def behind():
        with ground.copy_of_state() as state:
            ground.make_stale(backlog)
            fill_queue(ground, state, backlog, 0)
            if n_made_up:
                fill_queue(ground, state, n_made_up=n_made_up)
            ground.forget_journal()
            with ground.published_limits(), ground.service(state=state, limits=limits):
                wait_until(lambda: ground.health()["writes"] >= burst, 120, "the end of the burst", every_s=0.1)
                time.sleep(1)
                return disable(ground, leavers)

    def reset():
        """Nobody is disabled, in the directory and in the cloud."""
        enable(ground, leavers)
        ground.graph.admin("POST", "objects", {"users": [{"id": u.id, "accountEnabled": True} for u in leavers]})

    def one():
        alone = without()
        reset()
        late = behind()
        reset()
        return {"late": late, "alone": alone, "base_p50": percentile(alone, 50)}

    # One p99 over all runs: of a single run it would be the one worst change.
    s = measure(one, 1 if bench.quick else 3, ["base_p50"], n_repeats=1)
    late, alone = sum(s.all("late"), []), sum(s.all("alone"), [])
    p99, base_p99, p50, base_p50 = percentile(late, 99), percentile(alone, 99), percentile(late, 50), percentile(alone, 50)
    return [
        Line("urgent", "p99", ms(p99), ms(base_p99), p99 / base_p99, "<= 2", judge(p99 / base_p99 <= 2, s),
             f"behind {len(backlog) + n_made_up:,} changes; {len(late)} urgent ones" + ("" if bench.quick else f", all of {len(s.runs)} runs together")),
        Line("urgent", "p50", ms(p50), ms(base_p50), p50 / base_p50),
    ]
