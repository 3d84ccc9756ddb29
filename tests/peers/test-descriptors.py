# SPDX-License-Identifier: Apache-2.0
"""No file descriptor is left (EMFILE): changes wait, nothing is lost, and all goes on when there are some again."""

import json
import os
import resource
import time

from fakeland import sections
from house import check, step
from lab import Lab, wait_until
from lab.base import write_file


def config(f):
    return write_file(f.folder / "sosync.yaml", sections(f.ad, f.graph) + f"""\
state: {{path: "{f.folder / 'state'}"}}
reports: {{path: "{f.folder / 'reports'}"}}
workers: 4
""", 0o600)


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def gap(pid):
    """The lowest number that is not in use: a limit at which nothing can be opened, and what is given up can be had again."""
    used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    return next(n for n in range(1024) if n not in used)


with Lab("descriptors") as lab:
    lab.ad, lab.graph = lab.fakead(), lab.emulator(domains=["fake.test"])

    def until(account, **wanted):
        def look():
            u = lab.graph.find_user(f"{account}@fake.test")
            return u if u and all(u.get(k) == v for k, v in wanted.items()) else None
        return wait_until(look, 60, f"{account} in the cloud with {wanted}")

    service = lab.sosync(config(lab))
    pid = service.pid
    lab.ad.put_user(1, "Ada")
    until("ada")

    step("none is left")
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    # What is open stays open; nothing new can be opened, neither files nor connections.
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (gap(pid), before[1]))
    for n in range(2, 22):
        lab.ad.put_user(n, f"User {n}", title="without a descriptor")
    lab.ad.put_user(1, "Ada", title="Chief")
    r = service.command("queue", "stats", deadline_s=30)
    check(r.returncode in (1, 5) and "does not answer" in r.stderr, r)
    print("a command says:", r.stderr.strip())
    check(os.path.exists(f"/proc/{pid}"), "the service has ended")

    step("nobody spins over it, however many are turned away")
    began, busy = time.monotonic(), cpu(pid)
    for _ in range(20):
        check(service.command("queue", "stats", deadline_s=30).returncode in (1, 5), "it was answered")
    took, busy = time.monotonic() - began, cpu(pid) - busy
    print(f"{busy:.2f} s of CPU in {took:.1f} s")
    check(busy < took / 4, f"{busy} s of CPU in {took} s")

    step("there are some again")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    until("ada", jobTitle="Chief")
    for n in range(2, 22):
        until(f"user.{n}", jobTitle="without a descriptor")

    def idle():
        r = service.command("queue", "stats", "--json")
        return r.returncode == 0 and not sum(v for lane in json.loads(r.stdout)["lanes"].values() for k, v in lane.items() if k in ("ready", "leased", "delayed", "parked"))
    wait_until(idle, 60, "an idle queue")
    # The reporter could not open its files either, and tries again after a while.
    wait_until(lambda: len(service.command("report", "list", "--json", "--limit", "1000").stdout.splitlines()) >= 22, 90, "a report of each run")
    service.stop()
