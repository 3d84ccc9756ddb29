#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the fuzzers: run.py BUILD [--seconds N] [NAME...], or run.py --quick BUILD: make the build, and try each for some seconds

The seeds are what the tests have anyway (examples of the expression language, shipped and exported rules) and what seeds.py writes down. A
folder beside the build keeps what was found, so that the next run begins where this one has ended. Exit status 1: a fuzzer has found
something, and its input is named. --quick: what CI does; 77 without clang.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
import seeds  # noqa: E402
from seeds import RULES, TARGET, ROOT, files  # noqa: E402

SKIP = 77
QUICK_S = 3

FUZZERS = {
    "config": ("base/fuzz-config", None, seeds.configurations),
    "console": ("report/console/fuzz-console", ROOT / "report/console/fuzz-console.dict", seeds.requests),
    "control": ("app/fuzz-control", ROOT / "app/control/fuzz-control.dict", seeds.control),
    "dn": ("engine/model/fuzz-dn", None, seeds.names),
    "expr": ("engine/expr/fuzz-expr", ROOT / "engine/expr/fuzz-expr.dict", seeds.expressions),
    "graph": ("engine/target/fuzz-graph", None, seeds.answers),
    "ldap": ("listener/fuzz-ldap", None, seeds.ldap),
    "outcome": ("engine/model/fuzz-outcome", None, seeds.packed),
    "owner": ("engine/target/fuzz-owner", TARGET / "fuzz-owner.dict", seeds.owners),
    "pack": ("base/fuzz-pack", None, seeds.packed),
    "powershell": ("engine/rules/fuzz-import", RULES / "fuzz-import.dict", lambda: files("testdata/*.ps1")),
    "rules": ("engine/rules/fuzz-rules", RULES / "fuzz-rules.dict", lambda: files("default/*.yaml", "*.yaml")),
    "store": ("queue/fuzz-store", None, seeds.packed),
    "xml": ("engine/rules/fuzz-import", RULES / "fuzz-import.dict", lambda: files("testdata/**/*.xml")),
}


def command(build, name, *options):
    binary, dictionary, make = FUZZERS[name]
    corpus = build / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(make()):
        (corpus / f"seed-{number:04}").write_bytes(seed)
    argv = [build / binary, "-timeout=20", "-max_len=16384", "-rss_limit_mb=2048", f"-artifact_prefix={build}/found-{name}-",
            "-verbosity=0", "-print_final_stats=1", *options, corpus]
    if dictionary:
        argv.insert(1, f"-dict={dictionary}")
    return [str(a) for a in argv]


def run(build, name, seconds):
    ran = subprocess.run(command(build, name, f"-max_total_time={seconds}", *(["-seed=1"] if seconds == QUICK_S else [])), env={**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"},
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = ran.stdout.decode("utf-8", "replace")
    runs = [line.split(":")[-1].strip() for line in said.splitlines() if "number_of_executed_units" in line]
    print(f"{name}: {seconds} s, {runs[0] if runs else '?'} runs{'' if ran.returncode == 0 else ', FOUND SOMETHING'}", flush=True)
    if ran.returncode:
        print(said[-6000:])
    return ran.returncode


def make(build):
    if not (build / "build.ninja").exists():
        subprocess.run(["meson", "setup", build, ROOT, "-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dwerror=false"],
                       env={**os.environ, "CC": "clang"}, check=True, stdout=subprocess.DEVNULL)
    binaries = sorted({binary for binary, _, _ in FUZZERS.values()})
    subprocess.run(["ninja", "-C", build, "-j2", *binaries], check=True, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("names", nargs="*")
    a = parser.parse_intermixed_args()
    build = a.build.resolve()
    if a.quick:
        if not shutil.which("clang"):
            print("skipped: there is no clang on this machine (Debian package clang)")
            return SKIP
        make(build)
    failed = [name for name in a.names or FUZZERS if run(build, name, a.seconds or (QUICK_S if a.quick else 600))]
    if failed:
        print(f"found something: {', '.join(failed)}; look at {build}/found-*", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
