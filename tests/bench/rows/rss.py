# SPDX-License-Identifier: Apache-2.0
"""rss: resident memory of the service that knows 100,000 users, the mapped store left out.

The state has them all (rows/people.py). The service starts with every one of them in its queue, so that it has touched all: a thousand are in the
directory and in the cloud, and their runs read both; of the others the directory says that it has not got them. What is left when the queue is empty is
counted page by page from the kernel's list of mappings: anonymous memory, the program with its libraries, and the day's report files, which are mapped
too, grow with the runs of a day and not with the users, and are given back to the kernel whenever it needs them. All of that is in the figure; the mapped store
is not. Beside it, the same with a thousand known.
"""

import os

from figures import measure
from ground import resident_bytes
from programs import fill_queue_with_known
from rows.people import N_PEOPLE, People
from table import Line, judge, mib

DEADLINE_S = 1800


def row(bench):
    people = bench.once("people", People)
    ground = people.ground
    n = int(os.environ.get("SOSYNC_BENCH_RSS") or (5000 if bench.quick else 100000))

    def after_all(state):
        fill_queue_with_known(ground, state)
        with ground.service(state=state) as service:
            ground.until_idle(DEADLINE_S, reported=True)
            return resident_bytes(service.pid)

    def one():
        with ground.copy_of_state() as state:
            few = after_all(state)
        with people.knowing(n) as (state, _):
            many = after_all(state)
        return {"few": sum(few.values()) - few["store"], "many": sum(many.values()) - many["store"], **many}

    s = measure(one, 1)
    parts = ", ".join(f"{mib(s.of(kind))} {what}" for kind, what in (
        ("anonymous", "anonymous"), ("programs", "program and libraries"), ("reports", "report files")))
    return [Line("rss", f"{n:,} known users", mib(s.of("many")), mib(s.of("few")), None, "< 100 MiB", judge(s.of("many") < 100 * 1048576),
                 f"{parts}; without the mapped store ({mib(s.of('store'))} of it resident); beside it: {N_PEOPLE:,} known")]
