#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Beside Cloud Sync, whose job is the emulator's: a title goes through provisioning on demand, a disable through Graph within a second
whatever the job does, a group five members at a time, and never more than five requests in ten seconds."""

import base64
import json
import time

from house import check, house, step
from lab import wait_until

# As the table of sosync(1) has it for estate cloud-sync.
GRANTED = ["User.Read.All", "User.EnableDisableAccount.All", "User.RevokeSessions.All", "Group.Read.All", "Organization.Read.All",
           "Synchronization.ReadWrite.All", "Application.Read.All", "RoleManagement.Read.Directory"]
PRINCIPAL = "12121212-0000-0000-0000-000000000000"
JOB = "AD2AADProvisioning.1111.2222"
MEMBERS = [f"m{i:02}" for i in range(12)]


def plant(h):
    """Cloud Sync has made them already. What its agent would find in the directory is planted by carry()."""
    cloud = {}
    for dn, entry in h.ad.find(h.corp, "(|(objectClass=user)(objectClass=group))",
                               ["sAMAccountName", "objectGUID", "displayName", "givenName", "sn", "objectClass"]):
        account = entry["sAMAccountName"][0].decode()
        if b"group" in entry["objectClass"]:
            body = {"groups": [{"displayName": account, "mailNickname": account, "mailEnabled": False, "securityEnabled": True,
                                "onPremisesSyncEnabled": True, "uniqueName": base64.b64encode(entry["objectGUID"][0]).decode()}]}
        else:
            body = {"users": [{"userPrincipalName": h.upn(account), "displayName": entry["displayName"][0].decode(), "mailNickname": account,
                               "accountEnabled": True, "surname": entry["sn"][0].decode(), "onPremisesSyncEnabled": True,
                               "givenName": entry.get("givenName", [b""])[0].decode() or None,
                               "onPremisesImmutableId": base64.b64encode(entry["objectGUID"][0]).decode()}]}
        ids = h.graph.admin("POST", "objects", body)
        cloud[account] = (dn, (ids["users"] + ids["groups"])[0])
    h.graph.admin("POST", "objects", {"organization": {"onPremisesSyncEnabled": True}, "synchronizationJobs": [
        {"principalId": PRINCIPAL, "id": JOB, "templateId": "AD2AADProvisioning", "status": "Active"}]})
    return cloud


def requests(h):
    return [r for r in h.graph.journal() if r["path"].endswith("/provisionOnDemand")]


def body(record):
    return json.loads(record["body"]) if isinstance(record["body"], str) else record["body"]


def main():
    with house("on-demand") as h:
        people = ["ada", "bob", "eve", "kim", *MEMBERS]
        dns = {n: h.ad.add_user(n, h.people, sn=n).dn for n in people}
        group = h.ad.add_group("sales", h.groups).dn
        cloud = plant(h)

        def carry(account, members=(), error=None, **properties):
            entry = {"dn": cloud[account][0], "cloudId": cloud[account][1], "properties": properties, "members": list(members)}
            h.graph.admin("POST", "objects", {"directory": [{**entry, **({"error": error} if error else {})}]})

        for account in people:
            carry(account)
        h.graph.admin("POST", "app", {"roles": GRANTED})

        step("two jobs, and none is named")
        h.graph.admin("POST", "objects", {"synchronizationJobs": [
            {"principalId": PRINCIPAL, "id": i, "templateId": "AD2AADProvisioning", "status": "Active"} for i in (JOB, "AD2AADProvisioning.other")]})
        refused = h.lab.sosync(h.write_config(target="  estate: cloud-sync\n"), start=False).command("run", deadline_s=30)
        check(refused.returncode == 2 and "2 Cloud Sync jobs: target.cloud_sync.job must name one, or .jobs" in refused.stderr, refused)

        h.start(target=f'  estate: cloud-sync\n  cloud_sync: {{jobs: [{{base: "{h.dc.base}", job: {JOB}}}]}}\n', brakes="{off: [create, disable]}")

        step("everybody is known")
        h.sosync.command("reconcile", "--all")
        h.until_idle()
        check(not requests(h), f"nobody was asked for: {requests(h)[:2]}")

        step("a title")
        carry("ada", jobTitle="Chief")
        began = time.monotonic()
        h.ad.modify(dns["ada"], {"title": "Chief"})
        h.until_user("ada", jobTitle="Chief")
        step(f"a title: {(time.monotonic() - began) * 1000:.0f} ms")
        h.until_idle()
        asked = requests(h)
        check(len(asked) == 1 and body(asked[0])["parameters"][0]["subjects"][0]["objectId"] == dns["ada"], asked)

        step("twelve members")
        carry("sales", members=[dns[m] for m in MEMBERS])
        h.ad.modify(group, {"member": [dns[m] for m in MEMBERS]})
        h.until_members("sales", *MEMBERS)
        h.until_idle()
        sizes = [len(body(r)["parameters"][0]["subjects"][0]["links"]["members"]) for r in requests(h)[1:]]
        check(sizes == [5, 5, 2], f"members by request: {sizes}")

        step("a crowd: seven titles, and a disable in the middle of it")
        for account in MEMBERS[:7]:
            carry(account, jobTitle="Everybody")
            h.ad.modify(dns[account], {"title": "Everybody"})
        began = time.monotonic()
        h.ad.disable(dns["bob"])
        h.until_user("bob", accountEnabled=False)
        took = time.monotonic() - began
        step(f"a disable in a crowd: {took * 1000:.0f} ms")
        check(took < 1, f"a disable took {took:.2f} s")
        wait_until(lambda: all(h.user(m).get("jobTitle") == "Everybody" for m in MEMBERS[:7]), 60, "every title in the cloud")

        step("throttled all the same: it comes again, and a disable does not wait")
        h.graph.admin("POST", "faults", {"rules": [{"path": "*/provisionOnDemand", "count": 1, "action": {"status": 429, "retry_after": "3"}}]})
        carry("eve", jobTitle="Late")
        h.ad.modify(dns["eve"], {"title": "Late"})
        wait_until(lambda: any(r["status"] == 429 for r in requests(h)), 30, "the refusal")
        began = time.monotonic()
        h.ad.disable(dns["kim"])
        h.until_user("kim", accountEnabled=False)
        took = time.monotonic() - began
        step(f"a disable behind a 429: {took * 1000:.0f} ms")
        check(took < 1, f"a disable took {took:.2f} s")
        h.until_user("eve", jobTitle="Late")

        step("failed: parked, with its code")
        carry("ada", error={"errorCode": "AttributeValueMustBeUnique", "errorMessage": "mail is taken"}, jobTitle="Never")
        h.ad.modify(dns["ada"], {"title": "Never"})
        parked = wait_until(lambda: (lambda t: t if "OnDemandFailed" in t else None)(h.sosync.command("queue", "list", "--state", "parked").stdout),
                            30, "a parked change")
        step(parked.strip())

        left = sorted(r["time_us"] for r in requests(h) if not r["fault"])
        close = [b - a for a, b in zip(left, left[5:]) if b - a < 10_000_000]
        check(not close, f"more than 5 requests in 10 s: {close}")
        refused = [r for r in h.graph.journal() if r["status"] in (400, 403) or (r["status"] == 429 and not r["fault"])]
        check(not refused, f"refused: {refused[:3]}")
        bodies = [body(r) or {} for r in h.writes() if not r["path"].endswith("/provisionOnDemand")]
        other = [b for b in bodies if set(b) - {"accountEnabled"}]
        check(not other, f"only disables and ends of sessions go through Graph directly: {other[:3]}")
        step(f"{len(left)} requests on demand")
        h.sosync.stop()


main()
