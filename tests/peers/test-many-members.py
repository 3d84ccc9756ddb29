# SPDX-License-Identifier: Apache-2.0
"""A group of 100,000 members, read whole by ranges of 1,500 as Active Directory cuts them, with uSNChanged compared before and after; and what sosync makes of it."""

import json
import pathlib
import re
import sys

import house  # noqa: F401  (finds the lab)
from fakeland import Fake
from house import check, step
from lab import Lab
from lab.fakead import BASE, guid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "listener"))
from peerlib import Peer, source_config  # noqa: E402

MEMBERS = 100000
RANGE = 1500
MIB = 1048576


def peak(pid):
    """The most memory it has had, and what it has now: bytes that are not a mapped file."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return tuple(int(re.search(rf"^{name}:\s+(\d+) kB", text, re.M)[1]) * 1024 for name in ("VmHWM", "VmRSS"))


class Account:
    """What peerlib wants to know of a server."""

    base, reader_dn, password_file, ca_file = BASE, "", "", ""

    def __init__(self, ad):
        self.uri = ad.uri()


def read(source, reads, n, what):
    """The group, whole: so many members, in so many reads."""
    before = f.ad.do("stats", face="a")["objects"]
    a = source.ask("read", guid(1), deadline_s=60)
    check(a["result"] == "ok" and a["n_members"] == n and a["n_unknown"] == 0, a)
    used = f.ad.do("stats", face="a")["objects"] - before
    check(used == reads, f"{used} reads, not {reads}")
    top, now = peak(source.pid)
    print(f"{what}: {n} members in {used} reads, {a['took_us'] / 1000:.0f} ms; peak {top / MIB:.0f} MiB, {now / MIB:.0f} MiB afterwards")
    return top


with Lab("many-members") as lab:
    f = Fake(lab)
    f.ad.do("set", face="a", range=RANGE)
    f.ad.put(guid(1), f"CN=All,OU=Corp,{BASE}", objectClass=["top", "group"], sAMAccountName="All", displayName="All", name="All",
             groupType="-2147483646", instanceType="4", member={"count": MEMBERS})
    whole = -(-MEMBERS // RANGE)
    step("as it is; and with a change in the middle, and again at the end: it is begun anew")
    config = source_config(Account(f.ad), f.folder, bind={"mechanism": "external"}, tls={})
    with Peer(str(lab.build / "listener" / "peer-listener"), config, "source") as source:
        read(source, whole, MEMBERS, "unchanged")
        f.ad.do("set", face="a", churn=30)
        read(source, 2 * whole, MEMBERS - 1, "a change before the 30th range")
        f.ad.do("set", face="a", churn=whole - 1)
        top = read(source, 2 * whole, MEMBERS - 2, "a change before the last range")
        check(top < 256 * MIB, f"{top / MIB:.0f} MiB at the most")
        check(source.stop() == 0, "it ends")

    step("the service: the default rules take no group of 50,000, and say so; its memory comes back")
    f.sosync = lab.sosync(f.write_config())
    before = peak(f.sosync.pid)[1]
    code, doc = f.sync("All")
    check("GroupTooLarge" in json.dumps(doc) or "memberCount" in json.dumps(doc), (code, doc))
    top, after = peak(f.sosync.pid)
    print(f"sosync sync: peak {top / MIB:.0f} MiB; {before / MIB:.0f} MiB before, {after / MIB:.0f} MiB afterwards")
