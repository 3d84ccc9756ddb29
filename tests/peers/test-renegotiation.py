#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""TLS that begins anew in the middle (renegotiation in TLS 1.2, new keys in 1.3), asked for by the directory and by Graph: nothing is lost, and
nothing waits longer than a request may. Also by a server that asks and then says nothing any more, and by one that is somebody else by then.

The servers are a fake domain and the emulator, each behind a relay that ends TLS by OpenSSL (tests/lab/tls-relay.c).
"""

import os
import time

from fakeland import Fake
from house import DEADLINE_S, check, step
from lab import Lab, wait_until

PATIENCE_S = 2  # with the directory, and with Graph: connect_timeout, request_timeout, timeout
AGAIN = "asks for another TLS handshake"


def cpu(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Wired(Fake):
    """The house, each of its two wires through a relay."""

    def __init__(self, lab, version):
        super().__init__(lab, name=version)
        self.version = version
        self.ldap = lab.tls_relay(f"{version}/ldap", version, self.ad.folder / "a")
        self.https = lab.tls_relay(f"{version}/https", version, self.graph.host)
        self.graph.login = f"https://127.0.0.1:{self.https.port}"
        self.graph.graph = f"{self.graph.login}/v1.0"
        tls = self.ldap.folder / "tls"
        config = self.write_config(f"ldaps://127.0.0.1:{self.ldap.port}",
                                   source=f'tls: {{ca_file: "{tls / "ca.pem"}", cert_file: "{tls / "cert.pem"}", key_file: "{tls / "key.pem"}"}}',
                                   target=f'ca_file: "{self.https.ca_file}"\n  timeout: {PATIENCE_S}s')
        self.sosync = lab.sosync(config, name=f"{version}/sosync")
        self.n = 0
        self.change()

    def put(self):
        self.n += 1
        self.ad.put_user(1, "Ada", title=f"Title {self.n}")

    def arrived(self):
        self.until("ada", jobTitle=f"Title {self.n}")

    def change(self):
        """One change, all the way; how long it took."""
        began = time.monotonic()
        self.put()
        self.arrived()
        return time.monotonic() - began

    def watch(self):
        """What the log says from now on."""
        at = len(self.sosync.log.read_text())
        return lambda: self.sosync.log.read_text()[at:]

    def asks(self, name, relay):
        """Every connection is asked. Each goes on with other keys, or is given up with one line and made again."""
        before, said = relay.look(), self.watch()
        check(relay.ask()["open"] >= 1, "a connection")
        took = self.change() + self.change()  # what was asked for is seen with the first, and answered with the second at the latest
        after = relay.look()
        step(f"TLS {self.version}, {name}: two changes in {took:.2f} s, {before} -> {after}")
        lines = [line for line in said().splitlines() if AGAIN in line and "has lost its server" in line]
        if (name, self.version) == ("ldap", "1.2"):
            check(after["again"] == before["again"] and after["accepted"] > before["accepted"], "libldap begins no other handshake")
            check(len(lines) == 1, said())
        else:
            check(after["again"] > before["again"] and not lines, (after, said()))

    def hangs(self, name, relay):
        """They ask, and say nothing from then on: a change passes over another connection, and nobody has been busy."""
        before, spent = relay.look(), cpu(self.sosync.pid)
        relay.hang()
        took = self.change()
        spent, after = cpu(self.sosync.pid) - spent, relay.look()
        step(f"TLS {self.version}, {name}, and silence: {took:.1f} s, {spent:.2f} s of a processor")
        check(after["accepted"] > before["accepted"], (before, after))
        check(spent < 1.5, f"{spent} s of a processor in {took} s")

    def is_another(self, name, relay, words):
        """Another certificate in the middle: not a byte passes until the right one is back."""
        said = self.watch()
        relay.become(relay.folder / "other")
        relay.ask()
        self.put()
        wait_until(lambda: words in said(), DEADLINE_S, f"the log says {words}")
        check(self.graph.find_user("ada@fake.test")["jobTitle"] == f"Title {self.n - 1}", "nothing has passed")
        relay.become(relay.folder / "tls")
        self.arrived()
        step(f"TLS {self.version}, {name}, somebody else: refused, and goes on")


with Lab("renegotiation") as lab:
    for version in ("1.2", "1.3"):
        w = Wired(lab, version)
        for name, relay in (("ldap", w.ldap), ("https", w.https)):
            w.asks(name, relay)
            w.hangs(name, relay)
        if version == "1.2":
            w.is_another("ldap", w.ldap, "unknown authority")
            w.is_another("https", w.https, "certificate")
        w.sosync.stop()
