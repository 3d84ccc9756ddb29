# SPDX-License-Identifier: Apache-2.0
"""scale: how fast a backlog is worked off by one, two and three nodes of a cluster.

Nodes, three nats-servers (each entry on all three), domain controller and emulator share this machine, so that its cores are the
limit sooner than those of three machines would be. To see what nodes add, each has eight workers only, and the emulator takes 100 ms
for an answer and enforces no limits: a node's workers spend most of their time waiting. Users in an organizational unit of their own
are known to the cluster; all are changed in the directory while no node runs. The rate is that of the PATCHes, without the first and the last
tenth, in which not all nodes are at work.
"""

import contextlib

from lab import nats
from lab.base import write_file

from table import Line, per_s

LATENCY_MS, WORKERS = 100, 8


def rate(records):
    times = sorted(r["time_us"] for r in records)
    middle = times[len(times) // 10:len(times) - len(times) // 10]
    return (len(middle) - 1) * 1e6 / (middle[-1] - middle[0])


def write_node(ground, ou, servers, name):
    """The ground's configuration, of a node."""
    folder = ground.folder / f"scale-{name}"
    config = ground.write_config(state=folder, workers=WORKERS, log="info")
    text = config.read_text()
    state = f'state: {{path: "{folder}"}}'
    assert state in text and "scope: {include: [" in text
    text = text.replace(state, f'state: {{path: "{folder}", backend: jetstream, jetstream: {{urls: {servers.yaml}, replicas: 3, node: {name}}}}}')
    text = text.replace(f'reports: {{path: "{ground.reports}"', f'reports: {{path: "{folder}-reports"')
    text = text.replace(f'scope: {{include: ["{ground.bulk}", "{ground.corp}"]}}', f'scope: {{include: ["{ou}"]}}')
    return write_file(config, text)


@contextlib.contextmanager
def nodes(ground, configs):
    """All of them, ready; ended at the end."""
    services = [ground.lab.sosync(c, name=f"node-{next(ground.numbers)}", start=False) for c in configs]
    try:
        for s in services:
            s.start(wait=False)
        for s in services:
            s.wait_ready(60)
        ground.running = services[0]
        yield services
    finally:
        for s in services:
            s.stop()


def row(bench):
    if nats.why_not():
        return [Line("scale", "", "skipped", note=nats.why_not())]
    ground = bench.ground
    n_users = 100 if bench.quick else 600
    ou = ground.ad.add_ou(f"OU=Scale {next(ground.numbers)},{ground.corp}").dn
    servers = ground.lab.nats(3)
    configs = [write_node(ground, ou, servers, name) for name in ("one", "two", "three")]
    names = [f"Scale {i:04}" for i in range(n_users)]
    with nodes(ground, configs[:1]):
        ground.forget_journal()
        for name in names:
            ground.ad.add_user(name, ou, title="new")
        ground.until_writes(n_users, 300)
        ground.until_idle()
    lines, alone = [], None
    for n in (1, 2, 3):
        for name in names:
            ground.ad.set(f"CN={name},{ou}", title=f"with {n}")
        ground.forget_journal()
        with ground.latency(LATENCY_MS, LATENCY_MS), nodes(ground, configs[:n]):
            figure = rate(ground.until_writes(n_users, 300))
            ground.until_idle()
        alone = alone or figure
        lines.append(Line("scale", f"{n} node{'s' if n > 1 else ''}", per_s(figure), per_s(alone), figure / alone,
                          note=f"{n_users} updates, {LATENCY_MS} ms, {WORKERS} workers a node, all on this machine; one run" if n == 1 else ""))
    return lines
