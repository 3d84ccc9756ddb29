# SPDX-License-Identifier: Apache-2.0
"""Three nats-servers and three nodes: everything is killed, stopped or cut off, one at a time, and all arrives, once.

test-cluster.py [CHANGES [SEED]]. The long form is 10000.
"""

import json
import random
import re
import signal
import sys
import threading
import time

from house import check, house, skip_unless, step, wait_until
from lab import nats as lab_nats
from nodes import start_nodes, who_has

CHANGES = int(sys.argv[1]) if len(sys.argv) > 1 else 200
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 20261122
USERS = 40
LATENCY_MS = 100
SILENT_S = 8 if CHANGES < 1000 else 25  # longer than role, or than lease, margin and request
DEADLINE_S = 180

skip_unless(lab_nats.why_not())
dice = random.Random(SEED)


def overlaps(requests):
    """Pairs of requests that write to one object, of which the second arrived before the first had its answer: each takes LATENCY_MS."""
    found, last = [], {}
    for r in requests:
        before = last.get(r["path"])
        if before and r["time_us"] < before["time_us"] + LATENCY_MS * 1000:
            found.append((before, r))
        last[r["path"]] = r
    return found


def account(name):
    return name.lower().replace(" ", ".")


def look_who_is_off(h, arrived):
    """Account → when it was first seen to be off. Returns how many are."""
    for u in h.graph.state()["users"]:
        if u["accountEnabled"] is False:
            arrived.setdefault(u["userPrincipalName"].split("@")[0], time.monotonic())
    return len(arrived)


def watch_until(condition):
    """Look in the background; returns what waits for the moment in which it was so."""
    moment = []

    def look():
        moment.append(wait_until(lambda: condition() and time.monotonic(), 60, "another node follows the source", every_s=0.02))
    thread = threading.Thread(target=look)
    thread.start()

    def join():
        thread.join()
        check(moment, "no other node follows the source")
        return moment[0]
    return join


with house("cluster") as h:
    h.graph.admin("POST", "latency", {"min_ms": LATENCY_MS, "max_ms": LATENCY_MS})
    step(f"three servers, three nodes; {CHANGES} changes, seed {SEED}")
    nats = h.lab.nats(3)
    nodes = start_nodes(h, nats, brakes="{off: [create, disable]}")
    leaders = [n.name for n in nodes if n.says("this node follows the source")]
    check(len(leaders) == 1, f"one node follows the source: {leaders}")

    step("users, made while all three work")
    names = [f"Cluster {i:03}" for i in range(USERS)]
    for name in names:
        h.ad.add_user(name, h.people, title="new")
    for name in names:
        h.until_user(account(name), jobTitle="new")

    for n in nodes:
        check(n.says(" info  run "), f"{n.name} has worked on nothing")

    step("the cluster, seen from outside")
    r = nodes[1].service.command("cluster", "status")
    print(r.stdout + r.stderr, flush=True)
    check(r.returncode == 0, r)
    seen = json.loads(nodes[1].service.command("cluster", "status", "--json").stdout)
    check([n["name"] for n in seen["nodes"]] == ["one", "three", "two"] and seen["log"]["replicas"] == 3, seen)
    check([n["name"] for n in seen["nodes"] if h.dc.upn_suffix in n["roles"]] == leaders, seen)

    step("staging is decided at one node, and holds at all when the command has ended; and at another it ends")
    for name in names:
        h.ad.set(f"CN={name},{h.people}", title="held back")
    r = nodes[0].service.command("demote")
    mark = h.graph.last()
    check(r.returncode == 0, r)
    h.until_idle()
    check(not h.writes(mark), h.writes(mark))
    for n in nodes:
        check(n.ask("top", "--once")["staging"], f"{n.name} does not know of it")
    for name in names:
        h.ad.set(f"CN={name},{h.people}", title="let go")
    h.until_idle()
    check(not h.writes(mark), h.writes(mark))
    r = nodes[1].service.command("promote", "--yes", "--take-over")
    check(r.returncode == 0, r)
    for name in names:
        h.until_user(account(name), jobTitle="let go")

    step("the feed's leader is killed, while accounts are turned off one after another")
    leader = next(n for n in nodes if n.name == leaders[0])
    others = [n for n in nodes if n is not leader]
    follows = watch_until(lambda: any(n.says("this node follows the source") for n in others))
    leader.service.kill()
    began = time.monotonic()
    gone = names[:24]
    written, arrived = {}, {}
    for name in gone:
        written[name] = time.monotonic()
        h.ad.disable(f"CN={name},{h.people}")
        look_who_is_off(h, arrived)
        time.sleep(0.4)
    wait_until(lambda: look_who_is_off(h, arrived) == len(gone), 60, f"{len(gone)} accounts are off in the cloud")
    followed = follows()
    took = followed - began
    waited = sorted(arrived[account(name)] - written[name] for name in gone)
    behind = sorted(arrived[account(name)] - max(written[name], followed) for name in gone)
    worked = sorted(int(ms) / 1000 for n in nodes for ms in re.findall(r"action=disable .*latency_ms=(\d+)", n.service.log.read_text()))
    print(f"taken over after {took:.1f} s; {len(gone)} disables from 0 to {written[gone[-1]] - began:.1f} s after the death: in the cloud after p50 "
          f"{waited[len(gone) // 2]:.2f}, longest {waited[-1]:.2f} s; from when a node follows the source p50 {behind[len(gone) // 2]:.2f}, p99 {behind[-1]:.2f} s; "
          f"from when it was seen p50 {worked[len(worked) // 2]:.2f}, p99 {worked[-1]:.2f} s", flush=True)
    check(took < 10, f"taken over after {took:.1f} s")
    check(worked[-1] < 2, f"urgent changes took {worked[-1]:.2f} s")
    check(waited[-1] < 12, f"it took {waited[-1]:.2f} s from the directory to the cloud")
    for name in gone:
        h.ad.enable(f"CN={name},{h.people}")
    for name in gone:
        h.until_user(account(name), accountEnabled=True)
    leader.start()
    leader.service.wait_ready(60)

    step("changes, while nodes and servers are killed, stopped and cut off, one at a time")
    titles, n_stops = {}, 0
    for i in range(CHANGES):
        name = names[dice.randrange(USERS)]
        titles[name] = f"t{i}"
        h.ad.set(f"CN={name},{h.people}", title=titles[name])
        if i % (max(CHANGES // 8, 1)) == CHANGES // 16:
            kind = ("node", "server", "stop", "cut")[(i // max(CHANGES // 8, 1)) % 4]
            victim = dice.choice(nodes)
            print(f"    {i}: {kind} {victim.name}", flush=True)
            if kind == "node":
                victim.service.kill()
                victim.start()
                victim.service.wait_ready(60)
            elif kind == "server":
                server = dice.choice(nats.servers)
                server.kill()
                server.start()
            elif kind == "stop":
                n_stops += 1
                victim.service.process.signal(signal.SIGSTOP)
                resume = threading.Timer(SILENT_S, victim.service.process.signal, (signal.SIGCONT,))
                resume.start()
                resume.join()
            else:
                for w in victim.wires:
                    w.cut()
                mend = threading.Timer(SILENT_S, lambda wires=victim.wires: [w.mend() for w in wires])
                mend.start()
                mend.join()

    step("all arrive")
    for name, title in titles.items():
        wait_until(lambda a=account(name), t=title: (h.user(a) or {}).get("jobTitle") == t, DEADLINE_S, f"{name} has title {title}", every_s=0.2)
    for n in nodes:
        check(n.service.process.poll() is None, f"{n.name} has ended: {n.service.process.tail()}")

    step("created once, each; no two worked on one object at once")
    creates = [r for r in h.writes() if r["method"] == "POST" and r["path"].endswith("/users") and r["status"] == 201]
    check(len(creates) == USERS, f"{len(creates)} creates of {USERS} users")
    twice = overlaps([r for r in h.writes() if r["method"] == "PATCH"])
    print(f"{len(twice)} requests overlapped another of the same object; {n_stops} times a node was stopped", flush=True)
    check(len(twice) <= n_stops, twice[:3])

    step("the queue is empty on all nodes")
    for n in nodes:
        h.sosync = n.service
        h.until_idle()
    for n in nodes:
        check(n.service.stop(30) == 0, f"{n.name} did not stop well")
