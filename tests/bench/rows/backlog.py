# SPDX-License-Identifier: Apache-2.0
"""A backlog of a million: the measurement behind `memory` and `start`.

A million changes of made-up objects are put into a copy of the state folder, directly and not through a directory. Then the
service starts on it, with its limits of no concern, and works on them: no directory has the objects, so each run ends with its
read. Anonymous memory (which the mapped store is no part of) is read for some seconds, its highest value counts; and the time from
starting the program until it says that it is ready. The same is measured with the state as it is, without a backlog.
"""

import time

from figures import measure
from ground import anonymous_bytes
from programs import fill_queue

WATCH_S, WATCH_QUICK_S = 4, 2


class Backlog:
    """bench.once("backlog", Backlog)"""

    def __init__(self, bench):
        self.ground = bench.ground
        self.n = 200000 if bench.quick else 1000000
        n_runs = 1 if bench.quick else 3
        self.watch_s = WATCH_QUICK_S if bench.quick else WATCH_S
        with self.ground.copy_of_state() as state:
            self.empty = measure(lambda: self.one(state), n_runs)
            began = time.monotonic()
            fill_queue(self.ground, state, n_made_up=self.n)
            self.fill_s = time.monotonic() - began
            self.file_bytes = (state / "data.mdb").stat().st_blocks * 512
            self.full = measure(lambda: self.one(state), n_runs)

    def one(self, state):
        with self.ground.service(state=state, wait=False) as service:
            ready_ms = self.ground.until_ready()
            most, end = 0, time.monotonic() + self.watch_s
            while time.monotonic() < end:
                most = max(most, anonymous_bytes(service.pid))
                time.sleep(0.05)
        return {"ready": ready_ms, "anonymous": most}
