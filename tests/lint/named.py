#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests that the documents name exist, and are run: named.py ROOT DOCUMENT...

In a table, `path` and `path: test` between backquotes; a path is below tests/ unless it begins with a folder of the source. A scenario
must be in its meson.build. In docs/security.md a column may be of one file: its heading says "test in `path`".
"""
import pathlib
import re
import sys

FOLDERS = ("app", "base", "deploy", "docs", "engine", "listener", "queue", "report", "tests")
TEST = re.compile(r"`([a-z][\w/.-]*\.(?:c|py|scn|txt)|[a-z]+/)(?:: ([A-Za-z_]\w*))?`")


def place(root, path):
    return root / path if path.split("/")[0] in FOLDERS else root / "tests" / path


def fault(root, path, name):
    found = place(root, path)
    if not found.exists():
        return f"there is no {path}"
    if path.endswith(".scn") and not re.search(rf"'{found.stem}['.]", (found.parent / "meson.build").read_text(encoding="utf-8")):
        return f"{path} is not run"
    if name and not re.search(rf"\b{name}\b", found.read_text(encoding="utf-8")):
        return f"{path} has no {name}"
    return None


def main(root, *documents):
    root = pathlib.Path(root)
    faults, n = [], 0
    for document in documents:
        column = None
        for number, line in enumerate((root / document).read_text(encoding="utf-8").splitlines(), 1):
            if not line.startswith("|"):
                column = None
                continue
            heading = re.search(r"test in `([\w/.-]+)`", line)
            column = heading[1] if heading else column
            named = [m.groups() for m in TEST.finditer(line)]
            if column:
                named += [(column, name) for name in re.findall(r"`(test_\w+)`", line)]
            for path, name in named:
                if "*" in path or (path.endswith("/") and not place(root, path).exists()):
                    continue
                n += 1
                what = fault(root, path, name)
                if what:
                    faults.append(f"{document}:{number}: {what}")
    for text in faults:
        print(text)
    print(f"named: {n} tests")
    return 1 if faults or not n else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
