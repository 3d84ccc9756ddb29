#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A real 389 Directory Server, by RFC 4533 or (psearch) by persistent search and entryusn: `feed: auto` finds it, and nothing is lost by a restart.

    peer-389.py PEER-LISTENER [psearch]
"""

import json
import pathlib
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from lab import Lab, dirsrv, skip_unless  # noqa: E402
from lab.base import write_file  # noqa: E402
from peerlib import Peer  # noqa: E402

BINARY = sys.argv[1]
FEED = sys.argv[2] if len(sys.argv) > 2 else "syncrepl"


def named(dn):
    return lambda e: e["dn"].lower() == dn.lower()


def values(entry, name):
    return entry["brought"].get(name, {}).get("values")


def check_kinds(ad, feed, ou):
    """Each kind of change arrives, as what it is, under AD's names."""
    ann = ad.add_person("Ann Lee", ou, title="Lead").dn
    e = feed.entry(named(ann), "add")
    guid = e["id"]
    assert values(e, "userAccountControl") == ["512"] and not e["catch_up"], e
    mark = len(feed.lines)
    ad.set(ann, nsAccountLock="true")
    assert values(feed.entry(named(ann), "lock", after=mark), "userAccountControl") == ["514"]
    renamed = ad.rename(ann, "Ann Smith").dn
    assert feed.entry(named(renamed), "rename")["id"] == guid
    group = ad.add_group("Staff", ou, [renamed]).dn
    e = feed.entry(named(group), "group")
    assert values(e, "member") == [renamed] and "group" in values(e, "objectClass"), e
    ad.delete(renamed)
    feed.entry(lambda e: e["id"] == guid and e["gone"], "delete")
    return guid


def check_source(config, ou, ad):
    ann = ad.add_person("Read Ann", ou).dn
    bob = ad.add_person("Read Bob", ou, manager=ann).dn
    group = ad.add_group("Readers", ou, [ann, bob]).dn
    with Peer(BINARY, config, "source") as source:
        r = source.ask("read", bob)
        assert r["result"] == "ok" and r["attributes"]["manager"]["values"] == [ann], r
        assert source.ask("read", r["id"])["dn"] == bob
        assert source.ask("member", group, r["id"])["member"] is True
        assert source.ask("read", group)["n_members"] == 2
        assert source.stop() == 0


def check_restart(server, config, position, ou):
    """Changes while nobody listens, and while the server restarts: the first thing seen, and nothing else is."""
    ad = server.admin()
    dns = [ad.add_person(f"Meanwhile {i}", ou).dn for i in range(20)]
    with Peer(BINARY, config, "feed", position) as feed:
        feed.wait_state("watching")
        assert {e["dn"] for e in feed.entries()} >= set(dns), feed.entries()
        # The last minute comes again with entryusn, and with it the tombstone of before.
        assert not any(e["catch_up"] or (e["gone"] and FEED == "syncrepl") for e in feed.entries())
        mark = len(feed.lines)
        server.stop()
        feed.wait_state("broken", after=mark)
        server.start()
        feed.wait_state("watching", after=mark)
        feed.entry(named(server.admin().add_person("After Restart", ou).dn), "a change after the restart", after=mark)
        assert not any(e["gone"] for e in feed.entries(mark))
        assert feed.stop() == 0


def check_burst(ad, feed, ou, n=500):
    dns = [f"cn=burst{i},{ou}" for i in range(n)]
    mark = len(feed.lines)
    ad.many((("add", dn, [("objectClass", [b"inetOrgPerson"]), ("sn", [b"x"])]) for dn in dns))
    made = time.monotonic()
    feed.wait(lambda _: {e["dn"] for e in feed.entries(mark)} >= set(dns), f"{n} adds", 30)
    print(f"burst     {n} adds, all at the sink {time.monotonic() - made:.3f} s later")


def check_latency(lab, server, config, ou, n=50):
    """From the answer to the modify until the line is here: the bell is heard, not the beat of 10 s waited for."""
    ad = server.admin()
    dn = ad.add_person("Quick Ann", ou).dn
    took = []
    with Peer(BINARY, config, "feed", lab.folder / "position-latency") as feed:
        feed.wait_state("watching")
        for i in range(n):
            mark = len(feed.lines)
            ad.set(dn, title=f"t{i}")
            done = time.monotonic()
            feed.entry(lambda e, i=i: e["dn"] == dn and values(e, "title") == [f"t{i}"], f"title {i}", after=mark)
            took.append(time.monotonic() - done)
        assert feed.stop() == 0
    took.sort()
    print(f"latency   p50 {took[n // 2] * 1e3:.1f} ms, max {took[-1] * 1e3:.1f} ms")
    assert took[n // 2] < 0.5, took


def check_lost_position(lab, server, config, position, ou):
    """A position that cannot be read leads to a catch-up over everything, said in each batch."""
    log = lab.folder / "lost.log"
    position.write_bytes(position.read_bytes()[:-1] + b"x")
    with Peer(BINARY, config, "feed", position, log=log) as feed:
        feed.wait_state("watching")
        assert {e["dn"].lower() for e in feed.entries()} >= {ou.lower(), f"cn=read ann,{ou}".lower()}
        assert all(e["catch_up"] and not e["gone"] for e in feed.entries())
        assert feed.stop() == 0
    assert "refused" in log.read_text()


def check_rights(lab, server, ou):
    """An account that may not search by entryusn would hear of nothing: it is told so, in one line, until it may."""
    ad = server.admin()
    svc, secret = f"cn=svc,{server.base}", write_file(lab.folder / "svc.secret", "Secret-123\n", 0o600)
    ad.add(svc, {"objectClass": "inetOrgPerson", "sn": "svc", "userPassword": "Secret-123"})
    keys = {"name": "corp", "uris": server.uris, "base": server.base, "feed": "psearch",
            "bind": {"mechanism": "simple", "dn": svc, "password_file": str(secret)}}
    config = write_file(lab.folder / "svc.yaml", json.dumps(keys))

    def allow(names):
        aci = f'(targetattr="{names}")(version 3.0; acl "feed"; allow (read, search, compare) userdn="ldap:///{svc}";)'
        ad.modify(server.base, replace={"aci": aci})

    for names, says in (("objectClass || cn", "cannot read nsUniqueId"), ("objectClass || cn || nsUniqueId", "finds nothing by entryusn")):
        allow(names)
        with Peer(BINARY, config, "feed", lab.folder / "position-svc") as feed:
            line = feed.wait_state("broken")
            assert says in line["text"], line
            assert not feed.entries() and feed.stop() == 0
    allow("*")
    with Peer(BINARY, config, "feed", lab.folder / "position-svc") as feed:
        feed.wait_state("watching")
        bob = ad.add_person("Plain Bob", ou).dn
        e = feed.entry(named(bob), "an add, for an account with read only")
        # Its rights are taken away while it listens: nothing more comes, and nothing is concluded.
        allow("objectClass || cn || nsUniqueId")
        ad.delete(bob)
        assert feed.stop() == 0
        assert not any(x["gone"] for x in feed.entries()), e


def main():
    skip_unless(dirsrv.why_not())
    with Lab("peer-389") as lab:
        server = lab.dirsrv(content_sync=FEED == "syncrepl")
        position = lab.folder / "position"
        keys = {"name": "corp", "uris": server.uris, "base": server.base, "bind": {"mechanism": "external"}, "feed": "auto"}
        config = write_file(lab.folder / "source.yaml", json.dumps(keys))
        ad = server.admin()
        ou = ad.add_ou(f"ou=Feed,{server.base}").dn
        with Peer(BINARY, config, "feed", position, log=lab.folder / "feed.log") as feed:
            feed.wait_state("watching")
            assert not feed.entries(), "from now on means: nothing old"
            check_kinds(ad, feed, ou)
            check_burst(ad, feed, ou)
            assert feed.stop() == 0
        assert f"feed={FEED}" in (lab.folder / "feed.log").read_text()
        check_source(config, ou, ad)
        check_restart(server, config, position, ou)
        if FEED == "psearch":
            check_latency(lab, server, config, ou)
            check_lost_position(lab, server, config, position, ou)
            check_rights(lab, server, ou)


if __name__ == "__main__":
    main()
