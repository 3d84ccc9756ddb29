#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Content synchronization (RFC 4533) and reads against a real OpenLDAP server."""

import os
import pathlib
import random
import re
import signal
import statistics
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from lab import Lab, openldap, skip_unless  # noqa: E402
from peerlib import Peer, open_once, source_config  # noqa: E402

BINARY = sys.argv[1]


def config(server, folder, name="source", **change):
    return source_config(server, folder, name, **{"feed": "syncrepl", **change})


def named(dn):
    return lambda e: e["dn"].lower() == dn.lower()


def values(entry, name):
    return entry["brought"].get(name, {}).get("values")


def check_kinds(ad, feed, ou, left):
    """Each kind of change arrives, as what it is, under AD's names."""
    ann = ad.add_person("Ann Lee", ou, title="Lead").dn
    e = feed.entry(named(ann), "add")
    guid = ad.guid(ann)
    assert e["id"] == guid and not e["gone"] and not e["catch_up"] and e["usn"] > 0, e
    assert values(e, "userAccountControl") == ["512"] and values(e, "objectGUID") == [guid], e
    mark = len(feed.lines)
    ad.set(ann, title="Chief")
    later = feed.entry(named(ann), "modify", after=mark)
    assert values(later, "title") == ["Chief"] and later["usn"] > e["usn"], later
    mark = len(feed.lines)
    ad.lock(ann)
    assert values(feed.entry(named(ann), "lock", after=mark), "userAccountControl") == ["514"]
    renamed = ad.rename(ann, "Ann Smith").dn
    assert feed.entry(named(renamed), "rename")["id"] == guid
    moved = ad.move(renamed, left).dn
    assert feed.entry(named(moved), "move")["id"] == guid
    group = ad.add_group("Staff", ou, [moved]).dn
    e = feed.entry(named(group), "group")
    assert values(e, "member") == [moved] and "group" in values(e, "objectClass"), e
    mark = len(feed.lines)
    ad.delete(moved)
    e = feed.entry(lambda e: e["id"] == guid and e["gone"], "delete", after=mark)
    assert "userAccountControl" not in e["brought"], e


def check_latency(ad, feed, ou, n=200):
    """Paced changes, from the server's acknowledgement to the sink."""
    dn = ad.add_person("Pace Maker", ou).dn
    for _ in range(3):
        took = []
        for i in range(n):
            title = f"{time.monotonic_ns()}"
            mark = len(feed.lines)
            c = ad.set(dn, title=title)
            e = feed.entry(lambda e: values(e, "title") == [title], f"change {i}", after=mark)
            took.append((e["mono_ns"] - c.mono_ns) / 1e6)
            time.sleep(random.uniform(0.005, 0.02))  # the pace
        took.sort()
        p95 = took[int(n * 0.95)]
        print(f"latency   commit to sink, {n} paced changes: p50 {statistics.median(took):.2f} ms, p95 {p95:.2f} ms, max {took[-1]:.2f} ms")
        if p95 <= 10:
            return
    raise AssertionError(f"p95 is {p95:.1f} ms")


def check_burst(ad, feed, ou, n=2005):
    """One burst over LDAPS, then silence: all of it arrives, without any later traffic."""
    mark = len(feed.lines)
    dns = [f"cn=burst{i},{ou}" for i in range(n)]
    began = time.monotonic()
    ad.many((("add", dn, [("objectClass", [b"inetOrgPerson"]), ("sn", [b"x"])]) for dn in dns))
    made = time.monotonic()
    wanted = {dn.lower() for dn in dns}
    feed.wait(lambda _: len({e["dn"].lower() for e in feed.entries(mark)} & wanted) == n, f"{n} adds", 20)
    print(f"burst     {n} adds in {made - began:.2f} s, all at the sink {time.monotonic() - made:.3f} s later")
    assert len(feed.entries(mark)) == n, "each once"


def check_full(ad, feed, ou):
    """A full queue and a paused feed: the same batch again, nothing lost, nothing skipped."""
    mark = len(feed.lines)
    feed.say("pause")
    dns = [ad.add_person(f"Full {i}", ou).dn for i in range(20)]
    feed.say("full 2")
    feed.say("resume")
    feed.wait(lambda _: {e["dn"] for e in feed.entries(mark)} >= set(dns), "all after the queue has room again")
    assert [e["dn"] for e in feed.entries(mark)] == dns


def check_restarts(server, lab, path, position, feed, ou):
    """Killed, and changes meanwhile; the server stopped, and killed: changes meanwhile are the first thing seen."""
    feed.kill()
    ad = server.admin()
    dns = [ad.add_person(f"Meanwhile {i}", ou).dn for i in range(50)]
    gone = ad.guid(dns[0])
    ad.delete(dns.pop(0))
    feed = Peer(BINARY, path, "feed", position, log=lab.folder / "feed.log")
    feed.wait_state("watching")
    seen = {e["dn"] for e in feed.entries() if not e["gone"]}
    assert seen >= set(dns) and len(seen) < 100, seen ^ set(dns)  # the last batch again, if its position was not yet written
    assert not any(e["catch_up"] for e in feed.entries())
    assert all(e["id"] == gone or not e["gone"] for e in feed.entries())
    for how in (server.stop, server.kill):
        mark = len(feed.lines)
        how()
        feed.wait_state("broken", after=mark)
        server.start()
        began = time.monotonic()
        feed.wait_state("watching", after=mark)
        print(f"restart   watching again {time.monotonic() - began:.2f} s after the server answered")
        feed.entry(named(server.admin().add_person(f"After {how.__name__}", ou).dn), "a change after the restart", after=mark)
        # A slapd that was killed has forgotten how far it was (contextCSN is written by a checkpoint): everything is compared.
        assert not any(e["gone"] or (e["catch_up"] and how != server.kill) for e in feed.entries(mark))
    return feed


def check_dead_peer(server, lab):
    """A server that is there but says nothing is noticed within keepalive, and found again."""
    with Peer(BINARY, config(server, lab.folder, "keepalive", feed="auto", keepalive="3s", connect_timeout="1s"), "feed") as feed:
        feed.wait_state("watching")
        os.kill(server.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            broken = feed.wait_state("broken", deadline_s=10)
            took = time.monotonic() - began
        finally:
            os.kill(server.pid, signal.SIGCONT)
        print(f"dead peer noticed after {took:.1f} s: {broken['text']}")
        assert "no answer for" in broken["text"] and took < 6, broken
        feed.wait_state("watching", after=feed.lines.index(broken))
        assert feed.stop() == 0


def check_catch_up(server, lab, name, position, word, **change):
    """The position leads nowhere: everything is read, each object once, and nothing is said to be gone."""
    log = lab.folder / f"{name}.log"
    with Peer(BINARY, config(server, lab.folder, name, **change), "feed", position, log=log) as feed:
        feed.wait_state("catching up")
        feed.wait_state("watching")
        there = {dn.lower() for dn, _ in server.admin().find(server.base, "(objectClass=*)", ["1.1"])}
        got = [e["dn"].lower() for e in feed.entries() if e["catch_up"]]
        assert set(got) == there and len(got) == len(there), (name, there ^ set(got))
        assert not any(e["gone"] for e in feed.entries()), name
        assert feed.stop() == 0
    assert re.search(word, log.read_text()), log.read_text()


def check_positions(server, lab, position):
    good = position.read_bytes()
    flipped = bytearray(good)
    flipped[len(good) // 2] ^= 1
    bad = lab.folder / "bad.position"
    for name, data, change, word in (
        ("flipped", bytes(flipped), {}, "checksum"),
        ("empty", b"x", {}, "too short"),
        ("account", good, {"bind": {"mechanism": "external"}, "uris": [server.ldapi]}, "another account"),
        ("all", None, {"initial": "all"}, "caught up"),
    ):
        bad.unlink(missing_ok=True)
        if data is not None:
            bad.write_bytes(data)
        check_catch_up(server, lab, name, bad, word, **change)
    bad.unlink()
    with Peer(BINARY, config(server, lab.folder, "lost"), "feed", bad) as feed:
        feed.wait_state("watching")
        assert not feed.entries(), "a lost position means from now on"


def check_databases(server, lab, position, ou):
    """Put back from a backup; made anew; both with the position of what was there before."""
    backup = server.dump()
    ad = server.admin()
    ad.add_person("After Backup", ou)
    with Peer(BINARY, config(server, lab.folder), "feed", position) as feed:
        feed.wait_state("watching")
        feed.entry(lambda e: e["dn"].startswith("cn=After Backup"), "a change after the backup")
        assert feed.stop() == 0
    kept = lab.folder / "kept.position"
    kept.write_bytes(position.read_bytes())
    server.stop()
    server.load(backup)
    server.start()
    check_catch_up(server, lab, "restored", kept, "cannot go on from the position")
    server.stop()
    server.load()
    server.start()
    kept.write_bytes(position.read_bytes())
    check_catch_up(server, lab, "anew", kept, "another database")


def check_external(server, lab):
    """Who we are by the socket, and by a certificate."""
    who = {"mechanism": "external"}
    by_socket = config(server, lab.folder, "ldapi", bind=who, uris=[server.ldapi])
    tls = {"ca_file": str(server.ca_file), "cert_file": str(server.client_cert), "key_file": str(server.client_key)}
    by_certificate = config(server, lab.folder, "certificate", bind=who, tls=tls)
    by_nothing = config(server, lab.folder, "nothing", bind=who)
    for path in (by_socket, by_certificate):
        status, line, says = open_once(BINARY, path)
        assert status == 0, says
    status, line, says = open_once(BINARY, by_nothing)
    assert status == 1 and "external" in line["reasons"][0], line


def check_source(server, lab, ou):
    """Reads: by id and by name, references with their ids, membership."""
    ad = server.admin()
    ann = ad.add_person("Read Ann", ou).dn
    many = [ad.add_person(f"Read {i}", ou, manager=ann).dn for i in range(250)]
    group = ad.add_group("Readers", ou, [*many, "cn=nobody," + ou]).dn
    ids = {dn: ad.guid(dn) for dn in (ann, many[0], group)}
    with Peer(BINARY, config(server, lab.folder, "reads"), "source") as source:
        r = source.ask("read", ids[many[0]])
        assert r["result"] == "ok" and r["dn"] == many[0] and r["attributes"]["manager"]["values"] == [ann], r
        r = source.ask("read", ids[group])
        assert r["n_members"] == 250 and r["n_unknown"] == 1, r
        print(f"read      a group of 250 with the ids of all members in {r['took_us'] / 1000:.1f} ms")
        r = source.ask("read", group, r["usn"] + 1)
        assert r["result"] == "stale", r
        assert source.ask("read", "cn=nobody," + ou)["result"] == "not found"
        assert source.ask("read", "00000000-1111-2222-3333-444444444444")["result"] == "not found"
        assert source.ask("member", group, ids[many[0]])["member"] is True
        assert source.ask("member", group, ids[ann])["member"] is False
        r = source.ask("info")
        assert r["domain_fqdn"] == server.upn_suffix and r["domain_netbios"] == "corp", r
        assert source.stop() == 0


def check_refused(server, lab, position, ou):
    """Limits, a missing overlay, rights that were taken away: one clear line, and nothing concluded."""
    def broken(name, word, restart=True, **change):
        if restart:
            server.stop()
            server.write_config()
            server.start()
        with Peer(BINARY, config(server, lab.folder, name, **change), "feed", position) as feed:
            line = feed.wait_state("broken")
            assert re.search(word, line["text"]), line
            assert not any(e["gone"] for e in feed.entries()), feed.entries()
            assert feed.stop() == 0
        print(f"refused   {name}: {line['text']}")

    position.unlink(missing_ok=True)
    server.limited, server.sizelimit = True, 100
    broken("limited", "size=unlimited", initial="all")
    server.limited, server.provider = False, False
    broken("no provider", "syncprov")
    server.provider, server.may_read = True, False
    with_rights = position.read_bytes() if position.exists() else None
    broken("revoked", "cannot read entryUUID")
    assert (position.read_bytes() if position.exists() else None) == with_rights
    server.may_read = True
    server.stop()
    server.write_config()
    server.start()


def main():
    skip_unless(openldap.why_not())
    with Lab("peer-sync") as lab:
        server = lab.slapd()
        ad = server.admin()
        ou, left = (ad.add_ou(f"ou={n},{server.base}").dn for n in ("Feed", "Left"))
        path, position = config(server, lab.folder), lab.folder / "position"
        feed = Peer(BINARY, path, "feed", position, log=lab.folder / "feed.log")
        try:
            feed.wait_state("watching")
            assert not feed.entries(), "from now on means: nothing old"
            check_kinds(ad, feed, ou, left)
            check_latency(ad, feed, ou)
            check_burst(ad, feed, ou)
            check_full(ad, feed, ou)
            feed = check_restarts(server, lab, path, position, feed, ou)
            assert feed.stop() == 0
        finally:
            feed.kill()
        check_external(server, lab)
        check_source(server, lab, ou)
        check_dead_peer(server, lab)
        check_positions(server, lab, position)
        check_databases(server, lab, position, ou)
        server.stop()
        server.load()
        server.start()
        ou = server.admin().add_ou(f"ou=Feed,{server.base}").dn
        for i in range(150):
            server.admin().add_person(f"Limit {i}", ou)
        check_refused(server, lab, position, ou)


if __name__ == "__main__":
    main()
