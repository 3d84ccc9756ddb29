# SPDX-License-Identifier: Apache-2.0
"""The audit log of a service: every write, every act of a person, and what changes it shows."""

import json
import re
import subprocess
import sys

from house import check, house, step
from lab import wait_until


def lines(h, *arguments):
    r = h.sosync.command("audit", "search", "--json", *arguments)
    check(r.returncode == 0, r)
    return [json.loads(line) for line in r.stdout.splitlines()]


def until_lines(h, *arguments):
    return wait_until(lambda: lines(h, *arguments), 10, f"audit lines {arguments}")


ASK = """
import os, socket, sys
os.chdir(sys.argv[1])
os.setgroups([]); os.setgid(65534); os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
try:
    s.connect("control")
    s.sendall(b'{"do": "stats"}\\n')
    print("answered" if s.recv(100) else "closed")
except ConnectionError:
    print("closed")
except OSError as e:
    print(type(e).__name__)
"""


def as_nobody(folder):
    return subprocess.run([sys.executable, "-c", ASK, str(folder)], capture_output=True, text=True, check=True).stdout.strip()


with house("audit") as h:
    h.start()
    ada = f"CN=Ada Lovelace,{h.people}"

    step("a write has its run, its object, the names of what changed, and no value")
    h.ad.add_user("Ada Lovelace", h.people, title="Analyst of Engines")
    h.until_user("ada.lovelace", jobTitle="Analyst of Engines")
    write = until_lines(h, "--kind", "write", "--dn", ada)[0]
    check(write["action"] == "create" and "title" in write["properties"], write)
    check(write["requests"] and re.fullmatch(r"[0-9a-f-]{36}", write["run"]), write)
    check("Analyst" not in json.dumps(write), write)
    report = h.sosync.command("report", "show", write["run"], "--json")
    check(json.loads(report.stdout)["id"] == write["run"], report)

    step("an act has its person and the reason")
    r = h.sosync.command("--reason", "ticket 4711", "sync", ada, "--no-html-report")
    check(r.returncode == 0, r)
    act = until_lines(h, "--kind", "act", "--text", "4711")[0]
    check((act["verb"], act["by"], act["reason"], act["ok"]) == ("sync", "root", "ticket 4711", True), act)
    check(act["request"]["dn"] == ada, act)

    step("another user of the machine is not let in, by mode, and not by credentials either")
    state = h.folder / "state"
    check(as_nobody(state) == "PermissionError", "the folder lets others in")
    state.chmod(0o711)
    (state / "control").chmod(0o666)
    check(as_nobody(state) == "closed", "the service talks to others")
    state.chmod(0o700)

    step("the same without a service")
    h.sosync.stop()
    r = h.sosync.command("--reason", "by hand", "queue", "retry", "parked")
    check(r.returncode == 0, r)
    act = lines(h, "--kind", "act", "--text", "by hand")[0]
    check((act["verb"], act["request"]["which"]) == ("retry", "parked"), act)
    text = h.sosync.command("audit", "search", "--by", "root").stdout
    check("reason: ticket 4711" in text and "\x1b" not in text, text)

    step("whole, and not any more")
    r = h.sosync.command("audit", "verify")
    check(r.returncode == 0 and "each follows from the one before" in r.stdout, r)
    chain = re.search(r"chain: ([0-9a-f]{64})", r.stdout).group(1)
    file = max((h.folder / "audit").glob("*.jsonl"))
    check(file.read_text().splitlines()[-1].startswith('{"chain":"' + chain), file)
    check(file.stat().st_mode & 0o777 == 0o640, oct(file.stat().st_mode))
    file.write_text(file.read_text().replace("ticket 4711", "ticket 4712"))
    r = h.sosync.command("audit", "verify")
    check(r.returncode == 1 and "does not follow" in r.stdout, r)
