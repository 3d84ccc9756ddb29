# SPDX-License-Identifier: Apache-2.0
"""membership: many members of one group, under the published limits.

A group is made in the directory with all its members at once; they are in the cloud already. The emulator answers after 20 to
140 ms and enforces the limits of a large tenant. One PATCH takes at most 20 members, so the limits would allow 400 members a
second for ever and more in a burst. Measured: members a second between the group's creation in the cloud and its last member.
"""

import json
import time

from lab import wait_until

from table import Line, judge, per_s


def row(bench):
    ground = bench.ground
    users = ground.users[:2000 if bench.quick else 10000]
    name = f"Everybody {time.monotonic_ns()}"
    ground.forget_journal()
    with ground.published_limits("L"), ground.latency(20, 140), ground.service(limits="tenant_size: large"):
        began = time.monotonic()
        ground.ad.add_group(name, ground.corp, members=[u.dn for u in users], sAMAccountName=f"g{time.monotonic_ns()}")
        added = time.monotonic()

        def members():
            group = ground.graph.find_group(name)
            return group is not None and len(group["members"]) >= len(users)
        wait_until(members, 300, f"{len(users)} members in the cloud", every_s=0.5)
        records = [r for r in ground.writes() if "/groups" in r["path"]]
        ground.until_idle()
    times = [r["time_us"] for r in records]
    n_throttled = sum(r["throttled"] for r in records)
    seconds = (max(times) - min(times)) / 1e6
    in_one = [len(json.loads(r["body"]).get("members@odata.bind", ())) for r in records if r["body"]]
    rate = len(users) / seconds if seconds else float("inf")
    return [
        Line("membership", f"{len(users):,} into one group", per_s(rate), "", None, ">= 300/s", judge(rate >= 300),
             f"80 ± 60 ms, published limits, tenant L; {len(records)} writes, up to {max(in_one, default=0)} members each; the directory took "
             f"{added - began:.1f} s to store the group; one run"),
        Line("membership", "refused with 429", str(n_throttled), "", None, "0", judge(n_throttled == 0)),
    ]
