# SPDX-License-Identifier: Apache-2.0
"""Small statistics: no more than the table needs."""

import math

# Runs of one raw baseline that differ by more than this say that the machine was busy with something else.
NOISE = 1.5


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def percentile(values, p):
    """Nearest rank: a value that was really seen, never one between two."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(p / 100 * len(ordered)) - 1)]


def spread(values):
    """The largest divided by the smallest; 1 for a single run."""
    return max(values) / min(values) if values and min(values) > 0 else math.inf


class Series:
    """Runs of one row: each a dictionary of figures. `baseline` names the figures by which the noise is judged."""

    def __init__(self, baseline=()):
        self.runs = []
        self.baseline = baseline
        self.n_repeats = 0

    def of(self, name):
        return median([run[name] for run in self.runs])

    def all(self, name):
        return [run[name] for run in self.runs]

    def is_steady(self):
        return len(self.runs) < 2 or all(spread(self.all(name)) <= NOISE for name in self.baseline)

    def note(self):
        if len(self.runs) == 1:
            return "one run"
        text = f"median of {len(self.runs)}"
        if self.n_repeats:
            text += f", repeated {'once' if self.n_repeats == 1 else 'twice'} because the baseline was uneven"
        if not self.is_steady():
            text += "; still uneven: " + ", ".join(f"{spread(self.all(name)):.1f}" for name in self.baseline)
        return text


def measure(one, n_runs, baseline=(), n_repeats=2):
    """`one()` n_runs times; all of it again, at most `n_repeats` times, while the baseline's own runs differ too much."""
    series = Series(baseline)
    while True:
        series.runs = [one() for _ in range(n_runs)]
        if series.is_steady() or series.n_repeats == n_repeats:
            return series
        series.n_repeats += 1
