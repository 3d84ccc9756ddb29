#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The feed against a real domain controller: every kind of change, bursts, latency, continuity."""

import os
import pathlib
import random
import signal
import statistics
import sys
import time
import uuid

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from lab import Directory, Lab, domain, skip_unless  # noqa: E402
from peerlib import Peer, source_config  # noqa: E402

BINARY = sys.argv[1]
STORE = sys.argv[2] if len(sys.argv) > 2 else "mdb"
FEED = sys.argv[3] if len(sys.argv) > 3 else "dirsync"
PLAIN, PLAIN_PASSWORD = "Plain User", "Lab-User-1"


def plain_bind(dc, folder):
    """An account with no other right than to be one."""
    secret = folder / "plain.password"
    secret.write_text(PLAIN_PASSWORD + "\n")
    secret.chmod(0o600)
    return {"mechanism": "simple", "dn": f"CN={PLAIN},CN=Users,{dc.base}", "password_file": str(secret)}


def feed_config(dc, folder, name="source", **change):
    """DirSync by the reader, uSNChanged by the plain user."""
    keys = {"feed": FEED, **({"bind": plain_bind(dc, folder)} if FEED == "usn" else {}), **change}
    return source_config(dc, folder, name, **keys)


def named(dn):
    return lambda e: e["dn"].lower() == dn.lower()


def values(entry, name):
    return entry["brought"].get(name, {}).get("values")


def check_kinds(dc, ad, feed, ou, left):
    """Each kind of change arrives, as what it is."""
    ann = ad.add_user("Ann Lee", ou, title="Lead").dn
    e = feed.entry(named(ann), "add")
    guid = ad.guid(ann)
    assert e["id"] == guid and not e["gone"] and not e["catch_up"], e
    assert values(e, "title") == ["Lead"] and values(e, "objectClass")[-1] == "user", e
    assert e["brought"]["userAccountControl"]["type"] == "integer"

    mark = len(feed.lines)
    ad.set(ann, title="Chief")
    e = feed.entry(named(ann), "modify", after=mark)
    assert values(e, "title") == ["Chief"] and (FEED == "usn" or "displayName" not in e["brought"]), e
    assert (e["usn"] > 0) == (FEED == "usn"), e

    mark = len(feed.lines)
    ad.disable(ann)
    e = feed.entry(named(ann), "disable", after=mark)
    assert values(e, "userAccountControl") == ["546"], e

    mark = len(feed.lines)
    ad.set(ann, title=None)
    e = feed.entry(named(ann), "clear", after=mark)
    assert "title" not in e["brought"], e

    mark = len(feed.lines)
    renamed = ad.rename(ann, "Ann Smith").dn
    e = feed.entry(named(renamed), "rename", after=mark)
    assert e["id"] == guid, e

    mark = len(feed.lines)
    moved = ad.move(renamed, left).dn
    e = feed.entry(named(moved), "move", after=mark)
    assert e["id"] == guid and "parentGUID" in e["brought"], e

    group = ad.add_group("Staff", ou, members=[moved]).dn
    e = feed.entry(named(group), "group")
    mark = len(feed.lines)
    bob = ad.add_user("Bob Roe", ou, manager=moved).dn
    e = feed.entry(named(bob), "user with manager")
    assert e["brought"]["manager"]["type"] == "reference", e
    ad.add_member(group, bob)
    e = feed.entry(named(group), "member added", after=mark)
    if FEED == "usn":
        assert set(values(e, "member")) == {bob, moved}, e
    else:
        assert values(e, "member;range=1-1") == [bob] and "member;range=0-0" not in e["brought"], e
    mark = len(feed.lines)
    ad.remove_member(group, bob)
    e = feed.entry(named(group), "member removed", after=mark)
    assert values(e, "member") == [moved] if FEED == "usn" else values(e, "member;range=0-0") == [bob], e

    mark = len(feed.lines)
    inner = ad.add_ou(f"OU=Inner,{ou}").dn
    cid = ad.add_user("Cid Moe", inner).dn
    feed.entry(named(cid), "user in the inner OU", after=mark)
    mark = len(feed.lines)
    ad.rename(inner, "Renamed")
    e = feed.entry(lambda e: e["dn"].startswith("OU=Renamed"), "OU renamed", after=mark)
    assert len(feed.entries(mark)) == 1, "the children of a renamed OU are silent"

    if FEED == "dirsync":
        check_delete(ad, feed, moved)


def check_delete(ad, feed, dn):
    """Seen by who may list the deleted objects."""
    mark, guid = len(feed.lines), ad.guid(dn)
    ad.delete(dn)
    e = feed.entry(lambda e: e["id"] == guid and e["gone"], "delete", after=mark)
    assert "Deleted Objects" in e["dn"], e


def check_delete_by_reader(dc, ad, lab, ou):
    """The plain user may not list the deleted objects: another feed, by an account that may."""
    config = source_config(dc, lab.folder, "reader", feed=FEED)
    with Peer(BINARY, config, "feed", log=lab.folder / "reader.log") as feed:
        feed.wait_state("watching")
        dn = ad.add_contact("Goes Away", ou).dn
        feed.entry(named(dn), "a contact")
        check_delete(ad, feed, dn)
        assert feed.stop() == 0


def measure_latency(ad, feed, dn, n):
    """Paced changes: from the server's acknowledgement to the sink, in ms, sorted."""
    took = []
    for i in range(n):
        title = f"{time.monotonic_ns()}"
        mark = len(feed.lines)
        c = ad.set(dn, title=title)
        e = feed.entry(lambda e: values(e, "title") == [title], f"change {i}", after=mark)
        took.append((e["mono_ns"] - c.mono_ns) / 1e6)
        time.sleep(random.uniform(0.02, 0.07))  # the pace: not in step with the beat
    return sorted(took)


def check_latency(ad, feed, ou, n=220):
    """On a machine that does other things too, a run that misses the goal is repeated, not judged."""
    dn = ad.add_user("Pace Maker", ou).dn
    feed.entry(named(dn), "the object to pace with")
    for _ in range(3):
        took = measure_latency(ad, feed, dn, n)
        p50, p95 = statistics.median(took), took[int(len(took) * 0.95)]
        print(f"latency   {FEED}, {STORE}: commit to sink, {n} paced changes: p50 {p50:.1f} ms, p95 {p95:.1f} ms, max {took[-1]:.1f} ms")
        if STORE != "mdb" or p95 <= 40:
            return
    raise AssertionError(f"p95 is {p95:.1f} ms")


def check_burst(ad, feed, ou, n):
    """A burst, then silence: all of it arrives over TLS."""
    dns = [f"CN=burst{i},{ou}" for i in range(n)]
    mark = len(feed.lines)
    began = time.monotonic()
    ad.many((("add", dn, [("objectClass", [b"contact"])]) for dn in dns))
    made = time.monotonic()
    wanted = {dn.lower() for dn in dns}
    feed.wait(lambda _: len({e["dn"].lower() for e in feed.entries(mark)} & wanted) == n, f"{n} adds", 60)
    print(f"burst     {n} adds in {made - began:.2f} s, all at the sink {time.monotonic() - made:.3f} s later")
    mark = len(feed.lines)
    feed.say("pause")
    ad.many((("modify", dn, [(2, "displayName", [b"new"])]) for dn in dns))
    assert not feed.entries(mark), "a paused feed is silent"
    began = time.monotonic()
    feed.say("resume")
    feed.wait(lambda _: len({e["dn"].lower() for e in feed.entries(mark)} & wanted) == n, f"{n} modifies in one look", 60)
    print(f"burst     {n} modifies in one look: {time.monotonic() - began:.3f} s")


def check_full(ad, feed, ou):
    """A full queue: the same batch again, nothing lost, nothing skipped."""
    mark = len(feed.lines)
    feed.say("pause")
    dns = [ad.add_contact(f"Full {i}", ou).dn for i in range(20)]
    feed.say("full 2")
    feed.say("resume")
    feed.wait(lambda _: {e["dn"] for e in feed.entries(mark)} >= set(dns), "all after the queue has room again")
    assert sum(line.get("event") == "full" for line in feed.lines[mark:]) == 2


def check_continuity(dc, ad, lab, config, position, feed, ou):
    """Killed, and changes meanwhile: they are the first thing seen; the server killed: found again."""
    feed.kill()
    dns = [ad.add_contact(f"Meanwhile {i}", ou).dn for i in range(50)]
    feed = Peer(BINARY, config, "feed", position, log=lab.folder / "feed.log")
    feed.wait_state("watching")
    feed.wait(lambda _: {e["dn"] for e in feed.entries()} >= set(dns), "what changed while the feed was dead")
    assert not any(e["catch_up"] for e in feed.entries())
    # DirSync may repeat what the last stored position did not cover, but not everything; uSNChanged the last minute.
    assert FEED == "usn" or len(feed.entries()) < 200, len(feed.entries())

    mark = len(feed.lines)
    dc.stop()
    broken = feed.wait_state("broken", after=mark)
    assert "lost" in broken["text"] or "ends the connection" in broken["text"], broken
    dc.start()
    began = time.monotonic()
    feed.wait_state("watching", after=mark)
    print(f"restart   watching again {time.monotonic() - began:.2f} s after the server answered")
    with dc.admin() as again:
        dn = again.add_contact("After Restart", ou).dn
        feed.entry(named(dn), "a change after the restart")
    return feed


def check_dead_peer(dc, lab):
    """A server that is there but says nothing is noticed within keepalive, and found again."""
    config = feed_config(dc, lab.folder, "keepalive", keepalive="3s", connect_timeout="1s")
    with Peer(BINARY, config, "feed", log=lab.folder / "keepalive.log") as feed:
        feed.wait_state("watching")
        os.killpg(dc.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            broken = feed.wait_state("broken", deadline_s=10)
            took = time.monotonic() - began
        finally:
            os.killpg(dc.pid, signal.SIGCONT)
        mark = len(feed.lines)
        print(f"dead peer noticed after {took:.1f} s: {broken['text']}")
        assert "no answer for 3." in broken["text"] and took < 6, broken
        feed.wait_state("watching", after=mark)
        assert feed.stop() == 0


def check_positions(dc, lab, config, position):
    """A position that does not fit leads to a catch-up, and says why."""
    data = bytearray(position.read_bytes())
    data[len(data) // 2] ^= 1
    bad = lab.folder / "bad.position"
    for name, content, change, word in (
        ("flipped", bytes(data), {}, "checksum"),
        ("empty", b"x", {}, "too short"),
        ("account", position.read_bytes(), {"bind": {"mechanism": "gssapi", "keytab": str(dc.keytab)}}, "another account"),
        ("flags", position.read_bytes(), {"object_security": "on"}, "other flags") if FEED == "dirsync"
        else ("feed", position.read_bytes(), {"feed": "auto"}, "another feed"),
    ):
        bad.write_bytes(content)
        log = lab.folder / f"{name}.log"
        with Peer(BINARY, feed_config(dc, lab.folder, name, **change), "feed", bad, env=dc.environment(), log=log) as feed:
            feed.wait_state("catching up")
            feed.wait_state("watching")
            assert any(e["catch_up"] for e in feed.entries()), name
            assert feed.stop() == 0
        text = log.read_text()
        assert "position is refused" in text and word in text, text


def check_initial_all(dc, ad, lab):
    """initial: all brings every object of the naming context, once."""
    config = feed_config(dc, lab.folder, "all", initial="all")
    with Peer(BINARY, config, "feed", log=lab.folder / "all.log") as feed:
        began = time.monotonic()
        feed.wait_state("watching")
        got = [e["id"] for e in feed.entries() if not e["gone"]]
        took = time.monotonic() - began
        who = Directory(dc.uri, dc.ca_file).bind(f"CN={PLAIN},CN=Users,{dc.base}", PLAIN_PASSWORD) if FEED == "usn" else dc.reader()
        found = who.find(dc.base, "(objectClass=*)", ["objectGUID"])
        # Of some well-known foreign principals the reader sees the name and little else: Samba leaves them out.
        there = {str(uuid.UUID(bytes_le=a["objectGUID"][0])) for dn, a in found if "objectGUID" in a and "CN=ForeignSecurityPrincipals" not in dn}
        print(f"initial   {len(got)} objects in {took:.2f} s")
        assert len(got) == len(set(got)) and not there - set(got), there - set(got)
        assert feed.stop() == 0


def check_rights(dc, ad, lab, ou):
    """Without the right to replicate: object_security by itself (auto), a clear word without it (off)."""
    bind = plain_bind(dc, lab.folder)
    with Peer(BINARY, source_config(dc, lab.folder, "auto", bind=bind), "feed") as feed:
        feed.wait_state("watching")
        dn = ad.add_contact("Seen By All", ou).dn
        feed.entry(named(dn), "a change seen with object_security")
    with Peer(BINARY, source_config(dc, lab.folder, "off", bind=bind, object_security="off"), "feed") as feed:
        broken = feed.wait_state("broken")
        assert "Insufficient access" in broken["text"] or "50" in broken["text"], broken


def main():
    skip_unless(domain.why_not())
    with Lab(f"peer-feed-{STORE}") as lab:
        dc = lab.samba(store=STORE)
        ad = dc.admin()
        ou, left = (ad.add_ou(f"OU={n},{dc.base}").dn for n in ("Feed", "Left"))
        ad.add_user(PLAIN, f"CN=Users,{dc.base}", password=PLAIN_PASSWORD)
        config, position = feed_config(dc, lab.folder), lab.folder / "position"
        feed = Peer(BINARY, config, "feed", position, log=lab.folder / "feed.log")
        try:
            feed.wait_state("watching")
            assert not feed.entries(), "from now on means: nothing old"
            check_kinds(dc, ad, feed, ou, left)
            check_latency(ad, feed, ou)
            check_burst(ad, feed, ou, 2005 if STORE == "mdb" else 300)
            check_full(ad, feed, ou)
            feed = check_continuity(dc, ad, lab, config, position, feed, ou)
            assert feed.stop() == 0
        finally:
            feed.kill()
        ad = dc.admin()
        check_dead_peer(dc, lab)
        check_positions(dc, lab, config, position)
        check_initial_all(dc, ad, lab)
        if FEED == "usn":
            check_delete_by_reader(dc, ad, lab, ou)
        else:
            check_rights(dc, ad, lab, ou)


if __name__ == "__main__":
    main()
