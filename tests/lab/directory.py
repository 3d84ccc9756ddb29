# SPDX-License-Identifier: Apache-2.0
"""Reading and changing a directory over LDAP, with the moment at which each change was committed."""

import dataclasses
import time
import uuid

import ldap
import ldap.dn
import ldap.filter
import ldap.sasl

ACCOUNT_DISABLED = 0x2
ACCOUNT_NO_PASSWORD = 0x20
ACCOUNT_NORMAL = 0x200
ACCOUNT_WORKSTATION = 0x1000
GROUP_GLOBAL_SECURITY = -2147483646
GROUP_GLOBAL_DISTRIBUTION = 2


@dataclasses.dataclass(frozen=True)
class Commit:
    """A change that the directory has acknowledged. Times are of this machine; mono is CLOCK_MONOTONIC, as in the emulator's journal."""

    dn: str
    sent_mono_ns: int  # the request left us
    mono_ns: int  # the acknowledgement was here
    wall: float  # the same as mono_ns, seconds since 1970


class Directory:
    """One LDAP connection. Every method that changes something returns a Commit. LDAP errors are ldap.LDAPError, untouched."""

    def __init__(self, uri, ca_file, upn_suffix=None, timeout_s=30):
        self.uri = uri
        self.upn_suffix = upn_suffix
        self._closed = False
        self._c = ldap.initialize(uri)
        self._c.set_option(ldap.OPT_PROTOCOL_VERSION, 3)
        self._c.set_option(ldap.OPT_REFERRALS, 0)
        self._c.set_option(ldap.OPT_NETWORK_TIMEOUT, timeout_s)
        self._c.set_option(ldap.OPT_TIMEOUT, timeout_s)
        self._c.set_option(ldap.OPT_X_TLS_CACERTFILE, str(ca_file))
        self._c.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        self._c.set_option(ldap.OPT_X_TLS_NEWCTX, 0)

    def bind(self, dn, password):
        self._c.simple_bind_s(dn, password)
        return self

    @property
    def connection(self):
        """python-ldap's own object, for what is not wrapped here."""
        return self._c

    def close(self):
        """Closing twice is fine, and so is a server that has gone."""
        if self._closed:
            return
        self._closed = True
        try:
            self._c.unbind_s()
        except ldap.LDAPError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- reading --------------------------------------------------------------

    def usn(self):
        """highestCommittedUSN of the server."""
        return int(self._c.search_s("", ldap.SCOPE_BASE, "(objectClass=*)", ["highestCommittedUSN"])[0][1]["highestCommittedUSN"][0])

    def read(self, dn, attributes=None):
        """The attributes of one object, name → list of bytes; None when there is no such object."""
        try:
            return self._c.search_s(dn, ldap.SCOPE_BASE, "(objectClass=*)", attributes)[0][1]
        except ldap.NO_SUCH_OBJECT:
            return None

    def find(self, base, text, attributes=None):
        """All objects below base that match the filter, as a list of (dn, attributes)."""
        return [(dn, a) for dn, a in self._c.search_s(base, ldap.SCOPE_SUBTREE, text, attributes) if dn is not None]

    def guid(self, dn):
        """objectGUID as text, the way Graph and the reports write it."""
        return str(uuid.UUID(bytes_le=self.read(dn, ["objectGUID"])["objectGUID"][0]))

    # -- changing -------------------------------------------------------------

    def _commit(self, dn, call, *arguments):
        sent = time.monotonic_ns()
        call(*arguments)
        return Commit(dn, sent, time.monotonic_ns(), time.time())

    def add(self, dn, attributes):
        entry = [(name, _values(v)) for name, v in attributes.items() if v is not None]
        return self._commit(dn, self._c.add_s, dn, entry)

    def modify(self, dn, replace=None, add=None, delete=None):
        """One modify request. A replacing value of None or [] clears the attribute."""
        changes = [(ldap.MOD_REPLACE, n, _values(v) or None) for n, v in (replace or {}).items()]
        changes += [(ldap.MOD_ADD, n, _values(v)) for n, v in (add or {}).items()]
        changes += [(ldap.MOD_DELETE, n, _values(v) or None) for n, v in (delete or {}).items()]
        return self._commit(dn, self._c.modify_s, dn, changes)

    def set(self, dn, **attributes):
        return self.modify(dn, replace=attributes)

    def delete(self, dn):
        return self._commit(dn, self._c.delete_s, dn)

    def move(self, dn, parent):
        """To another container, the name stays."""
        rdn = ldap.dn.explode_dn(dn)[0]
        return self._commit(f"{rdn},{parent}", self._c.rename_s, dn, rdn, parent)

    def rename(self, dn, name):
        """Another name in the same container; `name` is a value (`Ann Lee`), not an RDN."""
        kind = ldap.dn.str2dn(dn)[0][0][0]
        rdn = f"{kind}={ldap.dn.escape_dn_chars(name)}"
        return self._commit(",".join([rdn, *ldap.dn.explode_dn(dn)[1:]]), self._c.rename_s, dn, rdn)

    # -- what people do -------------------------------------------------------

    def add_ou(self, dn):
        return self.add(dn, {"objectClass": "organizationalUnit"})

    def add_user(self, name, ou, password=None, **attributes):
        """A person who can log on. Without a password the account is enabled and needs none: hashing one costs Samba 20 ms."""
        account = attributes.pop("sAMAccountName", None) or name.lower().replace(" ", ".")[:20]
        control = ACCOUNT_NORMAL if password else ACCOUNT_NORMAL | ACCOUNT_NO_PASSWORD
        entry = {
            "objectClass": "user", "sAMAccountName": account, "displayName": name, "userAccountControl": control,
            "userPrincipalName": f"{account}@{self.upn_suffix}" if self.upn_suffix else None,
            "unicodePwd": f'"{password}"'.encode("utf-16-le") if password else None,
        }
        given, _, family = name.rpartition(" ")
        entry.update(givenName=given or None, sn=family)
        entry.update(attributes)
        return self.add(_child(name, ou), entry)

    def add_computer(self, name, ou):
        return self.add(_child(name, ou), {"objectClass": "computer", "sAMAccountName": f"{name}$", "userAccountControl": ACCOUNT_WORKSTATION})

    def add_group(self, name, ou, members=(), security=True, **attributes):
        kind = GROUP_GLOBAL_SECURITY if security else GROUP_GLOBAL_DISTRIBUTION
        entry = {"objectClass": "group", "sAMAccountName": name, "displayName": name, "groupType": kind, "member": list(members) or None}
        entry.update(attributes)
        return self.add(_child(name, ou), entry)

    def add_contact(self, name, ou, **attributes):
        return self.add(_child(name, ou), {"objectClass": "contact", "displayName": name, **attributes})

    def enable(self, dn, enabled=True):
        control = int(self.read(dn, ["userAccountControl"])["userAccountControl"][0])
        control = control & ~ACCOUNT_DISABLED if enabled else control | ACCOUNT_DISABLED
        return self.modify(dn, replace={"userAccountControl": control})

    def disable(self, dn):
        return self.enable(dn, False)

    def add_member(self, group, *members):
        return self.modify(group, add={"member": members})

    def remove_member(self, group, *members):
        return self.modify(group, delete={"member": members})

    def many(self, calls, outstanding=50):
        """Many changes without waiting for each: `calls` yields (method of .connection, arguments...), as in ("modify", dn, changes).

        Returns the time at which the last one was acknowledged (CLOCK_MONOTONIC, ns).
        """
        waiting = []
        for method, *arguments in calls:
            waiting.append(getattr(self._c, method)(*arguments))
            if len(waiting) >= outstanding:
                self._c.result(waiting.pop(0))
        for message in waiting:
            self._c.result(message)
        return time.monotonic_ns()


def _child(name, parent):
    return f"CN={ldap.dn.escape_dn_chars(name)},{parent}"


def _values(v):
    if v is None:
        return []
    if isinstance(v, (str, bytes, int)):
        v = [v]
    return [x if isinstance(x, bytes) else str(x).encode() for x in v]
