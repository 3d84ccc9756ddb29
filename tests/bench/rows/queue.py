# SPDX-License-Identifier: Apache-2.0
"""queue: durable put, lease, ack, against LMDB alone.

queue/bench-queue.c measures 1, 4 and 16 threads; its baseline writes the same rows with LMDB and nothing else,
as many cycles in a commit as the queue had. The worst of the three counts.
"""

import os
import re
import subprocess

from lab import Failure

from figures import measure
from table import Line, judge, per_s

# threads, cycles/s, raw cycles/s, (spread of the raw runs,) cycles a commit, ratio
ROW = re.compile(r"^ *(\d+) threads +(\d+) +(\d+) +(?:[\d.]+ +)?([\d.]+) +([\d.]+) *$", re.MULTILINE)


def cycles(bench):
    """The part of bench-queue that has a goal; it is ended when it has said its three lines, since what follows takes minutes."""
    found = []
    # In the build folder: the disk that the service's state is on, not a file system in memory.
    with subprocess.Popen(["stdbuf", "-oL", bench.build / "queue" / "bench-queue", "200" if bench.quick else "4000"], stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "TMPDIR": str(bench.scratch)}) as process:
        for line in process.stdout:
            found += ROW.findall(line)
            if len(found) == 3:
                break
        process.kill()
    if len(found) != 3:
        raise Failure("bench-queue ended before it had measured")
    return found


def row(bench):
    def one():
        found = cycles(bench)
        worst = min(found, key=lambda f: float(f[4]))
        return {"ours": float(worst[1]), "raw": float(worst[2]), "ratio": float(worst[4])}

    s = measure(one, 1 if bench.quick else 3, ["raw"])
    return [Line("queue", "put, lease, ack", per_s(s.of("ours")), per_s(s.of("raw")), s.of("ratio"), ">= 0.5", judge(s.of("ratio") >= 0.5, s),
                 f"the worst of 1, 4 and 16 threads; {s.note()}")]
