# SPDX-License-Identifier: Apache-2.0
"""Somebody changes Microsoft Entra ID behind us: a reconcile says so, and with `correct` puts it back."""

import json
import pathlib
import signal
import subprocess
import time
import urllib.parse
import urllib.request

from house import check, house, step
from lab import wait_until


def reconcile(h, *arguments):
    r = h.sosync.command("reconcile", "--json", *arguments)
    check(r.returncode == 0, r)
    return json.loads(r.stdout)["cloud"]


def delete(h, path):
    """As an administrator of the cloud does."""
    form = {"client_id": h.graph.client_id, "client_secret": pathlib.Path(h.graph.secret_file).read_text().strip(),
            "scope": "https://graph.microsoft.com/.default", "grant_type": "client_credentials"}
    login = f"{h.graph.login}/{h.graph.tenant_id}/oauth2/v2.0/token"
    with urllib.request.urlopen(login, urllib.parse.urlencode(form).encode(), timeout=30) as answer:
        token = json.load(answer)["access_token"]
    request = urllib.request.Request(f"{h.graph.graph}/{path}", method="DELETE", headers={"Authorization": f"Bearer {token}"})
    urllib.request.urlopen(request, timeout=30).close()


with house("drift") as h:
    h.start()
    for name in ("Ada", "Bob", "Eve"):
        h.ad.add_user(f"{name} First", h.people, title="Analyst")
    ids = {a: h.until_user(a)["id"] for a in ("ada.first", "bob.first", "eve.first")}
    h.until_idle()

    step("the first time everything is listed, and all is well; then only what has changed comes")
    n = reconcile(h)
    check(n["whole"] and n["read"] >= 3 and (n["changed"], n["deleted"]) == (0, 0) and "failed" not in n, n)
    n = reconcile(h)
    check(not n["whole"] and n["read"] == 0, n)

    step("report: somebody changes a title, and it is said, once, and left")
    h.graph.admin("POST", "objects", {"users": [{"id": ids["ada.first"], "jobTitle": "Boss"}]})
    r = h.sosync.command("reconcile")
    print(r.stdout)
    check("1    changed there by somebody else" in r.stdout and f"CN=Ada First,{h.people}: title" in r.stdout, r)
    check(reconcile(h)["changed"] == 0, "once")
    h.until_idle()
    check(h.user("ada.first")["jobTitle"] == "Boss", "a report changes nothing")
    check("cloud" not in json.loads(h.sosync.command("reconcile", "--json", "--ou", h.people).stdout), "a part says nothing of the cloud")

    step("correct, and the links have expired: all of it again, the title is put back, who was blocked stays blocked")
    h.sosync.stop()
    h.start(more="reconcile: {drift: correct}")
    h.graph.admin("POST", "delta", {})
    h.graph.admin("POST", "objects", {"users": [{"id": ids["bob.first"], "accountEnabled": False}], "remove": [ids["eve.first"]]})
    n = reconcile(h)
    check(n["whole"] and (n["changed"], n["enqueued"]) == (2, 2), n)
    h.until_idle()
    h.graph.admin("POST", "delta", {"status": 400})
    n = reconcile(h)
    check(n["whole"] and "failed" not in n, "expired, as Graph says it of users and groups")
    h.until_user("ada.first", jobTitle="Analyst")
    h.until_idle()
    check(h.user("bob.first")["accountEnabled"] is False, "still blocked")

    step("members and managers that somebody has removed are put back")
    group = h.ad.add_group("Sales", h.groups).dn
    for name in ("Ada", "Bob"):
        h.ad.add_member(group, f"CN={name} First,{h.people}")
    h.ad.set(f"CN=Bob First,{h.people}", manager=f"CN=Ada First,{h.people}")
    h.until_members("Sales", "ada.first", "bob.first")
    wait_until(lambda: h.user("bob.first").get("manager") == ids["ada.first"], 20, "bob's manager")
    h.until_idle()
    reconcile(h)
    sales = h.graph.find_group("Sales")["id"]
    delete(h, f"groups/{sales}/members/{ids['ada.first']}/$ref")
    delete(h, f"users/{ids['bob.first']}/manager/$ref")
    n = reconcile(h)
    check((n["changed"], n["enqueued"], n["whole"]) == (2, 2, False), n)
    check({e["what"] for e in n["examples"]} == {"member", "manager"}, n)
    h.until_members("Sales", "ada.first", "bob.first")
    wait_until(lambda: h.user("bob.first").get("manager") == ids["ada.first"], 20, "bob's manager again")
    h.until_idle()

    step("our own writes are no drift")
    n = reconcile(h)
    check((n["changed"], n["enqueued"]) == (0, 0) and not n["whole"], n)

    step("Graph asks to wait: the look waits, and goes on")
    h.graph.admin("POST", "faults", {"rules": [{"method": "GET", "path": "*/users/delta*", "count": 1,
                                                "action": {"status": 429, "retry_after": 1}}]})
    n = reconcile(h)
    check("failed" not in n and not n["whole"], n)

    step("Graph does not answer, and who asked goes away: the next one does not wait behind that")
    h.graph.admin("POST", "faults", {"rules": [{"method": "GET", "path": "*/users/delta*", "count": 1, "action": {"delay_ms": 120000}}]})
    command = subprocess.Popen([h.sosync.binary, "-c", h.sosync.config, "reconcile"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=h.sosync.environment)
    wait_until(lambda: h.graph.admin("GET", "faults")["rules"][-1]["fired"], 20, "a request that hangs")
    command.send_signal(signal.SIGINT)
    command.wait(20)
    begun = time.monotonic()
    n = reconcile(h)
    took = time.monotonic() - begun
    check("failed" not in n and took < 15, f"{took:.1f} s: {n}")  # a request ends after 30 s by itself

    step("Graph refuses: the directory is compared all the same, and the summary says what was not")
    h.graph.admin("POST", "faults", {"rules": [{"method": "GET", "path": "*/users/delta*", "action": {"status": 403}}]})
    r = h.sosync.command("reconcile")
    check(r.returncode == 0 and "Microsoft Entra ID could not be compared: " in r.stdout, r)

    step("Graph does not answer, and the service is stopped: it does not wait for that, and who asked is told why")
    h.graph.admin("DELETE", "faults")
    h.graph.admin("POST", "faults", {"rules": [{"method": "GET", "path": "*/users/delta*", "action": {"delay_ms": 120000}}]})
    command = subprocess.Popen([h.sosync.binary, "-c", h.sosync.config, "reconcile"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=h.sosync.environment)
    wait_until(lambda: h.graph.admin("GET", "faults")["rules"][-1]["fired"], 20, "a request that hangs")
    begun = time.monotonic()
    h.sosync.stop(60)
    took = time.monotonic() - begun
    said = command.communicate(timeout=20)[1]
    check(took < 15 and command.returncode == 1 and "cancelled: the service is stopping" in said, f"{took:.1f} s: {said}")
