# SPDX-License-Identifier: Apache-2.0
"""noop: writes for changes that change nothing in the cloud.

Three kinds: an attribute changes that no rule reads; an attribute is set to the value it has; users that are as they should be
are put into the queue. Each causes runs, none may cause a write.
"""

import time

from lab import wait_until

from programs import fill_queue
from table import Line, judge


def reads(ground):
    return sum(1 for r in ground.graph.journal() if r["method"] == "GET" and "/users/" in r["path"])


def row(bench):
    ground = bench.ground
    users = ground.users[:50]
    with ground.service():
        for u in users:
            ground.ad.set(u.dn, title="Same")
        ground.until_writes(1, 30)
        time.sleep(1)
        ground.until_idle()
        ground.forget_journal()
        for i, u in enumerate(users):
            ground.ad.set(u.dn, wWWHomePage=f"http://contoso.test/{i}/{time.monotonic_ns()}")
            ground.ad.set(u.dn, title="Same")
        time.sleep(1)
        ground.until_idle()
        n_feed = len(ground.writes())
    fill_queue(ground, ground.state, users)
    ground.forget_journal()
    with ground.service():
        # All have been looked at: otherwise no write would prove nothing.
        wait_until(lambda: reads(ground) >= len(users), 30, "every user read at Graph")
        ground.until_idle()
        n_queue = len(ground.writes())
    return [Line("noop", "writes", str(n_feed + n_queue), "", None, "0", judge(n_feed + n_queue == 0),
                 f"{3 * len(users)} changes without effect")]
