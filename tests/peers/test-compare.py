# SPDX-License-Identifier: Apache-2.0
"""`sosync compare`: a tenant that the rules have filled is equal; each kind of difference is told, and no other; wrong anchors stop creates."""

import base64
import json
import os
import pathlib
import shutil

from house import check, house, step


ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("SOSYNC_SHARED", ROOT.parent / "shared")) / "data/entra-connect-export-contoso-pilot"


def compare(h, *arguments, config=None):
    sosync = config or h.sosync
    r = sosync.command("compare", "--json", *arguments)
    check(r.returncode in (0, 1), r)
    return r.returncode, json.loads(r.stdout)


def rules_with(h, source, name, text):
    """A copy of a rule set in which the values of one flow end with an exclamation mark. Its folder."""
    folder = h.folder / name
    shutil.copytree(source, folder)
    n = 0
    for path in folder.glob("*.yaml"):
        old = path.read_text(encoding="utf-8")
        new = old.replace(text, text.replace("'Trim([department])'", "'Trim([department]) & \"!\"'"))
        n += new != old
        path.write_text(new, encoding="utf-8")
    check(n, f"{source}: no flow is {text}")
    return folder


def numbers(result):
    return {k: result[k] for k in ("equal", "different", "onlyHere", "onlyThere", "failed")}


with house("compare") as h:
    h.start()
    ada = h.ad.add_user("Ada One", h.people, title="Analyst").dn
    bob = h.ad.add_user("Bob Two", h.people, title="Chief").dn
    h.ad.set(ada, manager=bob)
    group = h.ad.add_group("Team", h.groups).dn
    h.ad.set(group, member=[ada, bob])
    for i in range(8):
        h.ad.add_user(f"User {i}", h.people, department="Sales")
    h.until_user("user.7")
    h.until_members("Team", "ada.one", "bob.two")
    h.until_idle()

    step("all equal, with a service and without")
    before = h.graph.last()
    status, result = compare(h)
    check((status, numbers(result)) == (0, {"equal": 11, "different": 0, "onlyHere": 0, "onlyThere": 0, "failed": 0}), result)
    check(result["percent"] == 100 and result["references"], result)
    check(not h.writes(before), "compare writes nothing")
    h.sosync.stop()
    status, result = compare(h)
    check((status, result["equal"]) == (0, 11), result)
    r = h.sosync.command("compare")
    check(r.returncode == 0 and "100%  of 11 objects" in r.stdout, r)

    step("each kind of difference, and no other")
    cloud = {u["displayName"]: u for u in h.graph.state()["users"]}
    bob_id = cloud["Bob Two"]["id"]
    h.graph.admin("POST", "objects", {"users": [{"id": cloud["User 1"]["id"], "department": "Support"}]})
    ghost = h.graph.admin("POST", "objects", {"users": [{"userPrincipalName": h.upn("ghost"), "displayName": "Ghost", "mailNickname": "ghost", "accountEnabled": True,
                                                 "onPremisesImmutableId": base64.b64encode(b"0123456789abcdef").decode()},
                                                {"userPrincipalName": h.upn("cloud.only"), "displayName": "Cloud Only", "mailNickname": "cloud.only",
                                                 "accountEnabled": True}]})["users"][0]
    h.ad.add_user("New Hire", h.people)
    h.ad.set(group, member=[ada])
    status, result = compare(h)
    check((status, numbers(result)) == (1, {"equal": 9, "different": 2, "onlyHere": 1, "onlyThere": 1, "failed": 0}), (numbers(result), result))
    rows = {row["name"]: row for row in result["attributes"]}
    check(set(rows) == {"department", "member"}, rows)
    check((rows["department"]["ours"], rows["department"]["theirs"]) == ("Sales", "Support") and rows["department"]["rule"], rows)
    check("1 of them not here" in rows["member"]["theirs"], rows)
    states = sorted((d["state"], d["dn"]) for d in result["details"])
    check(("only here", f"CN=New Hire,{h.people}") in states and ("only there", h.upn("ghost")) in states, states)
    html = pathlib.Path(result["report"]).read_text(encoding="utf-8")
    check("Support" in html and "New Hire" in html and (pathlib.Path(result["report"]).stat().st_mode & 0o777) == 0o640, result["report"])

    step("below an OU, and a sample")
    status, result = compare(h, "--ou", h.groups)
    check(result["objects"] == 1 and not result["references"] and result["onlyThere"] == 0, result)
    status, result = compare(h, "--sample", "5")
    check(result["objects"] == 5 and result["tenantObjects"] == 0, result)

    step("one rule changed: that difference and no other")
    h.ad.set(group, member=[ada, bob])
    h.graph.admin("POST", "objects", {"users": [{"id": cloud["User 1"]["id"], "department": "Sales"}], "remove": [ghost]})
    h.sosync.sync("--no-html-report", f"CN=New Hire,{h.people}")
    check(compare(h)[1]["percent"] == 100, compare(h))
    text = "- {target: department, expression: 'Trim([department])'}"
    other = h.lab.sosync(h.write_config("other.yaml", state=h.folder / "state-other", reports=h.folder / "reports-other", more=f'rules: {{directory: "{rules_with(h, ROOT / "engine/rules/default", "other", text)}"}}'), start=False)
    status, result = compare(h, config=other)
    check(status == 1 and result["different"] == 11 and [(a["name"], a["objects"]) for a in result["attributes"]] == [("department", 11)], result)
    check(result["attributes"][0]["ours"].endswith("!") and result["onlyHere"] == 0, result)

    step("whether a user is disabled cannot be read: that is told, of the values nothing, and who names the user is as before")
    compatible = f"CN=Pre-Windows 2000 Compatible Access,CN=Builtin,{h.dc.base}"
    everybody = f"CN=S-1-5-11,CN=ForeignSecurityPrincipals,{h.dc.base}"
    h.ad.modify(compatible, delete={"member": everybody})
    h.ad.set(f"CN=User 2,{h.people}", department="Unread")
    status, result = compare(h)
    check((status, numbers(result)) == (1, {"equal": 1, "different": 0, "onlyHere": 0, "onlyThere": 0, "failed": 11}), (numbers(result), result))
    check([(f["code"], f["objects"]) for f in result["failures"]] == [("AccountControlUnread", 11)] and not result["attributes"], result)
    r = h.sosync.command("compare")
    check("AccountControlUnread     CN=" in r.stdout and "why is said below" in r.stdout, r)
    h.ad.modify(compatible, add={"member": everybody})
    h.ad.set(f"CN=User 2,{h.people}", department="Sales")
    check(compare(h)[1]["percent"] == 100, compare(h))

    step("anchors that were made of another attribute: named, and nothing is created any more")
    for i in range(8):
        h.ad.set(f"CN=User {i},{h.people}", **{"mS-DS-ConsistencyGuid": bytes([i]) * 16})
    fresh = h.lab.sosync(h.write_config("fresh.yaml", state=h.folder / "state-fresh", reports=h.folder / "reports-fresh"), start=False)
    status, result = compare(h, config=fresh)
    check(status == 1 and result["anchorFits"] == "objectGUID" and result["anchorsTheirs"] == 8 and result["onlyHere"] == 8, result)
    before = h.graph.last()
    h.ad.add_user("Newer Hire", h.people)
    status, document = fresh.sync("--no-html-report", f"CN=Newer Hire,{h.people}")
    check(status == 1 and document["provisioningStatusInfo"]["errorInformation"]["errorCode"] == "AnchorMismatch", document)
    check("objectGUID" in document["provisioningStatusInfo"]["errorInformation"]["additionalDetails"] and not h.writes(before), document)
    for i in range(8):
        h.ad.set(f"CN=User {i},{h.people}", **{"mS-DS-ConsistencyGuid": None})
    check(compare(h, config=fresh)[1]["anchorFits"] is None, "cured")
    status, document = fresh.sync("--no-html-report", f"CN=Newer Hire,{h.people}")
    check(status == 0, document)

    step("promote shows it")
    r = h.sosync.command("demote")
    r = h.sosync.command("promote", "--take-over")
    check("Compared at" in r.stderr, r)

    step("usage")
    for arguments in (["x"], ["--sample", "0"], ["--ou", "nonsense"], ["--what"]):
        r = h.sosync.command("compare", *arguments)
        check(r.returncode == 2 and r.stderr and not r.stdout, (arguments, r))
    r = h.sosync.command("compare", "--ou", f"OU=Nowhere,{h.dc.base}")
    check(r.returncode == 2, r)

if not SHARED.exists():
    step(f"skipped: the rules of an Entra Connect server, which would be in {SHARED}")
else:
    with house("compare-shared") as h:
        step("the rules of an Entra Connect server: the tenant that they have filled is equal; one changed: that difference")
        h.sosync = h.lab.sosync(h.write_config(), start=False)
        imported = h.folder / "imported"
        r = h.sosync.command("rules", "import", SHARED, "--output", imported, "--connector", f"contoso.com={h.dc.upn_suffix}")
        check(r.returncode == 0, r)
        for i in range(20):
            h.ad.add_user(f"User {i}", h.people, department=" Sales ", title="Engineer", telephoneNumber=f"+44 {i}", manager=f"CN=User 0,{h.people}" if i else None)
        h.ad.add_group("Team", h.groups, members=[f"CN=User {i},{h.people}" for i in range(20)])
        filled = h.lab.sosync(h.write_config("filled.yaml", more=f'rules: {{directory: "{imported}"}}'), start=False)
        listed = h.folder / "all.txt"
        listed.write_text("".join(f"CN=User {i},{h.people}\n" for i in range(20)) + f"CN=Team,{h.groups}\n", encoding="utf-8")
        r = filled.command("sync", "--no-html-report", "--file", listed, deadline_s=120)
        check(r.returncode == 0, r.stderr)
        status, result = compare(h, config=filled)
        check(status == 0 and result["equal"] == 21 and result["percent"] == 100, result)
        flow = "- {target: department, expression: 'Trim([department])'}"
        other = h.lab.sosync(h.write_config("other.yaml", state=h.folder / "state-other", reports=h.folder / "reports-other", more=f'rules: {{directory: "{rules_with(h, imported, "other", flow)}"}}'), start=False)
        status, result = compare(h, config=other)
        check(status == 1 and result["different"] == 20 and result["equal"] == 1, result)
        check([(a["name"], a["objects"], a["ours"]) for a in result["attributes"]] == [("department", 20, "Sales!")], result["attributes"])
