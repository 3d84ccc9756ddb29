# SPDX-License-Identifier: Apache-2.0
"""A small disk for the reports and many changes: reports make room, and nothing waits for that."""

import json
import os

from house import DEADLINE_S, check, house, small_disk, step
from lab import wait_until

MIB = 10
PEOPLE = 80
ROUNDS = 14

with house("room") as h, small_disk(h, MIB) as disk:
    h.start(reports=disk / "reports", html="on-demand, min_free: 50%")
    step("people")
    names = [f"Worker {i:03}" for i in range(PEOPLE)]
    for name in names:
        h.ad.add_user(name, h.people)
    h.until_user(f"worker.{PEOPLE - 1:03}")
    h.until_idle()
    first = h.sosync.command("report", "list", "--limit", "1000", "--json").stdout.splitlines()[-1]
    step("changes until there is no room")
    n = 0

    def short():
        return "reports make room" in h.sosync.log.read_text()

    while not short() and n < ROUNDS * 4:
        n += 1
        for name in names:
            h.ad.set(f"CN={name},{h.people}", title=f"Title {n}", description=f"{n}")
        h.until_user(f"worker.{PEOPLE - 1:03}", jobTitle=f"Title {n}")
    check(short(), f"after {n} rounds the disk is not short")
    for _ in range(3):
        n += 1
        for name in names:
            h.ad.set(f"CN={name},{h.people}", title=f"Title {n}")
        h.until_user(f"worker.{PEOPLE - 1:03}", jobTitle=f"Title {n}")
    h.until_idle()
    left = os.statvfs(disk)
    step(f"{left.f_bavail * left.f_frsize >> 20} MiB of {MIB} are left")

    def settled():
        s = os.statvfs(disk)
        return s.f_bavail >= s.f_blocks * 0.4
    wait_until(settled, DEADLINE_S, "room on the disk")
    check("reports cannot be written" not in h.sosync.log.read_text(), "reports could not be written")
    step("what is old and went well is a line; what is new is whole")
    r = h.sosync.command("report", "show", json.loads(first)["id"])
    check(r.returncode == 1, r)
    lines = h.sosync.command("report", "list", "--limit", "100000", "--json").stdout.splitlines()
    check(len(lines) >= PEOPLE * (n - 3), len(lines))
    check(any(json.loads(first)["id"] in line for line in lines), "the line of the first report is gone")
    r = h.sosync.command("report", "show", json.loads(lines[0])["id"])
    check(r.returncode == 0, r)
    h.sosync.stop()
