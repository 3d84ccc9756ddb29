# SPDX-License-Identifier: Apache-2.0
"""What people watch: `sosync watch` and `sosync top`, with a service and without one."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import unicodedata

from house import DEADLINE_S, check, house, on_terminal, step
from lab import wait_until


def columns(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def top_until(sosync, text, size=None):
    """What `top` writes to a terminal (rows, columns) until this is seen, and as it is ended."""
    main, side = pty.openpty()
    if size:
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    screen = subprocess.Popen([sosync.binary, "-c", sosync.config, "top"], stdin=side, stdout=side, stderr=side)
    os.close(side)
    seen = b""
    while text not in seen:
        seen += os.read(main, 65536)
    screen.send_signal(signal.SIGINT)
    check(screen.wait(DEADLINE_S) == 0, screen.returncode)
    try:
        while part := os.read(main, 65536):
            seen += part
    except OSError:  # the other end is closed
        pass
    os.close(main)
    return seen


with house("watch") as h:
    h.start()
    r = h.sosync.command("watch", "--ou", "no DN")
    check(r.returncode == 2 and "is not a distinguished name" in r.stderr, r)
    files = []

    def watch(*options):
        path = h.folder / f"watch-{len(files)}"
        files.append(open(path, "w+", encoding="utf-8"))
        return subprocess.Popen([h.sosync.binary, "-c", h.sosync.config, "watch", *options], stdout=files[-1], stderr=subprocess.PIPE), path

    step("changes pass by, a line each; below another OU there is nothing to see")
    everything, all_path = watch("--json")
    elsewhere, none_path = watch("--json", "--ou", h.groups)
    plain, text_path = watch()
    # A watcher sees what ends after it has come: changes go on until all have seen one.
    n = 0

    def all_have_come():
        global n
        n += 1
        h.ad.add_user(f"Passer By {n}", h.people)
        h.until_user(f"passer.by.{n}")
        return all_path.read_text().count("\n") and text_path.read_text().count("\n")

    wait_until(all_have_come, DEADLINE_S, "a line of both watchers")
    h.ad.add_user("Evil One", h.people)
    h.ad.rename(f"CN=Evil One,{h.people}", "Evil \x1b]0;owned\x07 One")
    h.ad.add_group("Seen", h.groups)
    wait_until(lambda: "CN=Seen" in none_path.read_text(), DEADLINE_S, "the group at the watcher of its OU")
    wait_until(lambda: "CN=Seen" in text_path.read_text(), DEADLINE_S, "the group at the plain watcher")
    lines = [json.loads(line) for line in all_path.read_text().splitlines()]
    one = next(x for x in lines if "Passer By" in x["dn"])
    check(one["status"] == "success" and one["outcome"] == "exported" and one["kind"] == "upsert", one)
    check(one["lane"] == "normal" and one["latencyMs"] >= 0 and one["errorCode"] is None, one)
    # The report is a moment behind the line.
    r = wait_until(lambda: (r := h.sosync.command("report", "show", one["id"], "--json")).returncode == 0 and r, DEADLINE_S, "its report")
    check(json.loads(r.stdout)["id"] == one["id"], r)
    for line in none_path.read_text().splitlines():
        check(json.loads(line)["dn"].endswith(h.groups), line)
    text = text_path.read_text()
    check("\x1b" not in text and "\x07" not in text, repr(text))
    check("Evil" in text, text)

    step("top: once, as JSON, and as a screen that leaves no trace")
    r = h.sosync.command("top", "--json")
    status = json.loads(r.stdout)
    source = status["sources"][0]
    check(source["feed"]["state"] == "watching" and source["ok"] and status["target"]["ok"], status)
    check(status["runs"]["exported"] >= 2 and status["queue"]["lanes"]["normal"]["parked"] == 0, status)
    check(0 <= source["feed"]["proofSeconds"] < 30, source)
    r = h.sosync.command("top")
    check(r.returncode == 0 and r.stdout.startswith("Runs") and "\x1b" not in r.stdout, r.stdout)
    for word in ("feed", "directory", "graph", "flag", "reads", "writes", "urgent", "latency", "since start", "noise"):
        check(word in r.stdout, word)
    print(r.stdout)
    seen = top_until(h.sosync, b"since start")
    check(seen.startswith(b"\x1b[?1049h") and seen.endswith(b"\x1b[?25h\x1b[?1049l"), seen)

    step("top: a window that is too low has the beginning of the picture, and no line goes on in the next")
    seen = top_until(h.sosync, b"\x1b[J", (6, 40))
    picture = seen.partition(b"\x1b[H")[2].partition(b"\x1b[J")[0]
    check(b"\x1b[?7l" in seen and b"Runs" in picture and picture.count(b"\n") == 5, seen)

    step("every list fits a terminal of 80 columns, whatever people are called")
    h.ad.add_user("\u5c71\u7530\u592a\u90ce " * 12 + "X", h.people, sAMAccountName="yamada", userPrincipalName=h.upn("yamada"))
    h.ad.add_user("Hildegard Maximiliane von und zu Hohenlohe-Waldenburg-Schill", h.people, sAMAccountName="wrong.domain",
                  userPrincipalName="hildegard@not.verified.example")
    h.until_user("yamada")
    h.until_idle()
    names = re.findall(r"^  ([a-z]+) ", h.sosync.command("--help").stdout, re.MULTILINE)
    check(len(names) > 20, names)
    for words in ([], *[[n] for n in names]):
        check(max(map(columns, on_terminal(h.sosync, 80, *words, "--help"))) <= 80, words)
    for words in ("report list", "queue list", "queue stats", "rules list", "rules history", "compare --sample 5", "reconcile", "match list",
                  "revert --list", "scheduler show", "top --once", "config permissions", "audit search", "queue nonsense", "rules nonsense"):
        seen = [line.replace("\x1b[K", "").split("\r")[-1] for line in on_terminal(h.sosync, 80, *words.split())]
        wide = [line for line in seen if columns(line) > 80 and str(h.folder) not in line]
        check(not wide, (words, wide))
    drawn = [part for line in on_terminal(h.sosync, 40, "compare") for part in line.replace("\x1b[K", "").split("\r") if " [" in part]
    check(drawn and max(map(columns, drawn)) <= 40, drawn)
    seen = on_terminal(h.sosync, 64, "scheduler", "show")
    check(max(map(columns, seen)) <= 64 and "".join(seen).count("SosyncText") == 1, seen)
    r = h.sosync.command("queue", "list", "--state", "lost")
    check(r.returncode == 2 and "is not one of ready, leased, delayed, parked, dated" in r.stderr, r)
    check(any("CN=Hildegard Maximiliane" in line for line in on_terminal(h.sosync, 80, "report", "list")), "the name is to be seen")

    step("the service stops: the watchers say so")
    h.sosync.stop()
    for process in (everything, elsewhere, plain):
        check(process.wait(DEADLINE_S + 10) == 5, process.returncode)
        check(b"the service has stopped" in process.stderr.read(), "no word of it")

    step("without a service: one line, exit status 5")
    for command in ("watch", "top"):
        r = h.sosync.command(command)
        check(r.returncode == 5 and "no service runs here" in r.stderr and r.stderr.count("\n") == 1, r)
