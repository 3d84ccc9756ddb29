# SPDX-License-Identifier: Apache-2.0
"""`sosync run` for tests, and the other commands with the same configuration."""

import json
import os
import pathlib
import re
import subprocess

from .base import Process, wait_until

READY = re.compile(rb"\bready\b")


class Sosync:
    """sosync with one configuration file: the service (start, stop, kill), and commands beside it (command, sync)."""

    def __init__(self, binary, folder, config, environment=None):
        self.binary = pathlib.Path(binary)
        self.folder = pathlib.Path(folder)
        self.config = pathlib.Path(config)
        self.environment = {**os.environ, **(environment or {})}
        self.log = self.folder / "sosync.log"
        self.arguments = []  # of `sosync run`
        self.process = None

    def start(self, wait=True):
        self.folder.mkdir(parents=True, exist_ok=True)
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        self.process = Process("sosync", [self.binary, "-c", self.config, "run", *self.arguments], self.log, env=self.environment)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, deadline_s=30):
        wait_until(self.is_ready, deadline_s, "sosync run is ready")

    def is_ready(self):
        """THE check for readiness: the service has said so on standard error since its last start."""
        self.process.check_alive()
        return any(READY.search(line) for line in self.said().splitlines())

    def said(self):
        """What it has logged since its last start."""
        with open(self.log, "rb") as log:
            log.seek(self._log_start)
            return log.read()

    @property
    def pid(self):
        return self.process.pid

    def command(self, *arguments, deadline_s=60):
        """Run `sosync -c CONFIG ARGUMENTS`; returns subprocess.CompletedProcess with text output."""
        return subprocess.run([str(self.binary), "-c", str(self.config), *map(str, arguments)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=deadline_s, env=self.environment)

    def sync(self, *arguments, deadline_s=60):
        """`sosync sync ARGUMENTS`: exit status and the JSON document it printed (None when it printed nothing)."""
        r = self.command("sync", *arguments, deadline_s=deadline_s)
        return r.returncode, json.loads(r.stdout) if r.stdout.strip() else None

    def kill(self):
        self.process.kill()

    def stop(self, deadline_s=20):
        if self.process is not None:
            return self.process.stop(deadline_s)
        return None

    close = stop
