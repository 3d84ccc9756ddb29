# SPDX-License-Identifier: Apache-2.0
"""The lab: starts servers, and ends all of them whatever happens."""

import os
import pathlib
import shutil
import signal
import sys
import tempfile

from . import dirsrv, domain, nats, openldap
from .emulator import Emulator
from .fakead import FakeAd
from .relay import TlsRelay
from .service import Sosync

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Lab:
    """Use it as `with Lab("name") as lab:`.

    Everything it started is ended in reverse order when the block is left: normally, by an exception, by SIGINT, SIGTERM or SIGHUP (they become
    SystemExit with 128 + number). Its folder goes too, unless one was given or SOSYNC_LAB_KEEP is set. After an exception the end of every log is shown.
    """

    def __init__(self, name="lab", folder=None, build=None):
        self.build = pathlib.Path(build or os.environ.get("SOSYNC_BUILD_ROOT") or ROOT / "build").resolve()
        self.name = name
        self._given = folder
        self._things = []
        self._before = {}

    def __enter__(self):
        if self._given is None:
            (self.build / "lab").mkdir(parents=True, exist_ok=True)
            self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.name}-", dir=self.build / "lab"))
        else:
            self.folder = pathlib.Path(self._given).resolve()
            self.folder.mkdir(parents=True, exist_ok=True)
        for number in SIGNALS:
            self._before[number] = signal.signal(number, _leave)
        return self

    def __exit__(self, kind, _value, _trace):
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        failed = kind is not None and not issubclass(kind, (SystemExit, KeyboardInterrupt))
        try:
            if failed:
                self.show_logs()
            self.stop_all()
        finally:
            if self._given is None and not os.environ.get("SOSYNC_LAB_KEEP"):
                shutil.rmtree(self.folder, ignore_errors=True)
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def stop_all(self):
        """End everything, newest first; one that cannot be ended does not keep the others from it.

        What a signal interrupts here stays on the list, and is closed again when the block is left.
        """
        trouble = None
        while self._things:
            try:
                self._things[-1].close()
            except Exception as e:  # noqa: BLE001  (the others still have to end)
                trouble = trouble or e
            self._things.pop()
        if trouble is not None:
            raise trouble

    def show_logs(self):
        for thing in self._things:
            if hasattr(thing.process, "tail"):
                print(thing.process.tail(), file=sys.stderr)

    # -- servers --------------------------------------------------------------

    def samba(self, name="dc1", start=True, wait=True, **options):
        """A domain controller in FOLDER/name: see SambaDC. Options: store mdb|tdb, users, fresh, another, options (smb.conf), realm."""
        dc = domain.SambaDC(self.folder / name, self.build / "lab-cache", **options)
        self._things.append(dc)
        return dc.start(wait) if start else dc

    def slapd(self, name="slapd", start=True, wait=True, **options):
        """An OpenLDAP server in FOLDER/name: see Slapd. Options: ldif, sizelimit, limited, options (slapd.conf), provider."""
        slapd = openldap.Slapd(self.folder / name, **options)
        self._things.append(slapd)
        return slapd.start(wait) if start else slapd

    def dirsrv(self, name="dirsrv", start=True, wait=True, **options):
        """A 389 Directory Server, its files in FOLDER/name where dscreate lets it: see Dirsrv. Options: content_sync, usn."""
        server = dirsrv.Dirsrv(self.folder / name, **options)
        self._things.append(server)
        return server.start(wait) if start else server

    def emulator(self, *arguments, name="graph", start=True, wait=True, **options):
        """The Graph emulator: see Emulator. Options: roles, domains; `arguments` are more of the program's own."""
        emulator = Emulator(self.emulator_binary, self.folder / name, arguments, **options)
        self._things.append(emulator)
        return emulator.start(wait) if start else emulator

    def nats(self, n=1, start=True, wait=True):
        """`n` nats-servers with JetStream, as one cluster: see Nats."""
        servers = nats.Nats(self.folder, n)
        self._things.append(servers)
        return servers.start(wait) if start else servers

    def fakead(self):
        """A fake domain controller that does what the test says: see FakeAd."""
        fake = FakeAd(self.build / "tests" / "fakead" / "fakead")
        self._things.append(fake)
        return fake.start()

    def tls_relay(self, name, version, server):
        """TLS of this version ("1.2", "1.3") in front of a server without, which asks for another handshake when told to: see TlsRelay."""
        (self.folder / name).mkdir()
        relay = TlsRelay(self.build / "tests" / "lab" / "tls-relay", self.folder / name, version, server)
        self._things.append(relay)
        return relay

    def sosync(self, config, name="sosync", start=True, wait=True, environment=None):
        """sosync with this configuration file."""
        service = Sosync(self.sosync_binary, self.folder / name, config, environment)
        self._things.append(service)
        return service.start(wait) if start else service

    @property
    def emulator_binary(self):
        return pathlib.Path(os.environ.get("SOSYNC_EMULATOR") or self.build / "tests" / "emulator" / "graph-emulator")

    @property
    def sosync_binary(self):
        return pathlib.Path(os.environ.get("SOSYNC_BINARY") or self.build / "app" / "sosync")


def skip_unless(*reasons):
    """Leave with status 77 (meson: skipped) and a clear word if one of `reasons`, such as lab.domain.why_not(), is not None."""
    for reason in reasons:
        if reason is not None:
            print(f"skipped: {reason}", file=sys.stderr)
            sys.exit(77)


def _leave(number, _frame):
    raise SystemExit(128 + number)
