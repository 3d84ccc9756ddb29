#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Why the state of a cluster is a log, and not a bucket for each kind of row: both, tried on real nats-servers.

An ack leaves several rows behind: the object in the cloud, the index that wakes who waits for it, the outcome, and the change is gone. With a
bucket for each kind these are writes one after another, each by compare-and-set; with a log they are one message, and each node applies it in one
transaction. two-buckets.py [N] prints what somebody else finds between two of the writes, what a death between them leaves, and what N changes cost.
"""

import itertools
import json
import os
import pathlib
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import Lab, nats, skip_unless, wait_until  # noqa: E402

N = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
KINDS = ("cloud", "index", "outcome", "change")  # in this order: the change ends last, so that a death repeats it


class Client:
    """As much of the protocol as this needs: request and answer, one at a time."""

    def __init__(self, host):
        self._socket = socket.create_connection((host, nats.CLIENTS), timeout=5)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._in = self._socket.makefile("rb")
        self._in.readline()  # INFO
        self._inbox = f"_INBOX.{os.getpid()}.{id(self)}"
        self._socket.sendall(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB %s 1\r\n' % self._inbox.encode())

    def ask(self, subject, data=b"", headers=None):
        """The answer of a request, as JSON."""
        if headers:
            head = b"NATS/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()).encode() + b"\r\n"
            self._socket.sendall(b"HPUB %s %s %d %d\r\n%s%s\r\n" % (subject.encode(), self._inbox.encode(), len(head), len(head) + len(data), head, data))
        else:
            self._socket.sendall(b"PUB %s %s %d\r\n%s\r\n" % (subject.encode(), self._inbox.encode(), len(data), data))
        while True:
            words = self._in.readline().split()
            if words[0] == b"PING":
                self._socket.sendall(b"PONG\r\n")
            elif words[0] == b"MSG":
                return json.loads(self._in.read(int(words[-1]) + 2)[:-2])
            elif words[0] == b"HMSG":
                body = self._in.read(int(words[-1]) + 2)
                return json.loads(body[int(words[-2]):-2] or b"{}")
            elif not words[0].startswith(b"+"):
                raise RuntimeError(words)

    def stream(self, name, subjects, replicas, **more):
        config = {"name": name, "subjects": subjects, "num_replicas": replicas, "storage": "file", "retention": "limits", "discard": "new",
                  "allow_direct": True, **more}
        return "error" not in self.ask(f"$JS.API.STREAM.CREATE.{name}", json.dumps(config).encode())

    def put(self, kind, key, value, revision):
        """One row of a bucket, if it has this revision; returns the new one."""
        answer = self.ask(f"$KV.{kind}.{key}", value, {"Nats-Expected-Last-Subject-Sequence": revision})
        if "error" in answer:
            raise RuntimeError(answer)
        return answer["seq"]

    def get(self, kind, key):
        answer = self.ask(f"$JS.API.STREAM.MSG.GET.KV_{kind}", json.dumps({"last_by_subj": f"$KV.{kind}.{key}"}).encode())
        return answer["message"]["data"] if "message" in answer else None


def commit(client, revisions, value, upto=len(KINDS)):
    """What an ack stores, a bucket after the other, until `upto` of them are written."""
    for kind in KINDS[:upto]:
        revisions[kind] = client.put(kind, "person", value, revisions.get(kind, 0))


def in_child(work):
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return pid


def torn_reads(host, seconds):
    """A worker commits without a pause, another reads the rows: how often do they belong to different commits?"""
    def work():
        writer, revisions = Client(host), {}
        for i in itertools.count():
            commit(writer, revisions, b"%d" % i)
    pid, reader, n, torn = in_child(work), Client(host), 0, 0
    wait_until(lambda: all(reader.get(kind, "person") for kind in KINDS), 30, "the first commit")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        # Backwards: who reads in the order in which was written can only find later rows newer, and would call that torn too.
        seen = [reader.get(kind, "person") for kind in reversed(KINDS)]
        n, torn = n + 1, torn + (len(set(seen)) > 1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return n, torn


def deaths(host):
    """kill -9 behind each of the writes: what is there, and what is not."""
    client = Client(host)
    for dead_at in range(1, len(KINDS)):
        before = {kind: client.get(kind, "person") for kind in KINDS}

        def work(dead_at=dead_at):
            writer = Client(host)
            revisions = {kind: writer.ask(f"$JS.API.STREAM.MSG.GET.KV_{kind}", json.dumps({"last_by_subj": f"$KV.{kind}.person"}).encode())["message"]["seq"]
                         for kind in KINDS}
            commit(writer, revisions, b"death %d" % dead_at, dead_at)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(in_child(work), 0)
        stored = [kind for kind in KINDS if client.get(kind, "person") != before[kind]]
        print(f"  killed behind write {dead_at}: stored {', '.join(stored)}; missing {', '.join(k for k in KINDS if k not in stored)}", flush=True)


def milliseconds(work, n):
    began = time.monotonic()
    for i in range(n):
        work(i)
    return (time.monotonic() - began) * 1000 / n


def main():
    with Lab("two-buckets") as lab:
        servers = lab.nats(3)
        host = servers.servers[0].host

        def make():
            try:  # while the servers choose a leader, nobody answers
                c = Client(host)
                return all(c.stream(f"KV_{kind}", [f"$KV.{kind}.>"], 3, max_msgs_per_subject=1, allow_rollup_hdrs=True) for kind in KINDS + ("busy",)) \
                    and c.stream("LOG", ["log"], 3) and "seq" in c.ask("log", b"x")
            except TimeoutError:
                return False
        wait_until(make, 60, "buckets and log", every_s=0.2)
        client = Client(host)

        print("a bucket for each kind of row")
        n, torn = torn_reads(host, 10)
        print(f"  somebody else reads: {torn} of {n} times rows of different commits", flush=True)
        deaths(host)

        row = os.urandom(300)
        revisions = {}

        def with_buckets(i):
            client.put("busy", f"o{i}", b"me", 0)
            for kind in KINDS:
                revisions[kind, i] = client.put(kind, f"o{i}", row, 0)
            client.ask(f"$KV.busy.o{i}", b"", {"KV-Operation": "DEL"})

        def with_log(_):
            client.ask("log", b"lease" * 20)
            client.ask("log", row * len(KINDS))
        for name, work, trips in (("buckets", with_buckets, len(KINDS) + 2), ("log", with_log, 2)):
            print(f"{name}: {milliseconds(work, N):.2f} ms a change, {trips} round trips one after another, three servers, one client, {N} changes", flush=True)


skip_unless(nats.why_not())
main()
