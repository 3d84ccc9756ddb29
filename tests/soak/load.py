# SPDX-License-Identifier: Apache-2.0
"""Mixed load: what happens in a directory in the course of a day, and what people ask of the service meanwhile."""

import base64
import http.client
import json
import os
import re
import signal
import time
import urllib.parse

import ldap
from chaos import Chaos, differences
from house import DEADLINE_S, check, user_rules, write_rules
from lab import Failure, wait_until

GROUPS = 12
TOKEN = "a-token-of-the-operator-of-this-test"
PAGES = ("/", "/changes", "/changes?q=Person&result=failure", "/parked", "/rules", "/scheduler", "/metrics", "/healthz", "/style.css", "/nothing-here")

# What another version of the rules has more: every user has one value more, or one less.
MORE_RULES = user_rules("Soak", "target: company, constant: Soak")


class Load(Chaos):
    """People come and go until there are `n_people`; then the directory stays about as large, whatever happens in it. Besides: groups and managers."""

    kinds = {"add": 7, "modify": 44, "rename": 4, "move": 5, "out": 2, "disable": 6, "enable": 6, "delete": 4, "member": 10, "unmember": 6, "manager": 6}

    def __init__(self, site, rng, n_people):
        super().__init__(site, rng)
        self.n_people = n_people
        self.team = [site.ad.add_group(f"Team {i}", site.groups).dn for i in range(GROUPS)]

    def choose(self):
        if len(self.people) < self.n_people / 2:
            return "add"
        kind = super().choose()
        return "modify" if kind == "add" and len(self.people) >= self.n_people else kind

    def person(self):
        return self.people[self.pick()]

    def enable(self):
        self.site.ad.enable(self.person())

    def manager(self):
        who, of = self.person(), self.person()
        if who != of:  # Graph refuses oneself
            self.site.ad.set(who, manager=of)

    def member(self):
        try:
            self.site.ad.add_member(self.rng.choice(self.team), self.person())
        except (ldap.TYPE_OR_VALUE_EXISTS, ldap.ALREADY_EXISTS):
            pass

    def unmember(self):
        group = self.rng.choice(self.team)
        members = self.site.ad.read(group, ["member"]).get("member", [])
        if members:
            self.site.ad.remove_member(group, self.rng.choice(members))


def unequal(site, load):
    """What the cloud lacks or has wrong: people, their managers, and the members of groups, as far as they are in scope."""
    wrong = differences(site, load)
    state = site.graph.state()
    ids = {u.get("onPremisesImmutableId"): u for u in state["users"]}
    found = site.ad.find(site.corp, site.filter, ["objectGUID", "manager"])
    of_dn = {dn.lower(): ids.get(base64.b64encode(a["objectGUID"][0]).decode(), {}).get("id") for dn, a in found}
    known = set(of_dn.values())
    for dn, a in found:
        want = of_dn.get(a.get("manager", [b""])[0].decode().lower())
        have = ids.get(base64.b64encode(a["objectGUID"][0]).decode(), {}).get("manager")
        if have != want and (have in known or want):
            wrong.append((dn, f"its manager is {have}, not {want} ({a.get('manager')})"))
    groups = {g["displayName"]: set(g["members"]) for g in state["groups"]}
    for dn, a in site.ad.find(site.groups, "(objectClass=group)", ["displayName", "member"]):
        name = a["displayName"][0].decode()
        want = {of_dn.get(m.decode().lower()) for m in a.get("member", [])} - {None}
        have = groups.get(name, set()) & known
        if want != have:
            wrong.append((dn, f"{len(want - have)} members are not there, {len(have - want)} should not be"))
    return wrong


class People:
    """Who sits before the console and at the command line: `turn()` is one thing that one of them does."""

    def __init__(self, site, load, rng):
        self.site, self.load, self.rng = site, load, rng
        self.service = site.sosync
        self.n_of = dict.fromkeys(("console", "follow", "report", "sync", "queue", "reconcile", "compare", "reload", "rules", "audit"), 0)
        self.folders = [str(write_rules(site, "rules-a")), str(write_rules(site, "rules-b", MORE_RULES))]
        self.turns = {"console": 40, "follow": 6, "report": 12, "sync": 8, "queue": 12, "reconcile": 2, "compare": 1, "reload": 3, "audit": 1}
        self.known = (None, None)

    def turn(self):
        kind = self.rng.choices(list(self.turns), self.turns.values())[0]
        self.n_of[kind] += 1
        getattr(self, kind)()

    def command(self, *arguments, accept=(0,)):
        r = self.service.command(*arguments, deadline_s=120)
        check(r.returncode in accept, r)
        return r.stdout

    def port(self):
        """Of the console, another one after each start."""
        if self.known[0] != self.service.pid:
            port = re.findall(rb"console  listen=\S+ port=(\d+)", self.service.log.read_bytes())[-1]
            self.known = (self.service.pid, int(port))
        return self.known[1]

    def ask(self, path, connection_only=False):
        c = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=30)
        try:
            c.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
            answer = c.getresponse()
            if connection_only:
                answer.read(1)  # an event stream: left in the middle
                return None
            return answer.status, answer.read().decode()
        finally:
            c.close()

    def console(self):
        path = self.rng.choice(PAGES)
        answer = self.ask(path)
        check(answer[0] in (200, 404, 503), (path, answer))
        if path == "/changes":
            runs = re.findall(r"/changes/([0-9a-f-]{36})", answer[1])
            if runs:
                self.ask(f"/changes/{self.rng.choice(runs)}")
                self.ask("/explain?" + urllib.parse.urlencode({"dn": self.load.person()}))

    def follow(self):
        self.ask("/events?page=overview", connection_only=True)

    def report(self):
        listed = self.command("report", "list", "--limit", "20", "--json").splitlines()
        if listed:
            run = json.loads(self.rng.choice(listed))["id"]
            self.command("report", self.rng.choice(("show", "html")), run)

    def sync(self):
        # The object fails (1), Graph limits (3), or a side is away (5): whatever the fault of the hour makes of it.
        self.command("sync", self.load.person(), accept=(0, 1, 3, 5))

    def queue(self):
        self.command("queue", self.rng.choice(("stats", "list")), "--json")

    def reconcile(self):
        self.command("reconcile", "--json", accept=(0, 1, 3, 5))

    def compare(self):
        self.command("compare", "--sample", "5", "--json", accept=(0, 1, 3, 5))

    def reload(self):
        """Another level of the log, and SIGHUP."""
        text = self.service.config.read_text()
        level = ("debug", "info")["level: debug" in text]
        self.service.config.write_text(re.sub(r"level: \w+", f"level: {level}", text))
        os.kill(self.service.pid, signal.SIGHUP)

    def rules(self):
        """The other of two versions, for everybody."""
        self.n_of["rules"] += 1
        self.command("rules", "activate", self.folders[self.n_of["rules"] % 2], "--yes", accept=(0, 1))

    def audit(self):
        self.command("audit", "search", "--since", "1m", "--json")


class Probe:
    """A change whose way is timed: from the directory's acknowledgement to the arrival of the request at Graph."""

    def __init__(self, site):
        self.site = site
        self.n = 0
        self.dn = site.ad.add_user("Probe Probe", site.people).dn
        wait_until(lambda: site.user("probe.probe"), DEADLINE_S, "the probe is in the cloud")
        self.path = f"/v1.0/users/{site.user('probe.probe')['id']}"

    def turn(self, fault_s, end_fault, deadline_s):
        """Milliseconds. A fault counts requests, and behind an open circuit there is one a minute: what has not arrived after `fault_s` ends the fault."""
        self.n += 1
        value, after = f"probe {self.n}", self.site.graph.last()
        done = self.site.ad.set(self.dn, title=value)

        def arrival(within_s):
            return self.site.graph.wait_journal(
                lambda r: r["method"] == "PATCH" and r["path"] == self.path and r["changed"] and value in json.dumps(r.get("body")),
                after, within_s, f"{value} at Graph")
        try:
            record = arrival(fault_s)
        except Failure:
            end_fault()
            record = arrival(deadline_s)
        return record["time_us"] / 1000 - done.mono_ns / 1e6


def wait_for(moment):
    """The load has a pace."""
    left = moment - time.monotonic()
    if left > 0:
        time.sleep(left)
