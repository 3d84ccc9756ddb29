# SPDX-License-Identifier: Apache-2.0
"""The table of results: one line per figure, and what it says about its goal."""

import dataclasses

MET, MISSED, REPEATED, NO_GOAL = "met", "missed", "repeated", "no goal"

COLUMNS = (("row", 34), ("figure", 14), ("baseline", 14), ("ratio", 7), ("goal", 18), ("verdict", 9))


@dataclasses.dataclass
class Line:
    """One figure. `ratio` is figure to baseline, as the goal has it; `verdict` is one of the four words above."""

    row: str
    what: str
    figure: str
    baseline: str = ""
    ratio: float = None
    goal: str = ""
    verdict: str = NO_GOAL
    note: str = ""


def judge(holds, series=None):
    """A verdict. A row whose baseline's own runs stayed uneven is not judged: it is `repeated`."""
    if series is not None and not series.is_steady():
        return REPEATED
    return MET if holds else MISSED


def print_header(out):
    print("  ".join(name.ljust(width) for name, width in COLUMNS).rstrip(), file=out)
    print("  ".join("-" * width for _, width in COLUMNS), file=out, flush=True)


def print_line(line, out):
    cells = (f"{line.row}: {line.what}" if line.what else line.row, line.figure, line.baseline,
             "" if line.ratio is None else f"{line.ratio:.2f}", line.goal, line.verdict)
    print("  ".join(cell.ljust(width) for cell, (_, width) in zip(cells, COLUMNS)).rstrip(), file=out)
    if line.note:
        print(f"    {line.note}", file=out)
    out.flush()


def ms(value):
    return f"{value:.2f} ms" if value < 10 else f"{value:.1f} ms" if value < 1000 else f"{value / 1000:.2f} s"


def mib(value):
    return f"{value / 1048576:.1f} MiB"


def per_s(value):
    return f"{value:,.0f}/s" if value >= 100 else f"{value:.1f}/s"
