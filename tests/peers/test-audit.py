# SPDX-License-Identifier: Apache-2.0
"""The audit log of a service: every write, every act of a person, and what changes it shows."""

import grp
import json
import os
import pathlib
import pwd
import re
import subprocess
import sys

from house import check, command_as_nobody, house, on_terminal, open_folder, place_for_nobody, step
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
os.setgroups([int(g) for g in sys.argv[3:]]); os.setgid(65534); os.setuid(65534)
s = socket.socket(socket.AF_UNIX)
try:
    s.connect("control")
    s.sendall(sys.argv[2].encode() + b"\\n")
    print("answered" if s.recv(100) else "closed")
except ConnectionError:
    print("closed")
except OSError as e:
    print(type(e).__name__)
"""


USERS = grp.getgrnam("users").gr_gid


def as_nobody(folder, *groups, ask='{"do": "stats"}'):
    command = [sys.executable, "-c", ASK, str(folder), ask, *[str(g) for g in groups]]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def may_set_login():
    """The number is set once, by whoever lets people in; a child tries it."""
    child = "open('/proc/self/loginuid', 'w').write('5')"
    return subprocess.run([sys.executable, "-c", child], capture_output=True, check=False).returncode == 0


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
    h.sosync.command("--reason", "ticket 4712", "queue", "retry", ada)
    h.sosync.command("--reason", "ticket 4713", "revert", "--release", ada)
    until_lines(h, "--text", "4713")
    spaced = ada.replace(",", ", ").replace("CN=", "cn=").upper()
    for name in (ada, spaced):
        about = lines(h, "--dn", name)
        check({one.get("verb", one.get("action")) for one in about} >= {"create", "sync", "retry", "revert-release"}, (name, about))
    check([one["reason"] for one in lines(h, "--kind", "act", "--text", "TICKET 4712")] == ["ticket 4712"], "capitals count")
    check(lines(h, "--dn", ada.replace("Ada", "Eve")) == [], "another object")
    r = h.sosync.command("audit", "search", "--dn", "nonsense")
    check(r.returncode == 2 and "is not a distinguished name" in r.stderr, r)

    step("who became root has a login, by the kernel's word; who is not root cannot claim one")
    games = pwd.getpwnam("games")

    def logged_in_as_games():
        pathlib.Path("/proc/self/loginuid").write_text(str(games.pw_uid), encoding="ascii")

    def as_sudo(*arguments):
        return subprocess.run([h.sosync.binary, "-c", h.sosync.config, *arguments], capture_output=True, text=True, timeout=60,
                              preexec_fn=logged_in_as_games, env={**os.environ, "SUDO_UID": "65534", "SUDO_USER": "nobody"})
    if may_set_login():
        r = as_sudo("--reason", "by sudo", "queue", "retry", "parked")
        check(r.returncode == 0, r)
        act = until_lines(h, "--kind", "act", "--text", "by sudo")[0]
        check((act["by"], act["login"]) == ("root", "games") and "login" not in act["request"], act)
        r = h.sosync.command("audit", "search", "--by", "games")
        check("by root (login games)" in r.stdout, r)
    else:
        print("no audit in this kernel: the login cannot be set")
    act = until_lines(h, "--kind", "act", "--text", "4711")[0]
    check("login" not in act, act)

    step("another user of the machine is not let in, by mode, and not by credentials either")
    state = h.folder / "state"
    check(as_nobody(state) == "PermissionError", "the folder lets others in")
    state.chmod(0o711)
    (state / "control").chmod(0o666)
    check(as_nobody(state) == "closed", "the service talks to others")
    state.chmod(0o700)

    step("members of the group are, wherever the socket is, and are named")
    h.sosync.stop()
    run = open_folder()
    h.start(more=f'control: {{socket: "{run}/control", group: users}}')
    place_for_nobody(run, h.sosync)
    st = (run / "control").stat()
    check((st.st_mode & 0o777, st.st_gid) == (0o660, USERS), oct(st.st_mode))
    check(as_nobody(run) == "PermissionError", "the socket lets others in")
    check(as_nobody(run, USERS) == "answered", "a member was not let in")
    (run / "control").chmod(0o666)
    check(as_nobody(run) == "closed", "the service talks to others")
    (run / "control").chmod(0o660)
    r = command_as_nobody(run, [USERS], "queue", "stats")
    check(r.returncode == 0 and "urgent" in r.stdout, r)
    r = command_as_nobody(run, [USERS], "--reason", "by a member", "sync", ada, "--no-html-report")
    check(r.returncode == 0, r)
    act = until_lines(h, "--kind", "act", "--text", "by a member")[0]
    check((act["verb"], act["by"]) == ("sync", "nobody"), act)
    check(as_nobody(run, USERS, ask='{"do": "retry", "which": "parked", "reason": "a lie", "login": "root"}') == "answered", "no answer")
    act = until_lines(h, "--kind", "act", "--text", "a lie")[0]
    check(act["by"] == "nobody" and "login" not in act and "login" not in act["request"], act)
    r = command_as_nobody(run, [], "sync", ada)
    check(r.returncode == 2 and "members of the group users" in r.stderr and "permission denied" in r.stderr, r)
    r = command_as_nobody(run, [], "top", "--json")
    check(r.returncode == 2 and "permission denied" in r.stderr, r)
    for words in (["report", "list"], ["audit", "verify"], ["audit", "search"]):
        r = command_as_nobody(run, [], *words)
        check(r.returncode == 2 and "Permission denied" in r.stderr and r.stderr.count("\n") == 1, (words, r))
    check(h.sosync.command("queue", "stats").returncode == 0, "root is not let in")

    step("a socket that somebody else has is left alone")
    second = h.folder / "second"
    second.mkdir()
    other = h.write_config("other.yaml", state=second / "state", reports=second / "reports",
                           more=f'control: {{socket: "{run}/control"}}')
    r = subprocess.run([h.sosync.binary, "-c", other, "run"], capture_output=True, text=True, timeout=60)
    check(r.returncode != 0 and "another service listens at" in r.stderr, r)
    check(h.sosync.command("queue", "stats").returncode == 0, "the socket is gone")

    step("who only looks is not in it")
    n = len(lines(h, "--kind", "act"))
    for look in (["revert", "--since", "1h", "--dry-run"], ["revert", "--list"], ["rules", "diff"], ["rules", "history"], ["scheduler", "show"]):
        r = h.sosync.command(*look)
        check(r.returncode in (0, 1), r)
    check(len(lines(h, "--kind", "act")) == n, lines(h, "--kind", "act")[-5:])

    step("the same without a service")
    h.sosync.stop()
    r = h.sosync.command("--reason", "by hand", "queue", "retry", "parked")
    check(r.returncode == 0, r)
    act = lines(h, "--kind", "act", "--text", "by hand")[0]
    check((act["verb"], act["request"]["which"]) == ("retry", "parked"), act)
    if may_set_login():
        r = as_sudo("--reason", "by sudo alone", "queue", "retry", "parked")
        act = lines(h, "--kind", "act", "--text", "by sudo alone")[0]
        check((r.returncode, act["by"], act["login"]) == (0, "root", "games") and "login" not in act["request"], act)
    text = h.sosync.command("audit", "search", "--by", "root").stdout
    check(text and all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  (act|write)  ", line) for line in text.splitlines()), text)
    today = json.loads(h.sosync.command("audit", "search", "--json").stdout.splitlines()[0])["time"][:10]
    check(h.sosync.command("audit", "search", "--since", today).stdout == h.sosync.command("audit", "search").stdout, "since the day of the first line")
    r = h.sosync.command("audit", "search", "--since", "2026-02-30")
    check(r.returncode == 2 and "neither a span (30m, 2h, 7d) nor a time in UTC (2026-11-22 or 2026-11-22T08:00:00Z)" in r.stderr, r)
    check("reason: ticket 4711" in text and "\x1b" not in text, text)

    step("in a terminal of 80 columns nothing is wider; in a pipe an entry is a line")
    long_one = "CN=" + "Very Long Name " * 4 + "Indeed," + "OU=One of Many," * 8 + h.people
    h.sosync.command("--reason", "a ticket with a reason that takes more than a line " * 3, "sync", long_one)
    seen = on_terminal(h.sosync, 80, "audit", "search")
    check(max(map(len, seen)) <= 80 and len(seen) > len(lines(h)), seen)
    check(any("..." in line for line in seen) and any("title" in line for line in seen), seen)
    print("\n".join(seen))
    text = h.sosync.command("audit", "search").stdout
    check(long_one in text and text.count("\n") == len(lines(h)), text)

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
