# SPDX-License-Identifier: Apache-2.0
"""A pilot group: who is put into it is made, though only the group has changed, also while no service runs."""

import json

from house import check, house, step, wait_until

N = 30


def has_read_members(h):
    """The members have been remembered: from now on a change of the group is a difference."""
    r = h.sosync.command("reconcile", "--json")
    n = json.loads(r.stdout) if r.returncode == 0 else {}
    return n.get("neverSynchronized") == 0 and n["new"] == 0


with house("pilot") as h:
    pilot = h.ad.add_group("Pilot", h.outside).dn
    names = [f"Pilot {i}" for i in range(N)]
    for name in names:
        h.ad.add_user(name, h.people)
    h.start(scope=f'{{include: ["{h.corp}"], group_filter: "{pilot}"}}')
    wait_until(lambda: has_read_members(h), 20, "the members of the filter group are known")

    step("members come")
    for name in names[:10]:
        h.ad.add_member(pilot, f"CN={name},{h.people}")
    for i in range(10):
        h.until_user(f"pilot.{i}")
    h.until_idle()
    check(len(h.graph.state()["users"]) == 10, h.graph.state()["users"])

    step("while no service runs")
    h.sosync.stop()
    for name in names[10:20]:
        h.ad.add_member(pilot, f"CN={name},{h.people}")
    h.sosync.start()
    for i in range(10, 20):
        h.until_user(f"pilot.{i}")

    step("one who is disabled and put out has his last word")
    h.ad.enable(f"CN={names[0]},{h.people}", False)
    h.until_user("pilot.0", accountEnabled=False)
    h.until_idle()
    n = json.loads(h.sosync.command("reconcile", "--json").stdout)
    check((n["enqueued"], n["missed"], n["same"]) == (0, 0, 20), n)
