# SPDX-License-Identifier: Apache-2.0
"""What must not be written, what is written in its own way, and what would be written, against the strict emulator."""

import json
import urllib.parse
import urllib.request

from house import check, house, step
from lab.emulator import ROLES


class Admin:
    """An administrator of the tenant, who uses Graph as we do."""

    def __init__(self, graph):
        self.graph = graph
        form = urllib.parse.urlencode({"client_id": graph.client_id, "client_secret": graph.secret, "grant_type": "client_credentials",
                                       "scope": "https://graph.microsoft.com/.default"})
        with urllib.request.urlopen(f"{graph.login}/{graph.tenant_id}/oauth2/v2.0/token", form.encode()) as answer:
            self.headers = {"Authorization": "Bearer " + json.load(answer)["access_token"]}

    def __call__(self, method, path, body=None):
        return self.graph.request(method, "/v1.0" + path, body, self.headers)


def error(document):
    return document["provisioningStatusInfo"]["errorInformation"] or {}


ID = "extension_0123456789abcdef0123456789abcdef_"  # what the emulator has registered
EXTENSIONS = f"""\
  extensions:
    - {{attribute: physicalDeliveryOfficeName, property: {ID}building}}
    - {{attribute: otherPager, property: {ID}skills, type: texts}}
    - {{attribute: employeeType, property: {ID}isRemote, type: bool}}
    - {{attribute: employeeNumber, property: {ID}level, type: integer}}
    - {{attribute: whenCreated, property: {ID}joined, type: time}}
    - {{attribute: info, property: {ID}building, object: group}}
  group_anchor: {ID}anchor
"""

with house("export", emulator=("--federated-domain", "fed.contoso.test")) as h:
    admin = Admin(h.graph)
    sosync = h.sosync = h.lab.sosync(h.write_config(target=EXTENSIONS), start=False)

    def sync(dn, *options):
        status, document = sosync.sync("--no-html-report", *options, dn)
        return status, document

    def planted(name, dn, **more):
        """A cloud user that has the anchor of this object of the directory."""
        anchor = sync(dn, "--staging-mode")[1]["targetIdentity"]["details"]["anchor"]
        return h.graph.admin("POST", "objects", {"users": [{"userPrincipalName": h.upn(name), "displayName": name, "mailNickname": name,
                                                            "accountEnabled": True, "onPremisesImmutableId": anchor, **more}]})["users"][0]

    step("a deleted user is not made a second time, but restored by a person")
    ada = h.ad.add_user("Ada Gone", h.people, title="Engineer").dn
    id = planted("ada.gone", ada)
    admin("DELETE", f"/users/{id}")
    status, document = sync(ada)
    check(status == 1 and error(document)["errorCode"] == "DeletedInCloud", error(document))
    check(id in error(document)["additionalDetails"] and "ada.gone@" in error(document)["additionalDetails"], error(document))
    check("Restore it" in error(document)["recommendedAction"], error(document))
    check(h.user("ada.gone") is None, "nobody was made")
    admin("POST", f"/directory/deletedItems/{id}/restore")
    status, document = sync(ada)
    check(status == 0 and h.user("ada.gone")["id"] == id and h.user("ada.gone")["jobTitle"] == "Engineer", error(document))

    step("holders of directory roles are not written, by assignment, active or eligible, or by group; nor anybody, if that cannot be read")
    people = {n: h.ad.add_user(f"{n} Role", h.people, title="Engineer").dn for n in ("Bob", "Eve", "Zoe", "Kim")}
    bob, eve, zoe, kim = (planted(f"{n.lower()}.role", dn) for n, dn in people.items())
    h.graph.admin("POST", "app", {"roles": [r for r in ROLES if not r.startswith("RoleManagement")]})
    status, document = sync(people["Kim"])
    check(status == 5 and "RoleManagement.Read.Directory" in error(document)["additionalDetails"], (status, error(document)))
    check(not [w for w in h.writes() if w["path"].startswith("/v1.0/users/") and kim in w["path"]], "nothing was written")
    h.graph.admin("POST", "app", {"roles": [*ROLES]})
    h.graph.admin("POST", "objects", {"roleAssignments": [{"principalId": bob, "role": "User Administrator"},
                                                          {"principalId": zoe, "role": "Global Administrator", "eligible": True}],
                                      "groups": [{"displayName": "Admins", "mailNickname": "admins", "mailEnabled": False, "securityEnabled": True,
                                                  "isAssignableToRole": True, "members": [eve]}]})
    for name, word in (("Bob", "User Administrator"), ("Zoe", "Global Administrator (eligible)"), ("Eve", "the roles of the group Admins")):
        status, document = sync(people[name])
        check(status == 4 and error(document)["errorCode"] == "RoleHolder" and word in error(document)["additionalDetails"], (status, error(document)))
    # A tenant without Privileged Identity Management: nobody is eligible.
    h.graph.admin("POST", "faults", {"rules": [{"path": "/v1.0/roleManagement/directory/roleEligibilityScheduleInstances*",
                                                "action": {"status": 400, "code": "AadPremiumLicenseRequired"}}]})
    status, document = sync(people["Bob"])
    check(status == 4 and error(document)["errorCode"] == "RoleHolder", (status, error(document)))
    status, document = sync(people["Kim"])
    check(status == 0 and h.user("kim.role")["jobTitle"] == "Engineer", (status, error(document)))
    h.graph.admin("DELETE", "faults")
    check(not any("jobTitle" in h.user(f"{n}.role") for n in ("bob", "eve", "zoe")), "administrators are as they were")

    step("a user of a federated domain signs in elsewhere, and gets no password")
    status, document = sync(h.ad.add_user("Fay Away", h.people, userPrincipalName="fay@fed.contoso.test").dn)
    check(status == 0, error(document))
    status, document = sync(h.ad.add_user("Ann Here", h.people).dn)
    check(status == 0, error(document))
    fay, ann = h.graph.find_user("fay@fed.contoso.test"), h.user("ann.here")
    check((fay["passwordsSet"], ann["passwordsSet"]) == (0, 1) and fay["onPremisesImmutableId"], (fay, ann))

    step("directory extensions, by the table of the configuration")
    dn = h.ad.add_user("Max Extended", h.people, physicalDeliveryOfficeName="B4", otherPager=["algebra", "flight"], employeeType="TRUE",
                       employeeNumber="7").dn
    status, document = sync(dn)
    check(status == 0, error(document))
    user = h.user("max.extended")
    check((user[ID + "building"], sorted(user[ID + "skills"]), user[ID + "isRemote"], user[ID + "level"]) == ("B4", ["algebra", "flight"], True, 7), user)
    check(user[ID + "joined"].startswith("20") and user[ID + "joined"].endswith("Z"), user)
    check(sync(dn)[1]["modifiedProperties"] == [], "and nothing the second time")
    h.ad.set(dn, physicalDeliveryOfficeName=None, otherPager=["flight"], employeeType="FALSE", employeeNumber=None)
    status, document = sync(dn)
    check(status == 0, error(document))
    user = h.user("max.extended")
    check((user.get(ID + "building"), user[ID + "skills"], user[ID + "isRemote"], user.get(ID + "level")) == (None, ["flight"], False, None), user)

    step("a group is found by the extension that holds its anchor")
    group = h.ad.add_group("Old Hands", h.groups, info="B5").dn
    anchor = sync(group, "--staging-mode")[1]["targetIdentity"]["details"]["anchor"]
    old = h.graph.admin("POST", "objects", {"groups": [{"displayName": "Old", "mailNickname": "old", "mailEnabled": False, "securityEnabled": True,
                                                        ID + "anchor": anchor}]})["groups"][0]
    status, document = sync(group)
    check(status == 0 and document["targetIdentity"]["id"] == old, error(document))
    check(h.graph.find_group("Old Hands")[ID + "building"] == "B5", "and it has its extension")
    status, document = sync(h.ad.add_group("New Hands", h.groups).dn)
    check(status == 0 and h.graph.find_group("New Hands")["uniqueName"], error(document))

    step("a dry run of an OU, as a file to be reviewed")
    ou = h.ad.add_ou(f"OU=Review,{h.corp}").dn
    new = h.ad.add_user("Nia New", ou, title="Pilot").dn
    known = h.ad.add_user("Ken Known", ou, title="Engineer").dn
    crew = h.ad.add_group("Crew", ou, member=[known, new]).dn
    check(sync(known)[0] == 0, "Ken is there")
    h.ad.set(known, title="Chief")
    before, file = h.graph.last(), h.folder / "review.http"
    r = sosync.command("sync", "--no-html-report", "--ou", ou, "--trace", str(file))
    check(r.returncode == 0, r)
    names = [json.loads(line)["sourceIdentity"]["displayName"] for line in r.stdout.splitlines()]
    check(sorted(names) == ["Crew", "Ken Known", "Nia New"] and names[2] == "Crew", names)
    check(not h.writes(before), h.writes(before))
    text = file.read_text()
    check(f"### {new}: create\nPOST " in text and '"userPrincipalName": "nia.new@' in text and "(random, made when it is sent" in text, text)
    check(f"### {known}: update\nPATCH " in text and '"jobTitle": "Chief"' in text and "Engineer" not in text, text)
    check(f"### {crew}: create\nPATCH " in text and "Prefer: create-if-missing" in text, text)
    check("/groups/{id-of-the-new-object}" in text and "members@odata.bind" in text, text)
    check("Bearer" not in text and h.graph.secret not in text and text.count("(random") == 1, text)
    check(h.user("nia.new") is None and h.user("ken.known")["jobTitle"] == "Engineer", "nothing was sent")
    for name in ("Bob",):
        check(sync(people[name], "--trace", str(file))[0] == 4 and "nothing to send, RoleHolder: it holds User Administrator" in file.read_text(), file.read_text())
    check(sosync.command("sync", "--trace", "/nowhere/at/all", new).returncode == 2, "a file that cannot be written")

    step("the service lists holders once, not per change")
    sosync.start()
    h.until_idle()
    before = h.graph.last()
    for i in range(10):
        h.ad.set(people["Kim"], title=f"Title {i}")
        h.until_user("kim.role", jobTitle=f"Title {i}")
    asked = [r["path"] for r in h.graph.journal(before) if "role" in r["path"].lower() or "isAssignableToRole" in (r["query"] or "")]
    check(len(asked) <= 3, asked)
