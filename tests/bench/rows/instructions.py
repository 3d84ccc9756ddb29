# SPDX-License-Identifier: Apache-2.0
"""instructions: how many instructions one round of each pure part takes: expression, rules, msgpack, limiter, HTML report.

Counted by callgrind with fixed inputs (tests/bench/pure.c), so the figure is the same on a busy machine. Beside it is the table that is kept in the
repository, tests/bench/instructions.txt; the test `instructions` of the suite lint fails at the same bound. Not judged where compiler or C library are
others than the table's.
"""

import instructions
from lab import Failure
from table import Line, judge


def row(bench):
    try:
        counts = instructions.count(bench.program("pure"))
    except instructions.NotCounted as e:
        raise Failure(str(e)) from e
    table = instructions.read_table()
    lines = []
    for name, n in counts.parts.items():
        known = table.parts.get(name)
        alike = known and counts.made == table.made
        lines.append(Line("instructions", name, f"{n:,}", f"{known:,}" if known else "", n / known if known else None,
                          *(("<= 1.1", judge(n <= instructions.ABOVE * known)) if alike else ())))
    lines[-1].note = f"beside them the table of {table.date}" + ("" if counts.made == table.made else f", which is of another build: {table.made}")
    return lines
