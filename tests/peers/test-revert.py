# SPDX-License-Identifier: Apache-2.0
"""A wrong rule set reaches everybody, some are mended by hand in the cloud, and `sosync revert` puts the others back.

The long form: test-revert.py 10000
"""

import json
import sys
import time

from house import check, house, step, user_rules, write_rules
from lab import wait_until

N_PEOPLE = int(sys.argv[1]) if len(sys.argv) > 1 else 300
N_BY_HAND = max(10, N_PEOPLE // 100)
DEADLINE_S = 30 + N_PEOPLE / 10

WRONG = user_rules("Wrong", "target: department, constant: Nowhere", "target: title, constant: Nobody")


def account(i):
    return f"person.{i:05}"


def asked(h, *arguments, status=0):
    r = h.sosync.command(*arguments, deadline_s=max(60, DEADLINE_S))
    check(r.returncode == status, (arguments, r))
    return r.stdout


def cloud(h):
    """account: (department, title), of everybody."""
    return {u["userPrincipalName"].split("@")[0]: (u.get("department"), u.get("jobTitle")) for u in h.graph.state()["users"]}


def until_cloud(h, wanted, what):
    begin = time.monotonic()
    wait_until(lambda: cloud(h) == wanted, DEADLINE_S, what, every_s=0.2)
    print(f"{N_PEOPLE} users, {what}: {time.monotonic() - begin:.1f} s", flush=True)


def until_idle(h):
    def look():
        lanes = json.loads(asked(h, "queue", "stats", "--json"))["lanes"].values()
        return all(lane[state] == 0 for lane in lanes for state in ("ready", "leased", "delayed"))
    wait_until(lambda: not json.loads(asked(h, "rules", "history", "--json"))["catchingUp"], DEADLINE_S, "the rules applied to all")
    wait_until(look, DEADLINE_S, "an idle queue", every_s=0.2)


with house("revert") as h:
    h.graph.admin("POST", "limits", {"enabled": False})
    good = write_rules(h, "rules")
    bad = write_rules(h, "bad", WRONG)
    h.start(more=f'rules: {{directory: "{good}"}}')
    right = {account(i): ("Engines", f"Engineer {i}") for i in range(N_PEOPLE)}

    step(f"{N_PEOPLE} people")
    for i in range(N_PEOPLE):
        h.ad.add_user(f"Person {i:05}", h.people, department="Engines", title=f"Engineer {i}")
    until_cloud(h, right, "created")
    until_idle(h)

    step("a wrong rule set")
    asked(h, "--reason", "ticket 1", "rules", "activate", str(bad), "--yes")
    version = next(a["version"] for a in json.loads(asked(h, "rules", "history", "--json"))["activations"] if a["active"])
    until_cloud(h, {a: ("Nowhere", "Nobody") for a in right}, "written wrongly")
    until_idle(h)

    step("some are mended by hand, in the cloud")
    by_hand = [account(i) for i in range(0, N_PEOPLE, N_PEOPLE // N_BY_HAND)][:N_BY_HAND]
    h.graph.admin("POST", "objects", {"users": [{"id": h.user(a)["id"], "department": "By Hand"} for a in by_hand]})

    step("a run or a version that is none, or more than one, is refused: nothing is put back, and nothing is called done")
    rows = map(json.loads, asked(h, "report", "list", "--json", "--limit", "100000").splitlines())
    runs = [row["id"] for row in rows if row["provisioningAction"] == "update"]
    begun = {run[:4] for run in runs if sum(other[:4] == run[:4] for other in runs) > 1}
    for option, text, status in (
        ("--run", "", 2), ("--run", runs[0][0], 2), ("--run", "nope", 2), ("--rules", "", 2), ("--rules", version[0], 2), ("--rules", "NOPE", 2),
        ("--run", "00000000-0000-0000-0000-000000000000", 1), ("--rules", "0000000000000000", 1),
        *(("--run", text, 2) for text in sorted(begun)[:1]),
    ):
        r = h.sosync.command("revert", option, text)
        check((r.returncode, r.stdout, len(r.stderr.splitlines())) == (status, "", 1), (option, text, r))
    check(json.loads(asked(h, "revert", "--list", "--json")) == [], "something is held")
    one = json.loads(h.sosync.command("revert", "--run", runs[0][:13].upper(), "--dry-run", "--json").stdout)
    check((one["entries"], one["dryRun"]) == (1, True), one)

    step("what would be put back, and nothing is written")
    before = h.graph.last()
    shown = json.loads(asked(h, "revert", "--rules", version, "--dry-run", "--json", status=1))
    check((shown["dryRun"], shown["objects"], shown["values"]) == (True, N_PEOPLE, 2 * N_PEOPLE - N_BY_HAND), shown)
    check(sorted(one["dn"].split(",")[0] for one in shown["left"]) == [f"CN=Person {a[-5:]}" for a in by_hand], shown["left"])
    check(all(one["attribute"] == "department" and "By Hand" in one["why"] for one in shown["left"]), shown["left"])
    check(not h.writes(before), "a dry run has written")

    step("put back, all but what was mended")
    begin = time.monotonic()
    text = asked(h, "--reason", "ticket 2", "revert", "--rules", version[:8], status=1)
    print(f"asked in {time.monotonic() - begin:.1f} s\n{text}", flush=True)
    check(f"{N_PEOPLE} objects: {2 * N_PEOPLE - N_BY_HAND} values and 0 links are put back" in text, text)
    for a in by_hand:
        check(f"CN=Person {a[-5:]},{h.people}: department: somebody has changed it since: it is \"By Hand\"" in text, a)
    mended = {a: ("By Hand" if a in by_hand else was[0], was[1]) for a, was in right.items()}
    until_cloud(h, mended, "put back")
    until_idle(h)
    held = json.loads(asked(h, "revert", "--list", "--json"))
    check(len(held) == N_PEOPLE and not any(one["waiting"] for one in held), held[:3])

    step("held: the rules that are still wrong do not do it again")
    h.ad = h.dc.admin()  # in the long form the last one was silent for more than the 15 minutes that a server bears
    before = h.graph.last()
    h.ad.set(f"CN=Person 00001,{h.people}", physicalDeliveryOfficeName="Room 1")
    until_idle(h)
    check(cloud(h) == mended and not h.writes(before), "a held object was written")

    step("the rules corrected, and released")
    asked(h, "--reason", "ticket 3", "rules", "rollback", "--yes")
    until_idle(h)
    check(cloud(h) == mended, "a held object was written")
    asked(h, "--reason", "ticket 4", "revert", "--release")
    h.until_user(account(1), officeLocation="Room 1")
    until_idle(h)
    now = cloud(h)
    check({a: v for a, v in now.items() if a not in by_hand} == {a: v for a, v in right.items() if a not in by_hand}, now)
    check(json.loads(asked(h, "revert", "--list", "--json")) == [], "still held")

    step("rolled back first: what that has cleared is put back all the same")
    few = [account(i) for i in range(1, 4)]
    for a in few:
        h.ad.set(f"CN=Person {a[-5:]},{h.people}", department=None)
    wait_until(lambda: all(cloud(h)[a][0] is None for a in few), DEADLINE_S, "no department")
    h.graph.admin("POST", "objects", {"users": [{"id": h.user(a)["id"], "department": f"Hand {a}"} for a in few]})
    asked(h, "rules", "activate", str(bad), "--yes")
    wait_until(lambda: all(cloud(h)[a][0] == "Nowhere" for a in few), DEADLINE_S, "written wrongly again")
    until_idle(h)
    asked(h, "rules", "rollback", "--yes")
    until_idle(h)
    check(all(cloud(h)[a][0] is None for a in few), cloud(h))
    h.graph.admin("POST", "objects", {"users": [{"id": h.user(few[2])["id"], "department": "Since"}]})
    shown = json.loads(asked(h, "revert", "--rules", version, "--since", "1h", "--dry-run", "--json", status=1))
    check([one["dn"] for one in shown["left"]] == [f"CN=Person {few[2][-5:]},{h.people}"], shown)
    asked(h, "revert", "--rules", version, status=1)
    hand = {few[0]: f"Hand {few[0]}", few[1]: f"Hand {few[1]}", few[2]: "Since"}
    wait_until(lambda: {a: cloud(h)[a][0] for a in few} == hand, DEADLINE_S, "the hand's values again")
    until_idle(h)
    asked(h, "revert", "--release")
    until_idle(h)
    check({a: cloud(h)[a][0] for a in few} == hand, cloud(h))

    step("who did what, in the audit log")
    asked(h, "--reason", "ticket 5", "queue", "release", "--brake", "disable")
    acts = {a["reason"]: a for a in h.acts() if a.get("reason")}
    verbs = [acts[f"ticket {i}"]["verb"] for i in range(1, 6)]
    check(verbs == ["rules-activate", "revert", "rules-rollback", "revert-release", "release"], verbs)
    check(all(a["ok"] and a["by"] == "root" for a in acts.values()), acts)
    check(acts["ticket 2"]["request"]["arguments"]["rules"] == version[:8], acts["ticket 2"])
