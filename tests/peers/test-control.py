# SPDX-License-Identifier: Apache-2.0
"""The control socket and the commands, asked by those who mean no good: docs/security.md names each test here."""

import contextlib
import json
import socket
import subprocess

from fakeland import Fake
from house import check, step
from lab import Lab, wait_until
from lab.fakead import BASE

CONNECTIONS = 32  # app/control/control.h
SILENCE_S = 20


class Door:
    """The socket, as somebody uses it who has no manners."""

    def __init__(self, f):
        self.path = str(f.folder / "state" / "control")

    def connect(self, timeout_s=60):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        s.connect(self.path)
        s.settimeout(timeout_s)
        return s

    def raw(self, data):
        """What comes back until the other side, or we, have said all."""
        with self.connect() as s:
            answer = b""
            with contextlib.suppress(ConnectionError):
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while part := s.recv(65536):
                    answer += part
            return answer

    def is_open(self, s):
        """Whether it has not ended our connection."""
        s.setblocking(False)
        try:
            return s.recv(1) != b""
        except BlockingIOError:
            return True
        except ConnectionError:
            return False


def check_alive(f):
    f.sosync.process.check_alive()
    r = f.sosync.command("queue", "stats", "--json")
    check(r.returncode == 0, r)


def giant_line(f, door):
    step("a line without end, and one that is too long")
    for data in (b"a" * 1_000_000, b'{"do":"sync","dn":"' + b"x" * 70000 + b'"}\n'):
        check(door.raw(data) == b"", "an answer to a giant")
        check_alive(f)


def no_request(f, door):
    step("bytes that are no request: one line with the reason for each, and nothing is done")
    lines = (b"\x00\x01\xff", b"[" * 5000, b'{"do":' * 3000, b'{"do":"stats","do":"drop"}', b'{"do":"nonsense"}', b'{"do":["drop"]}', b"null", b'"\xed\xa0\x80"',
             b'{"do":"drop"}', b'{"do":"retry","which":5}', b'{"do":"job"}', b'{"do":"job","kind":"../../bin/sh","arguments":[]}', b'{"do":"sync","dn":{}}')
    answers = [json.loads(line) for line in door.raw(b"\n".join(lines) + b"\n").splitlines()]
    check(len(answers) == len(lines) and not any(a.get("ok") for a in answers), answers)
    check_alive(f)


def silent_ones(f, door):
    step(f"{CONNECTIONS} that say nothing, or a byte now and then: the next is turned away, the work goes on, and they are let go")
    silent = [door.connect() for _ in range(CONNECTIONS)]
    try:
        def is_full():
            with door.connect() as s:
                s.settimeout(0.2)
                try:
                    return b"busy with 32 other commands; try again" in s.recv(1000)
                except TimeoutError:
                    return False
        wait_until(is_full, 10, "the next is turned away")
        f.ad.put_user(1, "Ada", title="Chief")
        f.until("ada", jobTitle="Chief")

        def is_let_in():
            for s in silent[:3]:
                with contextlib.suppress(OSError):
                    s.send(b"{")
            return f.sosync.command("queue", "stats", "--json").returncode == 0
        wait_until(is_let_in, SILENCE_S + 40, "somebody else is let in", every_s=0.5)
        wait_until(lambda: not any(door.is_open(s) for s in silent), 40, "all of them are let go")
    finally:
        for s in silent:
            s.close()


def gone_ones(f, door):
    step("40 that asked for what Graph does not answer, and went away: their places are free, and what is short is answered")
    f.graph.admin("POST", "faults", {"rules": [{"path": "*", "action": {"delay_ms": 20000}}]})
    f.ad.put_user(1, "Ada", title="Countess")
    for _ in range(40):
        with door.connect() as s, contextlib.suppress(ConnectionError):
            s.sendall(json.dumps({"do": "sync", "dn": f"CN=Ada,OU=Corp,{BASE}"}).encode() + b"\n")
    wait_until(lambda: f.sosync.command("queue", "stats", "--json").returncode == 0, 10, "somebody else is let in")
    f.graph.admin("DELETE", "faults")


def who_does_not_read(f, door):
    step("one that asks and asks and never reads its answers holds nobody up, and is let go")
    with door.connect() as s:
        s.setblocking(False)
        ask, sent = b'{"do":"status"}\n' * 1000, 0
        with contextlib.suppress(BlockingIOError):
            while sent < 50_000_000:
                sent += s.send(ask)
        check_alive(f)
        s.settimeout(60)
        with contextlib.suppress(ConnectionError):  # which is what it waits for; a timeout fails
            while s.send(b" " * 65536):
                pass
    check_alive(f)


def escapes(f, door):
    step("escapes and line ends in what is asked: not in the log, not in the audit log, not on the terminal")
    evil = "CN=x\nforged \x1b]0;owned\x07line"
    door.raw(json.dumps({"do": "sync", "dn": evil, "reason": evil}).encode() + b"\n" + json.dumps({"do": evil}).encode() + b"\n")
    r = f.sosync.command("sync", "--no-html-report", "--reason", evil, evil)
    said = r.stdout + r.stderr + f.sosync.command("audit", "search").stdout + f.sosync.command("report", "list").stdout
    log = f.sosync.log.read_text()
    for text in (said, log):
        check("\x1b" not in text and "\x07" not in text, repr(text[-3000:]))
        check(not any(line.startswith("forged") for line in text.splitlines()), text[-3000:])
    acts = [json.loads(line) for line in f.sosync.command("audit", "search", "--kind", "act", "--json").stdout.splitlines()]
    check(any(a.get("reason") == evil for a in acts), acts)


def traversal(f):
    step("the name of a report is no path")
    outside = f.folder / "outside"
    outside.write_text("root:x:0:0")
    names = ("../outside", "../../outside", f"{outside}", "..", ".", "/etc/passwd", "%2e%2e/outside", "....", "a" * 5000, "2026-11-22.log", "00000000\n/etc/passwd")
    for name in names:
        for verb in (["show"], ["show", "--json"], ["html"], ["export"], ["open"]):
            before = {p for p in f.folder.rglob("*") if p.is_file()}
            r = subprocess.run([f.sosync.binary, "-c", f.sosync.config, "report", *verb, name], capture_output=True, text=True, check=False,
                               cwd=f.folder, timeout=60, env={**f.sosync.environment, "BROWSER": "/bin/false"})
            check(r.returncode in (1, 2) and not r.stdout and len(r.stderr.strip().splitlines()) == 1 and "root:" not in r.stderr, (verb, name, r))
            made = {p for p in f.folder.rglob("*") if p.is_file()} - before
            check(not made, (verb, name, made))


with Lab("control") as lab:
    fake = Fake(lab)
    fake.sosync = lab.sosync(fake.write_config())
    fake.ad.put_user(1, "Ada", title="Analyst")
    fake.until("ada", jobTitle="Analyst")
    the_door = Door(fake)
    giant_line(fake, the_door)
    no_request(fake, the_door)
    silent_ones(fake, the_door)
    gone_ones(fake, the_door)
    who_does_not_read(fake, the_door)
    escapes(fake, the_door)
    traversal(fake)
    check(fake.sosync.stop() == 0, "a clean stop")
