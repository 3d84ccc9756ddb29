# SPDX-License-Identifier: Apache-2.0
"""rules: one user with 30 attributes through the whole default set: join, inbound and outbound rules (bench-rules)."""

import re
import subprocess

from lab import Failure

from figures import measure
from table import Line, judge


def row(bench):
    def one():
        r = subprocess.run([bench.build / "engine" / "rules" / "bench-rules"], capture_output=True, text=True, timeout=120, check=False)
        found = re.search(r"([\d.]+) us", r.stdout)
        if not found:
            raise Failure(f"bench-rules: {r.stdout}{r.stderr}")
        return {"us": float(found[1])}

    s = measure(one, 3 if bench.quick else 5)
    return [Line("rules", "one user, default set", f"{s.of('us'):.1f} µs", "", None, "<= 50 µs", judge(s.of("us") <= 50), s.note())]
