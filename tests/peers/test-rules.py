# SPDX-License-Identifier: Apache-2.0
"""`sosync rules explain` and `sosync eval --dn` on a domain controller, with and without a service beside them."""

import json
import pathlib
import re
import shutil
import uuid

from house import check, house, step

SHIPPED = pathlib.Path(__file__).resolve().parents[2] / "engine" / "rules" / "default"
IMPORTED = """\
rules:
  - name: Out to AAD - User As It Was
    direction: Outbound
    source_type: person
    target_type: user
    link: Join
    precedence: 1
    flows:
      - {target: department, expression: '"was " & ImportedValue("title")'}
"""


def explain(h, dn, *arguments):
    r = h.sosync.command("rules", "explain", dn, "--json", *arguments)
    return r, json.loads(r.stdout) if r.stdout else None


def attribute(stage, name):
    return next((a for a in stage["attributes"] if a["name"] == name), None)


def the_same_in_both(h, mode):
    ada = f"CN=Ada {mode},{h.people}"
    h.ad.add_user(f"Ada {mode}", h.people, title=" Analyst ", displayName="Ada <b>L</b>")
    team = f"CN=Team {mode},{h.groups}"
    h.ad.add_group(f"Team {mode}", h.groups, members=[ada])

    step(f"{mode}: a user: who supplies the title, here and there")
    r, doc = explain(h, ada)
    check(r.returncode == 0 and doc["result"] == "Goes to Entra ID as a user", (r, doc))
    title = attribute(doc["outbound"], "title")
    check(title["value"] == "Analyst" and title["rule"] == "Out to AAD - User ExchangeOnline", title)
    check([o["verdict"] for o in title["offers"]][:2] == ["won", "later"], title)
    check(attribute(doc["inbound"], "domainFQDN")["value"] == h.dc.upn_suffix, attribute(doc["inbound"], "domainFQDN"))

    step(f"{mode}: for the terminal, and only one attribute")
    r = h.sosync.command("rules", "explain", ada, "--attribute", "title")
    check(r.returncode == 0 and "Graph: jobTitle" in r.stdout and "Trim([title])" in r.stdout, r)
    check("displayName" not in r.stdout and "\x1b" not in r.stdout, r.stdout)

    step(f"{mode}: a group, with the number of its members")
    r, doc = explain(h, team)
    check(doc["result"] == "Goes to Entra ID as a group", doc["result"])
    check(attribute(doc["inbound"], "memberCount")["value"] == 1, attribute(doc["inbound"], "memberCount"))
    check(attribute(doc["outbound"], "member")["links"] is True, attribute(doc["outbound"], "member"))

    step(f"{mode}: what does not go, and why")
    h.ad.add_computer(f"WS{mode}", h.people)
    r, doc = explain(h, f"CN=WS{mode},{h.people}")
    check(doc["result"].startswith("Does not go to Entra ID: no inbound rule"), doc["result"])
    check("a device in Entra ID" in doc["result"], doc["result"])
    h.ad.set(ada, adminDescription="User_written back")
    r, doc = explain(h, ada)
    check("asks for adminDescription NOTSTARTSWITH User_" in doc["result"], doc["result"])

    step(f"{mode}: an expression on the object")
    r = h.sosync.command("eval", 'UCase(Trim([title])) & "@" & %Domain.FQDN%', "--dn", ada, "--json")
    check(json.loads(r.stdout) == {"type": "str", "value": f"ANALYST@{h.dc.upn_suffix}"}, r)
    r = h.sosync.command("eval", "[objectGUID]", "--dn", ada, "--json")
    check(json.loads(r.stdout)["type"] == "bin", r)

    step(f"{mode}: nobody there, and no name at all")
    r, _ = explain(h, f"CN=Nobody,{h.people}")
    check(r.returncode == 1 and "there is no object" in r.stderr, r)
    r, _ = explain(h, "CN=Ada,OU")
    check(r.returncode == 2 and "is not a distinguished name" in r.stderr, r)


with house("rules") as h:
    h.sosync = h.lab.sosync(h.write_config(), start=False)
    the_same_in_both(h, "Alone")
    before = h.graph.last()
    check(not (h.folder / "state").exists(), "explaining has made a state folder")
    check(not h.graph.journal(before), "explaining has asked Graph")
    r = h.sosync.command("rules", "list")
    check(r.returncode == 0 and "of the configuration" in r.stdout, r)
    h.sosync.start()
    the_same_in_both(h, "Served")

    step("what Entra ID has, once sosync has worked on the object: with a service, and without one")
    bea = h.ad.add_user("Bea Known", h.people, title="Before").dn
    r, doc = explain(h, f"CN=Ada Served,{h.people}")
    check("as for a new one" in doc.get("assumed", "as for a new one"), doc)
    h.until_user("bea.known", jobTitle="Before")
    h.until_idle()
    r, doc = explain(h, bea)
    check("assumed" not in doc, doc)
    check(attribute(doc["outbound"], "title")["current"] == "Before", attribute(doc["outbound"], "title"))
    r = h.sosync.command("rules", "explain", bea)
    check("(Entra ID has" not in r.stdout and "Assumed" not in r.stdout, r.stdout)
    h.sosync.stop()
    h.ad.set(bea, title="After")
    r = h.sosync.command("rules", "explain", bea)
    check("title = After  (Entra ID has Before)" in r.stdout, r.stdout)
    h.sosync.start()
    h.until_user("bea.known", jobTitle="After")

    step("joined to nothing yet: every rule that could join it, and what it finds")
    stranger = h.ad.add_user("Stranger", h.hidden).dn
    r, doc = explain(h, stranger)
    join = next(x for x in doc["inbound"]["rules"] if x["rule"] == "In from AD - User Join")
    check(join["decides"] and join["joinResult"] == "makes a new object: nobody has its objectGUID = sourceAnchorBinary", join)
    twin = h.ad.add_user("Twin of Bea", h.hidden, **{"mS-DS-ConsistencyGuid": uuid.UUID(h.ad.guid(bea)).bytes_le}).dn
    r, doc = explain(h, twin)
    join = next(x for x in doc["inbound"]["rules"] if x["rule"] == "In from AD - User Join" and x["object"] == twin)
    check(join["joinResult"] == f"joins {bea} by mS-DS-ConsistencyGuid = sourceAnchorBinary", join)
    check(doc["result"] == f"Waits for a person (AmbiguousJoin): it is the same person as {bea}, and in one directory they are two", doc["result"])
    check(doc["assumed"] == "sosync has not worked on this object yet: as when it joins", doc["assumed"])
    check(attribute(doc["outbound"], "title")["current"] == "After", attribute(doc["outbound"], "title"))
    r = h.sosync.command("rules", "explain", twin)
    check(f"With {bea} of" in r.stdout and f"in scope, Provision: joins {bea}" in " ".join(r.stdout.split()), r.stdout)

    step("in short, at the end: the rule that has taken the value from the directory")
    r = h.sosync.command("rules", "explain", bea)
    short = r.stdout[r.stdout.index("In short"):]
    check(re.search(r"\n  title +After +106 In from AD - User Common: Trim\(\[title\]\)\n", short), short)

    step("the active rules are not those of the configuration: list and explain take the active ones")
    folder = h.folder / "rules"
    folder.mkdir()
    for f in SHIPPED.glob("*.yaml"):
        if not f.name.startswith("optional-"):
            shutil.copy(f, folder)
    (folder / "zz-mine.yaml").write_text(IMPORTED, encoding="utf-8")
    r, doc = explain(h, bea)
    check("department" not in [a["name"] for a in doc["outbound"]["attributes"] if a["value"]], doc)
    r, doc = explain(h, bea, "--rules", str(folder))
    check(attribute(doc["outbound"], "department")["value"] == "was After", attribute(doc["outbound"], "department"))
    r = h.sosync.command("rules", "activate", str(folder), "--yes")
    check(r.returncode == 0, r)
    h.until_user("bea.known", department="was After")
    r, doc = explain(h, bea)
    department = attribute(doc["outbound"], "department")
    check(department["value"] == "was After" and department["rule"] == "Out to AAD - User As It Was", department)
    r = h.sosync.command("rules", "list", "--json")
    history = json.loads(h.sosync.command("rules", "history", "--json").stdout)
    check(json.loads(r.stdout)["version"] == history["activations"][0]["version"], r.stdout[:200])
    check(str(folder) in json.loads(r.stdout)["set"], r.stdout[:200])
    r = h.sosync.command("rules", "list")
    check("The configuration names others" in r.stdout, r.stdout[-300:])
    r = h.sosync.command("rules", "show", "Out to AAD - User As It Was")
    check(r.returncode == 0, r)
    print(h.sosync.command("rules", "explain", bea).stdout, flush=True)
