# SPDX-License-Identifier: Apache-2.0
"""Crowds: a script that turns off everybody, and one urgent disable behind a long backlog at the published limits.

SOSYNC_ACCOUNTS: how many the script turns off (default 600; the whole is 10000). SOSYNC_BACKLOG: how many changes are waiting
(default 3000; the whole is 100000). SOSYNC_URGENT: how many disables are measured (default 20).
"""

import json
import time

from fakeland import sections
from house import check, environment, step
from lab import Lab, wait_until
from lab.base import write_file

ACCOUNTS = environment("SOSYNC_ACCOUNTS", 600)
BACKLOG = environment("SOSYNC_BACKLOG", 3000)
URGENT = environment("SOSYNC_URGENT", 20)
MANY_S = 1200  # for as many as there are on as slow a machine as there may be


class Town:
    def __init__(self, lab, name, brakes, more=""):
        self.ad = lab.fakead()
        self.graph = lab.emulator(name=f"{name}/graph", domains=["fake.test"])
        folder = lab.folder / name
        self.sosync = lab.sosync(write_file(folder / "sosync.yaml", sections(self.ad, self.graph, target=more) + f"""\
urgent:
  - {{attribute: userAccountControl, when: "BitAnd([userAccountControl],2) = 2", revoke_sessions: true}}
state: {{path: "{folder / 'state'}"}}
reports: {{path: "{folder / 'reports'}", html: on-demand}}
brakes: {{off: [{brakes}]}}
"""), name=f"{name}/sosync")

    def settle(self, n):
        """So many users are in the cloud, and there is nothing to do."""
        wait_until(lambda: self.graph.admin("GET", "health")["users"] == n, MANY_S, f"{n} users", every_s=0.5)
        self.until_idle()

    def lanes(self):
        return json.loads(self.sosync.command("queue", "stats", "--json").stdout)["lanes"]

    def until_idle(self):
        wait_until(lambda: all(lane[s] == 0 for lane in self.lanes().values() for s in ("ready", "leased", "delayed")), MANY_S, "an idle queue", every_s=0.5)

    def writes(self, after, *kinds):
        return [r for r in self.graph.journal(after) if (r["method"], r["path"].rpartition("/")[2] == "revokeSignInSessions") in kinds]


def everybody_off(lab):
    """25 arrive, one alarm, and the titles of the others behind them arrive."""
    others = ACCOUNTS // 2
    t = Town(lab, "off", "create", "  limits: {published: false}\n")
    began = time.monotonic()
    for i in range(1, ACCOUNTS + others + 1):
        t.ad.put_user(i, f"User {i}")
    t.settle(ACCOUNTS + others)
    step(f"{ACCOUNTS + others} accounts in {time.monotonic() - began:.0f} s; a script turns off {ACCOUNTS}")
    before = t.graph.last()
    for i in range(1, ACCOUNTS + 1):
        t.ad.put_user(i, f"User {i}", userAccountControl="514")
    for i in range(ACCOUNTS + 1, ACCOUNTS + others + 1):
        t.ad.put_user(i, f"User {i}", title="Chief")
    wait_until(lambda: sum("Chief" in json.dumps(r["body"]) for r in t.writes(before, ("PATCH", False))) >= others, MANY_S, "all titles", every_s=1)
    t.until_idle()
    users = t.graph.state()["users"]
    off = sum(not u["accountEnabled"] for u in users)
    revoked = sum(u["sessionsRevoked"] for u in users)
    titles = sum(u.get("jobTitle") == "Chief" for u in users)
    parked = sum(lane["parked"] for lane in t.lanes().values())
    alarms = [line for line in t.sosync.log.read_text().splitlines() if "brake" in line and " error " in line]
    print("\n".join(alarms[:3]))
    check((off, revoked, titles, parked) == (25, 25, others, ACCOUNTS - 25), (off, revoked, titles, parked))
    check(len(alarms) == 1, alarms[:5])
    step(f"{off} of {ACCOUNTS} turned off, {parked} held, one alarm, {titles} titles behind them; {time.monotonic() - began:.0f} s")
    t.sosync.stop()


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p))]


def urgent_behind(lab):
    """A disable overtakes a backlog that the limits hold back; and the end of the sessions with it."""
    t = Town(lab, "backlog", "create, disable", "  limits: {published: false}\n")
    began = time.monotonic()
    for i in range(1, BACKLOG + 1):
        t.ad.put_user(i, f"User {i}")
    t.settle(BACKLOG)
    step(f"{BACKLOG} accounts in {time.monotonic() - began:.0f} s; all of them get a title, and Graph takes what it is published to take")
    t.sosync.stop()
    t.graph.admin("POST", "limits", {"enabled": True, "tenant_size": "S"})
    ids = {u["userPrincipalName"]: u["id"] for u in t.graph.state()["users"]}
    t.sosync.config.write_text(t.sosync.config.read_text().replace("  limits: {published: false}\n", ""))
    t.sosync.start()
    for i in range(1, BACKLOG + 1):
        t.ad.put_user(i, f"User {i}", title="Chief")
    # Half of the 3,000 writes of the budget are ours; what is left waits for 10 a second.
    wait_until(lambda: sum(lane["ready"] + lane["delayed"] for lane in t.lanes().values()) < BACKLOG - 1000, MANY_S, "the budget is used", every_s=0.2)
    waiting = sum(lane["ready"] + lane["delayed"] for lane in t.lanes().values())
    took = {"off": [], "revoked": []}
    for k in range(URGENT):
        i = BACKLOG - k  # at the end of the backlog
        me = ids[f"user.{i}@fake.test"]
        before = t.graph.last()
        at = time.monotonic()
        t.ad.put_user(i, f"User {i}", userAccountControl="514")
        off = t.graph.wait_journal(lambda r: r["method"] == "PATCH" and r["path"].endswith(me) and '"accountEnabled":false' in r["body"].replace(" ", ""), before)
        end = t.graph.wait_journal(lambda r: r["path"].endswith(f"{me}/revokeSignInSessions"), before)
        took["off"].append(off["time_us"] / 1e3 - at * 1e3)
        took["revoked"].append(end["time_us"] / 1e3 - at * 1e3)
    left = sum(lane["ready"] + lane["delayed"] for lane in t.lanes().values())
    health = t.graph.admin("GET", "health")
    for what, ms in took.items():
        step(f"{what}: p50 {percentile(ms, 0.5):.0f} ms, p99 {percentile(ms, 0.99):.0f} ms, of {URGENT}, behind {waiting} to {left} changes")
    step(f"429: {health['throttled']}, inside a hold: {health['hold_violations']}")
    check(percentile(took["revoked"], 0.99) < 1000 if URGENT >= 100 else percentile(took["revoked"], 0.5) < 1000, took)
    check(left > 0, "the backlog was gone before the last one")
    check(health["hold_violations"] == 0, health)


with Lab("crowd") as lab:
    everybody_off(lab)
    urgent_behind(lab)
