# SPDX-License-Identifier: Apache-2.0
"""start: from starting the program until it is ready, with a backlog of a million. The baseline is the same without one. See rows/backlog.py."""

from rows.backlog import Backlog
from table import Line, judge, ms


def row(bench):
    m = bench.once("backlog", Backlog)
    full, empty = m.full.of("ready"), m.empty.of("ready")
    return [Line("start", f"backlog of {m.n:,}", ms(full), ms(empty), full / empty, "<= 1 s", judge(full <= 1000), m.full.note())]
