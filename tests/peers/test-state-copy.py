# SPDX-License-Identifier: Apache-2.0
"""What one machine has becomes the state of a cluster, and that of one machine again: nothing is created twice."""

import json

from house import check, house, skip_unless, step
from lab import nats as lab_nats

skip_unless(lab_nats.why_not())

with house("state-copy") as h:
    nats = h.lab.nats()
    jetstream = f"backend: jetstream, jetstream: {{urls: {nats.yaml}, replicas: 1, node: one}}"
    alone, node, back = (h.folder / name for name in ("alone", "node", "back"))

    def config(name, state):
        return h.write_config(name, state=state)

    def goes_on(title):
        """A change is one write, and nothing is made anew."""
        before = h.graph.last()
        h.ad.set(f"CN=Ada Lovelace,{h.people}", title=title)
        h.until_user("ada.lovelace", jobTitle=title)
        h.until_idle()
        writes = h.writes(before)
        check(len(writes) == 1 and writes[0]["method"] == "PATCH", f"one write was due: {writes}")

    def refused(status, words, *arguments):
        r = h.sosync.command("state", "copy", *arguments)
        check(r.returncode == status and words in r.stderr and not r.stdout, r)
        check(len(r.stderr.splitlines()) == 1, f"one line: {r.stderr}")

    step("one machine")
    h.start(state=f'{alone}", jetstream: {{replicas: 1}}, limit: "1GiB')
    for i in range(20):
        h.ad.add_user(f"Crowd {i:02}", h.people)
    h.ad.add_user("Ada Lovelace", h.people, title="Analyst")
    h.ad.add_group("Engines", h.groups, members=[f"CN=Ada Lovelace,{h.people}"])
    h.until_members("Engines", "ada.lovelace")
    h.until_user("crowd.19")
    h.until_idle()
    to_cluster = ("--from", f"lmdb:{alone}", "--to", f"jetstream:{nats.urls[0]}")

    step("bad input has one clear line")
    refused(1, "in use by process", *to_cluster)
    check(h.sosync.stop() == 0, "the service did not stop well")
    refused(2, "one is lmdb:FOLDER and the other", "--from", f"lmdb:{alone}", "--to", f"lmdb:{back}")
    refused(2, "is no URL of a NATS server", "--from", f"lmdb:{alone}", "--to", "jetstream:http://127.0.0.1")
    refused(2, "the configuration has none", "--from", f"lmdb:{alone}", "--to", "jetstream:")
    refused(1, "No such file", "--from", f"lmdb:{h.folder}/nothing", "--to", f"jetstream:{nats.urls[0]}")
    refused(5, "127.0.0.1:1", "--from", f"lmdb:{alone}", "--to", "jetstream:nats://127.0.0.1:1")
    refused(1, "there is no state", "--from", f"jetstream:{nats.urls[0]}", "--to", f"lmdb:{back}")
    check(not (back / "data.mdb").exists(), "a state was made of nothing")

    step("to the cluster")
    r = h.sosync.command("state", "copy", *to_cluster)
    check(r.returncode == 0 and "is the state of the cluster" in r.stdout, r)
    refused(1, "--replace", *to_cluster)
    h.sosync = h.lab.sosync(config("node.yaml", f'{node}", {jetstream}, limit: "1GiB'), name="node")
    goes_on("Countess")
    refused(1, "node one is running", *to_cluster, "--replace")
    check(h.sosync.stop() == 0, "the node did not stop well")

    step("and back, by what the configuration says")
    r = h.sosync.command("state", "copy", "--from", "jetstream:", "--to", f"lmdb:{back}", "--json")
    check(r.returncode == 0 and json.loads(r.stdout)["bytes"] > 0, r)
    h.sosync = h.lab.sosync(config("back.yaml", back), name="back")
    goes_on("Queen")
    check(h.sosync.stop() == 0, "the service did not stop well")
    r = h.sosync.command("queue", "check")
    check(r.returncode == 0 and "everything fits together" in r.stdout, r)

    step("created once, each; and who copied is in the audit log")
    creates = [r for r in h.writes() if r["method"] == "POST" and r["path"].endswith("/users") and r["status"] == 201]
    check(len(creates) == 21, f"{len(creates)} creates of 21 users")
    check(any("state-copy" in json.dumps(act) for act in h.acts()), h.acts())
