# SPDX-License-Identifier: Apache-2.0
"""Three nodes are one service to the outside: one hold of the scheduler flag, one brake, the same pages everywhere."""

import http.client
import json
import os
import pathlib
import re
import signal
import time

from house import DEADLINE_S, check, house, skip_unless, step, wait_until, write_rules
from lab import nats as lab_nats
from lab.base import write_file
from lab.connect import ConnectServer
from nodes import start_nodes, who_has

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "deploy/connect/sosync-connect"
TOKEN = "a-token-of-the-operator-of-this-test"
CROWD, LIMIT = 24, 5

skip_unless(lab_nats.why_not())


def get(node, path):
    port = int(re.findall(r"console  listen=\S+ port=(\d+)", node.service.log.read_text())[-1])
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    c.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
    answer = c.getresponse()
    text = answer.read().decode()
    c.close()
    return text if answer.status == 200 else ""


def brake(node):
    return next(b for b in node.ask("queue", "stats")["brakes"] if b["name"] == "disable")


def alarms(node):
    return [a["name"] for a in node.ask("top", "--once")["alarms"]]


with house("cluster-one") as h:
    h.graph.admin("POST", "latency", {"min_ms": 100, "max_ms": 100})
    write_file(h.folder / "console-token", TOKEN + "\n", 0o600)
    server = ConnectServer.new(h.folder / "connect", interval_s=36000, duration_s=8)
    words = json.dumps([str(PROGRAM), "ssh", "aadc"])[:-1]
    more = (f"workers: 4\nscheduler: {{driver: command, status: {words}, status], pause: {words}, pause], resume: {words}, resume], timeout: 5s, "
            f"max_hold: 5m, linger: 1m}}\n"
            f'console: {{listen: "127.0.0.1:0", token_file: "{h.folder}/console-token"}}\n')
    nats = h.lab.nats(1)
    step("three nodes beside a Connect server")
    nodes = start_nodes(h, nats, {"PATH": f"{server.install(h.folder / 'bin')}:{os.environ['PATH']}"}, more=more,
                        brakes=f"{{off: [create], disable: {{limit: {LIMIT}}}}}")

    step("one follows the directory, and the others are as well as it is")
    feeds = [n.ask("top", "--once")["sources"][0]["feed"] for n in nodes]
    check(sorted(f["state"] for f in feeds) == ["standing by", "standing by", "watching"], feeds)
    check(all(f["followed"] and f["unwatchedSeconds"] == 0 for f in feeds), feeds)
    check(all(get(n, "/readyz") for n in nodes), "a node that stands by is not ready")

    step("one hold for all")
    names = [f"One {i:02}" for i in range(CROWD)]
    accounts = [n.lower().replace(" ", ".") for n in names]
    for name in names:
        h.ad.add_user(name, h.people, title="new")
    for account in accounts:
        h.until_user(account, jobTitle="new")
    holder = who_has(nodes, "cycle")
    check(server.get("holders").keys() == {f"sosync@{holder.name}"}, server.get("holders"))
    check(len([c for c in server.get("calls") if c.startswith("pause")]) == 1, server.get("calls"))
    for n in nodes:
        check(n.says(" info  run "), f"{n.name} has worked on nothing")
        wait_until(lambda n=n: n.ask("scheduler", "show")["SosyncState"] == "held", DEADLINE_S, f"{n.name} shows the hold")
        check(f"paused by sosync@{holder.name}" in get(n, "/scheduler"), f"{n.name}: {get(n, '/scheduler')}")

    step("every console shows every change, with its report")
    for name in names:
        runs = set()
        for n in nodes:
            page = wait_until(lambda n=n, name=name: (p := get(n, f"/changes?q={name.replace(' ', '+')}")) and "/changes/" in p and p, DEADLINE_S,
                              f"{n.name} lists {name}")
            run = re.search(r"/changes/([0-9a-f-]{36})", page)[1]
            check(name in get(n, f"/changes/{run}"), f"{n.name} has no report {run}")
            runs.add(run)
        check(len(runs) == 1, f"{name}: {runs}")
    step("asked for by hand, at each node: whichever of them works on it, who has asked gets the outcome")
    for n in nodes * 3:
        began = time.monotonic()
        code, doc = n.service.sync("--no-html-report", f"CN={names[1]},{h.people}")
        check(code == 0 and doc["provisioningStatusInfo"]["status"] == "success" and time.monotonic() - began < 15, f"{n.name}: {code}, {time.monotonic() - began:.1f} s, {doc}")

    step("rules that one node makes active work on all")
    own = "rules:\n  - {name: In from AD - Of One, direction: Inbound, source_type: user, target_type: person, precedence: 10, flows: [{target: fax, source: facsimileTelephoneNumber}]}\n"
    r = nodes[0].service.command("rules", "activate", "--yes", str(write_rules(h, "rules-of-one", own)))
    check(r.returncode == 0, r.stderr)
    for n in nodes[1:]:
        wait_until(lambda n=n: n.says("rules that were made active elsewhere work here now"), DEADLINE_S, f"{n.name} works by them")

    step("and where no service runs, beside nodes that take the change away: the outcome all the same")
    hand = next(n for n in reversed(nodes) if n is not holder)
    hand.service.stop()
    for i in range(6):
        began = time.monotonic()
        code, doc = hand.service.sync("--no-html-report", f"CN={names[1]},{h.people}")
        check(code == 0 and doc["provisioningStatusInfo"]["status"] == "success" and time.monotonic() - began < 30, f"{code}, {time.monotonic() - began:.1f} s, {doc}")
    hand.start()
    hand.service.wait_ready(60)

    workers = {n.name: sum(" info  run " in line and "exported" in line for line in n.service.log.read_text().splitlines()) for n in nodes}
    print(f"worked on by: {workers}", flush=True)

    step("the node that holds the flag is killed")
    began = time.monotonic()
    holder.service.kill()
    others = [n for n in nodes if n is not holder]
    wait_until(lambda: server.get("enabled"), 60, "the flag is given back", every_s=0.1)
    took = time.monotonic() - began
    after = next(n for n in others if n.says("this node has the scheduler flag  owed=yes"))
    print(f"given back by node {after.name}, {took:.1f} s after node {holder.name} was killed", flush=True)
    check(took < 25, f"{took:.1f} s")
    check(server.get("holders") == {}, server.get("holders"))
    h.sosync = after.service
    h.ad.set(f"CN={names[0]},{h.people}", title="after")
    h.until_user(accounts[0], jobTitle="after")
    check(server.get("holders").keys() == {f"sosync@{after.name}"}, server.get("holders"))
    holder.start()
    holder.service.wait_ready(60)

    step("one that is only late leaves the flag alone")
    pauses = [c for c in server.get("calls") if not c.startswith("status")]
    after.service.process.signal(signal.SIGSTOP)
    wait_until(lambda: server.get("enabled"), 60, "the flag is given back", every_s=0.1)
    after.service.process.signal(signal.SIGCONT)
    wait_until(lambda: after.says("this node has the scheduler flag no longer"), 30, "it has noticed")
    calls = [c for c in server.get("calls") if not c.startswith("status")][len(pauses):]
    check([c.split()[0] for c in calls] == ["resume"], calls)

    step(f"{CROWD} are turned off at once: {LIMIT} are, whichever nodes work")
    before = h.graph.last()
    for name in names:
        h.ad.disable(f"CN={name},{h.people}")
    wait_until(lambda: brake(nodes[0])["held"] == CROWD - LIMIT, DEADLINE_S, f"{CROWD - LIMIT} are held")
    off = [a for a in accounts if h.user(a)["accountEnabled"] is False]
    check(len(off) == LIMIT, off)
    for n in nodes:
        b = wait_until(lambda n=n: (b := brake(n))["state"] == "on" and b["used"] == LIMIT and b, DEADLINE_S, f"{n.name} shows the brake")
        check(b["held"] == CROWD - LIMIT, b)
        wait_until(lambda n=n: "disable" in alarms(n), DEADLINE_S, f"{n.name} lists the alarm")
        check("BrakeDisable" in get(n, "/parked"), f"{n.name}: the page of what is parked")

    step("released at another node than the one that put it on")
    tripped = [n for n in nodes if n.says("BrakeDisable")]
    releaser = next(n for n in nodes if n is not who_has(nodes, "cycle"))
    r = releaser.service.command("queue", "release", "--brake", "disable")
    check(r.returncode == 0, r)
    for account in accounts:
        h.until_user(account, accountEnabled=False)
    for n in nodes:
        wait_until(lambda n=n: brake(n)["state"] == "off" and "disable" not in alarms(n), DEADLINE_S, f"{n.name} shows the release")
    disables = [w for w in h.writes(before) if w["method"] == "PATCH"]
    check(len(disables) == CROWD, f"{len(disables)} writes for {CROWD} disables")
    print(f"parked by {[n.name for n in tripped]}, released at {releaser.name}", flush=True)

    step("stopped, all: the flag is given back")
    for n in nodes:
        check(n.service.stop(30) == 0, f"{n.name} did not stop well")
    check(server.get("enabled") and not server.get("holders"), server.get("holders"))
