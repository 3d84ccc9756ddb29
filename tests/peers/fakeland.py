# SPDX-License-Identifier: Apache-2.0
"""The house without Samba: a fake domain (tests/fakead), the Graph emulator, and sosync between them."""

import json

from house import DEADLINE_S
from lab import wait_until
from lab.base import write_file
from lab.fakead import BASE


def sections(ad, graph, *uris, source="", target="", base=BASE, credentials=""):
    """What every configuration between a fake domain and the emulator begins with. source, target: more lines of their sections, each with its end;
    credentials: others than the secret of the emulator."""
    uris = ", ".join(f'"{u}"' for u in uris or [ad.uri()])
    source = source or "  feed: dirsync\n"
    credentials = credentials or f'{{secret_file: "{graph.secret_file}"}}'
    return f"""\
source:
  name: fake.test
  uris: [{uris}]
  base: "{base}"
  bind: {{mechanism: external}}
{source}\
scope: {{include: ["OU=Corp,{BASE}"]}}
target:
  tenant_id: {graph.tenant_id}
  client_id: {graph.client_id}
  credentials: [{credentials}]
  endpoints: {{login: "{graph.login}", graph: "{graph.graph}"}}
{target}"""


class Fake:
    """A fake domain, the Graph emulator, and a configuration of sosync between them."""

    def __init__(self, lab, name=""):
        """`name`: of a folder of its own, where there are several in a lab."""
        self.lab = lab
        self.ad = lab.fakead()
        self.folder = lab.folder / name
        self.folder.mkdir(exist_ok=True)
        self.graph = lab.emulator(name=f"{name}/graph" if name else "graph", domains=["fake.test"])

    def write_config(self, *uris, feed="dirsync", source="", target="", more="", workers=4, base=BASE, patience="2s"):
        """source, target: a line more of their sections; more: other sections; patience: with the directory."""
        source = f"  feed: {feed}\n  connect_timeout: {patience}\n  request_timeout: {patience}\n  keepalive: 3s\n  {source}\n"
        return write_file(self.folder / "sosync.yaml", sections(self.ad, self.graph, *uris, base=base, source=source, target=f"  {target}\n") + f"""\
urgent:
  - {{attribute: userAccountControl, when: "BitAnd([userAccountControl],2) = 2"}}
state: {{path: "{self.folder / 'state'}"}}
reports: {{path: "{self.folder / 'reports'}", html: on-demand}}
workers: {workers}
{more}""", 0o600)

    def until(self, account, **wanted):
        def look():
            u = self.graph.find_user(f"{account}@fake.test")
            return u if u and all(u.get(k) == v for k, v in wanted.items()) else None
        return wait_until(look, DEADLINE_S, f"{account} in the cloud with {wanted}")

    def log_has(self, text, deadline_s=DEADLINE_S):
        wait_until(lambda: text in self.sosync.log.read_text(), deadline_s, f"the log says {text!r}")

    def is_idle(self, *but):
        """Nothing is ready, leased or delayed, nor in the states of `but`."""
        lanes = json.loads(self.sosync.command("queue", "stats", "--json").stdout)["lanes"].values()
        return all(lane[s] == 0 for lane in lanes for s in ("ready", "leased", "delayed", *but))

    def sync(self, name):
        code, doc = self.sosync.sync("--no-html-report", f"CN={name},OU=Corp,{BASE}")
        return code, doc
