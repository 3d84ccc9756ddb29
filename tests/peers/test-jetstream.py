# SPDX-License-Identifier: Apache-2.0
"""One node on a log in NATS JetStream: the main job, a stop, kill -9 of the node, of the server, of both."""

import json
import shutil

from house import check, house, skip_unless, step
from lab import nats as lab_nats

skip_unless(lab_nats.why_not())

def findings(service):
    """What doctor says of the cluster."""
    r = service.command("doctor", "--json")
    return [(f["status"], f["text"]) for f in json.loads(r.stdout)["findings"] if f["check"] == "cluster"]


with house("jetstream") as h:
    nats = h.lab.nats()
    server = nats.servers[0]
    jetstream = f"backend: jetstream, jetstream: {{urls: {nats.yaml}, replicas: 1, node: one}}"
    state = h.folder / "state"

    step("the main job")
    # A create that was in the air when the node was killed is looked for that long.
    h.start(state=f'{state}", {jetstream}, limit: "1GiB', more="settle: 5s")
    h.ad.add_user("Ada Lovelace", h.people, title="Analyst")
    ada = h.until_user("ada.lovelace", jobTitle="Analyst")
    h.ad.add_user("Grace Hopper", h.people, manager=f"CN=Ada Lovelace,{h.people}")
    h.until_user("grace.hopper", manager=ada["id"])
    h.ad.add_group("Engines", h.groups, members=[f"CN=Ada Lovelace,{h.people}", f"CN=Grace Hopper,{h.people}"])
    h.until_members("Engines", "ada.lovelace", "grace.hopper")

    step("doctor looks at it")
    said = findings(h.sosync)
    check([v for v, _ in said] == ["warning", "ok"] and "on one server" in said[0][1] and "1 node" in said[1][1], said)

    step("a stop, and what changes meanwhile")
    check(h.sosync.stop() == 0, "the service did not stop well")
    h.ad.set(f"CN=Ada Lovelace,{h.people}", title="Countess")
    h.sosync.start()
    h.until_user("ada.lovelace", jobTitle="Countess")

    step("kill -9 of the node, in the middle of a crowd")
    for i in range(30):
        h.ad.add_user(f"Crowd {i:02}", h.people)
    h.until_user("crowd.05")
    h.sosync.kill()
    h.sosync.start()
    for i in range(30):
        h.until_user(f"crowd.{i:02}")

    step("the server is killed and comes back; so does the feed's work")
    h.until_idle()
    server.kill()
    h.ad.set(f"CN=Grace Hopper,{h.people}", title="Admiral")
    h.ad.disable(f"CN=Crowd 00,{h.people}")
    server.start()
    h.until_user("grace.hopper", jobTitle="Admiral")
    h.until_user("crowd.00", accountEnabled=False)

    step("both at once")
    for i in range(10):
        h.ad.set(f"CN=Crowd {i + 10},{h.people}", title="Both")
    h.sosync.kill()
    server.kill()
    server.start()
    h.sosync.start()
    for i in range(10):
        h.until_user(f"crowd.{i + 10}", jobTitle="Both")
    h.until_idle()

    step("created once, each")
    creates = [r for r in h.writes() if r["method"] == "POST" and r["path"].endswith("/users") and r["status"] == 201]
    check(len(creates) == 32, f"{len(creates)} creates of 32 users")

    step("a copy that is lost is made again from the log")
    h.sosync.stop()
    shutil.rmtree(state)
    h.sosync.start()
    before = h.graph.last()
    h.ad.set(f"CN=Ada Lovelace,{h.people}", title="Queen")
    h.until_user("ada.lovelace", jobTitle="Queen")
    h.until_idle()
    writes = h.writes(before)
    check(len(writes) == 1, f"one write was due: {writes}")

    step("a folder of one machine alone is refused, and so is the copy the other way")
    h.sosync.stop()
    alone = h.lab.sosync(h.write_config("alone.yaml"), name="alone", start=False)
    r = alone.command("queue", "stats")
    check(r.returncode != 0 and "copy of the cluster's state" in r.stderr, r)

    step("no server: one clear word")
    server.stop()
    r = h.sosync.command("queue", "stats")
    check(r.returncode == 5 and server.url in r.stderr, r)
    said = findings(h.sosync)
    check(len(said) == 1 and said[0][0] == "fault" and server.url in said[0][1], said)
    r = h.sosync.command("cluster", "status")
    check(r.returncode == 5 and server.url in r.stderr, r)
