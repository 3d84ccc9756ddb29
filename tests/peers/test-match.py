# SPDX-License-Identifier: Apache-2.0
"""Soft match: a user whom Entra ID has already waits for a person; `sosync match` shows both, and joins them."""

import json

from house import check, house, step
from lab import wait_until
from lab.emulator import ROLES

READ_ROLES = ["RoleManagement.Read.Directory"]


def says(result, status, *texts):
    check(result.returncode == status, result)
    for text in texts:
        check(text in result.stdout + result.stderr, (text, result))


def planted(h, account, **more):
    user = {"userPrincipalName": h.upn(account), "displayName": f"Cloud {account}", "mailNickname": account, "accountEnabled": True, **more}
    return h.graph.admin("POST", "objects", {"users": [user]})["users"][0]


def code(document):
    return document["provisioningStatusInfo"]["errorInformation"]["errorCode"]


with house("match") as h:
    sosync = h.sosync = h.lab.sosync(h.write_config(), start=False)
    names = {n: f"CN={n} Match,{h.people}" for n in ("Ada", "Bob", "Eve", "Zoe", "Kim")}
    for name in names:
        h.ad.add_user(f"{name} Match", h.people, title="Engineer")
    ada, bob, eve, zoe = (planted(h, f"{n}.match") for n in ("ada", "bob", "eve", "zoe"))

    step("roles cannot be read: reported, and not matched although approved")
    h.graph.admin("POST", "app", {"roles": [r for r in ROLES if r not in READ_ROLES]})
    status, document = sosync.sync("--no-html-report", names["Ada"])
    check(status == 1 and code(document) == "SoftMatchCandidate", document)
    says(sosync.command("match", "list"), 0, names["Ada"], h.upn("ada.match"), ada, "Cloud ada.match")
    says(sosync.command("match", "approve", names["Ada"].lower()), 0, "Approved")
    check([(a["verb"], a["by"], a["request"]["which"]) for a in h.acts() if a["verb"] != "sync"] == [("approve", "root", names["Ada"].lower())], h.acts())
    status, document = sosync.sync("--no-html-report", names["Ada"])
    check(status == 1 and code(document) == "RolesNotReadable", document)
    check(not h.writes(), h.writes())

    step("with the permission: joined, as it was approved")
    h.graph.admin("POST", "app", {"roles": [*ROLES, *READ_ROLES]})
    status, document = sosync.sync("--no-html-report", names["Ada"])
    check(status == 0 and document["targetIdentity"]["id"] == ada, document)
    user = h.until_user("ada.match", jobTitle="Engineer")
    check(user["id"] == ada and user["onPremisesImmutableId"], user)
    check(json.loads(sosync.command("match", "list", "--json").stdout) == [], "nothing waits any more")

    step("a holder of a role, by assignment, active or eligible, and by group")
    h.graph.admin("POST", "objects", {"roleAssignments": [{"principalId": bob, "role": "User Administrator"},
                                                          {"principalId": zoe, "role": "Global Administrator", "eligible": True}],
                                      "groups": [{"displayName": "Admins", "mailNickname": "admins", "mailEnabled": False, "securityEnabled": True,
                                                  "isAssignableToRole": True, "members": [eve]}]})
    for name, word in (("Bob", "User Administrator"), ("Zoe", "Global Administrator (eligible)"), ("Eve", "the roles of the group Admins")):
        status, document = sosync.sync("--no-html-report", names[name])
        check(status == 1 and code(document) == "ExistingAdminRoleConflict", document)
        check(word in document["provisioningStatusInfo"]["errorInformation"]["additionalDetails"], document)

    step("with a service: approved, it runs at once")
    kim = planted(h, "kim.match")
    sosync.start()
    h.ad.set(names["Kim"], title="Chief")
    wait_until(lambda: names["Kim"] in sosync.command("match", "list").stdout, 30, "Kim among the matches that wait")
    says(sosync.command("match", "list"), 0, names["Kim"], kim)
    says(sosync.command("match", "approve", names["Bob"]), 1, "no soft match waits")
    says(sosync.command("match", "approve", "nonsense"), 2, "neither a distinguished name nor an objectGUID")
    says(sosync.command("match", "approve", names["Kim"]), 0, "due now")
    check(h.until_user("kim.match", jobTitle="Chief")["id"] == kim, "the same user")
    check(any(a["verb"] == "approve" and a["request"]["which"] == names["Kim"] and a["ok"] for a in h.acts()), h.acts())

    step("usage")
    for arguments in ([], ["approve"], ["list", "x"], ["approve", "--json", "x"], ["nothing"]):
        r = sosync.command("match", *arguments)
        check(r.returncode == 2 and r.stderr and not r.stdout, (arguments, r))
