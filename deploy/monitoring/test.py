#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules and dashboard: every metric in them is one that the program has, and promtool agrees. test.py FOLDER METRICS.c

Without promtool (Debian package prometheus) the second half is skipped, and the word of it is printed (77)."""
import json
import pathlib
import re
import shutil
import subprocess
import sys

folder, source = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
has = set(re.findall(r'"((?:sosync|process)_[a-z_]+)"', source.read_text(encoding="utf-8")))
expressions = re.findall(r"expr: (.*)", (folder / "sosync.rules.yml").read_text(encoding="utf-8"))
board = json.loads((folder / "grafana-sosync.json").read_text(encoding="utf-8"))
expressions += [t["expr"] for p in board["panels"] for t in p["targets"]]
wrong = []
for text in expressions:
    for name in re.findall(r"\b(?:sosync|process)_[a-z_]+", text):
        if re.sub(r"_(bucket|sum|count)$", "", name) not in has and name not in has:
            wrong.append("%s is no metric of %s" % (name, source.name))
for a in board["panels"]:
    for b in board["panels"]:
        x, y = a["gridPos"], b["gridPos"]
        if a["id"] < b["id"] and x["x"] < y["x"] + y["w"] and y["x"] < x["x"] + x["w"] and x["y"] < y["y"] + y["h"] and y["y"] < x["y"] + x["h"]:
            wrong.append("%s lies over %s" % (a["title"], b["title"]))
if len(expressions) < 20:
    wrong.append("only %d expressions were found" % len(expressions))
promtool = shutil.which("promtool")
for what in (["check", "rules", "sosync.rules.yml"], ["test", "rules", "sosync.test.yml"]) if promtool else ():
    done = subprocess.run([promtool, *what], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        wrong.append("promtool %s: %s" % (" ".join(what), done.stdout + done.stderr))
print("\n".join(wrong) or "monitoring: ok, %d expressions" % len(expressions))
if wrong:
    sys.exit(1)
if not promtool:
    print("promtool was not asked: it is in Debian's package prometheus, which is not installed")
    sys.exit(77)
