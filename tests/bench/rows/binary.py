# SPDX-License-Identifier: Apache-2.0
"""binary: size of the program without symbols, and how soon it is ready on an empty state.

The size is that of a stripped copy; the shared libraries it uses are Debian's and not counted. Ready means: bound to the directory,
and everything that changes there from now on will be seen; so it includes a TLS handshake and the first look, which on Samba takes longer
the more objects the domain has: the ground of this row alone has few, that of a whole run 10,000, and the line says how many.
"""

import os
import shutil
import subprocess

from figures import measure
from table import Line, judge, mib, ms


def row(bench):
    ground = bench.ground
    copy = ground.folder / "sosync-stripped"
    subprocess.run(["strip", "-o", copy, ground.lab.sosync_binary], check=True)
    size = os.stat(copy).st_size

    def one():
        state = ground.folder / f"empty-{next(ground.numbers)}"
        try:
            with ground.service(wait=False, state=state):
                return {"ready": ground.until_ready()}
        finally:
            shutil.rmtree(state, ignore_errors=True)

    s = measure(one, 3 if bench.quick else 9)
    return [
        Line("binary", "stripped", mib(size), "", None, "< 2 MiB", judge(size < 2 * 1048576)),
        Line("binary", "ready, empty state", ms(s.of("ready")), "", None, "< 100 ms", judge(s.of("ready") < 100),
             f"a domain with {len(ground.users):,} users; {s.note()}"),
    ]
