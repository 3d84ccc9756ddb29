# SPDX-License-Identifier: Apache-2.0
"""The right to replicate is taken away while the service runs: a clear word, nothing is concluded, and on it goes when it is given back."""

import time

import ldap
from ldap.controls import RequestControl
from samba.dcerpc import security
from samba.ndr import ndr_pack, ndr_unpack

from house import check, house, step, wait_until

DACL_ONLY = [RequestControl("1.2.840.113556.1.4.801", True, b"\x30\x03\x02\x01\x04")]
N = 10

with house("revoked") as h:
    h.start(feed="dirsync\n  object_security: off")
    people = [h.ad.add_user(f"Ann {i}", h.people, title="Analyst").dn for i in range(N)]
    for i in range(N):
        h.until_user(f"ann.{i}")
    h.until_idle()

    step("revoked")
    c = h.ad.connection
    sid = ndr_unpack(security.dom_sid, h.ad.read(h.dc.reader_dn, ["objectSid"])["objectSid"][0])
    granted = c.search_ext_s(h.dc.base, ldap.SCOPE_BASE, "(objectClass=*)", ["nTSecurityDescriptor"], serverctrls=DACL_ONLY)[0][1]["nTSecurityDescriptor"][0]
    sd = ndr_unpack(security.descriptor, granted)
    sd.dacl_del(sid)
    c.modify_ext_s(h.dc.base, [(ldap.MOD_REPLACE, "nTSecurityDescriptor", [ndr_pack(sd)])], serverctrls=DACL_ONLY)
    before, users = h.graph.last(), len(h.graph.state()["users"])
    for dn in people:
        h.ad.set(dn, title="Countess")
    h.ad.delete(people.pop())
    wait_until(lambda: "the feed cannot go on" in h.sosync.log.read_text(), 20, "a word about it")
    line = next(t for t in h.sosync.log.read_text().splitlines() if "the feed cannot go on" in t)
    check("insufficient access rights" in line, line)
    check("DS-Replication-Get-Changes" in h.sosync.log.read_text(), "which right is missing")
    check(not h.writes(before) and len(h.graph.state()["users"]) == users, h.writes(before))

    step("given back: what was changed meanwhile arrives")
    c.modify_ext_s(h.dc.base, [(ldap.MOD_REPLACE, "nTSecurityDescriptor", [granted])], serverctrls=DACL_ONLY)
    # Refused credentials wait for minutes; a right that was missing is asked for again within seconds.
    began = time.monotonic()
    for i in range(N - 1):
        wait_until(lambda: (u := h.user(f"ann.{i}")) and u["jobTitle"] == "Countess", 60, f"ann.{i}")
    print(f"{time.monotonic() - began:.1f} s after the right was given back")
    check(not h.graph.state()["deleted"], h.graph.state()["deleted"])
