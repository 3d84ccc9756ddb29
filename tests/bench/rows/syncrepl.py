# SPDX-License-Identifier: Apache-2.0
"""OpenLDAP with 100,000 people, and who follows it by syncrepl: the ground of `intake-rate`, `intake-cost`, `ingest`, and of `intake-latency` and
`resume` as far as they are about OpenLDAP.

There is no Graph: what is queued stays there, so that it can be counted. The baseline is `ldapsearch -E sync=rp` (`sync=ro`) on the same server, one
after the other, with the list of attributes that the service asks for (feed-probe tells it): how long the list is decides what slapd needs for an entry.
"""

import contextlib
import os
import re
import subprocess
import threading
import urllib.request

import ldap

from lab import Failure, Lab, openldap, wait_until
from lab.base import write_file

TOKEN = "bench0123456789abcdefghijklmnopqrstuvwxyz"
# So many modifies are always under way: more than slapd has threads, so that it never waits for the writer.
UNDER_WAY = 200


class Teller:
    """A program that prints "NANOSECONDS TITLE" for each entry that is durable; `told` has the first time of each title."""

    def __init__(self, process):
        self.process, self.told, self.is_watching, self.n = process, {}, False, 0
        self.asks = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            ns, _, title = line.rstrip("\n").partition(" ")
            if ns == "asks":
                self.asks = title.split()
            elif ns == "watching":
                self.is_watching = True
            else:
                self.told.setdefault(title, int(ns))
                self.n += 1

    def until(self, condition, deadline_s, what):
        def look():
            if self.process.poll() is not None:
                raise Failure(f"{what}: {self.process.args[0]} has ended")
            return condition()
        wait_until(look, deadline_s, what, every_s=0.001)

    def close(self):
        if self.process.stdin:
            self.process.stdin.close()
        self.process.wait(30)
        self._reader.join()


class Syncrepl:
    """bench.once("syncrepl", Syncrepl); the server lives as long as the bench."""

    def __init__(self, bench):
        if openldap.why_not():
            raise Failure(openldap.why_not())
        self.quick, self.program = bench.quick, bench.program
        self.n_runs = 1 if bench.quick else 3
        self.n_all = int(os.environ.get("SOSYNC_BENCH_PEOPLE") or (20000 if bench.quick else 100000))
        self.lab = bench.stack.enter_context(Lab("bench-syncrepl"))
        self.people = openldap.PEOPLE
        self.dc = self.lab.slapd(ldif=openldap.people(self.n_all))
        self.admin = self.dc.admin()
        # ldapsearch takes the whole file, its last newline too.
        self.password = write_file(self.lab.folder / "reader.raw", self.dc.reader_password)
        self.turn = 0
        with self.probe(self.folder()) as probe:
            self.attributes = probe.asks

    def folder(self):
        self.turn += 1
        path = self.lab.folder / f"turn-{self.turn}"
        path.mkdir()
        return path

    def dn(self, i):
        return f"cn=p{i},{self.people}"

    # -- who follows ----------------------------------------------------------

    def ldapsearch(self, mode, out):
        return subprocess.Popen(
            ["ldapsearch", "-LLL", "-H", self.dc.ldapi, "-D", self.dc.reader_dn, "-y", self.password, "-b", self.people, "-E", f"!sync={mode}",
             "(objectClass=*)", *self.attributes], stdout=out, stderr=subprocess.DEVNULL)

    def config(self, folder, initial):
        token = write_file(folder / "token", TOKEN + "\n", 0o600)
        return openldap.following(self.dc, folder, initial, f'console: {{listen: "127.0.0.1:0", token_file: "{token}"}}\n')

    @contextlib.contextmanager
    def service(self, initial):
        """`sosync run` on a new state; not waited for."""
        folder = self.folder()
        service = self.lab.sosync(self.config(folder, initial), name=folder.name, wait=False)
        try:
            yield service
            service.process.check_alive()
        finally:
            service.stop()

    @staticmethod
    def queued(service):
        """How many changes the feed has had stored so far, as /metrics tells it."""
        service.process.check_alive()
        port = re.search(rb"console  listen=\S+ port=(\d+)", service.log.read_bytes())
        if not port:
            return 0
        request = urllib.request.Request(f"http://127.0.0.1:{int(port[1])}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(re.search(r"^sosync_feed_queued_total\{.*\} (\d+)", answer.read().decode(), re.M)[1])

    def until_queued(self, service, n, deadline_s=600):
        wait_until(lambda: self.queued(service) >= n, deadline_s, f"{n} changes are queued", every_s=0.005)

    @contextlib.contextmanager
    def probe(self, folder, wait=True):
        """feed-probe on the state of `folder`: the same feed, intake and queue, and each entry's time."""
        config = folder / "sosync.yaml"
        if not config.exists():
            self.config(folder, "now")
        p = Teller(subprocess.Popen([self.program("feed-probe"), config], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        try:
            if wait:
                p.until(lambda: p.is_watching, 60, "the feed watches")
            yield p
        finally:
            p.close()

    @contextlib.contextmanager
    def baseline(self):
        """ldapsearch behind a pipe, at whose end each entry with a title is committed and its time printed. Nobody has one at first."""
        search = self.ldapsearch("rp", subprocess.PIPE)
        folder = self.folder()
        p = Teller(subprocess.Popen([self.program("baseline-intake"), folder], stdin=search.stdout, stdout=subprocess.PIPE, text=True))
        search.stdout.close()
        try:
            # The first may come with the refresh; what the same entry becomes after that is told when it is made.
            for title in (f"first {self.turn}", f"second {self.turn}"):
                self.admin.set(self.dn(0), title=title)
                p.until(lambda title=title: title in p.told, 600, "ldapsearch tells of changes")
            yield p
        finally:
            search.terminate()
            search.wait(10)
            p.close()

    # -- who writes -----------------------------------------------------------

    def modify(self, n, title):
        """A title each for n people, as fast as the server takes them; all are answered when it returns."""
        connection, waiting = self.admin.connection, []
        for i in range(n):
            waiting.append(connection.modify_ext(self.dn(i), [(ldap.MOD_REPLACE, "title", [title.encode()])]))
            if len(waiting) >= UNDER_WAY:
                for m in waiting[:UNDER_WAY // 2]:
                    connection.result3(m)
                del waiting[:UNDER_WAY // 2]
        for m in waiting:
            connection.result3(m)

    def settle(self):
        """After a burst, slapd's contextCSN may stay behind the last writes (2.5.13), and a refresh leaves these out, until there is one more."""
        self.admin.set(self.dn(0), description=f"turn {self.turn}")
