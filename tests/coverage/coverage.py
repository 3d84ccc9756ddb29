#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How much of the parsers the tests run: coverage.py BUILD [--lines FILE]

Makes a build of its own with gcov's counters, runs the suites unit and scenario in it (every fuzzer's corpus is in unit), and prints the
table: lines with code, lines that ran. Exit status 1 if a file of a parser is below 90 %. --lines names the lines of one file that did not run.
"""

import argparse
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOAL = 90

# Who takes bytes of others apart.
PARSERS = {
    "BER of controls, cookies": ["listener/ldap-control.c", "listener/sync-cookie.c", "listener/position.c"],
    "entries, values of a directory": ["listener/ldap-entry.c", "listener/ldap-value.c", "listener/repl-meta.c"],
    "records of TLS": ["listener/tls-records.c"],
    "answers of the name service": ["listener/srv.c"],
    "recordings of a feed": ["listener/recording.c"],
    "DN": ["engine/model/dn.c"],
    "GUID, SID": ["engine/model/guid.c", "engine/model/sid.c"],
    "configuration": ["base/config.c", "base/config-doc.c", "base/config-unit.c", "base/config-value.c", "base/config-walk.c"],
    "rules: YAML": ["engine/rules/rules-yaml.c", "engine/rules/load.c", "engine/rules/load-rule.c", "engine/rules/check.c"],
    "rules: XML": ["engine/rules/import-xml.c", "engine/rules/import-rule.c", "engine/rules/import-folder.c"],
    "rules: PowerShell": ["engine/rules/import-shell.c", "engine/rules/import-scan.c", "engine/rules/import-cmdlet.c", "engine/rules/import-cmdlet-group.c",
                          "engine/rules/import-cmdlet-rule.c"],
    "expressions": ["engine/expr/lex.c", "engine/expr/parse.c", "engine/expr/parse-call.c", "engine/expr/date-parse.c"],
    "msgpack": ["base/pack.c"],
    "records: queue": ["queue/record.c", "queue/entry.c"],
    "records: spaces": ["engine/space/space-records.c", "engine/space/journal.c", "engine/space/memo.c"],
    "records: outcomes, objects": ["engine/model/outcome-pack.c", "engine/model/value-pack.c", "engine/model/change.c", "report/frame.c"],
    "Graph: objects, errors": ["engine/target/graph-json.c", "engine/target/graph-error.c"],
    "Graph: sign-in": ["engine/target/token-answer.c", "engine/target/token-claims.c"],
    "answers of an owner": ["engine/target/owner-answer.c", "engine/target/on-demand-answer.c"],
    "HTTP requests of the console": ["report/console/request.c", "report/console/gate.c", "report/console/visitor.c", "report/console/ask.c"],
    "control socket": ["app/control/control.c", "app/control/answers.c"],
}


# Functions that ask, listen and end: nothing is taken apart in them, and real servers in the suite peers run them.
AROUND = {
    "listener/srv.c": {"lot", "failed", "ask", "is_among", "srv_lookup"},
    "app/control/control.c": {"turn_away", "accept_one", "accept_thread", "control_new", "control_free", "reap"},
    "app/control/answers.c": {"answer_watch", "line_json", "is_below"},  # waits for what happens
}


def ninja(build, *what):
    subprocess.run(["ninja", "-C", build, "-j2", *what], check=True, stdout=subprocess.DEVNULL)


def make(build):
    if not (build / "build.ninja").exists():
        subprocess.run(["meson", "setup", build, ROOT, "-Db_coverage=true", "-Dbuildtype=debug", "-Dwerror=false"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "CC": "gcc"})
    ninja(build)


def run(build):
    for counters in build.rglob("*.gcda"):
        counters.unlink()
    subprocess.run(["meson", "test", "-C", build, "--no-rebuild", "--suite", "unit", "--suite", "scenario", "--timeout-multiplier", "4"],
                   check=False, stdout=subprocess.DEVNULL)


def collect(build):
    """File → line → how often it ran, over every program that has the file."""
    ran = {}
    with tempfile.TemporaryDirectory() as folder:
        for counters in build.rglob("*.gcda"):
            subprocess.run(["gcov", "--json-format", "--preserve-paths", "--object-directory", counters.parent, counters], cwd=folder, check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for path in pathlib.Path(folder).glob("*.gcov.json.gz"):
                found = json.loads(gzip.decompress(path.read_bytes()))
                for f in found["files"]:
                    name = os.path.normpath(os.path.join(found["current_working_directory"], f["file"]))
                    if name.startswith(str(ROOT) + "/"):
                        lines = ran.setdefault(os.path.relpath(name, ROOT), {})
                        around = AROUND.get(os.path.relpath(name, ROOT), ())
                        for line in f["lines"]:
                            if line.get("function_name") in around:
                                continue
                            lines[line["line_number"]] = lines.get(line["line_number"], 0) + line["count"]
                path.unlink()
    return ran


def table(ran):
    below = []
    print(f"{'parser':34} {'lines':>6} {'ran':>6}")
    for title, files in PARSERS.items():
        lines = [n for f in files for n in ran.get(f, {0: 0}).values()]
        share = 100 * sum(n > 0 for n in lines) / len(lines)
        each = ", ".join(f"{pathlib.Path(f).name} {100 * sum(n > 0 for n in ran[f].values()) / len(ran[f]):.0f}" for f in files if f in ran)
        print(f"{title:34} {len(lines):6} {share:5.1f} %   {each}")
        below += [f for f in files if f in ran and 100 * sum(n > 0 for n in ran[f].values()) < GOAL * len(ran[f])]
    return below


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--lines", metavar="FILE", action="append", default=[], help="the lines of this file that did not run, of the last run")
    a = parser.parse_args()
    build = a.build.resolve()
    if not a.lines:
        make(build)
        run(build)
    ran = collect(build)
    for name in a.lines:
        text = (ROOT / name).read_text(encoding="utf-8").splitlines()
        for number, n in sorted(ran.get(name, {}).items()):
            if n == 0:
                print(f"{name}:{number}: {text[number - 1].strip()}")
    if a.lines:
        return 0
    below = table(ran)
    if below:
        print(f"below {GOAL} %: {', '.join(below)}")
    return bool(below)


if __name__ == "__main__":
    sys.exit(main())
