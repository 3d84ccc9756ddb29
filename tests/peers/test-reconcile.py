# SPDX-License-Identifier: Apache-2.0
"""`sosync reconcile` and `sosync queue backup` on a real domain controller, with and without a service."""

import json
import time

from house import check, house, step, wait_until


def reconcile(h, *arguments):
    r = h.sosync.command("reconcile", "--json", *arguments)
    check(r.returncode == 0, r)
    return json.loads(r.stdout)


with house("reconcile") as h:
    h.ad.add_user("Old Hand", h.people, title="Clerk")
    begun = int(time.time())
    wait_until(lambda: int(time.time()) > begun, 5, "the next second: whenCreated knows no smaller part")
    h.start()
    for name in ("Ada", "Bob", "Eve"):
        h.ad.add_user(f"{name} First", h.people, title="Analyst")
    for account in ("ada.first", "bob.first", "eve.first"):
        h.until_user(account)
    h.until_idle()

    step("all is well: nothing is enqueued, nothing is missed")
    n = reconcile(h)
    check((n["enqueued"], n["missed"], n["notVisible"]) == (0, 0, 0), n)
    check(n["same"] >= 3 and n["neverSynchronized"] >= 1 and n["service"], n)

    step("a backup of the store that is in use")
    r = h.sosync.command("queue", "backup", str(h.folder / "backup"))
    check(r.returncode == 0 and "bytes" in r.stdout, r)
    check((h.folder / "backup/data.mdb").stat().st_size > 0, "no copy")
    r = h.sosync.command("queue", "backup", str(h.folder / "backup"))
    check(r.returncode == 1 and "is there already" in r.stderr and r.stderr.count("\n") == 1, r)

    step("the store fits together, in use and as a copy")
    for arguments in ([], [str(h.folder / "backup")]):
        r = h.sosync.command("queue", "check", *arguments)
        check(r.returncode == 0 and "everything fits together" in r.stdout and not r.stderr, r)
    r = h.sosync.command("queue", "restore", str(h.folder / "backup"))
    check(r.returncode == 1 and "stop the service first" in r.stderr, r)

    step("without a service: what changed is found and waits")
    h.sosync.stop()
    h.ad.set(f"CN=Ada First,{h.people}", title="Countess")
    h.ad.move(f"CN=Bob First,{h.people}", h.groups)
    h.ad.delete(f"CN=Eve First,{h.people}")
    h.ad.add_user("New Hire", h.people)
    n = reconcile(h)
    check((n["changed"], n["moved"], n["deleted"], n["new"]) == (1, 1, 1, 1) and not n["service"], n)
    check(reconcile(h)["waiting"] == 4, "they wait")
    r = h.sosync.command("reconcile", "--ou", h.groups)
    check(r.returncode == 0 and "have a change in the queue" in r.stdout and "compared in" in r.stdout, r)
    print(r.stdout)

    step("and is worked off at the next start")
    h.sosync.start()
    h.until_user("ada.first", jobTitle="Countess")
    h.until_user("new.hire")
    h.until_idle()
    n = reconcile(h)
    check(n["enqueued"] == 0 and n["waiting"] == 0, n)
    check(h.user("old.hand") is None, "the old one was left alone")

    step("--all takes what was never synchronized")
    check(reconcile(h, "--ou", h.people, "--all")["new"] == 1, "one is new")
    h.until_user("old.hand", jobTitle="Clerk")

    step("the backup back in its place: the feed goes on from where it was")
    h.sosync.stop()
    r = h.sosync.command("queue", "restore", str(h.folder / "backup"))
    check(r.returncode == 0 and "restored" in r.stdout, r)
    h.sosync.start()
    h.until_idle()
    n = reconcile(h)
    check((n["enqueued"], n["missed"], n["neverSynchronized"]) == (0, 0, 1), n)
    check(len([u for u in h.graph.state()["users"] if u["userPrincipalName"].startswith("new.hire")]) == 1, "made once")
    check(h.sosync.command("queue", "check").returncode == 0, "it fits together")

    step("mistakes")
    for arguments, status, text in (
        (["--ou", "no dn"], 2, "is not a distinguished name"),
        (["--ou", f"OU=None,{h.dc.base}"], 2, "OU=None"),
        (["extra"], 2, "Usage"),
    ):
        r = h.sosync.command("reconcile", *arguments)
        check(r.returncode == status and text in r.stderr and not r.stdout, (arguments, r))
    h.dc.stop()
    r = h.sosync.command("reconcile")
    check(r.returncode == 5 and r.stderr.startswith("sosync: ") and not r.stdout, r)
