# SPDX-License-Identifier: Apache-2.0
"""The quickstart behind deploy/quickstart: servers, changes, latencies. Started by it, as root, when all is installed and built."""

import argparse
import fcntl
import json
import math
import os
import pathlib
import shlex
import shutil
import sys
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from lab import Failure, Lab, wait_until  # noqa: E402
from lab.base import write_file  # noqa: E402
from screen import Screen  # noqa: E402

GOAL_MS = 1000
DEADLINE_S = 10  # for one change to arrive; far beyond the goal, so that a late one is shown with its figure

PEOPLE = ("Tom Baker", "Rosa Klein", "Jonas Weber", "Priya Nair", "Chen Li", "Amara Obi", "Lena Fischer", "Omar Haddad")
EVERYDAY = 40  # further changes, after those a person looks at one by one
EVERYDAY_PER_S = 10


class Change:
    """One change a person makes, and the request at Graph that is its effect.

    `arrived(record)` says whether a record of the emulator's journal is that request. `belongs(record)`: whether it is about the same object at all;
    the last write that belongs counts, so a change that takes several requests is over with the last of them.
    """

    def __init__(self, label, text, commit, arrived, belongs):
        self.label, self.text, self.commit = label, text, commit
        self.arrived, self.belongs = arrived, belongs
        self.last = None

    def latency_ms(self):
        return (self.last["time_us"] * 1000 - self.commit.mono_ns) / 1e6


def is_write(record):
    return record["method"] != "GET" and "/oauth2/" not in record["path"] and not record["path"].endswith("/$batch") and record["status"] < 300


def body(record):
    try:
        b = json.loads(record["body"] or "{}")
    except ValueError:
        return {}
    return b if isinstance(b, dict) else {}


class Quickstart:
    def __init__(self, lab, screen):
        self.lab = lab
        self.screen = screen
        self.folder = lab.folder
        self.changes = []

    def run(self, stay):
        """All of it; whether every change arrived in time."""
        self.start()
        self.populate()
        self.show_changes()
        self.everyday()
        good = self.verdict()
        self.explain(stay)
        if stay:
            try:
                self.follow()
            except SystemExit as e:
                if e.code != 130:
                    raise
                self.screen.say()  # below the ^C
        return good

    # -- servers --------------------------------------------------------------

    def start(self):
        for name in ("dc1", "graph", "sosync", "state", "reports"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
        with self.screen.step("directory", "Samba AD") as step:
            self.dc = self.lab.samba()
            step.text = f"Samba AD at {self.dc.uri}"
            self.ad = self.dc.admin()
            self.corp = self.ad.add_ou(f"OU=Corp,{self.dc.base}").dn
            self.people, self.groups = (self.ad.add_ou(f"OU={name},{self.corp}").dn for name in ("People", "Groups"))
            self.leavers = self.ad.add_ou(f"OU=Leavers,{self.dc.base}").dn
        with self.screen.step("cloud", "Graph emulator") as step:
            self.graph = self.lab.emulator("--tenant-name", "Contoso", domains=[self.dc.upn_suffix])
            step.text = f"Graph emulator at {self.graph.login}"
        with self.screen.step("sosync", "sosync run") as step:
            self.config = self.write_config()
            self.sosync = self.lab.sosync(self.config)
            step.text = f"sosync run, watching {self.corp.split(',')[0]}"

    def write_config(self):
        text = (ROOT / "deploy" / "lib" / "quickstart.yaml").read_text().format(
            realm=self.dc.upn_suffix, uri=self.dc.uri, base=self.dc.base, reader_dn=self.dc.reader_dn, password_file=self.dc.password_file,
            ca_file=self.dc.ca_file, scope=self.corp, tenant_id=self.graph.tenant_id,
            client_id=self.graph.client_id, secret_file=self.graph.secret_file, login=self.graph.login, graph=self.graph.graph,
            state=self.folder / "state", reports=self.folder / "reports",
        )
        return write_file(self.folder / "sosync.yaml", text, 0o644)

    # -- changes --------------------------------------------------------------

    def upn(self, name):
        return f"{name.lower().replace(' ', '.')}@{self.dc.upn_suffix}"

    def dn(self, name):
        return f"CN={name},{self.people}"

    def cloud_user(self, name):
        return self.graph.find_user(self.upn(name))["id"]

    def until(self, condition, what):
        """Wait for a condition as long as sosync lives."""
        def look():
            self.sosync.process.check_alive()
            return condition()
        return wait_until(look, DEADLINE_S, what)

    def wait(self, *changes):
        """Until all of these have arrived, or the deadline has passed."""
        after = self.mark

        def look():
            nonlocal after
            for record in self.graph.journal(after, wait_ms=100):
                after = record["number"]
                for c in changes:
                    if c.last is None and is_write(record) and c.arrived(record):
                        c.last = record
            return all(c.last for c in changes)

        try:
            self.until(look, "the change at Graph")
        except Failure:
            self.sosync.process.check_alive()  # late or lost is shown as such, a dead service is the end
        self.changes += changes

    def show(self, change):
        self.screen.clear()
        s = self.screen
        if change.last is None:
            s.say(s.row(s.red, change.label, change.text, "lost"))
        else:
            s.say(s.row(s.green, change.label, change.text, f"{change.latency_ms():.0f} ms"))

    def populate(self):
        """People and groups that have been there for long, so that there is somebody to change."""
        with self.screen.step("people", f"{len(PEOPLE)} people and 2 groups reach the cloud"):
            self.mark = self.graph.last()
            for name in PEOPLE:
                self.ad.add_user(name, self.people, title="Consultant", department="Services")
            for name in ("Finance", "VPN Users"):
                self.ad.add_group(name, self.groups)
            for name in PEOPLE:
                self.until(lambda name=name: self.graph.find_user(self.upn(name)), f"{name} in the cloud")
            for name in ("Finance", "VPN Users"):
                self.until(lambda name=name: self.graph.find_group(name), f"group {name} in the cloud")
        self.cloud = {name: self.cloud_user(name) for name in PEOPLE}

    def one(self, label, text, make, arrived, belongs):
        """Make a change, wait for it, show it."""
        self.screen.waiting(label, text)
        self.mark = self.graph.last()
        change = Change(label, text, make(), arrived, belongs)
        self.wait(change)
        self.show(change)

    def touch(self, name):
        """belongs() for a person in the cloud: requests to the object, or naming it when it is created."""
        upn = self.upn(name)

        def belongs(record):
            known = self.cloud.get(name)
            return bool(known) and f"/users/{known}" in record["path"] or body(record).get("userPrincipalName") == upn
        return belongs

    def set_by(self, name, attribute, value):
        belongs = self.touch(name)
        return lambda record: belongs(record) and body(record).get(attribute) == value

    def show_changes(self):
        s = self.screen
        s.heading("Changes in the directory, and how long until the last request had arrived at Graph")

        self.one("new hire", "Ines Duarte, Analyst in Finance",
                 lambda: self.ad.add_user("Ines Duarte", self.people, title="Analyst", department="Finance"),
                 lambda r: body(r).get("userPrincipalName") == self.upn("Ines Duarte"), self.touch("Ines Duarte"))
        ines = self.graph.find_user(self.upn("Ines Duarte"))
        self.cloud["Ines Duarte"] = ines["id"] if ines else None

        self.one("new job title", "Jonas Weber is Team Lead now", lambda: self.ad.set(self.dn("Jonas Weber"), title="Team Lead"),
                 self.set_by("Jonas Weber", "jobTitle", "Team Lead"), self.touch("Jonas Weber"))

        finance = self.graph.find_group("Finance")["id"]
        joins = lambda r: f"/groups/{finance}" in r["path"] and str(self.cloud["Ines Duarte"]) in (r["body"] or "")  # noqa: E731
        self.one("added to a group", "Ines Duarte joins Finance",
                 lambda: self.ad.add_member(f"CN=Finance,{self.groups}", self.dn("Ines Duarte")), joins, joins)

        self.one("account disabled", "Tom Baker", lambda: self.ad.disable(self.dn("Tom Baker")),
                 self.set_by("Tom Baker", "accountEnabled", False), self.touch("Tom Baker"))

        def leave():
            first = self.ad.disable(self.dn("Rosa Klein"))
            self.ad.move(self.dn("Rosa Klein"), self.leavers)
            return first
        self.one("leaver", "Rosa Klein, disabled and moved out of scope", leave,
                 self.set_by("Rosa Klein", "accountEnabled", False), self.touch("Rosa Klein"))

    def everyday(self):
        """A stream of small changes, at a steady pace, looked at together. A value that was replaced before it was sent (an object rests
        after an export, longer on a machine that is slow to read it) has arrived when the one that replaced it has."""
        s = self.screen
        text = f"{EVERYDAY} further job titles, {EVERYDAY_PER_S} a second"
        s.waiting("everyday", text)
        names = [n for n in PEOPLE if n not in ("Tom Baker", "Rosa Klein")]
        grade = "Consultant, grade {}".format
        self.mark = self.graph.last()
        stream = []
        began = time.monotonic()
        for i in range(EVERYDAY):
            time.sleep(max(0, began + i / EVERYDAY_PER_S - time.monotonic()))
            name = names[i % len(names)]
            titles = [self.set_by(name, "jobTitle", grade(later)) for later in range(i, EVERYDAY, len(names))]
            arrived = lambda r, titles=titles: any(t(r) for t in titles)  # noqa: E731
            commit = self.ad.set(self.dn(name), title=grade(i))
            stream.append(Change("everyday", text, commit, arrived, arrived))
        self.wait(*stream)
        s.clear()
        n_lost = sum(c.last is None for c in stream)
        worst = max((c.latency_ms() for c in stream if c.last), default=0)
        s.say(s.row(s.red if n_lost else s.green, "everyday", text, f"{n_lost} lost" if n_lost else f"{worst:.0f} ms"))

    def settle_accounts(self):
        """What counts is the last write about the object before its next change: look at the whole journal again."""
        records = [r for r in self.graph.journal(0) if is_write(r)]
        for c in self.changes:
            if c.last is None:
                continue
            following = [d.commit.sent_mono_ns for d in self.changes if d.commit.sent_mono_ns > c.commit.mono_ns and d.commit.dn == c.commit.dn]
            end = min(following, default=math.inf)
            for r in records:
                if c.commit.mono_ns <= r["time_us"] * 1000 < end and c.belongs(r) and r["time_us"] > c.last["time_us"]:
                    c.last = r

    def verdict(self):
        s = self.screen
        self.settle_accounts()
        times = sorted(c.latency_ms() for c in self.changes if c.last)
        n_lost = len(self.changes) - len(times)
        if not times:
            s.say(f"\n  {s.red}no change arrived{s.plain}; the log is {here(self.sosync.log)}")
            return False
        p50, p99 = (times[math.ceil(len(times) * q) - 1] for q in (0.5, 0.99))
        good = n_lost == 0 and p99 < GOAL_MS
        s.say(f"\n  {s.bold}p50 {p50:.0f} ms   p99 {p99:.0f} ms   max {times[-1]:.0f} ms{s.plain}   of {len(times)} changes; the goal is a p99 under {GOAL_MS} ms")
        if n_lost:
            s.say(f"  {s.red}{n_lost} of {len(self.changes)} changes did not arrive within {DEADLINE_S} s{s.plain}; the log is {here(self.sosync.log)}")
        elif not good:
            s.say(f"  {s.red}too slow{s.plain}")
        return good

    # -- afterwards -----------------------------------------------------------

    def explain(self, stay):
        s = self.screen
        reports = sorted((self.folder / "reports").rglob("*.htm"), key=lambda p: p.stat().st_mtime)
        s.heading("Look around")
        s.say(f"  Every change has a report, {len(reports)} so far; open one in a browser:")
        s.say(f"    {here(reports[-1] if reports else self.folder / 'reports')}")
        sudo = "sudo " if os.environ.get("SUDO_USER") else ""
        if stay:
            s.say("  Sync one object by hand, in a second terminal:")
            s.say(f"    {sudo}{here(self.lab.sosync_binary)} -c {here(self.config)} sync {shlex.quote(self.dn('Ines Duarte'))}")
            s.say("  Change something yourself, and see it arrive here:")
            s.say(f"    {sudo}samba-tool user disable chen.li -H {here(self.dc.folder / 'private' / 'sam.ldb')}")

    def follow(self):
        """Until Ctrl-C: what arrives at Graph, as it arrives."""
        s = self.screen
        s.heading("Everything runs until Ctrl-C. What arrives at Graph from now on:")
        after = self.graph.last()
        names = {}
        while True:
            self.sosync.process.check_alive()
            for record in self.graph.journal(after, wait_ms=500):
                after = record["number"]
                if is_write(record):
                    names = names if any(i in record["path"] for i in names) else self.graph.names()
                    s.say(f"  {record['wall'][11:23]}  {record['method']:<6} {self.describe(record, names)}")

    @staticmethod
    def describe(record, names):
        path = record["path"].removeprefix("/v1.0")
        for i, name in names.items():
            path = path.replace(i, name)
        keys = ", ".join(f"{k}: {v}" if isinstance(v, (str, bool)) else k for k, v in body(record).items())
        # A name may have line ends and escapes, and this goes to a terminal.
        return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in f"{path}  {keys}"[:100])


def here(path):
    """A path as one would type it now."""
    path = pathlib.Path(path)
    if path.is_relative_to(os.getcwd()):
        path = path.relative_to(os.getcwd())
    return shlex.quote(str(path))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--once", action="store_true")
    arguments = parser.parse_args()
    screen = Screen()
    folder = pathlib.Path(arguments.build) / "quickstart"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            screen.say(f"{screen.red}Another quickstart runs in {here(folder)}; end it with Ctrl-C first.{screen.plain}")
            return 2
        with Lab("quickstart", folder=folder, build=arguments.build) as lab:
            try:
                good = Quickstart(lab, screen).run(stay=not arguments.once)
            except Failure as e:
                screen.clear()
                screen.say(f"\n{screen.red}{e}{screen.plain}")
                screen.say(f"The logs are in {here(folder)}/*/*.log")
                good = False
            except SystemExit as e:  # a signal; in the middle of a line on a terminal
                screen.say()
                good = e
            began = time.monotonic()
            lab.stop_all()
            screen.say(f"\nEverything is stopped ({time.monotonic() - began:.1f} s).")
    if isinstance(good, SystemExit):
        return good.code
    return 0 if good else 1


sys.exit(main())
