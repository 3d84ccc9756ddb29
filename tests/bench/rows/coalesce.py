# SPDX-License-Identifier: Apache-2.0
"""coalesce: fifty changes to one user within a second.

The title of one user is changed every 20 ms, without waiting for the directory's acknowledgement. Counted are the writes to
that user; the last state must be right.
"""

import time

import ldap

from rows.paced import pace
from table import Line, judge

N = 50


def row(bench):
    ground = bench.ground
    user = ground.users[0]
    with ground.service():
        ground.ad.set(user.dn, title="Before")
        ground.until_idle()
        time.sleep(1)
        ground.forget_journal()
        began = time.monotonic()
        connection = ground.ad.connection
        sent = [connection.modify(user.dn, [(ldap.MOD_REPLACE, "title", [f"Version {i}".encode()])]) for i in pace(N, per_s=N)]
        for message in sent:
            connection.result(message)
        took = time.monotonic() - began
        time.sleep(2)
        ground.until_idle()
        n = len(ground.writes(path=user.id))
        found = next(u for u in ground.graph.state()["users"] if u["id"] == user.id)
    right = found.get("jobTitle") == f"Version {N - 1}"
    return [
        Line("coalesce", "writes", str(n), "", None, "<= 3", judge(n <= 3), f"{N} changes of one user in {took:.1f} s"),
        Line("coalesce", "last state", "right" if right else f"wrong: {found.get('jobTitle')}", "", None, "right", judge(right)),
    ]
