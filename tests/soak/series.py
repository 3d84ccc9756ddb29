# SPDX-License-Identifier: Apache-2.0
"""What is measured over hours: of one process, without a break; how it drifts, and whether that is a leak."""

import dataclasses
import os
import pathlib
import re

from figures import median, percentile
from ground import anonymous_bytes

PARTS = 10  # lines of the table


@dataclasses.dataclass(frozen=True)
class Sample:
    at_s: float
    memory: int  # anonymous, bytes
    descriptors: int
    threads: int


def look(pid, at_s):
    threads = re.search(r"^Threads:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1]
    return Sample(at_s, anonymous_bytes(pid), len(os.listdir(f"/proc/{pid}/fd")), int(threads))


def slope(points):
    """Least squares, for each second."""
    n = len(points)
    x, y = sum(p[0] for p in points) / n, sum(p[1] for p in points) / n
    below = sum((p[0] - x) ** 2 for p in points)
    return sum((p[0] - x) * (p[1] - y) for p in points) / below if below else 0


class Series:
    """Samples and latencies of one life of the process, from its start; `warm_s` of it do not count."""

    def __init__(self, began_s, warm_s):
        self.began_s, self.warm_s = began_s, warm_s
        self.samples, self.latencies = [], []  # latencies: (seconds since the start, ms, undisturbed)

    def add(self, sample):
        self.samples.append(sample)

    def add_latency(self, at_s, ms, quiet):
        self.latencies.append((at_s, ms, quiet))

    @property
    def warm(self):
        return [s for s in self.samples if s.at_s >= self.began_s + self.warm_s]

    def memory_slope(self):
        """Bytes an hour, after the warm-up."""
        return slope([(s.at_s, s.memory) for s in self.warm]) * 3600

    def parts(self):
        """The life in parts of equal length: memory, descriptors and threads (medians), and the latencies in it without faults."""
        end = self.samples[-1].at_s
        length = (end - self.began_s) / PARTS
        for i in range(PARTS):
            start = self.began_s + i * length
            inside = [s for s in self.samples if start <= s.at_s <= start + length]
            ms = [ms for at, ms, quiet in self.latencies if start <= at <= start + length and quiet]
            if inside:
                yield start - self.began_s, inside, ms

    def quiet(self, first):
        """Undisturbed latencies of the first or the last third of what counts."""
        counted = [(at, ms) for at, ms, quiet in self.latencies if quiet and at >= self.began_s + self.warm_s]
        n = max(1, len(counted) // 3)
        return [ms for _, ms in (counted[:n] if first else counted[-n:])]

    def table(self):
        lines = ["  after     memory  descriptors  threads   latency without a fault: n, p50, p99"]
        for start, inside, ms in self.parts():
            tail = f"{len(ms):4}  {percentile(ms, 50):6.0f} ms  {percentile(ms, 99):6.0f} ms" if ms else "   0"
            warm = "" if start + 1e-6 >= self.warm_s else "  warming up"
            lines.append(f"{start / 60:5.1f} min  {median([s.memory for s in inside]) / 1e6:6.2f} MB  {median([s.descriptors for s in inside]):11.0f}"
                         f"  {median([s.threads for s in inside]):7.0f}   {tail}{warm}")
        return "\n".join(lines)
