# SPDX-License-Identifier: Apache-2.0
"""The whole house on loopback: a private Samba AD, the Graph emulator, and sosync between them."""

import atexit
import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import Lab, domain, skip_unless, wait_until  # noqa: E402
from lab.base import write_file  # noqa: E402

DEADLINE_S = 20
SHIPPED_RULES = pathlib.Path(__file__).resolve().parents[2] / "engine" / "rules" / "default"


SOURCE = """\
  - source:
      name: {dc.upn_suffix}
      uris: ["{dc.uri}"]
      base: "{dc.base}"
      bind: {{mechanism: simple, dn: "{dc.reader_dn}", password_file: "{dc.password_file}"}}
      tls: {{ca_file: "{dc.ca_file}"}}
    scope: {{include: ["{ou}"]}}
"""


class House:
    """`with house("name") as h:` gives h.ad (changes), h.graph (emulator), h.sosync (not started), h.corp and its OUs."""

    def __init__(self, lab, dc=None, emulator=(), domains=(), **samba):
        """`emulator`: more of the emulator's arguments. `domains`: more that the tenant has verified."""
        self.lab = lab
        self.dc = dc or lab.samba(**samba)
        self.ad = self.dc.admin()
        self.corp = self.ad.add_ou(f"OU=Corp,{self.dc.base}").dn
        self.people = self.ad.add_ou(f"OU=People,{self.corp}").dn
        self.groups = self.ad.add_ou(f"OU=Groups,{self.corp}").dn
        self.hidden = self.ad.add_ou(f"OU=Hidden,{self.corp}").dn
        self.outside = self.ad.add_ou(f"OU=Outside,{self.dc.base}").dn
        self.graph = lab.emulator(*emulator, domains=[self.dc.upn_suffix, *domains])
        self.folder = lab.folder

    def write_config(self, name="sosync.yaml", **other):
        """The usual configuration; `other` replaces whole values of the template."""
        values = {
            "uris": f'["{self.dc.uri}"]',
            "bind": f'{{mechanism: simple, dn: "{self.dc.reader_dn}", password_file: "{self.dc.password_file}"}}',
            "tls": f'{{ca_file: "{self.dc.ca_file}"}}',
            "scope": f'{{include: ["{self.corp}"], exclude: ["{self.hidden}"]}}',
            "feed": "auto",
            "staging": "false",
            "secret_file": self.graph.secret_file,
            "login": self.graph.login,
            "graph": self.graph.graph,
            "state": self.folder / "state",
            "reports": self.folder / "reports",
            "html": "on-demand",
            "brakes": "{off: [create]}",  # tests make crowds
            "target": "",
            "more": "",
        }
        values.update(other)
        text = """\
source:
  name: {realm}
  uris: {uris}
  base: "{base}"
  bind: {bind}
  tls: {tls}
  feed: {feed}
scope: {scope}
staging: {staging}
target:
  tenant_id: {tenant_id}
  client_id: {client_id}
  credentials: [{{secret_file: "{secret_file}"}}]
  endpoints: {{login: "{login}", graph: "{graph}"}}
{target}urgent:
  - {{attribute: userAccountControl, when: "BitAnd([userAccountControl],2) = 2", revoke_sessions: true}}
state: {{path: "{state}"}}
reports: {{path: "{reports}", html: {html}}}
brakes: {brakes}
{more}
""".format(realm=self.dc.upn_suffix, base=self.dc.base, tenant_id=self.graph.tenant_id, client_id=self.graph.client_id, **values)
        return write_file(self.folder / name, text, 0o600)

    def write_sources(self, *sources, **other):
        """As write_config(), but for the sources, each a domain controller and a container that is in scope, in this order."""
        path = self.write_config(**other)
        usual = path.read_text()
        text = "".join(SOURCE.format(dc=dc, ou=ou) for dc, ou in sources)
        return write_file(path, "sources:\n" + text + usual[usual.index("staging:"):], 0o600)

    def start(self, **other):
        self.sosync = self.lab.sosync(self.write_config(**other))
        return self.sosync

    def upn(self, account):
        return f"{account}@{self.dc.upn_suffix}"

    def user(self, account):
        return self.graph.find_user(self.upn(account))

    def until_user(self, account, **wanted):
        """The cloud user, as soon as it has these properties."""
        def look():
            u = self.user(account)
            return u if u and all(u.get(k) == v for k, v in wanted.items()) else None
        return wait_until(look, DEADLINE_S, f"{account} in the cloud with {wanted}")

    def until_members(self, group, *accounts):
        """The cloud group, as soon as it has exactly these members."""
        def look():
            g = self.graph.find_group(group)
            ids = [self.user(a) for a in accounts]
            return g if g and all(ids) and set(g["members"]) == {u["id"] for u in ids} else None
        return wait_until(look, DEADLINE_S, f"group {group} in the cloud with members {accounts}")

    def until_idle(self):
        """Nothing is ready, leased or delayed in the queue."""
        def look():
            r = self.sosync.command("queue", "stats", "--json")
            if r.returncode:
                return None
            lanes = json.loads(r.stdout)["lanes"].values()
            return all(lane[state] == 0 for lane in lanes for state in ("ready", "leased", "delayed"))
        return wait_until(look, DEADLINE_S, "an idle queue", every_s=0.05)

    def acts(self, *arguments):
        """What people did, as the audit log tells it."""
        r = self.sosync.command("audit", "search", "--kind", "act", "--json", *arguments)
        check(r.returncode == 0, r)
        return [json.loads(line) for line in r.stdout.splitlines()]

    def writes(self, after=0):
        """Requests at Graph that change something, token requests left out."""
        return [r for r in self.graph.journal(after) if is_write(r)]


def is_write(record):
    """A $batch is only an envelope: what is in it has records of its own."""
    return record["method"] != "GET" and "/oauth2/" not in record["path"] and not record["path"].endswith("/$batch")


@contextlib.contextmanager
def house(name, **samba):
    skip_unless(domain.why_not())
    with Lab(name) as lab:
        yield House(lab, **samba)


@contextlib.contextmanager
def small_disk(h, mib):
    """A file system of so many MiB, for as long as the block; the service is stopped before it goes. Skips where none can be mounted."""
    disk = h.folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", disk], capture_output=True, text=True, check=False)
    if mounted.returncode:
        print("skipped: a file system cannot be mounted here:", mounted.stderr.strip())
        sys.exit(77)
    try:
        yield disk
    finally:
        if hasattr(h, "sosync"):
            h.sosync.stop()
        subprocess.run(["umount", disk], check=False)


def open_folder():
    """Where everybody may look: the checkout may be in somebody's own folder."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sosync-open-", dir="/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    return folder


def place_for_nobody(folder, sosync):
    """The program and its configuration, where command_as_nobody() can reach them."""
    shutil.copy(sosync.binary, folder / "sosync")
    shutil.copy(sosync.config, folder / "sosync.yaml")
    (folder / "sosync.yaml").chmod(0o644)


def command_as_nobody(folder, groups, *arguments):
    return subprocess.run([folder / "sosync", "-c", folder / "sosync.yaml", *arguments], capture_output=True, text=True,
                          user=65534, group=65534, extra_groups=groups)


def user_rules(name, *flows):
    """A file of one rule for people, before all others; a flow is YAML without its braces. For write_rules()."""
    return f"""\
rules:
  - name: In from AD - User {name}
    direction: Inbound
    source_type: user
    target_type: person
    link: Join
    precedence: 1
    flows:
""" + "".join(f"      - {{{flow}}}\n" for flow in flows)


def write_rules(h, name, extra=None):
    """A folder of the shipped rules, and one file more."""
    folder = h.folder / name
    folder.mkdir()
    for f in SHIPPED_RULES.glob("*.yaml"):
        if not f.name.startswith("optional-"):
            shutil.copy(f, folder)
    if extra:
        (folder / "zz-mine.yaml").write_text(extra, encoding="utf-8")
    return folder


def check(condition, text):
    """An assertion that says what was seen."""
    if not condition:
        raise AssertionError(text)


def on_terminal(sosync, columns, *arguments):
    """What a command prints on a terminal of so many columns: its lines, without colours."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen([sosync.binary, "-c", sosync.config, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=side, stderr=side,
                               env=sosync.environment)
    os.close(side)
    seen = b""
    with open(main, "rb", buffering=0) as end:
        try:
            while part := end.read(65536):
                seen += part
        except OSError:  # the other end is closed
            pass
    process.wait(DEADLINE_S)
    return re.sub(r"\x1b\[[0-9;]*m", "", seen.decode()).replace("\r\n", "\n").splitlines()


def step(text):
    print(f"{time.monotonic():10.3f}  {text}", flush=True)


def environment(name, default):
    return type(default)(os.environ.get(name, default))
