#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions that the pure parts take, counted by callgrind, against the table beside this file (instructions.txt).

    instructions.py PROGRAM            the counts; exit status 1 when one is more than a tenth above the table
    instructions.py PROGRAM --write    and make them the table

PROGRAM is tests/bench/pure of a build. A count says nothing about time, but it is the same on a busy machine as on a quiet one, so a
regression shows at once. It depends on compiler, its options and the C library: for others than those of the table nothing is judged
(exit status 77). Which of its functions the C library takes for this processor is left out: it is told that the processor is a plain one.
"""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

TABLE = pathlib.Path(__file__).resolve().with_name("instructions.txt")
ABOVE = 1.1  # so many times the table's count is still well
HELD, ABOVE_THE_TABLE, NOT_JUDGED = 0, 1, 77

HEAD = """\
# SPDX-License-Identifier: Apache-2.0
#
# Instructions of one round of each pure part, counted by callgrind (tests/bench/pure.c has the inputs).
# Made by: tests/bench/instructions.py BUILD/tests/bench/pure --write
"""


@dataclasses.dataclass(frozen=True)
class Counts:
    made: str  # compiler, options, C library
    parts: dict  # name: instructions of one round
    date: str = ""


class NotCounted(Exception):
    """There is no callgrind here."""


def count(program):
    """Counts of this program."""
    if shutil.which("valgrind") is None:
        raise NotCounted("valgrind is not installed (deploy/packages, section test)")
    # Nothing of whoever runs this: meson, for one, has malloc fill what it gives (MALLOC_PERTURB_).
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC",
                   "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX,-BMI2,-BMI1,-ERMS,-FSRM,-SSE4_2,-SSE4_1,-SSSE3,-MOVBE,-LZCNT,-POPCNT"}
    with tempfile.TemporaryDirectory(prefix="instructions-") as folder:
        out = pathlib.Path(folder) / "part"
        r = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--toggle-collect=measured",
                            "--dump-after=measured", program], capture_output=True, text=True, timeout=110, check=False, env=environment)
        if r.returncode:
            raise SystemExit(f"instructions: {program} ended with status {r.returncode}: {r.stderr.strip()[-500:]}")
        made, *lines = r.stdout.splitlines()
        parts = {}
        for i, line in enumerate(lines, 1):
            name, _, rounds = line.rpartition(": ")
            text = pathlib.Path(f"{out}.{i}").read_text(encoding="utf-8", errors="replace")
            parts[name] = round(int(re.search(r"^(?:totals|summary): (\d+)", text, re.M)[1]) / int(rounds))
    return Counts(made, parts)


def read_table():
    made, date, parts = "", "", {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        key, _, value = line.rpartition(": ")
        if line.startswith("#") or not key:
            continue
        if key == "made with":
            made = value
        elif key == "date":
            date = value
        else:
            parts[key] = int(value)
    return Counts(made, parts, date)


def write_table(counts):
    width = max(map(len, counts.parts)) + 2
    lines = [HEAD, f"date: {time.strftime('%Y-%m-%d')}", f"made with: {counts.made}", ""]
    lines += [f"{name + ': ':<{width}}{n:>9}" for name, n in counts.parts.items()]
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


def wrong(counts, table):
    """Parts that take too much, or of which there is no count to compare with."""
    return [name for name in counts.parts | table.parts
            if name not in counts.parts or counts.parts[name] > ABOVE * table.parts.get(name, 0)]


def main(arguments):
    try:
        counts = count(arguments[0])
    except NotCounted as e:
        print(f"instructions: skipped, {e}")
        return NOT_JUDGED
    if "--write" in arguments:
        write_table(counts)
    table = read_table()
    print(f"{'':44}{'now':>10}{'table':>10}   ratio")
    for name, n in counts.parts.items():
        known = table.parts.get(name)
        print(f"{name:44}{n:>10,}" + (f"{known:>10,}{n / known:8.3f}" if known else "   not in the table"))
    if counts.made != table.made:
        print(f"instructions: not judged: this is {counts.made}, the table of {table.date} is of {table.made}")
        return NOT_JUDGED
    found = wrong(counts, table)
    for name in found:
        print(f"instructions: {name}: more than a tenth above the table of {table.date}, or not in both: find the reason, or --write a new table and "
              "argue for it in the commit")
    return ABOVE_THE_TABLE if found else HELD


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
