# SPDX-License-Identifier: Apache-2.0
"""`sosync sync`: with and without a service, its ten steps, its exit statuses."""

import json

from house import DEADLINE_S, check, house, step
from lab import wait_until

STEPS = ["SourceDomainScoping", "TargetDomainScoping", "OrganizationalUnitScoping", "SourceObjectAccess", "ObjectTypeScoping",
         "GroupFilterScoping", "SourceImport", "TargetImport", "Synchronization", "Export"]


def last_step(document):
    """The number of the step that ended the run, and its status."""
    ran = [(i + 1, s) for i, s in enumerate(document["provisioningSteps"]) if s["status"] != "skipped" or i == 9 or s.get("description")]
    stop = next(((i, s) for i, s in ran if s["status"] in ("failure", "skipped")), ran[-1])
    return stop


def reports(h):
    return sorted(p.name for p in (h.folder / "reports").rglob("*.htm"))


def the_same_in_both(h, mode):
    ada = f"CN=Ada {mode},{h.people}"
    account = f"ada.{mode.lower()}"
    h.ad.add_user(f"Ada {mode}", h.people, title="Analyst")

    step(f"{mode}: staging plans and commits, and sends nothing")
    before = h.graph.last()
    status, doc = h.sosync.sync("--staging-mode", "--no-html-report", ada)
    check(status == 0, (status, doc))
    check([s["name"] for s in doc["provisioningSteps"]] == STEPS, doc["provisioningSteps"])
    if mode == "Alone":
        check(doc["provisioningAction"] == "create", doc)
        check(not h.writes(before), h.writes(before))
        check(not reports(h), reports(h))

    step(f"{mode}: then the export")
    status, doc = h.sosync.sync(ada)
    check(status == 0, (status, doc))
    check(doc["provisioningStatusInfo"] == {"status": "success", "errorInformation": None}, doc["provisioningStatusInfo"])
    check(doc["targetIdentity"]["id"] == h.until_user(account)["id"], doc["targetIdentity"])
    check(len(reports(h)) >= 1, "no HTML report")

    step(f"{mode}: again: nothing to do, nothing sent")
    before = h.graph.last()
    status, doc = h.sosync.sync("--no-html-report", ada)
    check(status == 0 and not h.writes(before), (status, doc, h.writes(before)))
    if mode == "Alone":
        step("Alone: each run is in the list when its command has ended")
        for _ in range(5):
            status, doc = h.sosync.sync("--no-html-report", ada)
            check(doc["id"] in h.sosync.command("report", "list", "--json").stdout, doc["id"])

    step(f"{mode}: where it ends, and with which status")
    h.ad.add_computer(f"WS{mode}", h.people)
    for dn, want_status, want_step, want_code in (
        (f"CN=Nobody,{h.people}", 1, 4, "SourceObjectNotFound"),
        (f"CN=Users,{h.dc.base}", 4, 3, "OrganizationalUnitNotInScope"),
        (h.hidden, 4, 3, "OrganizationalUnitNotInScope"),
        (f"CN=WS{mode},{h.people}", 4, 5, "ObjectTypeNotInScope"),
        ("CN=Ada,DC=elsewhere,DC=test", 4, 1, "DomainNotInScope"),
    ):
        status, doc = h.sosync.sync("--no-html-report", dn)
        number, found = last_step(doc)
        check(status == want_status, (dn, status, doc["provisioningStatusInfo"]))
        check(doc["provisioningStatusInfo"]["errorInformation"]["errorCode"] == want_code, (dn, doc["provisioningStatusInfo"]))
        check(number == want_step, (dn, number, found))
        check(doc["provisioningStatusInfo"]["errorInformation"]["reason"], doc)
        wait_until(lambda: h.sosync.command("report", "show", doc["id"]).returncode == 0, DEADLINE_S, f"the report of {dn}")
    r = h.sosync.command("report", "list", "--code", "organizationalunitnotinscope", "--json")
    check(r.returncode == 0 and {json.loads(line)["dn"] for line in r.stdout.splitlines()} == {f"CN=Users,{h.dc.base}", h.hidden}, r)
    check(h.sosync.command("report", "list", "--code", "Throttled", "--json").stdout == "", "a code that no run had")

    step(f"{mode}: everything in scope below an OU, users first, a line each")
    ou = h.ad.add_ou(f"OU=Team {mode},{h.people}").dn
    members = [h.ad.add_user(f"{name} {mode} Team", ou).dn for name in ("Bea", "Cleo", "Dan")]
    group = h.ad.add_group(f"{mode} Team", ou, members=members).dn
    h.ad.add_computer(f"WT{mode}", ou)
    r = h.sosync.command("sync", "--no-html-report", "--ou", ou)
    documents = [json.loads(line) for line in r.stdout.splitlines()]
    check(r.returncode == 0 and len(documents) == 4, r)
    names = [d["sourceIdentity"]["id"] for d in documents]
    check(all(d["provisioningStatusInfo"]["status"] in ("success", "skipped") for d in documents), documents)
    check(len(set(names)) == 4, names)
    h.until_members(f"{mode} Team", *(f"{name}.{mode}.team".lower() for name in ("Bea", "Cleo", "Dan")))
    check("synchronizing" not in r.stdout, r)
    before = h.graph.last()
    r = h.sosync.command("sync", "--no-html-report", "--staging-mode", "--ou", ou)
    check(r.returncode == 0 and r.stdout.count("\n") == 4 and not h.writes(before), r)
    for dn, status, text in ((h.hidden, 0, "Nothing that is in scope is below it."), (f"OU=Nowhere,{h.corp}", 2, "Nowhere"), ("OU", 2, "is not a distinguished name")):
        r = h.sosync.command("sync", "--ou", dn)
        check(r.returncode == status and text in r.stderr and not r.stdout, (dn, r))

    step(f"{mode}: usage")
    for arguments in (["no dn at all"], ["CN=Ada,OU"], [], ["--no-such-option", ada], ["--ou"], ["--ou", h.people, "--ou", h.corp]):
        r = h.sosync.command("sync", *arguments)
        check(r.returncode == 2 and r.stderr and not r.stdout, (arguments, r))
    r = h.sosync.command("sync", "CN=Ada,OU")
    check(all(h.sosync.command(*words).stderr.startswith("sosync: unrecognized option '--nope'")
              for words in (["sync", "--nope"], ["report", "list", "--nope"], ["rules", "import", "--nope"], ["init", "--nope"])), "getopt's prefix")
    check(r.stderr.startswith("sosync: \"CN=Ada,OU\" is not a distinguished name:") and r.stderr.count("\n") == 1, r.stderr)

    step(f"{mode}: several objects: one line each")
    r = h.sosync.command("sync", "--no-html-report", ada, f"CN=Nobody,{h.people}")
    check(r.returncode == 1 and len(r.stdout.splitlines()) == 2, r)


with house("sync") as h:
    def waits():
        lanes = json.loads(h.sosync.command("queue", "stats", "--json").stdout)["lanes"].values()
        return sum(lane["ready"] for lane in lanes) == 1

    config = h.write_config()
    h.sosync = h.lab.sosync(config, start=False)
    the_same_in_both(h, "Alone")
    h.sosync.start()
    the_same_in_both(h, "Served")

    step("a change beside the service that is not running")
    h.sosync.stop()
    status, doc = h.sosync.sync("--no-html-report", f"CN=Ada Alone,{h.people}")
    check(status == 0, (status, doc))

    step("throttled: exit status 3, and when to come back")
    h.ad.set(f"CN=Ada Alone,{h.people}", title="Throttled")
    h.graph.admin("POST", "faults", {"rules": [{"method": "PATCH", "path": "/v1.0/users/*", "action": {"status": 429, "retry_after": 120}}]})
    status, doc = h.sosync.sync("--no-html-report", f"CN=Ada Alone,{h.people}")
    check(status == 3, (status, doc and doc["provisioningStatusInfo"]))
    check(doc["provisioningStatusInfo"]["errorInformation"]["errorCode"] == "Throttled", doc["provisioningStatusInfo"])
    h.graph.admin("DELETE", "faults")

    step("whoever is started within that time writes nothing: what was asked for outlives the process")
    before = h.graph.last()
    status, doc = h.sosync.sync("--no-html-report", f"CN=Ada Alone,{h.people}")
    check(status == 3 and doc["provisioningStatusInfo"]["errorInformation"]["errorCode"] == "Throttled", (status, doc))
    h.sosync.start()
    h.ad.set(f"CN=Ada Alone,{h.people}", title="Still throttled")
    wait_until(waits, DEADLINE_S, "the change waits")
    h.sosync.kill()
    h.sosync.start()
    wait_until(waits, DEADLINE_S, "the change waits still")
    written = [r for r in h.graph.journal(before) if r["method"] != "GET" and "/oauth2/" not in r["path"]]
    check(not written, written)
