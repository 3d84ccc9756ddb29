# SPDX-License-Identifier: Apache-2.0
"""A rule that asks for members of a group, on a real domain: shown, activated, and followed as the group changes."""

import json

from house import DEADLINE_S, check, house, step, write_rules
from lab import wait_until

RULE = """\
rules:
  - name: In from AD - User VPN
    direction: Inbound
    source_type: user
    target_type: person
    precedence: 1
    scope:
      - clauses: [{{attribute: dn, operator: ISMEMBEROF, value: '{group}'}}]
    flows:
      - {{target: department, constant: Remote}}
"""


def rules(h, *arguments, status=0):
    r = h.sosync.command("rules", *arguments)
    check(r.returncode == status, (arguments, r))
    return r


def caught_up(h):
    wait_until(lambda: not json.loads(rules(h, "history", "--json").stdout)["catchingUp"], DEADLINE_S, "the rules applied to all")
    h.until_idle()


with house("rules-member") as h:
    h.start(more=f'rules: {{directory: "{write_rules(h, "rules")}"}}')
    people = {name: h.ad.add_user(f"{name} Byron", h.people, department="Engines").dn for name in ("Ada", "Bob", "Eve")}
    for name in people:
        h.until_user(f"{name.lower()}.byron", department="Engines")
    h.until_idle()

    step("a group that is not there is refused, and named")
    bad = write_rules(h, "bad", RULE.format(group=f"CN=None,{h.people}"))
    for command in (("diff", str(bad)), ("activate", str(bad), "--yes")):
        r = rules(h, *command, status=2)
        check(f"CN=None,{h.people}: there is no such object" in r.stderr, r)

    step("shown: who is a member is asked now, since nobody had asked before")
    vpn = h.ad.add_group("VPN", h.people, [people["Ada"]]).dn
    good = write_rules(h, "good", RULE.format(group=vpn))
    diff = json.loads(rules(h, "diff", str(good), "--json").stdout)
    row = next(r for r in diff["changes"] if r["direction"] == "Outbound" and r["attribute"] == "department")
    check(row["n"] == 1 and row["examples"][0]["dn"] == people["Ada"], diff["changes"])

    step("activated: only she is touched")
    before = h.graph.last()
    rules(h, "activate", str(good), "--yes")
    caught_up(h)
    h.until_user("ada.byron", department="Remote")
    ada = h.user("ada.byron")["id"]
    check(all(ada in w["path"] for w in h.writes(before) if "/users/" in w["path"]), h.writes(before))

    step("the group's change is theirs")
    h.ad.add_member(vpn, people["Bob"])
    h.until_user("bob.byron", department="Remote")
    h.ad.remove_member(vpn, people["Ada"])
    h.until_user("ada.byron", department="Engines")

    step("explained")
    text = rules(h, "explain", people["Eve"], "--json").stdout
    check(f"members of {vpn}, and the object is none" in text, text)
    r = h.sosync.command("doctor")
    check("rules' groups" not in r.stdout, r.stdout)  # the configuration's folder names none
    folder = h.folder / "rules"
    (folder / "zz-mine.yaml").write_text(RULE.format(group=vpn), encoding="utf-8")
    r = h.sosync.command("doctor")
    check("groups that rules name: 1, all there" in r.stdout, r.stdout)
