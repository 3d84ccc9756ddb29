# SPDX-License-Identifier: Apache-2.0
"""The main job, end to end: what changes in a real domain is at Graph, and a report explains it."""

import json

from house import check, house, step

with house("main-job") as h:
    h.start()

    step("a new hire")
    h.ad.add_user("Ada Lovelace", h.people, title="Analyst", department="Engines", mobile="+44 1")
    ada = h.until_user("ada.lovelace", jobTitle="Analyst")
    check(ada["displayName"] == "Ada Lovelace", ada)
    check(ada["givenName"] == "Ada" and ada["surname"] == "Lovelace", ada)
    check(ada["department"] == "Engines" and ada["mobilePhone"] == "+44 1", ada)
    check(ada["accountEnabled"] is True, ada)
    check(ada["mailNickname"] == "adalovelace", ada)  # Graph takes no dot here

    step("a new title, a title that goes away")
    h.ad.set(f"CN=Ada Lovelace,{h.people}", title="Countess")
    h.until_user("ada.lovelace", jobTitle="Countess")
    h.ad.modify(f"CN=Ada Lovelace,{h.people}", delete={"title": None})
    h.until_user("ada.lovelace", jobTitle=None)

    step("a manager, before the manager is in the cloud")
    h.ad.add_user("Grace Hopper", h.outside)
    h.ad.set(f"CN=Ada Lovelace,{h.people}", manager=f"CN=Grace Hopper,{h.outside}", title="Analyst")
    ada = h.until_user("ada.lovelace", jobTitle="Analyst")
    check(not ada.get("manager"), f"the manager is not in the cloud yet: {ada}")
    h.ad.move(f"CN=Grace Hopper,{h.outside}", h.people)
    grace = h.until_user("grace.hopper")
    h.until_user("ada.lovelace", manager=grace["id"])

    step("two who are each other's manager")
    h.ad.set(f"CN=Grace Hopper,{h.people}", manager=f"CN=Ada Lovelace,{h.people}")
    h.until_user("grace.hopper", manager=ada["id"])

    step("a group with members who come before, with and after it")
    h.ad.add_user("Alan Turing", h.people)
    h.ad.add_group("Engines", h.groups, members=[f"CN=Ada Lovelace,{h.people}", f"CN=Alan Turing,{h.people}"])
    h.until_members("Engines", "ada.lovelace", "alan.turing")
    h.ad.add_user("Kurt Goedel", h.people)
    h.ad.add_member(f"CN=Engines,{h.groups}", f"CN=Kurt Goedel,{h.people}")
    h.until_members("Engines", "ada.lovelace", "alan.turing", "kurt.goedel")
    h.ad.remove_member(f"CN=Engines,{h.groups}", f"CN=Alan Turing,{h.people}")
    h.until_members("Engines", "ada.lovelace", "kurt.goedel")

    step("an account is disabled: urgent, its sessions end")
    before = h.graph.last()
    h.ad.disable(f"CN=Kurt Goedel,{h.people}")
    kurt = h.until_user("kurt.goedel", accountEnabled=False)
    h.graph.wait_journal(lambda r: r["path"].endswith("/revokeSignInSessions") and kurt["id"] in r["path"], before)

    step("and enabled again")
    h.ad.enable(f"CN=Kurt Goedel,{h.people}")
    h.until_user("kurt.goedel", accountEnabled=True)

    step("a leaver: disabled and moved out of scope in one go")
    h.ad.disable(f"CN=Alan Turing,{h.people}")
    h.ad.move(f"CN=Alan Turing,{h.people}", h.outside)
    h.until_user("alan.turing", accountEnabled=False)

    step("a rename keeps the object")
    h.ad.rename(f"CN=Grace Hopper,{h.people}", "Grace B. Hopper")
    h.ad.set(f"CN=Grace B. Hopper,{h.people}", displayName="Grace B. Hopper")
    check(h.until_user("grace.hopper", displayName="Grace B. Hopper")["id"] == grace["id"], "another object")

    step("out of scope stays out: a computer, an excluded OU, another OU, a built-in group")
    before = h.graph.last()
    h.ad.add_computer("WS1", h.people)
    h.ad.add_user("Hidden One", h.hidden)
    h.ad.add_user("Outside One", h.outside)
    h.ad.add_user("Last One", h.people)
    h.until_user("last.one")
    h.until_idle()
    names = {u["displayName"] for u in h.graph.state()["users"]}
    check(not names & {"Hidden One", "Outside One", "WS1", "WS1$"}, names)

    step("what changes nothing is not sent")
    before = h.graph.last()
    h.ad.set(f"CN=Last One,{h.people}", comment="no rule reads this")
    h.ad.set(f"CN=Last One,{h.people}", title="Marker")
    h.until_user("last.one", jobTitle="Marker")
    h.until_idle()
    check(len(h.writes(before)) == 1, h.writes(before))

    step("a delete is recorded, and not exported")
    before = h.graph.last()
    h.ad.delete(f"CN=Last One,{h.people}")
    h.ad.set(f"CN=Ada Lovelace,{h.people}", title="After the delete")
    h.until_user("ada.lovelace", jobTitle="After the delete")
    h.until_idle()
    check(h.user("last.one") is not None and h.user("last.one")["accountEnabled"], "a delete was exported")

    step("reports")
    h.sosync.stop()
    r = h.sosync.command("report", "list", "--json", "--limit", "1000")
    check(r.returncode == 0, r)
    rows = [json.loads(line) for line in r.stdout.splitlines()]
    check(any(row["errorCode"] == "DeleteNotSupported" for row in rows), rows)
    created = [row for row in rows if row["provisioningAction"] == "create" and row["outcome"] == "exported"]
    check(len(created) == len(h.graph.state()["users"]) + len(h.graph.state()["groups"]), created)
    document = json.loads(h.sosync.command("report", "show", created[0]["id"], "--json").stdout)
    check(len(document["provisioningSteps"]) == 10, document)
    check(document["provisioningStatusInfo"]["status"] == "success", document)
    check([s["status"] for s in document["provisioningSteps"]] == ["success"] * 10, document["provisioningSteps"])
    check(h.sosync.command("report", "show", created[0]["id"]).returncode == 0, "report show")
    path = h.sosync.command("report", "html", created[0]["id"][:8]).stdout.strip()
    check("<html" in open(path, encoding="utf-8").read(), path)
