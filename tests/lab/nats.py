# SPDX-License-Identifier: Apache-2.0
"""nats-servers with JetStream, one or a cluster: made, started, stopped, killed."""

import pathlib
import shutil
import socket

from .base import Address, Process, wait_until, write_file

CLIENTS, ROUTES = 4222, 6222

CONF = """\
# SPDX-License-Identifier: Apache-2.0
# A NATS server for tests, on loopback only. Written by tests/lab.
server_name: {name}
listen: {host}:{clients}
jetstream: {{store_dir: "{folder}/store", max_mem: 64MB, max_file: 4GB}}
{cluster}
{more}
"""

CLUSTER = """\
cluster: {{
  name: lab
  listen: {host}:{routes}
  routes: [{peers}]
}}
"""


def why_not():
    """Why no nats-server can be started here, or None."""
    if shutil.which("nats-server", path="/usr/sbin:/usr/bin") is None:
        return "nats-server is not installed (deploy/packages, section test)"
    return None


class NatsServer:
    """One nats-server. What a test may use: url, name, host, pid, folder, start(), stop(), kill(), process."""

    def __init__(self, folder, name):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.name = name
        self.address = Address()
        self.host = self.address.host
        self.url = f"nats://{self.host}:{CLIENTS}"
        self.log = self.folder / "log"
        self.process = None

    def configure(self, peers, more=""):
        """`peers`: all servers of the cluster, this one too; one alone is no cluster. `more`: lines of its configuration."""
        cluster = ""
        if len(peers) > 1:
            routes = ", ".join(f'"nats://{p.host}:{ROUTES}"' for p in peers if p is not self)
            cluster = CLUSTER.format(host=self.host, routes=ROUTES, peers=routes)
        self.conf = write_file(self.folder / "nats.conf",
                               CONF.format(name=self.name, host=self.host, clients=CLIENTS, folder=self.folder, cluster=cluster, more=more))

    def start(self, wait=True):
        self.process = Process(self.name, ["/usr/sbin/nats-server", "-c", self.conf], self.log)
        if wait:
            self.wait_ready()
        return self

    def is_ready(self):
        self.process.check_alive()
        try:
            with socket.create_connection((self.host, CLIENTS), timeout=5) as s:
                return s.recv(4) == b"INFO"
        except OSError:
            return False

    def wait_ready(self, deadline_s=30):
        wait_until(self.is_ready, deadline_s, f"{self.name} listens")

    @property
    def pid(self):
        return self.process.pid

    def kill(self):
        self.process.kill()

    def stop(self):
        return self.process.stop() if self.process is not None else None

    def close(self):
        self.stop()
        self.address.release()


class Nats:
    """`n` servers as one cluster. What a test may use: servers, urls, yaml (for state.jetstream.urls), replicas."""

    def __init__(self, folder, n=1):
        self.servers = [NatsServer(folder / f"nats{i + 1}", f"nats{i + 1}") for i in range(n)]
        for s in self.servers:
            s.configure(self.servers)
        self.urls = [s.url for s in self.servers]
        self.yaml = "[" + ", ".join(f'"{u}"' for u in self.urls) + "]"
        self.replicas = 3 if n >= 3 else 1

    @property
    def process(self):
        return self.servers[0].process

    def start(self, wait=True):
        for s in self.servers:
            s.start(wait=False)
        for s in self.servers if wait else []:
            s.wait_ready()
        return self

    def close(self):
        for s in self.servers:
            s.close()
