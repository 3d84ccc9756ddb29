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
JOB, OTHER_JOB = "AD2AADProvisioning.1111.2222", "AD2AADProvisioning.3333.4444"
OTHER_REALM = "RES.FABRIKAM.TEST"
MEMBERS = [f"m{i:02}" for i in range(12)]


def plant(h, ad, ou, suffix):
    """Cloud Sync has made them already. What its agent would find in the directory is planted by carry()."""
    cloud = {}
    for dn, entry in ad.find(ou, "(|(objectClass=user)(objectClass=group))",
                             ["sAMAccountName", "objectGUID", "displayName", "givenName", "sn", "objectClass"]):
        account = entry["sAMAccountName"][0].decode()
        if b"group" in entry["objectClass"]:
            body = {"groups": [{"displayName": account, "mailNickname": account, "mailEnabled": False, "securityEnabled": True,
                                "onPremisesSyncEnabled": True, "uniqueName": base64.b64encode(entry["objectGUID"][0]).decode()}]}
        else:
            body = {"users": [{"userPrincipalName": f"{account}@{suffix}", "displayName": entry["displayName"][0].decode(), "mailNickname": account,
                               "accountEnabled": True, "surname": entry["sn"][0].decode(), "onPremisesSyncEnabled": True,
                               "givenName": entry.get("givenName", [b""])[0].decode() or None,
                               "onPremisesImmutableId": base64.b64encode(entry["objectGUID"][0]).decode()}]}
        ids = h.graph.admin("POST", "objects", body)
        cloud[account] = (dn, (ids["users"] + ids["groups"])[0])
    h.graph.admin("POST", "objects", {"organization": {"onPremisesSyncEnabled": True}})
    return cloud


def plant_jobs(h, *ids):
    h.graph.admin("POST", "objects", {"synchronizationJobs": [
        {"principalId": PRINCIPAL, "id": i, "templateId": "AD2AADProvisioning", "status": "Active"} for i in ids]})


def plant_entry(h, dn, cloud_id, members=(), error=None, **properties):
    """What the agent of Cloud Sync finds in the directory."""
    entry = {"dn": dn, "cloudId": cloud_id, "properties": properties, "members": list(members)}
    h.graph.admin("POST", "objects", {"directory": [{**entry, **({"error": error} if error else {})}]})


def requests(h, after=0):
    return [r for r in h.graph.journal(after) if r["path"].endswith("/provisionOnDemand")]


def body(record):
    return json.loads(record["body"]) if isinstance(record["body"], str) else record["body"]


def one_job():
    with house("on-demand") as h:
        people = ["ada", "bob", "eve", "kim", *MEMBERS]
        dns = {n: h.ad.add_user(n, h.people, sn=n).dn for n in people}
        group = h.ad.add_group("sales", h.groups).dn
        cloud = plant(h, h.ad, h.corp, h.dc.upn_suffix)
        plant_jobs(h, JOB)

        def carry(account, members=(), error=None, **properties):
            plant_entry(h, *cloud[account], members, error, **properties)

        for account in people:
            carry(account)
        h.graph.admin("POST", "app", {"roles": GRANTED})

        step("two jobs, and none is named")
        plant_jobs(h, JOB, OTHER_JOB)
        refused = h.lab.sosync(h.write_config(target="  estate: cloud-sync\n"), start=False).command("run", deadline_s=30)
        check(refused.returncode == 2 and f"must name one, or .jobs one for each domain: {JOB}, {OTHER_JOB}" in refused.stderr, refused)

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


def two_jobs():
    """Two domains, of each of which a job of its own takes care."""
    with house("on-demand-two", domains=[OTHER_REALM.lower()]) as h:
        other = h.lab.samba("dc2", realm=OTHER_REALM)
        there = other.admin()
        staff = there.add_ou(f"OU=Staff,{other.base}").dn
        here = {name: h.ad.add_user(name, h.people, sn=name).dn for name in ("ada", "bob", "eve")}
        beyond = {name: there.add_user(name, staff, sn=name).dn for name in ("rosa", "sam")}
        team = there.add_group("team", staff).dn
        cloud = {**plant(h, h.ad, h.corp, h.dc.upn_suffix), **plant(h, there, staff, other.upn_suffix)}
        plant_jobs(h, JOB, OTHER_JOB)
        for account in cloud:
            plant_entry(h, *cloud[account])
        h.graph.admin("POST", "app", {"roles": GRANTED})

        def jobs_asked(after):
            """Who was asked for, and of which job."""
            return sorted((r["path"].split("/jobs/")[1].split("/")[0], body(r)["parameters"][0]["subjects"][0]["objectId"]) for r in requests(h, after))

        def config(jobs):
            text = ", ".join(f'{{base: "{base}", job: {job}}}' for base, job in jobs)
            return h.write_sources((h.dc, h.corp), (other, staff), target=f"  estate: cloud-sync\n  cloud_sync: {{jobs: [{text}]}}\n", brakes="{off: [create, disable]}")

        step("two domains, and only one of them has a job: told at the start")
        r = h.lab.sosync(config([(h.dc.base, JOB)]), start=False).command("run", deadline_s=30)
        check(r.returncode == 2 and other.base in r.stderr, r)

        step("everybody of both is known")
        h.sosync = h.lab.sosync(config([(h.dc.base, JOB), (other.base, OTHER_JOB)]), name="both")
        h.sosync.command("reconcile", "--all")
        h.until_idle()
        check(not requests(h), f"nobody was asked for: {requests(h)[:2]}")

        step("a title of each: each job is asked for its own")
        plant_entry(h, *cloud["ada"], jobTitle="Chief")
        plant_entry(h, *cloud["rosa"], jobTitle="Boss")
        h.ad.modify(here["ada"], {"title": "Chief"})
        there.modify(beyond["rosa"], {"title": "Boss"})
        wait_until(lambda: h.user("ada").get("jobTitle") == "Chief" and h.graph.find_user(f"rosa@{other.upn_suffix}").get("jobTitle") == "Boss",
                   30, "both titles in the cloud")
        h.until_idle()
        check(jobs_asked(0) == sorted([(JOB, here["ada"]), (OTHER_JOB, beyond["rosa"])]), jobs_asked(0))

        step("a group of the second domain")
        after = h.graph.last()
        plant_entry(h, *cloud["team"], members=list(beyond.values()))
        there.modify(team, {"member": list(beyond.values())})
        wait_until(lambda: len(h.graph.find_group("team")["members"]) == 2, 30, "two members in the cloud")
        h.until_idle()
        check(jobs_asked(after) == [(OTHER_JOB, team)], jobs_asked(after))

        step("disabled: neither of the jobs is asked")
        after = h.graph.last()
        began = time.monotonic()
        there.disable(beyond["sam"])
        wait_until(lambda: h.graph.find_user(f"sam@{other.upn_suffix}")["accountEnabled"] is False, 30, "sam disabled")
        took = time.monotonic() - began
        step(f"a disable in the second domain: {took * 1000:.0f} ms")
        check(took < 1 and not jobs_asked(after), (took, jobs_asked(after)))

        step("the job of one domain is asked for too much: that of the other goes on")
        h.graph.admin("POST", "faults", {"rules": [{"path": f"*/{OTHER_JOB}/provisionOnDemand", "count": 1, "action": {"status": 429, "retry_after": "5"}}]})
        plant_entry(h, *cloud["rosa"], jobTitle="Late")
        plant_entry(h, *cloud["eve"], jobTitle="Soon")
        there.modify(beyond["rosa"], {"title": "Late"})
        wait_until(lambda: any(r["status"] == 429 for r in requests(h)), 30, "the refusal")
        h.ad.modify(here["eve"], {"title": "Soon"})
        h.until_user("eve", jobTitle="Soon")
        wait_until(lambda: h.graph.find_user(f"rosa@{other.upn_suffix}").get("jobTitle") == "Late", 30, "the late title")
        h.sosync.stop()


one_job()
two_jobs()
