# SPDX-License-Identifier: Apache-2.0
"""The service does its work with no other system calls than its unit allows: feed, workers, console, commands, reload, stop."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import urllib.request

from fakeland import sections
from house import check, step
from lab import Lab, wait_until
from lab.base import write_file
from lab.fakead import BASE

HERE = pathlib.Path(__file__).resolve().parent
UNIT = HERE.parents[1] / "deploy" / "systemd" / "sosync.service"
RUN = HERE / "seccomp-run.py"
TOKEN = "a-token-of-the-operator-of-this-test"

if not shutil.which("systemd-analyze") or os.uname().machine != "x86_64":
    print("skipped: no systemd-analyze, or not x86-64")
    sys.exit(77)


def config(f):
    write_file(f.folder / "console-token", TOKEN + "\n", 0o600)
    return write_file(f.folder / "sosync.yaml", sections(f.ad, f.graph) + f"""\
brakes: {{off: [create]}}
state: {{path: "{f.folder / 'state'}"}}
reports: {{path: "{f.folder / 'reports'}", html: always}}
console: {{listen: "127.0.0.1:0", token_file: "{f.folder}/console-token"}}
notify: {{command: [/bin/true]}}
workers: 8
""", 0o600)


with Lab("seccomp") as lab:
    lab.ad, lab.graph = lab.fakead(), lab.emulator(domains=["fake.test"])

    def until(account, **wanted):
        def look():
            u = lab.graph.find_user(f"{account}@fake.test")
            return u if u and all(u.get(k) == v for k, v in wanted.items()) else None
        return wait_until(look, 60, f"{account} in the cloud with {wanted}")

    step("the filter bites: what is not allowed ends a program")
    r = subprocess.run([sys.executable, RUN, UNIT, sys.executable, "-c", "import os; os.chroot('/')"], check=False)
    check(r.returncode == -signal.SIGSYS, r)

    wrapper = write_file(lab.folder / "filtered", f'#!/bin/sh\nexec {sys.executable} {RUN} {UNIT} {lab.sosync_binary} "$@"\n', 0o755)
    service = lab.sosync(config(lab), start=False)
    service.binary = wrapper
    service.start()
    step("work")
    for n in range(1, 101):
        lab.ad.put_user(n, f"User {n}", title="first")
    until("user.100", jobTitle="first")
    for n in range(1, 101):
        lab.ad.put_user(n, f"User {n}", title="second", userAccountControl="514" if n % 2 else "512")
    until("user.100", jobTitle="second")  # and the brake trips, which runs the notify command

    step("commands, all under the filter too")
    for words in (["queue", "stats"], ["sync", f"CN=User 2,OU=Corp,{BASE}"], ["report", "list"], ["watch", "--help"], ["rules", "list"],
                  ["queue", "backup", str(lab.folder / "backup")], ["audit", "verify"], ["config", "check"], ["scheduler", "show"]):
        r = service.command(*words)
        check(r.returncode >= 0, (words, r))

    step("console")
    port = wait_until(lambda: [w[5:] for w in service.log.read_text().split() if w.startswith("port=")], 20, "the console's port")[0]
    for path in ("/changes", "/metrics", "/explain?dn=x"):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": "Bearer " + TOKEN})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            check(answer.status == 200, path)

    step("reload, Graph away, and back; stop")
    os.kill(service.pid, signal.SIGHUP)
    lab.graph.stop()
    lab.ad.put_user(1, "User 1", title="third")
    wait_until(lambda: "circuit" in service.log.read_text(), 60, "the circuit of Graph")
    service.stop()
    check(service.process.status == 0, service.process.status)
