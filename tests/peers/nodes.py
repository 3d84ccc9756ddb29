# SPDX-License-Identifier: Apache-2.0
"""Nodes of a cluster: each a service of its own, on wires of its own to the NATS servers."""

import json

from house import check
from lab import nats as lab_nats
from lab.wire import Wire

NAMES = ("one", "two", "three")


class Node:
    """One node. `more`: of House.write_config()."""

    def __init__(self, h, name, nats, environment=None, **more):
        self.h, self.name = h, name
        self.wires = [Wire(s.host, lab_nats.CLIENTS) for s in nats.servers]
        urls = ", ".join(f'"{w.url}"' for w in self.wires)
        backend = f"backend: jetstream, jetstream: {{urls: [{urls}], replicas: {nats.replicas}, node: {name}, lease: 6s}}"
        self.config = h.write_config(f"{name}.yaml", state=f'{h.folder}/{name}-state", {backend}, limit: "1GiB',
                                     reports=h.folder / f"{name}-reports", **more)
        self.service = h.lab.sosync(self.config, name=name, start=False)
        self.service.environment.update(environment or {})

    def start(self):
        self.service.start(wait=False)

    def says(self, word):
        log = self.service.log
        return log.exists() and word in log.read_text(errors="replace")

    def ask(self, *words):
        """What a command answers as JSON."""
        r = self.service.command(*words, "--json")
        check(r.returncode == 0, r)
        return json.loads(r.stdout)


def start_nodes(h, nats, environment=None, **more):
    nodes = [Node(h, name, nats, environment, **more) for name in NAMES]
    for n in nodes:
        n.start()
    for n in nodes:
        n.service.wait_ready(60)
    h.sosync = nodes[0].service
    return nodes


def who_has(nodes, role):
    """The node that has a role, as the cluster sees it; None: nobody."""
    for seen in nodes[0].ask("cluster", "status")["nodes"]:
        if role in seen["roles"]:
            return next(n for n in nodes if n.name == seen["name"])
    return None
