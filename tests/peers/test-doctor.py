# SPDX-License-Identifier: Apache-2.0
"""`sosync doctor`: all green on a good configuration; then one fault at a time, and exactly its finding."""

import json
import os
import subprocess

from house import check, house, step
from lab.base import run, write_file

NEEDED = ["User.ReadWrite.All", "Group.ReadWrite.All", "Organization.Read.All", "User.RevokeSessions.All", "RoleManagement.Read.Directory",
          "AuditLog.Read.All", "Directory.Read.All"]


def doctor(h, *arguments, **other):
    sosync = h.lab.sosync(h.write_config(**other), start=False)
    r = sosync.command("doctor", *arguments, deadline_s=120)
    check(r.returncode in (0, 1, 2, 5), r)
    return r


def look(h, **other):
    r = doctor(h, "--json", **other)
    whole = json.loads(r.stdout)
    check(whole["exit"] == r.returncode, whole)
    return whole, {(f["check"], f["status"]): f for f in whole["findings"] if f["status"] != "ok"}


def only(h, check_name, status, exit_status, *words, **other):
    """Exactly this finding, with these words in it."""
    whole, found = look(h, **other)
    check(list(found) == [(check_name, status)] and whole["exit"] == exit_status, (check_name, whole["exit"], found))
    f = found[check_name, status]
    text = " ".join(filter(None, (f["text"], f["do"], f["command"])))
    check(all(w in text for w in words), f)
    print(f"    {status} {f['check']}: {f['text']}\n      -> {f['do']}\n      {f['command'] or ''}")
    return f


def grant(h, command):
    """What the doctor says an administrator runs, run."""
    place = h.dc.folder
    run(["/bin/sh", "-c", f"{command} -H {place}/private/sam.ldb -s {place}/etc/smb.conf"])


with house("doctor") as h:
    h.graph.admin("POST", "app", {"roles": NEEDED})
    h.ad.add_user("Ada Lovelace", h.people)

    step("all green")
    r = doctor(h)
    print(r.stdout)
    check(r.returncode == 0 and " 0 warnings, 0 faults" in r.stdout, r)
    check(all(w in r.stdout for w in ("dirsync, with the right to replicate", "Samba Active Directory", "invocationId")), r.stdout)
    check(not (h.folder / "state").exists() and not (h.folder / "reports").exists(), "something was written")
    check(not h.writes(), h.writes())

    step("beside a running service, and with its feeds at work for two seconds")
    h.start()
    r = h.sosync.command("doctor", "--feeds", "2", deadline_s=60)
    check(r.returncode == 0 and "works with it" in r.stdout and "dirsync: watching after" in r.stdout, r)
    h.sosync.stop()

    step("a wrong password: one try, and nothing that depends on it")
    wrong = write_file(h.folder / "wrong.password", "Not-The-Password-1\n", 0o600)
    only(h, "servers", "fault", 5, "wrong name or password",
         bind=f'{{mechanism: simple, dn: "{h.dc.reader_dn}", password_file: "{wrong}"}}')

    step("a server that is not there, beside one that is")
    only(h, "servers", "fault", 1, "127.0.0.1:1", uris=f'["ldaps://127.0.0.1:1", "{h.dc.uri}"]')
    only(h, "servers", "fault", 5, "127.0.0.1:1", uris='["ldaps://127.0.0.1:1"]')

    step("no right to replicate: which, and how to grant it")
    h.ad.add_user("Poor Reader", h.outside, password="Lab-Reader-2x")
    password = write_file(h.folder / "poor.password", "Lab-Reader-2x\n", 0o600)
    bind = f'{{mechanism: simple, dn: "CN=Poor Reader,{h.outside}", password_file: "{password}"}}'
    f = only(h, "feed", "warning", 1, "no right to replicate", "DS-Replication-Get-Changes", "samba-tool dsacl set", bind=bind)
    grant(h, f["command"])
    whole, found = look(h, bind=bind)
    check(whole["exit"] == 0, found)

    step("a hardened domain: who is disabled cannot be seen, so nothing of it is written; and how to grant it")
    compatible = f"CN=Pre-Windows 2000 Compatible Access,CN=Builtin,{h.dc.base}"
    everybody = f"CN=S-1-5-11,CN=ForeignSecurityPrincipals,{h.dc.base}"
    h.ad.modify(compatible, delete={"member": everybody})
    f = only(h, "user names", "fault", 1, "userAccountControl of 1 of 1 users", "Ada Lovelace", "Account Restrictions", "samba-tool dsacl set")
    check(h.sosync.command("sync", f"CN=Ada Lovelace,{h.people}", deadline_s=60).returncode == 1, "a user whose state is unknown")
    check(not h.writes(), h.writes())
    grant(h, f["command"])
    whole, found = look(h)
    check(whole["exit"] == 0, found)
    h.ad.modify(compatible, add={"member": everybody})

    step("with rules.account_expires, when a user expires must be readable too")
    expiry = "bf967915-0de6-11d0-a285-00aa003049e2"  # accountExpires (MS-ADA1)
    bob, place = h.ad.add_user("Bob Babbage", h.people).dn, h.dc.folder
    whole, found = look(h, more="rules: {account_expires: true}")
    check(whole["exit"] == 0, found)
    run(["samba-tool", "dsacl", "set", f"--objectdn={bob}", f"--sddl=(OD;;RP;{expiry};;AU)", "-H", f"{place}/private/sam.ldb", "-s", f"{place}/etc/smb.conf"])
    whole, found = look(h)
    check(whole["exit"] == 0, found)
    only(h, "user names", "fault", 1, "accountExpires of 1 of 2 users", "have expired", "Account Restrictions", more="rules: {account_expires: true}")
    strict = h.lab.sosync(h.write_config("strict.yaml", state=h.folder / "state-strict", reports=h.folder / "reports-strict", more="rules: {account_expires: true}"), start=False)
    r = strict.command("sync", bob, deadline_s=60)
    check(r.returncode == 1 and "AccountControlUnread" in r.stdout and not h.writes(), r)
    h.ad.delete(bob)

    step("an organizational unit that is not there")
    only(h, "scope", "fault", 1, "OU=Nowhere", scope=f'{{include: ["{h.corp}", "OU=Nowhere,{h.dc.base}"]}}')
    only(h, "group filter", "fault", 1, "is no group", scope=f'{{include: ["{h.corp}"], group_filter: "CN=Ada Lovelace,{h.people}"}}')

    step("a suffix that the tenant does not know")
    h.ad.add_user("Eve", h.people, userPrincipalName="eve@unknown.test")
    only(h, "domains", "warning", 1, "1 user of", "unknown.test")
    h.ad.delete(f"CN=Eve,{h.people}")

    step("a permission that is missing, and one without a use")
    h.graph.admin("POST", "app", {"roles": [r for r in NEEDED if r != "Group.ReadWrite.All"]})
    only(h, "permissions", "fault", 1, "Group.ReadWrite.All is missing", "admin consent")
    h.graph.admin("POST", "app", {"roles": [*NEEDED, "Mail.Send"]})
    only(h, "permissions", "warning", 1, "Mail.Send", "withdraw")
    h.graph.admin("POST", "app", {"roles": NEEDED})

    step("another estate")
    h.graph.admin("POST", "objects", {"organization": {"onPremisesSyncEnabled": True}})
    only(h, "estate", "fault", 1, "it should be connect")
    h.graph.admin("POST", "objects", {"organization": {"onPremisesSyncEnabled": False}})

    step("a secret that is refused, and a tenant that is not there")
    secret = write_file(h.folder / "wrong.secret", "this-is-not-the-secret\n", 0o600)
    only(h, "sign-in", "fault", 5, "make a new secret", secret_file=secret)
    only(h, "sign-in", "fault", 5, "can this machine reach", login="http://127.0.0.1:1")

    step("a secret that others may read; a configuration that is none")
    os.chmod(secret, 0o644)
    only(h, "configuration", "fault", 2, "wrong.secret", secret_file=secret)

    step("a disk that is nearly full")
    small = h.folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", small], check=True)
    try:
        only(h, "state", "fault", 1, "too little", state=small / "state", more=f'audit: {{path: "{h.folder}/audit"}}')
    finally:
        subprocess.run(["umount", small], check=True)

    step("a program that cannot be run")
    only(h, "notify", "fault", 1, "/nowhere/alarm", more="notify: {command: [/nowhere/alarm]}")

    step("root asks Entra Connect's scheduler as the user of the service, whose ssh key it is")
    state = h.folder / "theirs"
    state.mkdir()
    os.chown(state, 65534, 65534)
    answer = ('{"SyncCycleEnabled": true, "SchedulerSuspended": false, "StagingModeEnabled": false, "SyncCycleInProgress": false,'
              ' "CurrentlyEffectiveSyncCycleInterval": "00:30:00", "NextSyncCycleStartTimeInUTC": "2026-11-22T08:00:00Z"}')
    driver = write_file(h.folder / "status.sh", f"""\
[ "$(id -u)" = "$1" ] || {{ echo 'Permission denied (publickey).' >&2; exit 255; }}
echo '{answer}'
""", 0o644).read_text()

    def scheduler(uid):
        words = json.dumps(["/bin/sh", "-c", driver, "status", str(uid)])
        more = f"scheduler: {{driver: command, status: {words}, pause: [/bin/true], resume: [/bin/true]}}"
        found = json.loads(doctor(h, "--json", state=state, more=more).stdout)["findings"]
        return next(f for f in found if f["check"] == "scheduler")
    f = scheduler(65534)
    check(f["status"] == "ok" and f["text"] == "as nobody: Get-ADSyncScheduler answers", f)
    f = scheduler(0)
    check(f["status"] == "fault" and f["text"].startswith("as nobody: exit status 255: Permission denied"), f)
    print(f"    {f['status']} {f['check']}: {f['text']}\n      -> {f['do']}")
