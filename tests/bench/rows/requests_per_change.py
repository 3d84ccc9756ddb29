# SPDX-License-Identifier: Apache-2.0
"""requests-per-change: how many requests an update of a user that is known takes.

Users get a new title, one after the other; all requests to Graph until the queue is idle are counted, those for a token
left out. One read and one write are expected.
"""

import time

from table import Line, judge


def count(bench, **config):
    """Requests for each of these updates, and how many updates there were. Each user was updated once before, by the same process."""
    ground = bench.ground
    users = ground.users[:20]

    def give_titles(word):
        ground.forget_journal()
        for i, u in enumerate(users):
            ground.ad.set(u.dn, title=f"{word} {i} {time.monotonic_ns()}")
            ground.until_writes(i + 1, 30)
        ground.until_idle()

    with ground.service(**config):
        # The first runs of a process ask for a token, for the tenant, and who holds roles; they are not counted.
        give_titles("Before")
        give_titles("Once")
        n = sum(1 for r in ground.graph.journal() if "/oauth2/" not in r["path"])
    return n / len(users), len(users)


def row(bench):
    per_change, n = count(bench)
    return [Line("requests-per-change", "", f"{per_change:.2f}", "", None, "<= 2.0", judge(per_change <= 2.0), f"{n} updates of known users")]
