# SPDX-License-Identifier: Apache-2.0
"""A rule set's life on a real domain: dates that come, a candidate shown, activated by mistake, and rolled back."""

import json
import shutil
import signal
import time

from house import DEADLINE_S, check, house, step, user_rules, write_rules
from lab import wait_until

N_PEOPLE = 30  # more than the brake lets be disabled

EVERYBODY_OFF = user_rules("Everybody", "target: accountEnabled, constant: False", "target: department, expression: 'AuthoritativeNull'")


def filetime(unix):
    return str(int((unix + 11644473600) * 10_000_000))


def rules(h, *arguments, status=0):
    r = h.sosync.command("rules", *arguments)
    check(r.returncode == status, (arguments, r))
    return r


def active(h):
    return next(a for a in json.loads(rules(h, "history", "--json").stdout)["activations"] if a["active"])


def tenant(h):
    """Every property of every object there is, the deleted ones too."""
    state = h.graph.state()
    return {kind: {o["id"]: o for o in state[kind]} for kind in ("users", "groups", "deleted")}


def changed(before, now):
    """Where they differ: kind, object, property, and the two values."""
    return [(kind, i, name, before[kind].get(i, {}).get(name), now[kind].get(i, {}).get(name))
            for kind in now for i in before[kind].keys() | now[kind].keys()
            for name in before[kind].get(i, {}).keys() | now[kind].get(i, {}).keys()
            if before[kind].get(i, {}).get(name) != now[kind].get(i, {}).get(name)]


def until_applied(h):
    wait_until(lambda: not json.loads(rules(h, "history", "--json").stdout)["catchingUp"], DEADLINE_S, "the rules applied to all")
    h.until_idle()


def when_disabled(h, account, after):
    r = h.graph.wait_journal(lambda r: r["method"] == "PATCH" and '"accountEnabled":false' in json.dumps(r.get("body"), separators=(",", ":")) and h.user(account)["id"] in r["path"],
                             after, DEADLINE_S, f"{account} disabled")
    return r


with house("rule-life") as h:
    folder = write_rules(h, "rules")
    more = f'rules: {{directory: "{folder}", account_expires: true}}'
    h.start(more=more)

    step("an account expires in 3 s: disabled less than a second after that")
    before = h.graph.last()
    end = time.time() + 3
    h.ad.add_user("Expiring Soon", h.people, accountExpires=filetime(end))
    h.until_user("expiring.soon", accountEnabled=True)
    h.until_user("expiring.soon", accountEnabled=False)
    late = time.time() - end
    print(f"disabled {late:.3f} s after its end", flush=True)
    check(0 <= late < 1, late)

    step("the same over a restart")
    end = time.time() + 6
    h.ad.add_user("Expiring Later", h.people, accountExpires=filetime(end))
    h.until_user("expiring.later", accountEnabled=True)
    h.until_idle()
    listed = json.loads(h.sosync.command("queue", "list", "--state", "dated", "--json").stdout)
    check(len(listed) == 1 and listed[0]["state"] == "dated", listed)
    h.sosync.stop()
    h.sosync.start()
    h.until_user("expiring.later", accountEnabled=False)
    late = time.time() - end
    print(f"disabled {late:.3f} s after its end", flush=True)
    check(0 <= late < 1, late)

    step("people, and a candidate that would turn all of them off")
    for i in range(N_PEOPLE):
        h.ad.add_user(f"Person {i:02}", h.people, department="Engines", title=f"Engineer {i}", telephoneNumber=f"+44 {i}", l="London")
    h.ad.add_group("Engineers", h.groups, members=[f"CN=Person {i:02},{h.people}" for i in range(N_PEOPLE)])
    for i in range(N_PEOPLE):
        h.until_user(f"person.{i:02}", department="Engines")
    h.until_members("Engineers", *[f"person.{i:02}" for i in range(N_PEOPLE)])
    h.until_idle()
    as_it_was = tenant(h)
    first = active(h)
    check(first["how"] == "first start" and str(folder) in first["origin"], first)
    bad = write_rules(h, "bad", EVERYBODY_OFF)
    before = h.graph.last()
    diff = json.loads(rules(h, "diff", str(bad), "--json").stdout)
    check(diff["active"] == first["version"] and diff["objects"] == N_PEOPLE + 3, diff)
    check(diff["effects"]["disabled"]["n"] == N_PEOPLE, diff["effects"])
    check(diff["effects"]["cleared"]["n"] == N_PEOPLE, diff["effects"])
    rows = {r["attribute"]: r for r in diff["changes"] if r["direction"] == "Outbound"}
    check(rows["department"]["cleared"] == N_PEOPLE and len(rows["department"]["examples"]) == 10, rows)
    text = rules(h, "diff", str(bad)).stdout
    print(text, flush=True)
    check(text.index("accounts turn off") < text.index("values are cleared") < text.index("user.department"), text)
    check(not h.writes(before), "showing has written")

    step("a reload with other rules in the folder changes nothing")
    shutil.copy(bad / "zz-mine.yaml", folder)
    h.sosync.process.signal(signal.SIGHUP)
    wait_until(lambda: "reloaded" in "".join(h.sosync.process.tail(5)), DEADLINE_S, "the reload")
    r = rules(h, "activate", status=2)
    check("say --yes" in r.stderr, r)
    check(active(h)["version"] == first["version"], active(h))
    (folder / "zz-mine.yaml").write_text("rules: [{name: broken}]\n", encoding="utf-8")
    r = rules(h, "activate", "--yes", status=2)
    check("zz-mine.yaml:1:" in r.stderr, r)
    check(active(h)["version"] == first["version"], active(h))

    step("nor does a restart, with a folder that cannot even be loaded")
    h.sosync.stop()
    h.sosync.start()
    check("the active ones go on" in h.sosync.process.tail(50), h.sosync.process.tail(50))
    check(active(h)["version"] == first["version"], active(h))
    (folder / "zz-mine.yaml").unlink()

    step("activated by mistake")
    r = rules(h, "activate", str(bad), "--yes")
    check("is active." in r.stdout, r)
    wrong = active(h)
    check(wrong["version"] == diff["candidate"] and wrong["how"] == "activate", wrong)
    until_applied(h)
    off = [u for u in h.graph.state()["users"] if not u["accountEnabled"]]
    print(f"{len(off) - 2} of {N_PEOPLE} were turned off before the brake", flush=True)
    check(2 < len(off) < N_PEOPLE, len(off))
    held = json.loads(h.sosync.command("queue", "list", "--state", "parked", "--json").stdout)
    check(len(held) == N_PEOPLE + 2 - len(off), held)
    for limit, said in ((len(held) - 1, f"sosync: only the first {len(held) - 1} are shown; see --limit, and `sosync queue stats`\n"), (len(held), "")):
        r = h.sosync.command("queue", "list", "--state", "parked", "--json", "--limit", str(limit))
        check((r.stderr, json.loads(r.stdout)) == (said, held[:limit]), r)

    step("it stays active over a restart, whatever the configuration names")
    h.sosync.stop()
    h.sosync.start()
    check(active(h)["version"] == wrong["version"], active(h))

    step("rolled back: the cloud is as before")
    r = rules(h, "rollback", "--yes")
    check(active(h)["version"] == first["version"] and active(h)["how"] == "rollback", active(h))
    until_applied(h)
    check(not changed(as_it_was, tenant(h)), changed(as_it_was, tenant(h)))
    # What the brake held has nothing to do any more.
    r = h.sosync.command("queue", "release", "--brake", "disable")
    check(r.returncode == 0, r)
    h.until_idle()
    check(not changed(as_it_was, tenant(h)), changed(as_it_was, tenant(h)))
    print(rules(h, "history").stdout, flush=True)

    step("each of it in the audit log")
    acts = [a["verb"] for a in h.acts() if a["ok"]]
    check(acts.count("rules-activate") == 1 and acts.count("rules-rollback") == 1 and acts.count("release") == 1, acts)

    step("without a service, the same commands")
    h.sosync.stop()
    before = h.graph.last()
    check(json.loads(rules(h, "diff", str(bad), "--json").stdout)["effects"]["disabled"]["n"] == N_PEOPLE, "diff alone")
    r = rules(h, "rollback", "0123456789abcdef", "--yes", status=2)
    check("there is no version" in r.stderr, r)
    check(not h.writes(before), "showing has written")
