# SPDX-License-Identifier: Apache-2.0
"""What rows stand on: a domain with users that are in the cloud already, and sosync with the state in which it knows them."""

import base64
import calendar
import contextlib
import dataclasses
import itertools
import json
import pathlib
import re
import shutil
import sys
import time
import urllib.parse
import urllib.request
import uuid

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1])]

from lab import Failure, Lab, domain, wait_until  # noqa: E402
from lab.base import run, write_file  # noqa: E402

# Fewer than this are added over LDAP to the domain that other tests use too; more are a template of their own.
FEW = 100
CHUNK = 1000

CONFIG = """\
source:
  name: {realm}
  uris: ["{uri}"]
  base: "{base}"
  bind: {{mechanism: simple, dn: "{reader}", password_file: "{password}"}}
  tls: {{ca_file: "{ca}"}}
  initial: {initial}
  feed: {feed}
scope: {{include: ["{bulk}", "{corp}"]}}
target:
  tenant_id: {tenant}
  client_id: {client}
  credentials: [{{secret_file: "{secret}"}}]
  endpoints: {{login: "{login}", graph: "{graph}"}}
  limits: {{{limits}}}
{target}
urgent:
  - {{attribute: userAccountControl, when: "BitAnd([userAccountControl],2) = 2"}}
state: {{path: "{state}"}}
reports: {{path: "{reports}", html: on-demand}}
brakes: {{off: [disable, members, values, create]}}
{more}
"""


# What the users of tests/lab have a value for: Graph's names.
STALE = ("displayName", "givenName", "jobTitle", "department", "companyName", "officeLocation", "streetAddress", "city", "state", "postalCode")


@dataclasses.dataclass(frozen=True)
class User:
    dn: str
    guid: str
    id: str  # in the cloud
    name: str


class Ground:
    """`with Ground(n_users) as g:` g.users are in the directory and in the cloud, and the service knows them. No service runs."""

    feed = "auto"

    def __init__(self, n_users):
        self.n_users = n_users
        self.numbers = itertools.count(1)
        self.attributes = itertools.cycle(STALE)

    def __enter__(self):
        self.lab = Lab("bench").__enter__()
        try:
            self._start()
        except BaseException:
            self.lab.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, *what):
        return self.lab.__exit__(*what)

    def _start(self):
        few = self.n_users <= FEW
        self.folder = self.lab.folder
        self.state, self.reports = self.folder / "state", self.folder / "reports"
        self.dc = self.lab.samba(users=0 if few else self.n_users)
        self.ad = self.dc.admin()
        self.bulk = f"OU=Bulk,{self.dc.base}"
        self.corp = self.ad.add_ou(f"OU=Corp,{self.dc.base}").dn
        if few:
            self.ad.add_ou(self.bulk)
            for i in range(self.n_users):
                self.ad.add_user(f"bulk{i:06}", self.bulk)
        self.graph = self.lab.emulator(domains=[self.dc.upn_suffix])
        self._token = (0, None)
        self.select = "$select=id"
        self._populate()

    def _populate(self):
        """All users reach the cloud, in the way of a first start with `initial: all`."""
        began = time.monotonic()
        with self.service(initial="all"):
            wait_until(lambda: self.health()["users"] >= self.n_users, 600, f"{self.n_users} users in the cloud", every_s=0.1)
            self.populate_s = time.monotonic() - began
            self.users = sorted((self._user(u) for u in self.graph.state()["users"] if u.get("onPremisesImmutableId")), key=lambda u: u.dn)
            # How the service reads a user is how the baselines read it.
            after = self.graph.last()
            self.ad.set(self.users[0].dn, title="Looked at")
            path = f"/v1.0/users/{self.users[0].id}"
            self.select = self.graph.wait_journal(lambda r: r["method"] == "GET" and r["path"] == path and r["query"], after)["query"]
            self.until_idle()

    def _user(self, u):
        guid = str(uuid.UUID(bytes_le=base64.b64decode(u["onPremisesImmutableId"])))
        name = u["userPrincipalName"].partition("@")[0]
        return User(f"CN={name},{self.bulk}", guid, u["id"], u["displayName"])

    # -- the service ----------------------------------------------------------

    def write_config(self, state=None, limits=None, workers=None, initial="now", log="warning", target=""):
        """limits: None for none, or the text of the section; target: a line more of its section; log "warning" because the bench reads reports, not lines."""
        more = [f"workers: {workers}"] if workers else []
        more += [f"log: {{level: {log}}}"]
        text = CONFIG.format(
            realm=self.dc.upn_suffix, uri=self.dc.uri, base=self.dc.base, reader=self.dc.reader_dn, password=self.dc.password_file,
            ca=self.dc.ca_file, bulk=self.bulk, corp=self.corp, tenant=self.graph.tenant_id, client=self.graph.client_id,
            secret=self.graph.secret_file, login=self.graph.login, graph=self.graph.graph, limits=limits or "published: false",
            target=f"  {target}" if target else "", state=state or self.state, reports=self.reports, initial=initial, feed=self.feed,
            more="\n".join(more))
        return write_file(self.folder / f"sosync-{next(self.numbers)}.yaml", text)

    @contextlib.contextmanager
    def service(self, wait=True, **config):
        """A running service for the length of a block."""
        self.running = self.lab.sosync(self.write_config(**{"log": "info", **config}), name=f"sosync-{next(self.numbers)}", start=False)
        self.started_ns = time.monotonic_ns()
        self.running.start(wait=False)
        if wait:
            self.until_ready()
        try:
            yield self.running
            self.running.process.check_alive()
        finally:
            self.running.stop()

    def until_ready(self, deadline_s=60):
        """Looks every millisecond: the row `start` is measured with it. Milliseconds since the program was started."""
        wait_until(self.running.is_ready, deadline_s, "the service is ready", every_s=0.001)
        return (time.monotonic_ns() - self.started_ns) / 1e6

    def until_idle(self, deadline_s=600, reported=False):
        """Nothing is ready, leased or delayed; reported: and every run has its report."""
        def look():
            r = self.running.command("queue", "stats", "--json")
            if r.returncode:
                return None
            stats = json.loads(r.stdout)
            if reported and stats["reportsToWrite"]:
                return None
            return all(lane[state] == 0 for lane in stats["lanes"].values() for state in ("ready", "leased", "delayed"))
        wait_until(look, deadline_s, "an idle queue", every_s=0.05)

    @contextlib.contextmanager
    def copy_of_state(self):
        """A state folder of one's own, which may be spoilt."""
        copy = self.folder / f"state-{next(self.numbers)}"
        run(["cp", "-a", "--sparse=always", self.state, copy])
        try:
            yield copy
        finally:
            shutil.rmtree(copy, ignore_errors=True)

    def program(self, name):
        path = self.lab.build / "tests" / "bench" / name
        if not path.exists():
            raise Failure(f"{name} is not built: ninja -C {self.lab.build.name}")
        return str(path)

    # -- the cloud ------------------------------------------------------------

    def health(self):
        return self.graph.admin("GET", "health")

    def token(self):
        """A bearer token for the baselines, good for a while."""
        when, token = self._token
        if time.monotonic() - when > 600:
            body = {"client_id": self.graph.client_id, "client_secret": self.graph.secret, "grant_type": "client_credentials",
                    "scope": "https://graph.microsoft.com/.default"}
            token = self._sign_in(body)
            self._token = (time.monotonic(), token)
        return token

    def _sign_in(self, form):
        url = f"{self.graph.login}/{self.graph.tenant_id}/oauth2/v2.0/token"
        with urllib.request.urlopen(url, urllib.parse.urlencode(form).encode(), timeout=10) as answer:
            return json.load(answer)["access_token"]

    def make_stale(self, users, attribute=None):
        """Somebody has changed these users in the cloud: each of them needs one PATCH. Returns the Graph property; give it back to do the
        same again. Another property each time, and another value: the service gives way to who sets one back three times within an hour
        (`Contended`), and takes a value that it has just replaced for a replica that is behind."""
        attribute = attribute or next(self.attributes)
        value = f"stale {next(self.numbers)}"
        for i in range(0, len(users), CHUNK):
            self.graph.admin("POST", "objects", {"users": [{"id": u.id, attribute: value} for u in users[i:i + CHUNK]]})
        return attribute

    def forget_journal(self):
        self.graph.admin("DELETE", "journal")

    def writes(self, after=0, path=None):
        """Requests at Graph that were to change something, token requests left out."""
        return [r for r in self.graph.journal(after) if r["method"] != "GET" and "/oauth2/" not in r["path"] and
                not r["path"].endswith("/$batch") and (path is None or path in r["path"])]

    def until_writes(self, n, deadline_s):
        """Until n writes have come since the journal was forgotten; those that were accepted."""
        wait_until(lambda: self.health()["writes"] >= n, deadline_s, f"{n} writes at the emulator", every_s=0.05)
        return [r for r in self.writes() if 200 <= r["status"] < 300]

    @contextlib.contextmanager
    def published_limits(self, tenant_size="L", time_scale=1.0):
        """The emulator enforces what Microsoft publishes."""
        limits = {"enabled": True, "tenant_size": tenant_size, "time_scale": time_scale, "other_share": 0.0, "retry_after": "auto", "grace_ms": 200}
        self.graph.admin("POST", "limits", limits)
        try:
            yield
        finally:
            self.graph.admin("POST", "limits", {**limits, "enabled": False})

    @contextlib.contextmanager
    def latency(self, min_ms, max_ms):
        self.graph.admin("POST", "latency", {"min_ms": min_ms, "max_ms": max_ms})
        try:
            yield
        finally:
            self.graph.admin("POST", "latency", {"min_ms": 0, "max_ms": 0})


# -- a process from outside ---------------------------------------------------


def cpu_s(pid):
    """CPU time of all threads that live, to the nanosecond."""
    total = 0
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError):
            total += int(path.read_text().split()[0])
    return total / 1e9


def session_cpu_s(pid):
    """The same of all processes of the session that it has begun: a server and its children."""
    def session(path):
        with contextlib.suppress(OSError):
            return int((path / "stat").read_text().rpartition(")")[2].split()[3])
    return sum(cpu_s(path.name) for path in pathlib.Path("/proc").glob("[0-9]*") if session(path) == pid)


def said_at(log, message):
    """When the service's log says this for the first time ("connected", "watching"): seconds since 1970. None: it does not."""
    found = re.search(rf"^(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{{3}})Z info +{message} ", log.read_text(), re.MULTILINE)
    return found and calendar.timegm(time.strptime(found[1], "%Y-%m-%dT%H:%M:%S")) + int(found[2]) / 1e3


def anonymous_bytes(pid):
    """Memory that is not a mapped file: what the kernel cannot take back without swapping."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^RssAnon:\s+(\d+) kB", text, re.MULTILINE)[1]) * 1024


def resident_bytes(pid):
    """Resident memory by what it is: "store" (the mapped file), "reports" (the day's index files, mapped too), "programs" (the program and its
    libraries, as far as they are as on the disk), "anonymous"."""
    found = dict.fromkeys(("store", "reports", "programs", "anonymous"), 0)
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            kind = "store" if line.endswith("data.mdb") else "reports" if "/reports/" in line else "programs"
        elif line.startswith("Rss:"):
            found[kind] += int(line.split()[1]) * 1024
        elif line.startswith("Anonymous:"):
            found[kind] -= int(line.split()[1]) * 1024
            found["anonymous"] += int(line.split()[1]) * 1024
    return found


def why_not():
    """Why there is no ground here, or None."""
    return domain.why_not()
