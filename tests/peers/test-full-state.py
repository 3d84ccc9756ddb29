# SPDX-License-Identifier: Apache-2.0
"""The disk of the state is full: who asks for an object is told so, again and again, and all goes on when there is room."""

import subprocess

from house import check, house, small_disk, step, write_rules
from lab import wait_until

RULE = """\
rules:
- {name: Mine, direction: Inbound, source_type: user, target_type: person, link: Join, precedence: 50, flows: [{target: department, source: title}]}
"""
MIB = 160  # the store wants 64 MiB of room before it takes changes again

with house("full-state") as h, small_disk(h, MIB) as disk:
    h.start(state=disk / "state")
    dn = h.ad.add_user("Ada First", h.people).dn
    h.until_user("ada.first")
    h.until_idle()
    step("no room: every answer says so")
    others = disk / "others"
    subprocess.run(["dd", "if=/dev/zero", f"of={others}", "bs=64k", f"count={MIB * 16}"], capture_output=True, check=False)

    def refused():
        r = h.sosync.command("sync", dn)
        return r.returncode == 5 and "full" in r.stderr
    wait_until(refused, 30, "a refusal for want of room")
    for _ in range(3):
        r = h.sosync.command("sync", dn)
        check(r.returncode == 5 and "full" in r.stderr, r)
    step("and every command says the same, and what it means")
    for command in (["demote"], ["compare"], ["rules", "activate", "--yes", str(write_rules(h, "other", RULE))]):
        r = h.sosync.command(*command)
        check(r.returncode == 1 and "the queue is full: state.limit is reached, or less than 64 MiB are free on its disk" in r.stderr, r)
    step("room again: the change that came meanwhile arrives, and who asks gets his answer")
    h.ad.set(dn, title="Analyst")
    others.unlink()
    wait_until(lambda: h.sosync.command("promote", "--yes", "--take-over").returncode == 0, 30, "promote: who could not store that it was demoted is so until told otherwise")
    wait_until(lambda: (h.user("ada.first") or {}).get("jobTitle") == "Analyst", 90, "the change after the want of room")
    r = h.sosync.command("sync", dn)
    check(r.returncode == 0, r)
