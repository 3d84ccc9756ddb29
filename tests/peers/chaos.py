# SPDX-License-Identifier: Apache-2.0
"""Directories in which anything may happen: random changes of people, and whether the cloud has what the directory has."""

import base64
import uuid

from house import House, check
from lab import wait_until

VALUES = {"displayName": "displayName", "title": "jobTitle", "telephoneNumber": None, "l": "city"}


class Samba(House):
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
    def __init__(self, lab, **options):
        House.__init__(self, lab, dc=lab.dirsrv(**options))

    def disable(self, dn):
        self.ad.set(dn, nsAccountLock="true")

    def is_enabled(self, a):
        return a.get("nsAccountLock") != [b"true"]

    def id_of(self, a):
        return uuid.UUID(a["nsUniqueId"][0].decode().replace("-", "")).bytes_le

    more = ["nsUniqueId", "nsAccountLock"]


class Chaos:
    """Random operations, and what has been done by them."""

    # How often each, of all.
    kinds = {"add": 25, "modify": 48, "rename": 7, "move": 8, "out": 3, "disable": 4, "delete": 5}

    def __init__(self, site, rng):
        self.site, self.rng = site, rng
        self.n = 0
        self.n_others = 0  # people in scope whom nothing happens to here
        self.people = []  # DNs
        self.n_of = dict.fromkeys(self.kinds, 0)

    def operation(self):
        kind = self.choose() if self.people else "add"
        self.n_of[kind] += 1
        getattr(self, kind)()

    def choose(self):
        return self.rng.choices(list(self.kinds), self.kinds.values())[0]

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
    n = len(chaos.people) + chaos.n_others
    check(len(found) == n, f"{len(found)} people in the directory, not {n}")
    return wrong


def settle(site, chaos, deadline_s, seed, differ=differences):
    """Until the cloud has what the directory has."""
    try:
        wait_until(lambda: not differ(site, chaos), deadline_s, "equal", every_s=0.2)
    except Exception:
        wrong = differ(site, chaos)
        raise AssertionError(f"{len(wrong)} differ, seed {seed}: {wrong[:10]}") from None
