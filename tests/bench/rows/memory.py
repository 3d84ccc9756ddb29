# SPDX-License-Identifier: Apache-2.0
"""memory: anonymous memory of the idle service, and how much a backlog of a million adds. See rows/backlog.py."""

from rows.backlog import Backlog
from table import Line, judge, mib


def row(bench):
    m = bench.once("backlog", Backlog)
    idle, full = m.empty.of("anonymous"), m.full.of("anonymous")
    return [
        Line("memory", "idle", mib(idle), "", None, "<= 20 MiB", judge(idle <= 20 * 1048576), f"anonymous; {m.empty.note()}"),
        Line("memory", f"backlog of {m.n:,}", f"{(full - idle) / 1048576:+.1f} MiB", mib(idle), None, "<= +16 MiB", judge(full - idle <= 16 * 1048576),
             f"the file takes {mib(m.file_bytes)}; filled in {m.fill_s:.1f} s"),
    ]
