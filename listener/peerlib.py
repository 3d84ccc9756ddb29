# SPDX-License-Identifier: Apache-2.0
"""peer-listener as an object: write its configuration, run it, read its JSON lines."""

import json
import os
import pathlib
import queue
import subprocess
import threading

from lab import Failure, wait_until
from lab.base import write_file


def source_config(dc, folder, name="source", **change):
    """The section `source:` for a domain controller; `change` replaces top-level keys."""
    keys = {
        "name": "corp",
        "uris": [dc.uri],
        "base": dc.base,
        "bind": {"mechanism": "simple", "dn": dc.reader_dn, "password_file": str(dc.password_file)},
        "tls": {"ca_file": str(dc.ca_file)},
        "connect_timeout": "3s",
    }
    keys.update(change)
    # JSON is YAML.
    return write_file(pathlib.Path(folder) / f"{name}.yaml", json.dumps(keys, indent=1))


def open_once(binary, config, env=None, deadline_s=30):
    """(exit status, the JSON line or None, standard error)"""
    r = subprocess.run([binary, config, "open"], capture_output=True, text=True, timeout=deadline_s, env={**os.environ, **(env or {})})
    return r.returncode, json.loads(r.stdout) if r.stdout.strip() else None, r.stderr


class Peer:
    """A running peer-listener; every line it says is kept in `lines`, in order."""

    def __init__(self, binary, config, *arguments, env=None, log=None):
        self.lines = []
        self._new = queue.Queue()
        self._log = open(log or os.devnull, "ab")
        self._p = subprocess.Popen([binary, config, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
                                   text=True, env={**os.environ, **(env or {})})
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for text in self._p.stdout:
            line = json.loads(text)
            self.lines.append(line)
            self._new.put(line)

    @property
    def pid(self):
        return self._p.pid

    def say(self, *words):
        self._p.stdin.write("\t".join(map(str, words)) + "\n")
        self._p.stdin.flush()

    def ask(self, *words, deadline_s=30):
        """One command, its answer: for `source`."""
        self.say(*words)
        try:
            return self._new.get(timeout=deadline_s)
        except queue.Empty:
            raise Failure(f"{words[0]}: no answer in {deadline_s} s") from None

    def wait(self, condition, what, deadline_s=30):
        """Until some line, old or new, fulfils the condition."""
        return wait_until(lambda: next((line for line in list(self.lines) if condition(line)), None), deadline_s, what)

    def wait_state(self, state, deadline_s=30, after=0):
        return wait_until(lambda: next((line for line in self.lines[after:] if line.get("event") == "state" and line["state"] == state), None),
                          deadline_s, f"the feed is {state}; last lines: {self.lines[-3:]}")

    def entries(self, after=0):
        return [line for line in self.lines[after:] if line.get("event") == "entry"]

    def entry(self, condition, what, deadline_s=10, after=0):
        return wait_until(lambda: next((e for e in self.entries(after) if condition(e)), None), deadline_s, what)

    def kill(self):
        self._p.kill()
        self._p.wait()
        self._reader.join()

    def stop(self, deadline_s=10):
        """End of its standard input; the exit status."""
        if self._p.poll() is None:
            self._p.stdin.close()
        try:
            status = self._p.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"peer-listener did not end within {deadline_s} s") from None
        self._reader.join()
        self._log.close()
        return status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._p.poll() is None:
            self._p.kill()
            self._p.wait()
