# SPDX-License-Identifier: Apache-2.0
"""People in OpenLDAP and in the cloud, who are made in a tenth of the time that Samba takes.

A thousand, and states in which the service knows many more, are the ground of `growth`, `rss`, and of `latency` as far as that is about a directory that
tells at once; some thousands that of rows in which the directory is not what is measured.

fill-space brings made-up people into a copy of the state, by the ten steps with a directory and an Entra ID in memory: both connector spaces, the
metaverse, the join index and the journal have of each what they would have after a first start. Neither the real directory nor the emulator has them, so
that both are the same whatever is known.
"""

import contextlib
import time

from ground import Ground
from lab import Failure, openldap, wait_until
from programs import fill_space

N_PEOPLE = 1000
# More than the burst of 3,000 writes that Microsoft publishes.
N_MANY, N_MANY_QUICK = 20000, 3500
DEADLINE_S = 1800

PERSON = """\
dn: cn=Person {i:06},ou=Bulk,{base}
objectClass: inetOrgPerson
cn: Person {i:06}
uid: person{i:06}
givenName: Person
sn: Number {i:06}
initials: P
displayName: Person {i:06}
mail: person{i:06}@{suffix}
title: Clerk of class {of_ten}
departmentNumber: Department {of_hundred}
o: Contoso
description: One of very many
employeeNumber: {i}
employeeType: Staff
telephoneNumber: +44 20 7946 {i:06}
facsimileTelephoneNumber: +44 20 7947 {i:06}
mobile: +44 7700 {i:06}
physicalDeliveryOfficeName: {of_ten}/{of_hundred}
street: {of_hundred} St James's Square
l: London
st: London
postalCode: SW1A {of_ten}AA
preferredLanguage: en-GB

"""


def people(n):
    """So many persons, as LDIF."""
    base, suffix = openldap.BASE, openldap.Slapd.upn_suffix
    yield f"dn: ou=Bulk,{base}\nobjectClass: organizationalUnit\nou: Bulk\n\n"
    for i in range(n):
        yield PERSON.format(i=i, of_ten=i % 10, of_hundred=i % 100, base=base, suffix=suffix)


class CrowdGround(Ground):
    """So many persons in OpenLDAP and in the cloud, and the state in which the service knows them."""

    feed = "syncrepl"

    def _start(self):
        why = openldap.why_not()
        if why:
            raise Failure(why)
        self.folder = self.lab.folder
        self.state, self.reports = self.folder / "state", self.folder / "reports"
        self.dc = self.lab.slapd(ldif="".join(people(self.n_users)))
        self.ad = self.dc.admin()
        self.bulk, self.corp = f"ou=Bulk,{self.dc.base}", self.ad.add_ou(f"ou=Corp,{self.dc.base}").dn
        self.graph = self.lab.emulator(domains=[self.dc.upn_suffix])
        self._populate()

    def _populate(self):
        began = time.monotonic()
        with self.service(initial="all"):
            wait_until(lambda: self.health()["users"] >= self.n_users, DEADLINE_S, f"{self.n_users} users in the cloud", every_s=0.5)
            self.populate_s = time.monotonic() - began
            self.until_idle(DEADLINE_S)
        self.forget_journal()


class PeopleGround(CrowdGround):
    """People whom the bench can name: `users`."""

    def _populate(self):
        self._token = (0, None)
        self.select = "$select=id"
        Ground._populate(self)

    def _user(self, u):
        user = super()._user(u)
        return type(user)(f"cn={user.name},{self.bulk}", user.guid, user.id, user.name)


def many(bench):
    """A ground of more of them, where the directory is not what is measured: bench.once("many", many)."""
    return bench.stack.enter_context(PeopleGround(N_MANY_QUICK if bench.quick else N_MANY))


class People:
    """bench.once("people", People): .ground, which lives as long as the bench."""

    def __init__(self, bench):
        self.ground = bench.stack.enter_context(PeopleGround(N_PEOPLE))

    @contextlib.contextmanager
    def knowing(self, n):
        """A state folder in which n people are known, the real ones among them; and how long that took."""
        with self.ground.copy_of_state() as state:
            yield state, fill_space(self.ground, state, n - N_PEOPLE)
