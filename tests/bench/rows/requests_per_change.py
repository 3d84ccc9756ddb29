# SPDX-License-Identifier: Apache-2.0
"""requests-per-change: how many requests an update of a user that is known takes.

Users get a new title, one after the other; all requests to Graph until the queue is idle are counted, those for a token
left out. One read and one write are expected. There is no `trust_space` setting yet, which would spare the read.
"""

import time

from table import Line, judge


def row(bench):
    ground = bench.ground
    users = ground.users[:20]
    with ground.service():
        # The first run of a process asks for a token and for the tenant; it is not counted.
        ground.forget_journal()
        ground.ad.set(users[0].dn, title=f"Before {time.monotonic_ns()}")
        ground.until_writes(1, 30)
        ground.until_idle()
        ground.forget_journal()
        for i, u in enumerate(users):
            ground.ad.set(u.dn, title=f"Once {i} {time.monotonic_ns()}")
            ground.until_writes(i + 1, 30)
        ground.until_idle()
        n = sum(1 for r in ground.graph.journal() if "/oauth2/" not in r["path"])
    per_change = n / len(users)
    return [Line("requests-per-change", "", f"{per_change:.2f}", "", None, "<= 2.0", judge(per_change <= 2.0), f"{len(users)} updates of known users")]
