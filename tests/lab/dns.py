# SPDX-License-Identifier: Apache-2.0
"""A DNS server for one test: SRV and A records of a zone that may change at any time. Port 53 of a loopback address (root)."""

import pathlib
import socket
import struct
import subprocess
import threading

A, SRV = 1, 33


def why_not():
    """None, or why no program can be given a resolver of its own here."""
    done = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True, check=False)
    return f"no mount namespace here: {done.stderr.strip()}" if done.returncode else None


class Dns:
    """records: {(name, A): ["127.0.0.1"], (name, SRV): [(priority, weight, port, host)]}, in small letters, without the last dot."""

    process = None

    def __init__(self, host, folder):
        self.host = host
        self.records = {}
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, 53))
        self.resolv_conf = pathlib.Path(folder) / "resolv.conf"
        self.resolv_conf.write_text(f"nameserver {host}\noptions timeout:1 attempts:2\n")
        threading.Thread(target=self._serve, daemon=True).start()

    def wrap(self, binary, path):
        """A program that runs `binary` with this server as the system's resolver, and nobody else sees it."""
        script = pathlib.Path(path)
        script.write_text(f"""#!/bin/sh
exec unshare -m sh -c 'mount --bind "{self.resolv_conf}" /etc/resolv.conf && exec "$@"' sh "{binary}" "$@"
""")
        script.chmod(0o755)
        return script

    def _serve(self):
        while True:
            try:
                question, client = self.socket.recvfrom(4096)
                self.socket.sendto(self._answer(question), client)
            except OSError:
                return

    def _answer(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode("ascii", "replace").lower())
            at += question[at] + 1
        kind = struct.unpack(">H", question[at + 1:at + 3])[0]
        name = ".".join(labels)
        self.asked.append((name, kind))
        found = self.records.get((name, kind), [])
        known = any(n == name for n, _ in self.records)
        flags = 0x8580 | (0 if known else 3)
        head = question[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0)
        return head + question[12:at + 5] + b"".join(self._record(kind, r) for r in found)

    @staticmethod
    def _record(kind, r):
        if kind == A:
            data = socket.inet_aton(r)
        else:
            data = struct.pack(">HHH", *r[:3]) + b"".join(bytes([len(x)]) + x.encode() for x in r[3].split(".")) + b"\0"
        return b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(data)) + data

    def close(self):
        self.socket.close()
