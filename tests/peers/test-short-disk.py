# SPDX-License-Identifier: Apache-2.0
"""A disk of 100 MB and 200 changes a second: reports thin out, and nothing waits for that. The long form: test-short-disk.py SECONDS"""

import json
import os
import sys
import time

from fakeland import sections
from house import check, small_disk, step
from lab import Lab, wait_until
from lab.base import write_file

MIB = 100  # what is left of
DISK_MIB = 112
PER_S = 200
SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
PEOPLE = 100
TWINS = 20  # pairs with one address: the second of each fails
LATE_S = 3.0  # a machine that tests share is slow; who waits for room waits longer than this


def config(f, reports):
    return write_file(f.folder / "sosync.yaml", sections(f.ad, f.graph) + f"""\
urgent:
  - {{attribute: userAccountControl, when: "BitAnd([userAccountControl],2) = 2"}}
brakes: {{off: [create, disable, values]}}
state: {{path: "{f.folder / 'state'}"}}
reports: {{path: "{reports}", html: on-demand, min_free: 87%}}
workers: 16
""", 0o600)


class World:
    def __init__(self, lab):
        self.lab, self.folder = lab, lab.folder
        self.ad = lab.fakead()
        self.graph = lab.emulator(domains=["fake.test"])

    def until(self, account, **wanted):
        def look():
            u = self.graph.find_user(f"{account}@fake.test")
            return u if u and all(u.get(k) == v for k, v in wanted.items()) else None
        return wait_until(look, 60, f"{account} in the cloud with {wanted}")

    def idle(self):
        r = self.sosync.command("queue", "stats", "--json")
        return r.returncode == 0 and all(
            lane[s] == 0 for lane in json.loads(r.stdout)["lanes"].values() for s in ("ready", "leased"))

    def list(self, *arguments):
        r = self.sosync.command("report", "list", "--limit", "1000000", "--json", *arguments)
        check(r.returncode == 0, r)
        return [json.loads(line) for line in r.stdout.splitlines()]

    def has(self, row):
        """Is the report whole? 1: only its line is left."""
        r = self.sosync.command("report", "show", row["id"])
        check(r.returncode in (0, 1), r)
        return r.returncode == 0


def change(w, i):
    """One in four of each: a title, a title, a flag that no rule exports, a person who is not for the cloud."""
    number = i // 4 % PEOPLE
    if i % 4 < 2:
        w.ad.put_user(1 + number + PEOPLE * (i % 4), f"User {number + PEOPLE * (i % 4)}", title=f"Title {i}")
    elif i % 4 == 2:
        w.ad.put_user(2000 + number, f"Same {number}", userAccountControl="66048" if i // 4 // PEOPLE % 2 else "512")
    else:
        w.ad.put_user(3000 + number, f"Never {number}", isCriticalSystemObject="TRUE", title=f"Title {i}")


def canary(w, n):
    """Somebody is disabled, and it is looked how long that takes."""
    began = time.monotonic()
    w.ad.put_user(4000 + n, f"Leaver {n}", userAccountControl="514")
    w.until(f"leaver.{n}", accountEnabled=False)
    return time.monotonic() - began


def run(w, disk):
    w.sosync = w.lab.sosync(config(w, disk / "reports"))
    step("people, and those who fail")
    for i in range(TWINS):
        for k in range(2):
            w.ad.put_user(5000 + 2 * i + k, f"Twin {i} {k}", proxyAddresses=[f"SMTP:twin{i}@fake.test"], mail=f"twin{i}@fake.test")
    for n in range(5):
        w.ad.put_user(4000 + n, f"Leaver {n}")
    for i in range(4 * PEOPLE):
        change(w, i)
    w.until("leaver.4")
    wait_until(w.idle, 60, "an idle queue")
    failures = w.list("--status", "failure")
    check(len(failures) >= TWINS, failures[:3])
    oldest = [r for r in w.list() if r["status"] == "success"][-1] if w.list() else None
    check(w.has(oldest), oldest)

    step(f"{PER_S} changes a second for {SECONDS} s")
    began, i, late, canaries, smallest = time.monotonic(), 0, 0.0, 0, MIB << 20
    while time.monotonic() - began < SECONDS:
        wait = began + i / PER_S - time.monotonic()
        if wait > 0:
            time.sleep(wait)  # the pace is the test
        change(w, i)
        i += 1
        if canaries < 5 and time.monotonic() - began > (canaries + 0.5) * SECONDS / 5:
            late = max(late, canary(w, canaries))
            canaries += 1
        if i % 100 == 0:
            s = os.statvfs(disk)
            smallest = min(smallest, s.f_bavail * s.f_frsize)
    pace = i / (time.monotonic() - began)
    ended = time.monotonic()
    wait_until(w.idle, 60, "an idle queue")
    drained = time.monotonic() - ended
    print(f"{pace:.0f} changes a second, {i} in all; the slowest disable {late * 1000:.0f} ms; idle {drained:.1f} s after the last; "
          f"least room {smallest >> 20} MiB of {MIB}")
    check(canaries == 5 and late < LATE_S, f"a disable took {late:.1f} s")
    log = w.sosync.log.read_text()
    check("reports make room" in log, "the disk was never short")
    check("reports cannot be written" not in log, "reports could not be written")

    step("oldest successes are gone, failures are whole, what did nothing is a line")
    check(not w.has(oldest), "the oldest success is still whole")
    rows = w.list()
    check(oldest["id"] in (r["id"] for r in rows), "its line is gone")
    for row in failures:
        check(w.has(row), row)
    kinds = {}
    for row in rows[:2000]:
        kinds.setdefault(row["outcome"], row)
    check({"exported", "no change"} <= set(kinds), set(kinds))
    check(not [r for r in rows if "Never" in r["dn"]], "who was never in the cloud has lines")
    check(w.has(kinds["exported"]), "the newest success is not whole")
    # Those of later may be whole again: room had been made (report/test-store.c has the arithmetic).
    first = [r for r in rows if r["outcome"] == "no change"][-1]
    r = w.sosync.command("report", "show", first["id"], "--json")
    check(r.returncode == 1 or not json.loads(r.stdout).get("provisioningSteps"), r)
    print(len(rows), "lines:", {k: sum(r["outcome"] == k for r in rows) for k in sorted(kinds)})
    w.sosync.stop()


with Lab("short-disk") as lab:
    world = World(lab)
    with small_disk(world, DISK_MIB) as disk:
        (disk / "others").write_bytes(b"x" * ((DISK_MIB - MIB) << 20))
        run(world, disk)
