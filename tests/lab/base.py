# SPDX-License-Identifier: Apache-2.0
"""Ground floor of the lab: waiting for conditions, addresses, child processes, files."""

import errno
import os
import pathlib
import random
import signal
import socket
import subprocess
import threading
import time


class Failure(Exception):
    """Something the lab was asked for did not happen; the text is for a person."""


def wait_until(condition, deadline_s, what, every_s=0.01):
    """Ask `condition` until it returns something true, and return that; Failure when the deadline passes."""
    end = time.monotonic() + deadline_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= end:
            raise Failure(f"{what}: not within {deadline_s:g} s")
        time.sleep(every_s)


class Address:
    """A loopback address of one's own, out of 127.64.0.0/10.

    A server with fixed ports (389, 636, 88) needs an address for itself. Every address of 127/8 works without touching the interface, so one
    is drawn at random and tried. A listening socket on `RESERVED` is held for as long as the address is: two labs can never agree on one.
    """

    RESERVED = 60999
    TCP = (88, 389, 464, 636, 3268, 3269)
    UDP = (88, 389, 464)

    def __init__(self):
        for _ in range(100):
            host = f"127.{random.randint(64, 127)}.{random.randint(0, 255)}.{random.randint(1, 254)}"
            self._held = self._reserve(host)
            if self._held is None:
                continue
            if self._is_free(host):
                self.host = host
                return
            self._held.close()
        raise Failure("no free loopback address in 100 tries")

    @classmethod
    def _reserve(cls, host):
        s = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            s.bind((host, cls.RESERVED))
            s.listen(1)
            return s
        except OSError:
            s.close()
            return None

    @classmethod
    def _is_free(cls, host):
        for kind, ports in ((socket.SOCK_STREAM, cls.TCP), (socket.SOCK_DGRAM, cls.UDP)):
            for port in ports:
                with socket.socket(socket.AF_INET, kind) as s:
                    try:
                        s.bind((host, port))
                    except OSError as e:
                        if e.errno != errno.EADDRINUSE:
                            raise
                        return False
        return True

    def release(self):
        self._held.close()


class Process:
    """A child in a session of its own, logging to a file; ended by its pid, and with it everything it has started.

    It never outlives us: a server that watches its standard input is given a pipe that only we hold (`stdin_pipe`), the others get the
    kernel's word for it (setpriv --pdeathsig). That word is bound to the thread that starts them, hence the assertion.
    """

    def __init__(self, name, argv, log, env=None, stdin_pipe=False, stdout=None):
        assert threading.current_thread() is threading.main_thread(), "start processes from the main thread"
        self.name = name
        self.log = pathlib.Path(log)
        self.status = None
        argv = [str(a) for a in argv]
        if not stdin_pipe:
            argv = ["/usr/bin/setpriv", "--pdeathsig", "TERM", *argv]
        with open(self.log, "ab") as out:
            self._popen = subprocess.Popen(
                argv,
                stdin=subprocess.PIPE if stdin_pipe else subprocess.DEVNULL,
                stdout=out if stdout is None else stdout,
                stderr=out,
                env=env,
                start_new_session=True,
            )
        self.pid = self._popen.pid

    def poll(self):
        """The exit status, or None while it runs."""
        if self.status is None:
            self.status = self._popen.poll()
        return self.status

    def check_alive(self):
        if self.poll() is not None:
            raise Failure(f"{self.name} ended with status {self.status}\n{self.tail()}")

    def tail(self, n_lines=20):
        """The end of its log, to be shown when something is wrong."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()[-n_lines:]
        except OSError:
            return ""
        return "\n".join(f"    {self.name}: {line}" for line in lines)

    def signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, deadline_s):
        """The exit status, Failure when it is still running at the deadline."""
        if self.status is None:
            try:
                self.status = self._popen.wait(deadline_s)
            except subprocess.TimeoutExpired:
                raise Failure(f"{self.name} (pid {self.pid}) still runs after {deadline_s:g} s") from None
        return self.status

    def kill(self):
        """As a power cut would: no notice, nothing tidied up."""
        self.signal(signal.SIGKILL)
        self.wait(10)
        self._end_group()

    def stop(self, deadline_s=10):
        """SIGTERM (or end of its standard input), SIGKILL at the deadline; returns the exit status."""
        if self._popen.stdin is not None:
            self._popen.stdin.close()
        else:
            self.signal(signal.SIGTERM)
        try:
            self.wait(deadline_s)
        except Failure:
            self.signal(signal.SIGKILL)
            self.wait(10)
        self._end_group()
        return self.status

    def _end_group(self):
        """What a server leaves behind is asked to end, then killed. (Samba's workers would take a second and a half to notice by themselves.)"""
        for number, deadline_s in ((signal.SIGTERM, 3), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.pid, number)
                wait_until(self._group_is_gone, deadline_s, f"end of {self.name} and its children")
                return
            except ProcessLookupError:
                return
            except Failure:
                if number == signal.SIGKILL:
                    raise

    def _group_is_gone(self):
        return not group_is_alive(self.pid)


def group_is_alive(group):
    """Whether a process group has a member that runs. One that has ended and that its new parent has not collected yet does not count."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, pgrp = stat.read_text().rpartition(")")[2].split()[:3]
        except (OSError, ValueError):
            continue
        if int(pgrp) == group and state not in "ZX":
            return True
    return False


def run(argv, log=None, deadline_s=60, env=None):
    """Run a program to its end and return what it said; Failure with the end of its output when it fails."""
    argv = [str(a) for a in argv]
    r = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       timeout=deadline_s, env=env, errors="replace")
    if log is not None:
        with open(log, "a") as out:
            out.write(r.stdout)
    if r.returncode:
        tail = "\n".join("    " + line for line in r.stdout.splitlines()[-20:])
        raise Failure(f"{os.path.basename(argv[0])} {argv[1] if len(argv) > 1 else ''} ended with status {r.returncode}\n{tail}")
    return r.stdout


def write_file(path, text, mode=0o600):
    """Write a file whole, readable by its owner only unless asked otherwise."""
    path = pathlib.Path(path)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as out:
        out.write(text)
    path.chmod(mode)
    return path


def make_certificate(folder, name, host, client=None):
    """ca.pem, cert.pem and key.pem in `folder`, the server's certificate for `name` and the address `host`.

    With `client` also client.pem and client.key: a certificate for that subject ("/DC=test/CN=reader"), by the same authority.
    """
    folder.mkdir(mode=0o700)
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
    issued = ["-CA", folder / "ca.pem", "-CAkey", folder / "ca.key", "-addext", "basicConstraints=critical,CA:FALSE"]
    run(["openssl", "req", "-x509", *curve, "-days", "30", "-subj", "/CN=sosync lab CA", "-keyout", folder / "ca.key", "-out", folder / "ca.pem"])
    run(["openssl", "req", "-x509", *curve, "-days", "30", "-subj", f"/CN={name}", *issued,
         "-addext", f"subjectAltName=DNS:{name},IP:{host}", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"])
    if client is not None:
        run(["openssl", "req", "-x509", *curve, "-days", "30", "-subj", client, *issued,
             "-keyout", folder / "client.key", "-out", folder / "client.pem"])
    for key in folder.glob("*key*"):
        key.chmod(0o600)
