#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Beside Entra Connect, whose server is tests/lab/connect.py: a disable is in the cloud within a second whatever that server does, a
title goes through its single object sync, two hundred through one cycle, and nothing of ours is ever refused as mastered on-premises."""

import base64
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from house import check, house, step  # noqa: E402
from lab import wait_until  # noqa: E402
from lab.connect import ConnectServer  # noqa: E402

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "deploy/connect/sosync-connect"
CROWD = 200


def configure(h, host="aadc"):
    words = json.dumps([str(PROGRAM), "ssh", host])[:-1]
    return {
        "target": f"  estate: connect\n  connect: {{command: {words}], timeout: 3s, pace: 100ms}}\n",
        "more": f"scheduler: {{driver: command, status: {words}, status], pause: {words}, pause], resume: {words}, resume], timeout: 3s}}\n",
        "brakes": "{off: [create, disable]}",
    }


def plant(h, accounts):
    """They are in the cloud already, as Connect has made them: anchored by objectGUID, with the values that the rules give."""
    found = h.ad.find(h.people, "(sAMAccountName=*)", ["sAMAccountName", "objectGUID", "displayName", "givenName", "sn"])
    users = []
    for _, entry in found:
        account = entry["sAMAccountName"][0].decode()
        if account not in accounts:
            continue
        users.append({
            "userPrincipalName": h.upn(account), "displayName": entry["displayName"][0].decode(), "mailNickname": account, "accountEnabled": True,
            "surname": entry["sn"][0].decode(), "givenName": entry.get("givenName", [b""])[0].decode() or None, "onPremisesSyncEnabled": True,
            "onPremisesImmutableId": base64.b64encode(entry["objectGUID"][0]).decode()})
    h.graph.admin("POST", "objects", {"users": users, "organization": {"onPremisesSyncEnabled": True}})
    check(len(users) == len(accounts), f"planted {len(users)} of {len(accounts)}")


def disable(h, account, dn, what):
    began = time.monotonic()
    h.ad.disable(dn)
    h.until_user(account, accountEnabled=False)
    took = time.monotonic() - began
    step(f"disabled {what}: {took * 1000:.0f} ms")
    check(took < 1, f"a disable {what} took {took:.2f} s")


def main():
    with house("connect") as h:
        names = [f"p{i:03}" for i in range(CROWD)]
        singles = ["ada", "bob", "eve", "kim", "lea"]
        dns = {n: h.ad.add_user(n, h.people, sn=n).dn for n in singles + names}
        plant(h, set(dns))
        server = ConnectServer.new(h.folder / "connect", interval_s=36000, duration_s=8)
        server.act(h.graph, {"uri": h.dc.uri, "dn": h.dc.reader_dn, "password": h.dc.reader_password, "base": h.people, "ca_file": str(h.dc.ca_file)})
        environment = {"PATH": f"{server.install(h.folder / 'bin')}:{os.environ['PATH']}"}
        h.sosync = h.lab.sosync(h.write_config(**configure(h)), environment=environment)

        step("a title goes through the cmdlet")
        h.ad.modify(dns["ada"], {"title": "Chief"})
        h.until_user("ada", jobTitle="Chief")
        check(server.get("synced") == {dns["ada"]: 1}, f"asked {server.get('synced')}")
        wait_until(lambda: json.loads(h.sosync.command("report", "list", "--json", "--limit", "1").stdout or "{}"), 10, "its report")
        check(not server.get("enabled"), "the flag is held")

        step("nothing special")
        disable(h, "ada", dns["ada"], "while the flag is held")

        step("a regular cycle of forty minutes")
        server.start_cycle(2400)
        disable(h, "bob", dns["bob"], "during a cycle of 40 minutes")
        server.set(running_until=0)

        step("the driver hangs")
        server.set(fault={"do": "hang"})
        disable(h, "eve", dns["eve"], "while the driver hangs")
        h.ad.modify(dns["eve"], {"title": "Waits"})

        step("the Connect server is gone")
        server.set(fault={"do": "fail"})
        disable(h, "kim", dns["kim"], "with the Connect server gone")
        server.set(fault=None)

        step("found by its anchor: another name does not make another person")
        h.ad.modify(dns["lea"], {"userPrincipalName": h.upn("lea.new"), "title": "Renamed"})
        h.until_user("lea.new", jobTitle="Renamed")
        check(not h.user("lea"), "there are two of her")

        step("who is new is made by a cycle of theirs, and adopted if he is there without an anchor")
        h.graph.admin("POST", "objects", {"users": [{"userPrincipalName": h.upn("max"), "displayName": "Max", "mailNickname": "max", "accountEnabled": True}]})
        dns["max"], dns["new"] = (h.ad.add_user(n, h.people, sn=n, title="Before").dn for n in ("max", "new"))
        team = h.ad.add_group("Team", h.people, [dns["lea"], dns["max"]], description="Before").dn
        h.until_idle()
        check(not h.user("new") and not h.user("max").get("onPremisesImmutableId"), "sosync has made or taken one that belongs to Connect")
        server.start_cycle(1)
        server.shift(2)
        h.until_user("new", jobTitle="Before")
        h.until_user("max", jobTitle="Before")
        check(h.user("max")["onPremisesSyncEnabled"], "not adopted")
        h.ad.modify(dns["max"], {"title": "After"})
        h.until_user("max", jobTitle="After")

        step("a group is known by its SID, and asked for")
        before = len(server.get("synced"))
        h.ad.modify(team, {"description": "After"})
        wait_until(lambda: h.graph.find_group("Team").get("description") == "After", 30, "the group's description")
        check(server.get("synced").get(team) and len(server.get("synced")) > before, server.get("synced"))
        h.ad.remove_member(team, dns["max"])
        h.ad.add_member(team, dns["new"])
        h.until_members("Team", "lea.new", "new")

        step(f"{CROWD} titles: one cycle")
        before = sum(server.get("synced").values())
        server.set(cycles=0)
        for n in names:
            h.ad.modify(dns[n], {"title": "Everybody"})

        def all_have_it():
            users = {u["userPrincipalName"]: u.get("jobTitle") for u in h.graph.state()["users"]}
            return all(users[h.upn(n)] == "Everybody" for n in names)
        wait_until(all_have_it, 150, "every title in the cloud")
        asked = sum(server.get("synced").values()) - before
        cycles = server.get("calls").count("cycle")
        step(f"{CROWD} titles: {cycles} cycles, {asked} asked one by one")
        check(1 <= cycles <= 2, f"{cycles} cycles")
        check(asked <= 25, f"{asked} were asked one by one")

        refused = [r for r in h.graph.journal() if r["status"] == 400]
        check(not refused, f"refused: {refused[:3]}")
        bodies = [json.loads(r["body"]) if isinstance(r.get("body"), str) and r["body"] else r.get("body") or {} for r in h.writes()]
        other = [b for b in bodies if set(b) - {"accountEnabled"}]
        check(not other, f"only disables and ends of sessions go through Graph: {other[:3]}")
        h.sosync.stop()
        check(server.get("enabled"), "the flag is given back at the stop")


main()
