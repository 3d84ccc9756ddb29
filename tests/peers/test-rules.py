# SPDX-License-Identifier: Apache-2.0
"""`sosync rules explain` and `sosync eval --dn` on a domain controller, with and without a service beside them."""

import json

from house import check, house, step


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
    h.sosync.start()
    the_same_in_both(h, "Served")
