# SPDX-License-Identifier: Apache-2.0
"""Two forests in one sosync: each with its own connector, and one person with an account in both."""

import json
import os

from house import DEADLINE_S, check, house, step
from lab import wait_until

REALM = "RES.FABRIKAM.TEST"


def status(h):
    """What the service says of its sources, by name."""
    import socket

    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(h.folder / "state" / "control"))
        s.sendall(b'{"do": "status"}\n')
        answer = json.loads(s.makefile().readline())
    return {source["name"]: source for source in answer["status"]["sources"]}


def compare(h, *arguments, exit_status):
    r = h.sosync.command("compare", "--json", *arguments)
    check(r.returncode == exit_status, r)
    return json.loads(r.stdout) if r.stdout else r.stderr


def cloud(h, upn, **wanted):
    def look():
        u = h.graph.find_user(upn)
        return u if u and all(u.get(k) == v for k, v in wanted.items()) else None
    return wait_until(look, DEADLINE_S, f"{upn} in the cloud with {wanted}")


with house("two-forests", domains=[REALM.lower()]) as h:
    other = h.lab.samba("dc2", fresh=True, realm=REALM)
    there = other.admin()
    staff = there.add_ou(f"OU=Staff,{other.base}").dn
    names = (h.dc.upn_suffix, other.upn_suffix)
    corp, res = (h.dc, h.corp), (other, staff)
    h.sosync = h.lab.sosync(h.write_sources(corp, res))

    step("an account of each")
    ada = h.ad.add_user("Ada Corp", h.people).dn
    rosa = there.add_user("Rosa Res", staff).dn
    cloud(h, f"ada.corp@{names[0]}")
    cloud(h, f"rosa.res@{names[1]}")
    check(all(s["ok"] and s["feed"]["state"] == "watching" for s in status(h).values()), status(h))

    step("each knows its own domain")
    for dn, name in ((ada, names[0]), (rosa, names[1])):
        code, doc = h.sosync.sync("--no-html-report", dn)
        check(code == 0, doc)
        check(doc["sourceSystem"]["displayName"] == name, doc["sourceSystem"])
        r = h.sosync.command("rules", "explain", "--json", dn)
        check(r.returncode == 0 and f'"{name}"' in r.stdout, r)
    code, doc = h.sosync.sync("--no-html-report", "CN=Ada,DC=elsewhere,DC=test")
    check(code == 4 and "none of the sources" in json.dumps(doc), doc)

    step("one person with an account in both: one cloud user, with the values of both")
    anchor = os.urandom(16)
    h.ad.add_user("Kim Both", h.people, title="Engineer", **{"mS-DS-ConsistencyGuid": anchor})
    kim = cloud(h, f"kim.both@{names[0]}", jobTitle="Engineer")
    second = there.add_user("Kim Other", staff, department="Robots", **{"mS-DS-ConsistencyGuid": anchor}).dn
    kim = cloud(h, kim["userPrincipalName"], jobTitle="Engineer", department="Robots")
    h.until_idle()
    check(not h.graph.find_user(f"kim.other@{names[1]}"), "a second user was made of one person")
    there.set(second, department="Rockets")
    cloud(h, kim["userPrincipalName"], department="Rockets")
    h.until_idle()
    r = h.sosync.command("rules", "explain", "--json", f"CN=Kim Both,{h.people}")
    department = next(a for a in json.loads(r.stdout)["inbound"]["attributes"] if a["name"] == "department")
    check(department["value"] == "Rockets", department)
    check([o["connector"] for o in department["offers"] if o["verdict"] == "won"] == [names[1]], department)
    r = h.sosync.command("rules", "explain", "--attribute", "department", f"CN=Kim Both,{h.people}")
    check(f"of {names[1]}: " in r.stdout and f"With {second} of" in r.stdout, r.stdout)

    step("compared: both forests at once, a person of both with the values of both; one of them alone; and what is different")
    before = h.graph.last()
    result = compare(h, exit_status=0)
    check((result["objects"], result["equal"], result["percent"], result["references"]) == (4, 4, 100, True), result)
    check(compare(h, "--ou", staff, exit_status=0)["objects"] == 2, "below an OU of the second")
    fresh = h.lab.sosync(h.write_sources(corp, res, name="fresh.yaml", state=h.folder / "state-fresh", reports=h.folder / "reports-fresh"), start=False)
    r = fresh.command("compare", "--json")
    check(r.returncode == 0 and json.loads(r.stdout)["equal"] == 4, ("the same on the first day, when nobody knows yet who is whom", r))
    check(sorted(p.name for p in (h.folder / "state-fresh").iterdir() if p.is_dir()) == [], "nothing is left of what it imported")
    h.graph.admin("POST", "objects", {"users": [{"id": kim["id"], "department": "Somewhere"}, {"id": h.user("ada.corp")["id"], "jobTitle": "Nobody"}]})
    result = compare(h, exit_status=1)
    check((result["equal"], result["different"], result["onlyHere"], result["onlyThere"], result["failed"]) == (1, 3, 0, 0, 0), result)
    rows = {row["name"]: row for row in result["attributes"]}
    check(set(rows) == {"department", "jobTitle"} or set(rows) == {"department", "title"}, rows)
    check((rows["department"]["objects"], rows["department"]["ours"], rows["department"]["theirs"]) == (2, "Rockets", "Somewhere"), rows)
    check(not h.writes(before), "compare writes nothing")
    h.graph.admin("POST", "objects", {"users": [{"id": kim["id"], "department": "Rockets"}, {"id": h.user("ada.corp")["id"], "jobTitle": None}]})
    check(compare(h, exit_status=0)["percent"] == 100, "as it was")

    step("one forest is gone: the other goes on, and nothing of the first is lost")
    there.set(rosa, title="before")
    cloud(h, f"rosa.res@{names[1]}", jobTitle="before")
    other.stop()
    code, doc = h.sosync.sync("--no-html-report", rosa)
    check(code != 0, doc)
    check(other.host in compare(h, exit_status=5), "a comparison says which of them cannot be read")
    check(compare(h, "--ou", h.corp, exit_status=0)["objects"] == 2, "the other can be compared all the same")
    r = h.sosync.command("reconcile")
    print(r.stdout)
    check(r.returncode == 5 and f"{names[1]} could not be compared: " in r.stdout and "objects of Microsoft Entra ID looked at" in r.stdout, r)
    check(f"objects below {h.dc.base}, compared" in r.stdout, "what was compared is said")
    n = json.loads(h.sosync.command("reconcile", "--json").stdout)
    check([f["source"] for f in n["failed"]] == [names[1]] and "read" in n["cloud"], n)
    h.ad.set(ada, title="alone")
    cloud(h, f"ada.corp@{names[0]}", jobTitle="alone")
    gone = wait_until(lambda: not status(h)[names[1]]["feed"]["state"] == "watching" and status(h), DEADLINE_S, "the feed notices")
    check(gone[names[0]]["ok"] and gone[names[0]]["feed"]["state"] == "watching", gone)
    other.start()
    there = other.admin()
    there.set(rosa, title="after")
    cloud(h, f"rosa.res@{names[1]}", jobTitle="after")

    step("another order in the configuration: the same objects, and nothing is written")
    h.until_idle()
    h.sosync.stop()
    before = h.graph.last()
    h.write_sources(res, corp)
    h.sosync.start()
    for dn in (ada, rosa):
        code, doc = h.sosync.sync("--no-html-report", dn)
        check(code == 0 and doc["provisioningAction"] in ("other", "update"), doc)
    check(not h.writes(before), h.writes(before))
    there.set(rosa, title="reordered")
    cloud(h, f"rosa.res@{names[1]}", jobTitle="reordered")

    step("one less: its objects are nobody's any more, and stay as they are")
    h.until_idle()
    h.sosync.stop()
    before = h.graph.last()
    h.write_sources(corp)
    h.sosync.start()
    h.ad.set(ada, title="alone again")
    cloud(h, f"ada.corp@{names[0]}", jobTitle="alone again")
    check(cloud(h, f"rosa.res@{names[1]}")["jobTitle"] == "reordered", "an object of a source that is not configured was changed")
