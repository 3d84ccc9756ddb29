#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""clang-tidy over every source of the program: tidy.py [--deep] SOURCE_ROOT BUILD_ROOT [FILE...]

What is asked is in .clang-tidy, here without the paths of clang-analyzer (--deep: with them, some seconds a file); test programs are left
out (name a FILE to ask about any). Two at a time: it shares its machine.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

SKIP = 77
# Written by clang 14 for options of gcc's that it does not know, and for what it leaves out in headers that are not ours.
EXTRA = ["--extra-arg=-Wno-unknown-warning-option", "--extra-arg=-Wno-everything"]


def sources(root, build):
    """Those of the program, each once."""
    found = set()
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = pathlib.Path(os.path.normpath(os.path.join(entry["directory"], entry["file"])))
        if root in path.parents and build not in path.parents and not re.match(r"(test|fuzz|bench|fixture)", path.name):
            if path.relative_to(root).parts[0] != "tests":
                found.add(path)
    return sorted(found)


def ask(root, build, path, more):
    ran = subprocess.run(["clang-tidy", "-p", build, "--quiet", *EXTRA, *more, path], cwd=build, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, check=False)
    lines = [line for line in ran.stdout.splitlines() if re.search(r": (warning|error): ", line)]
    if ran.returncode and not lines:
        lines = [f"{path}: clang-tidy: {ran.stderr.strip()[-300:]}"]
    return {line.replace(f"{root}/", "").replace("../", "") for line in lines}


def main(root, build, *files):
    if root == "--deep":
        root, build, files, more = build, files[0], files[1:], []
    else:
        more = ["--checks=-clang-analyzer-*"]
    if not shutil.which("clang-tidy"):
        print("skipped: there is no clang-tidy on this machine (Debian package clang-tidy)")
        return SKIP
    root, build = pathlib.Path(root).resolve(), pathlib.Path(build).resolve()
    paths = [pathlib.Path(f).resolve() for f in files] or sources(root, build)
    found = set()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for lines in pool.map(lambda path: ask(root, build, path, more), paths):
            found |= lines
    for line in sorted(found):
        print(line)
    print(f"tidy: {len(paths)} files, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
