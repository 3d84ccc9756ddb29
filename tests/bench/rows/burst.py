# SPDX-License-Identifier: Apache-2.0
"""burst: 2,500 changes at once, over a real distance.

The emulator answers after 20 to 140 ms (80 ± 60) and enforces the published limits of a large tenant, unscaled: 2,500 writes
fit into its burst of 3,000. The service may use all of it (`share: 1`), has its default number of workers, and finds 2,500
changes in its queue. Measured: from ready until the last write has been accepted. Quick: 1,000 changes, and as much less time. A second figure with 48 workers says what
more of them would give. No baseline: each change takes two round trips, so 30 workers cannot do more than 30 / 0.16 s = 187
changes a second.
"""

from programs import fill_queue
from table import Line, judge, ms

N, GOAL_S = 2500, 15
N_QUICK, GOAL_QUICK_S = 1000, 6
LATENCY_MS = (20, 140)


def burst(ground, n, workers):
    users = ground.users[:n]
    ground.make_stale(users)
    fill_queue(ground, ground.state, users)
    ground.forget_journal()
    with ground.published_limits("L"), ground.latency(*LATENCY_MS):
        with ground.service(limits="tenant_size: large, share: 1", workers=workers):
            accepted = ground.until_writes(n, 180)
            records = ground.writes()
    times = [r["time_us"] for r in accepted]
    with ground.service():
        ground.until_idle()
    # When the last answer is there; the journal has when a request had arrived.
    return (max(times) - min(times)) / 1e6 + max(LATENCY_MS) / 1e3, sum(r["throttled"] for r in records)


def row(bench):
    n, goal_s = (N_QUICK, GOAL_QUICK_S) if bench.quick else (N, GOAL_S)
    seconds, n_throttled = burst(bench.ground, n, None)
    lines = [
        Line("burst", f"{n:,} changes", ms(seconds * 1e3), "", None, f"< {goal_s} s", judge(seconds < goal_s),
             "80 ± 60 ms, published limits, tenant L, share 1, 32 workers; one run"),
        Line("burst", "refused with 429", str(n_throttled), "", None, "0", judge(n_throttled == 0)),
    ]
    if not bench.quick:
        seconds, n_throttled = burst(bench.ground, n, 48)
        lines.append(Line("burst", "with 48 workers", ms(seconds * 1e3), note=f"{n_throttled} refused"))
    return lines
