#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads of single objects against a real domain controller: by id and name, deleted, ranged, stale, pinned."""

import os
import pathlib
import sys
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from lab import Lab, domain, skip_unless  # noqa: E402
from peerlib import Peer, source_config  # noqa: E402

BINARY = sys.argv[1]
N_MEMBERS = 1700


def ok(answer):
    assert answer["result"] == "ok", answer
    return answer


def value(answer, name):
    return answer["attributes"][name]["values"]


def check_object(dc, ad, source, ou):
    boss = ad.add_user("The Boss", ou).dn
    dn = ad.add_user("Änn Lee (x*)", ou, manager=boss, proxyAddresses=["SMTP:ann@corp.contoso.test"], sAMAccountName="ann.lee").dn
    guid = ad.guid(dn)
    a = ok(source.ask("read", dn))
    assert a["dn"] == dn and a["id"] == guid and not a["deleted"], a
    assert a["parent"] == ad.guid(ou) and abs(a["changed_ms"] / 1000 - time.time()) < 60, a
    assert value(a, "displayName") == ["Änn Lee (x*)"] and value(a, "manager") == [boss]
    assert a["attributes"]["manager"]["type"] == "reference" and a["attributes"]["userAccountControl"]["type"] == "integer"
    assert a["attributes"]["proxyAddresses"]["list"] and a["attributes"]["whenCreated"]["type"] == "time"
    assert value(a, "objectSid")[0].startswith("S-1-5-21-")
    assert "isDeleted" not in a["attributes"]

    usn = a["usn"]
    assert ok(source.ask("read", guid))["usn"] == usn
    assert ok(source.ask("read", guid, usn))["usn"] == usn
    stale = source.ask("read", guid, usn + 1000)
    assert stale["result"] == "stale" and str(usn) in stale["reason"], stale

    moved = ad.move(ad.rename(dn, "Ann Smith").dn, f"CN=Users,{dc.base}").dn
    assert ok(source.ask("read", guid))["dn"] == moved
    missing = source.ask("read", dn)
    assert missing["result"] == "not found" and "not visible to this account" in missing["reason"], missing
    ad.delete(moved)
    gone = ok(source.ask("read", guid))
    assert gone["deleted"] and "Deleted Objects" in gone["dn"], gone
    assert source.ask("read", "not a name")["result"] == "not found"
    assert source.ask("read", "00000000-0000-0000-0000-0000000000aa")["result"] == "not found"


def check_groups(dc, ad, source, ranged, ou):
    ad.many((("add", f"CN=m{i},{ou}", [("objectClass", [b"contact"])]) for i in range(N_MEMBERS)))
    members = [f"CN=m{i},{ou}" for i in range(N_MEMBERS)]
    group = ad.add_group("Big (Group)", ou, members=members).dn
    a, b = ok(source.ask("read", group)), ok(ranged.ask("read", group))
    print(f"members   {N_MEMBERS} whole {a['took_us'] / 1000:.1f} ms, in ranges of 100 {b['took_us'] / 1000:.1f} ms")
    assert a["n_members"] == b["n_members"] == N_MEMBERS and a["n_unknown"] == b["n_unknown"] == 0, (a, b)
    assert "member" not in a["attributes"], "links are not read twice"
    exact = ad.add_group("Exact", ou, members=members[:200]).dn
    assert ok(ranged.ask("read", exact))["n_members"] == 200
    assert ok(ranged.ask("read", ad.add_group("Empty", ou).dn))["n_members"] == 0

    inside, outside = ad.guid(members[7]), ad.guid(ou)
    assert ok(source.ask("member", group, inside))["member"] is True
    assert ok(source.ask("member", group, outside))["member"] is False
    assert source.ask("member", f"CN=None,{ou}", inside)["result"] == "not found"


def check_list(dc, ad, source, ou):
    """Pages are whole, classes are chosen, the container may be named by its id."""
    many = ad.add_ou(f"OU=Many,{ou}").dn
    ad.many((("add", f"CN=c{i},{many}", [("objectClass", [b"contact"])]) for i in range(2500)))
    user = ad.add_user("Listed", many).dn
    a = ok(source.ask("list", many, "*", 1000))
    print(f"listing   2,502 entries in pages of 1,000: {a['took_us'] / 1000:.1f} ms")
    assert (a["n"], a["pages"]) == (2502, 3), a
    a = ok(source.ask("list", ad.guid(many), "user", 1000))
    assert [i["dn"] for i in a["items"]] == [user] and a["items"][0]["usn"] == ok(source.ask("read", user))["usn"], a
    assert ok(source.ask("list", dc.base, "computer", 1000))["n"] > 0
    names = [i["dn"] for i in ok(source.ask("list", dc.base, "user", 1000))["items"]]
    assert not [n for n in names if "Domain Controllers" in n], "computers are not users"
    assert source.ask("list", f"OU=None,{ou}", "*", 10)["result"] == "not found"


def check_info(source):
    i = ok(source.ask("info"))
    assert (i["domain_fqdn"], i["domain_netbios"], i["forest_fqdn"], i["forest_netbios"]) == ("corp.contoso.test", "CORP") * 2, i
    assert i["server"] == "dc1.corp.contoso.test", i
    return i


def check_pin(dc, source, ou):
    """Reads go to the server of the feed and no other, whatever its name says."""
    id = check_info(source)["server_id"]
    ok(source.ask("pin", dc.uri, id))
    ok(source.ask("read", ou))
    source.ask("pin", dc.uri, "00000000-0000-0000-0000-0000000000aa")
    a = source.ask("read", ou)
    assert a["result"] == "unreachable" and "the feed is on server" in a["reason"] and id in a["reason"], a
    ok(source.ask("pin", dc.uri, id))
    ok(source.ask("read", ou))


def check_restart(dc, source, ou):
    """A server that went away and came back is no trouble; one that is away is said to be."""
    ok(source.ask("read", ou))
    dc.stop()
    a = source.ask("read", ou)
    assert a["result"] == "unreachable" and "Connection refused" in a["reason"], a
    dc.start()
    ok(source.ask("read", ou))
    dc.stop()
    dc.start()
    ok(source.ask("read", ou))


def main():
    skip_unless(domain.why_not())
    with Lab("peer-source") as lab:
        dc = lab.samba()
        ad = dc.admin()
        ou = ad.add_ou(f"OU=Source,{dc.base}").dn
        config = source_config(dc, lab.folder)
        with Peer(BINARY, config, "source") as source, Peer(BINARY, config, "source", 100) as ranged:
            check_info(source)
            check_object(dc, ad, source, ou)
            check_groups(dc, ad, source, ranged, ou)
            check_list(dc, ad, source, ou)
            check_pin(dc, source, ou)
            check_restart(dc, source, ou)
            assert source.stop() == 0 and ranged.stop() == 0


if __name__ == "__main__":
    main()
