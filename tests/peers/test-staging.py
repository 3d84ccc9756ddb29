# SPDX-License-Identifier: Apache-2.0
"""Staging as a state: promote, demote, restart, the configuration's word, and a warm standby that waits for the other."""

import os
import pty
import subprocess

from house import check, house, step
from lab.emulator import ROLES

HOUR_MS = 3600 * 1000
AUDIT = ["AuditLog.Read.All", "Directory.Read.All"]


def says(result, status, *texts):
    check(result.returncode == status, result)
    for text in texts:
        check(text in result.stdout + result.stderr, (text, result))


def on_a_terminal(sosync, answer, *arguments):
    """The command with a terminal as standard input, and what somebody types there."""
    master, slave = pty.openpty()
    os.write(master, answer.encode())
    try:
        return subprocess.run([sosync.binary, "-c", sosync.config, *arguments], stdin=slave, capture_output=True, text=True, timeout=60)
    finally:
        os.close(master)
        os.close(slave)


with house("staging") as h:
    first = h.start(staging="true")
    ada = f"CN=Ada One,{h.people}"

    step("staging holds everything back")
    h.ad.add_user("Ada One", h.people, title="Analyst")
    h.ad.add_user("Bob Two", h.people)
    h.until_idle()
    check(not h.writes(), h.writes())

    step("promote: nobody can be asked, somebody says no, the audit log may not be read")
    says(first.command("promote"), 5, "AuditLog.Read.All", "--take-over")
    h.graph.admin("POST", "app", {"roles": [*ROLES, *AUDIT]})
    first.stop()
    says(first.command("promote"), 2, "say --yes")
    says(on_a_terminal(first, "\n", "promote"), 1, "staging goes on")
    check(not h.writes(), h.writes())

    step("promote with a service: what was held back is due")
    first.start()
    says(on_a_terminal(first, "y\n", "promote"), 0, "Staging has ended. 2 objects that it held back are due now.")
    h.until_user("ada.one", jobTitle="Analyst")
    h.until_user("bob.two")
    says(first.command("promote", "--yes"), 0, "over already")
    check([a["by"] for a in h.acts() if a["verb"] == "promote" and a["ok"]][:1] == ["root"], h.acts())

    step("the decision outlives a restart, although the file still says staging: true")
    first.stop()
    first.start()
    h.ad.set(ada, title="Engineer")
    h.until_user("ada.one", jobTitle="Engineer")

    step("a standby with a state folder of its own sees the other's write, and waits")
    standby = h.lab.sosync(h.write_config("standby.yaml", staging="true", state=h.folder / "state2", reports=h.folder / "reports2"), start=False)
    before = h.graph.last()
    status, document = standby.sync("--no-html-report", ada)
    check(status == 0 and not h.writes(before), (status, document))
    says(standby.command("promote", "--yes"), 1, "another installation writes to this tenant", "Update user")
    h.graph.admin("POST", "audits", {"age_ms": HOUR_MS - 120 * 1000})
    says(standby.command("promote", "--yes"), 1, "another installation writes")
    h.graph.admin("POST", "audits", {"app": "somebody else", "age_ms": 0})
    first.stop()
    says(standby.command("promote", "--yes"), 0, "Staging has ended.")

    step("demote, and back: its own writes are not another's")
    h.graph.admin("POST", "audits", {"app": None})
    says(standby.command("demote"), 0, "Staging is on. Nothing is exported")
    says(standby.command("demote"), 0, "on already")
    h.ad.set(ada, title="Chief")
    before = h.graph.last()
    status, document = standby.sync("--no-html-report", ada)
    check(status == 0 and not h.writes(before), (status, document))
    says(standby.command("promote", "--yes"), 0, "1 object that it held back is due now.")
    standby.start()
    h.until_user("ada.one", jobTitle="Chief")

    step("demote with a service running; Graph away: --take-over goes on")
    says(standby.command("demote"), 0, "Staging is on.")
    h.ad.set(ada, title="Director")
    h.until_idle()
    check(h.user("ada.one")["jobTitle"] == "Chief", h.user("ada.one"))
    says(first.command("promote", "--yes"), 0, "over already")
    h.graph.admin("POST", "faults", {"rules": [{"path": "*/oauth2/*", "action": {"status": 503}}]})
    unsigned = h.lab.sosync(h.write_config("unsigned.yaml", staging="true", state=h.folder / "state4", reports=h.folder / "reports4"), start=False)
    says(unsigned.command("promote", "--yes"), 5, "token")
    h.graph.admin("POST", "faults", {"rules": [{"path": "/v1.0/auditLogs/*", "action": {"status": 503}}]})
    h.graph.admin("POST", "audits", {"age_ms": -120 * 1000})
    third = h.lab.sosync(h.write_config("third.yaml", staging="true", state=h.folder / "state3", reports=h.folder / "reports3"), start=False)
    says(third.command("promote", "--yes"), 5, "cannot be told")
    says(third.command("promote", "--yes", "--take-over"), 0, "Staging has ended. 0 objects")

    step("usage")
    for arguments in (["promote", "now"], ["demote", "--yes"], ["promote", "--no"]):
        r = first.command(*arguments)
        check(r.returncode == 2 and r.stderr and not r.stdout, (arguments, r))
