# SPDX-License-Identifier: Apache-2.0
"""A wire with TLS that asks its clients for another handshake when told to (tls-relay.c): start, commands, counters."""

import json
import pathlib
import subprocess

from .base import Failure, make_certificate


class TlsRelay:
    """TLS in front of a server that has none (HOST:PORT, or a Unix socket's path), with a certificate of its own for 127.0.0.1: `ca_file`.

    `ask()`, `hang()`, `become()`, `look()` return the counters: accepted, asked, again, open.
    """

    def __init__(self, binary, folder, version, server):
        self.folder = pathlib.Path(folder)
        make_certificate(self.folder / "tls", "relay.test", "127.0.0.1")
        tls = self.folder / "tls"
        self.ca_file = tls / "ca.pem"
        self.process = subprocess.Popen([str(binary), version, str(tls / "cert.pem"), str(tls / "key.pem"), str(server)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = self._read()["port"]

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure("tls-relay has ended")
        return json.loads(line)

    def _do(self, *words):
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        return self._read()

    def look(self):
        return self._do("look")

    def ask(self):
        """A HelloRequest, or new keys, on every open connection."""
        return self._do("ask")

    def hang(self):
        """The same, and then silence for ever on these connections."""
        return self._do("hang")

    def become(self, folder):
        """From now on with the certificate of this folder: `folder` / "tls" is the right one; one that is not there yet is made, of an authority of its own."""
        if not folder.exists():
            make_certificate(folder, "other.test", "127.0.0.1")
        return self._do("other", str(folder / "cert.pem"), str(folder / "key.pem"))

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
