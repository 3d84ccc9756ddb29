# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments under a stream of changes: afterwards Graph equals the directory, nothing was created twice, and the flag of
the regular cycle is given back after each.

Half of the deaths come from outside at a random moment, half from inside at the n-th system call that writes, flushes or sends
(crash-shim.c), torn writes among them.

The whole form: test-crash.py 1000 [SEED]. In the suite it is 100 (or SOSYNC_CRASHES, SOSYNC_SEED). The seed is printed, so that a run can
be repeated.
"""

import json
import os
import random
import sys
import threading
import time

from house import check, environment, house, step
from lab import wait_until
from lab.base import Failure, write_file

CRASHES = int(sys.argv[1]) if len(sys.argv) > 1 else environment("SOSYNC_CRASHES", 100)
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else environment("SOSYNC_SEED", int.from_bytes(os.urandom(4), "big"))
PEOPLE = 30

# The flag is a line of a file, and every call leaves one with the process that asked. A call whose asker has died does nothing: what
# the real program leaves behind ends with its lease (--for).
FLAG = """\
#!/bin/sh
folder=${0%/*}
kill -0 $PPID 2>/dev/null || exit 1
case $1 in
status) printf '{"SyncCycleEnabled": %s, "SyncCycleInProgress": false, "SchedulerSuspended": false}' "$(cat "$folder/flag")" ;;
pause) echo false >"$folder/flag"; echo "pause $PPID" >>"$folder/calls" ;;
resume) echo true >"$folder/flag"; echo "resume $PPID" >>"$folder/calls" ;;
esac
"""


class Stream(threading.Thread):
    """Changes without end, until stopped: new people, titles, disables, members. Remembers nothing: the directory does."""

    def __init__(self, h, rng):
        super().__init__()
        self.h, self.rng = h, rng
        self.ad = h.dc.admin()
        self.stopping = threading.Event()
        self.n_new = 0
        self.error = None

    def run(self):
        try:
            while not self.stopping.is_set():
                self.change()
        except Exception as e:  # noqa: BLE001  (shown by the main thread)
            self.error = e

    def change(self):
        h, rng = self.h, self.rng
        person = f"CN=Person {rng.randrange(PEOPLE)},{h.people}"
        kind = rng.random()
        if kind < 0.15:
            self.n_new += 1
            self.ad.add_user(f"New {self.n_new}", h.people, title="New")
            self.ad.add_member(f"CN=Team {rng.randrange(3)},{h.groups}", f"CN=New {self.n_new},{h.people}")
        elif kind < 0.30:
            self.ad.enable(person, rng.random() < 0.5)
        elif kind < 0.40:
            # Not oneself: Graph refuses that, and the object is parked with the reason.
            others = [i for i in range(PEOPLE) if f"CN=Person {i},{h.people}" != person]
            self.ad.set(person, manager=f"CN=Person {rng.choice(others)},{h.people}")
        else:
            self.ad.set(person, title=f"Title {rng.randrange(10**6)}", department=rng.choice(["A", "B", "C"]))


def expected(h):
    """What Graph must hold, read from the directory: by UPN and by group name."""
    users, dns, groups = {}, {}, {}
    for dn, a in h.ad.find(h.corp, "(objectClass=user)"):
        upn = a["userPrincipalName"][0].decode()
        dns[dn.lower()] = upn
        users[upn] = {
            "displayName": a["displayName"][0].decode(),
            "jobTitle": a.get("title", [b""])[0].decode() or None,
            "department": a.get("department", [b""])[0].decode() or None,
            "accountEnabled": not int(a["userAccountControl"][0]) & 2,
            "manager": a.get("manager", [b""])[0].decode() or None,
        }
    for u in users.values():
        u["manager"] = dns[u["manager"].lower()] if u["manager"] else None
    for _dn, a in h.ad.find(h.corp, "(objectClass=group)"):
        groups[a["displayName"][0].decode()] = sorted(dns[m.decode().lower()] for m in a.get("member", []))
    return users, groups


def actual(h):
    state = h.graph.state()
    upns = {u["id"]: u["userPrincipalName"] for u in state["users"]}
    users = {
        u["userPrincipalName"]: {
            "displayName": u.get("displayName"), "jobTitle": u.get("jobTitle"), "department": u.get("department"),
            "accountEnabled": u.get("accountEnabled"), "manager": upns.get(u.get("manager")),
        } for u in state["users"]
    }
    return users, {g["displayName"]: sorted(upns[m] for m in g["members"]) for g in state["groups"]}


def differences(want, have):
    lines = []
    for kind, w, a in zip(("user", "group"), want, have):
        for name in sorted(set(w) | set(a)):
            if w.get(name) != a.get(name):
                lines.append(f"{kind} {name}: directory {w.get(name)}, Graph {a.get(name)}")
    return lines


class Flag:
    """SyncCycleEnabled, and who has set it: whoever finds it paused by a process that has died gives it back before anything else."""

    def __init__(self, folder):
        self.folder = folder
        self.program = str(write_file(folder / "flag.sh", FLAG, 0o700))
        write_file(folder / "flag", "true\n", 0o600)
        write_file(folder / "calls", "", 0o600)
        self.n_seen = self.n_held = self.n_given_back = 0
        self.holder = None

    def config(self):
        programs = "".join(f'{verb}: ["{self.program}", {verb}], ' for verb in ("status", "pause", "resume"))
        return f"scheduler: {{driver: command, {programs}linger: 100ms, max_hold: 1h}}"

    def look(self):
        """What was done since the last look."""
        calls = (self.folder / "calls").read_text().splitlines()
        for call in calls[self.n_seen:]:
            verb, by = call.split()
            if verb == "pause":
                check(self.holder in (None, by), f"paused by {by}, while {self.holder} had left it paused:\n" + "\n".join(calls[-20:]))
                self.n_held += self.holder is None
                self.holder = by
            else:
                self.n_given_back += self.holder not in (None, by)
                self.holder = None
        self.n_seen = len(calls)

    def is_enabled(self):
        return (self.folder / "flag").read_text() == "true\n"


def die_inside(h, rng):
    """Wait until it dies of the shim; one that has too little to do is killed. 1: it died by itself."""
    try:
        wait_until(lambda: h.sosync.process.poll() is not None, 3, "death from inside", every_s=0.002)
        h.sosync.kill()
        return 1
    except Failure:
        h.sosync.kill()
        return 0


with house("crash") as h:
    step(f"seed {SEED}, {CRASHES} crashes")
    rng = random.Random(SEED)
    n_inside = 0
    shim = h.lab.build / "tests/peers/libcrash-shim.so"
    flag = Flag(h.folder)
    h.start(more=f"settle: 2s\n{flag.config()}", brakes="{off: [create, disable, members]}")
    h.sosync.environment["LD_PRELOAD"] = str(shim)
    for i in range(PEOPLE):
        h.ad.add_user(f"Person {i}", h.people, title="First")
    for i in range(3):
        h.ad.add_group(f"Team {i}", h.groups)
    h.until_user(f"person.{PEOPLE - 1}")

    stream = Stream(h, random.Random(rng.random()))
    stream.start()
    try:
        for i in range(CRASHES):
            # A random moment of its work: from before it is ready to well after.
            if i % 2:
                n_inside += die_inside(h, rng)
            else:
                moment = time.monotonic() + rng.random() * 0.5
                wait_until(lambda: time.monotonic() >= moment, 2, "the moment of the crash", every_s=0.001)
                h.sosync.kill()
            flag.look()
            if i % 50 == 49:
                step(f"{i + 1} crashes, {n_inside} of them from inside; {flag.n_held} holds, {flag.n_given_back} given back by a successor")
            h.sosync.environment["SOSYNC_DIE_AFTER"] = str(int(2 ** (rng.random() * 10)) if i % 2 == 0 and i < CRASHES - 1 else 0)
            h.sosync.start(wait=False)
            if i % 2 and rng.random() < 0.7:
                h.sosync.wait_ready()
    finally:
        stream.stopping.set()
        stream.join()
    check(stream.error is None, stream.error)
    h.ad = h.dc.admin()  # the old connection has said nothing for so long that Samba has closed it
    h.sosync.wait_ready()
    step(f"{CRASHES} crashes ({n_inside} from inside), {stream.n_new} new people; waiting until Graph equals the directory")

    try:
        wait_until(lambda: not differences(expected(h), actual(h)), 120, "Graph equals the directory", every_s=0.2)
    except Exception:
        print("\n".join(differences(expected(h), actual(h))[:20]))
        print(h.sosync.command("queue", "stats").stdout)
        raise
    h.until_idle()
    state = h.graph.state()
    anchors = [u["onPremisesImmutableId"] for u in state["users"]]
    check(len(anchors) == len(set(anchors)), "an anchor twice")
    creates = [r for r in h.writes() if r["status"] == 201]
    check(len(creates) == len(state["users"]) + len(state["groups"]), f"{len(creates)} creates for {len(anchors)} users")
    r = h.sosync.command("queue", "check")
    check(r.returncode == 0, r)
    lanes = json.loads(h.sosync.command("queue", "stats", "--json").stdout)["lanes"]
    check(all(lane["parked"] == 0 for lane in lanes.values()), lanes)
    wait_until(flag.is_enabled, 20, "the flag given back")
    flag.look()
    check(flag.n_held > CRASHES / 10 and flag.n_given_back > CRASHES / 20, (flag.n_held, flag.n_given_back))
    step(f"the flag: held {flag.n_held} times, given back by the next process {flag.n_given_back} times")
    step(f"Graph equals the directory: {len(state['users'])} users, {len(state['groups'])} groups, {len(creates)} creates")
