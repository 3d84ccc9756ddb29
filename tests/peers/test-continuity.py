#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Continuity: random changes while the server goes, the wire is cut and sosync is killed; at the end the cloud has what the directory has.

    test-continuity.py dirsync|usn|syncrepl|psearch|rfc4533 [OPERATIONS [SEED]]      rfc4533: syncrepl, at a 389 Directory Server

Nothing is lost: every person in scope is in the cloud with the directory's values. Nothing is wrong: so is everyone who was. Nothing is concluded
from absence: whoever was deleted or moved out of scope is still there, and as it was. Reconcile is off: it is the feed alone. And the store fits together.
"""

import base64
import contextlib
import random
import sys
import time
import uuid

import house as h
import ldap
from house import House, check, step
from lab import Lab, dirsrv, domain, openldap, skip_unless, wait_until
from lab.proxy import Proxy

FEED = sys.argv[1]
OPERATIONS = int(sys.argv[2]) if len(sys.argv) > 2 else 300
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
ROUND = 50
VALUES = {"displayName": "displayName", "title": "jobTitle", "telephoneNumber": None, "l": "city"}


class Samba(House):
    class_ = b"user"

    def __init__(self, lab):
        super().__init__(lab)

    def person(self, n):
        account = f"p{n}"
        return {"objectClass": "user", "sAMAccountName": account, "userPrincipalName": self.upn(account), "userAccountControl": 544}

    def disable(self, dn):
        self.ad.disable(dn)

    def is_enabled(self, a):
        return not int(a["userAccountControl"][0]) & 2

    def id_of(self, a):
        return a["objectGUID"][0]

    more = ["objectGUID", "userAccountControl"]
    filter = "(&(objectClass=user)(!(objectClass=computer)))"


class OpenLdap(House):
    def __init__(self, lab):
        super().__init__(lab, dc=lab.slapd())

    def person(self, n):
        return {"objectClass": "inetOrgPerson", "uid": f"p{n}", "sn": f"p{n}"}

    def disable(self, dn):
        self.ad.lock(dn)

    def is_enabled(self, a):
        return "pwdAccountLockedTime" not in a

    def id_of(self, a):
        return uuid.UUID(a["entryUUID"][0].decode()).bytes_le

    more = ["entryUUID", "pwdAccountLockedTime"]
    filter = "(objectClass=inetOrgPerson)"


class Dirsrv(OpenLdap):
    def __init__(self, lab):
        House.__init__(self, lab, dc=lab.dirsrv(content_sync=FEED == "rfc4533"))

    def disable(self, dn):
        self.ad.set(dn, nsAccountLock="true")

    def is_enabled(self, a):
        return a.get("nsAccountLock") != [b"true"]

    def id_of(self, a):
        return uuid.UUID(a["nsUniqueId"][0].decode().replace("-", "")).bytes_le

    more = ["nsUniqueId", "nsAccountLock"]


SITES = {"dirsync": (Samba, domain), "usn": (Samba, domain), "syncrepl": (OpenLdap, openldap), "psearch": (Dirsrv, dirsrv), "rfc4533": (Dirsrv, dirsrv)}


class Chaos:
    """Random operations, and what has been done by them."""

    def __init__(self, site, rng):
        self.site, self.rng = site, rng
        self.n = 0
        self.people = []  # DNs
        self.frozen = {}  # id of whoever was deleted or moved out: the cloud user as last known to be right
        self.n_of = dict.fromkeys(("add", "modify", "rename", "move", "out", "disable", "delete"), 0)

    def operation(self):
        kinds = ("add", "modify", "rename", "move", "out", "disable", "delete")
        kind = self.rng.choices(kinds, (25, 48, 7, 8, 3, 4, 5))[0]
        if kind == "add" or not self.people:
            kind = "add"
        self.n_of[kind] += 1
        getattr(self, kind)()

    def pick(self):
        return self.rng.randrange(len(self.people))

    def add(self):
        self.n += 1
        dn = f"CN=Person {self.n},{self.site.people}"
        self.site.ad.add(dn, {**self.site.person(self.n), "displayName": f"Person {self.n}"})
        self.people.append(dn)

    def modify(self):
        name = self.rng.choice(list(VALUES))
        self.site.ad.set(self.people[self.pick()], **{name: f"{name} {self.rng.randrange(1 << 30)}"})

    def rename(self):
        i = self.pick()
        self.n += 1
        self.people[i] = self.site.ad.rename(self.people[i], f"Renamed {self.n}").dn

    def move(self):
        i = self.pick()
        self.people[i] = self.site.ad.move(self.people[i], self.rng.choice((self.site.people, self.site.groups))).dn

    def out(self):
        self.site.ad.move(self.people.pop(self.pick()), self.site.outside)

    def disable(self):
        self.site.disable(self.people[self.pick()])

    def delete(self):
        self.site.ad.delete(self.people.pop(self.pick()))


def differences(site, chaos):
    """What the cloud lacks or has wrong of the people in scope: the projection of the directory, compared."""
    cloud = {u.get("onPremisesImmutableId"): u for u in site.graph.state()["users"]}
    found = site.ad.find(site.corp, site.filter, [*VALUES, *site.more])
    wrong = []
    for dn, a in found:
        u = cloud.get(base64.b64encode(site.id_of(a)).decode())
        if u is None:
            wrong.append((dn, "not in the cloud"))
            continue
        for name, graph in VALUES.items():
            value = a.get(name, [b""])[0].decode()
            if graph and (u.get(graph) or "") != value:
                wrong.append((dn, f"{graph} is {u.get(graph)!r}, not {value!r}"))
        if u["accountEnabled"] != site.is_enabled(a):
            wrong.append((dn, f"accountEnabled is {u['accountEnabled']}"))
    check(len(found) == len(chaos.people), f"{len(found)} people in the directory, not {len(chaos.people)}")
    return wrong


def settle(site, chaos, deadline_s):
    """Until the cloud has what the directory has."""
    try:
        wait_until(lambda: not differences(site, chaos), deadline_s, "equal", every_s=0.2)
    except Exception:
        wrong = differences(site, chaos)
        raise AssertionError(f"{len(wrong)} differ, seed {SEED}: {wrong[:10]}") from None


def disturb(site, proxy, rng, i):
    """One of the things that happen to servers, wires and processes."""
    kind = ("cut", "kill", "restart", "cut", "restart and kill")[i % 5]
    if kind == "cut":
        wait_until(proxy.is_used, h.DEADLINE_S, "somebody is connected")
        proxy.cut()
    if "kill" in kind:
        site.sosync.kill()
    if "restart" in kind:
        site.dc.stop()
        site.dc.start()
        site.ad = site.dc.admin()
    return kind


def is_cut(proxy, n_before):
    """A connection that was to be cut may have ended by itself: then the next one is."""
    if proxy.n_cuts == n_before:
        proxy.cut()
    return proxy.n_cuts > n_before


def main():
    site_class, server = SITES[FEED]
    skip_unless(server.why_not())
    rng = random.Random(SEED)
    with Lab(f"continuity-{FEED}") as lab, contextlib.ExitStack() as stack:
        site = site_class(lab)
        path = getattr(site.dc, "socket", None)
        proxy = Proxy(None if path else site.dc.host, seed=SEED, socket_path=path)
        stack.callback(proxy.close)
        site.start(uris=f'["{proxy.uri}"]', brakes="{off: [create, disable, members, values]}",
                   feed="syncrepl" if FEED == "rfc4533" else FEED, target="  limits: {published: false}\n", more="reconcile: {every: 24h}")
        chaos = Chaos(site, rng)
        step(f"{FEED}, {OPERATIONS} operations, seed {SEED}")
        for i in range(OPERATIONS // ROUND):
            for _ in range(ROUND // 2):
                chaos.operation()
            n_cuts = proxy.n_cuts
            kind = disturb(site, proxy, rng, i)
            for _ in range(ROUND // 2):
                chaos.operation()
            if "kill" in kind:
                site.sosync.start(wait=False)
            if kind == "cut":
                wait_until(lambda: is_cut(proxy, n_cuts), h.DEADLINE_S, "the wire is cut")
        began = time.monotonic()
        settle(site, chaos, 60 + OPERATIONS / 20)
        step(f"equal {time.monotonic() - began:.1f} s after the last change; {proxy.n_cuts} cuts; {chaos.n_of}")
        deleted = site.graph.state()["deleted"]
        check(not deleted, f"deleted in the cloud: {deleted[:3]}")
        n_users = len(site.graph.state()["users"])
        check(n_users >= len(chaos.people), f"{n_users} users in the cloud")
        # One more change goes through at once: it is still watching.
        chaos.add()
        settle(site, chaos, h.DEADLINE_S)
        # What so many deaths have left behind fits together.
        r = site.sosync.command("queue", "check")
        check(r.returncode == 0, f"seed {SEED}: {r.stdout}{r.stderr}")


if __name__ == "__main__":
    try:
        main()
    except ldap.LDAPError as e:
        raise AssertionError(f"seed {SEED}: {e!r}") from e
