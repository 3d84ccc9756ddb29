#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Content synchronization (RFC 4533) against a real 389 Directory Server: `feed: auto` finds it, and nothing is lost by a restart."""

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
        assert not any(e["catch_up"] or e["gone"] for e in feed.entries())
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


def main():
    skip_unless(dirsrv.why_not())
    with Lab("peer-389") as lab:
        server = lab.dirsrv()
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
        assert "feed=syncrepl" in (lab.folder / "feed.log").read_text()
        check_source(config, ou, ad)
        check_restart(server, config, position, ou)


if __name__ == "__main__":
    main()
