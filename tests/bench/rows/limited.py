# SPDX-License-Identifier: Apache-2.0
"""A backlog against the published limits, time scaled: the measurement behind `under-limit` and `flood`.

The emulator enforces what Microsoft publishes for a large tenant, five times as fast (100 writes/s after a burst of 3,000), and
the service is told that all of it is its own (`share: 1`; no urgent reserve, since nothing urgent comes). Every user needs
one PATCH and is in the queue when the service starts.
"""

from programs import fill_queue
from rows.people import many

SCALE = 5
BURST = 3000
RATE = 20 * SCALE


class Limited:
    """bench.once("limited", Limited)"""

    def __init__(self, bench):
        ground = bench.once("many", many)
        users = ground.users[:10000]
        ground.make_stale(users)
        fill_queue(ground, ground.state, users)
        with ground.published_limits("L", SCALE):
            ground.forget_journal()
            limits = f"tenant_size: large, share: 1, urgent_reserve: 0, time_scale: {SCALE}"
            with ground.service(limits=limits):
                accepted = ground.until_writes(len(users), 600)
            records = ground.writes()
        times = [r["time_us"] for r in accepted]
        self.n = len(users)
        self.seconds = (max(times) - min(times)) / 1e6
        self.budget = BURST + RATE * self.seconds
        self.used = len(accepted) / self.budget
        self.n_throttled = sum(r["throttled"] for r in records)
        self.n_in_hold = sum(r["hold_violation"] for r in records)
        with ground.service():
            ground.until_idle()
