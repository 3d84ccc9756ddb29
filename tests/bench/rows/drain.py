# SPDX-License-Identifier: Apache-2.0
"""drain: how fast a backlog of 20,000 updates is worked off when nobody throttles.

The users are in OpenLDAP, like those that the goal was set with. Somebody has changed every one of them in the cloud, so that each run
has to send one PATCH; they are put into the queue directly, and the service starts with its default number of workers. The rate is
that of the PATCHes between the first and the last.

The baseline is the unavoidable work of the same users, by as many threads as there are workers that take normal changes
(30 of 32), each with its own connections: one LDAP base read with all attributes, one GET as the service makes it, one
PATCH, one row in a commit that all who wait share. Directory, emulator and transport are the same. Its ceiling,
GET and PATCH alone, says what emulator and HTTP can do: below 1.5 times of the figure the row would measure the emulator,
and is invalid.
"""

from figures import measure
from programs import baseline_drain, fill_queue, patch
from rows.people import many
from table import REPEATED, Line, judge, per_s

N_THREADS = 30


def rate(records):
    times = [r["time_us"] for r in records]
    return (len(times) - 1) * 1e6 / (max(times) - min(times))


def row(bench):
    ground = bench.once("many", many)
    users = ground.users

    def one():
        attribute = ground.make_stale(users)
        body = patch(**{attribute: "Somebody"})
        base = baseline_drain(ground, users, body, N_THREADS)
        ground.make_stale(users, attribute)
        ceiling = baseline_drain(ground, users, body, N_THREADS, http_only=True)
        ground.make_stale(users, attribute)
        fill_queue(ground, ground.state, users)
        ground.forget_journal()
        with ground.service():
            ours = rate(ground.until_writes(len(users), 120))
            ground.until_idle()
        return {"ours": ours, "base": base, "ceiling": ceiling, "ratio": ours / base}

    s = measure(one, 1 if bench.quick else 3, ["base"])
    valid = s.of("ceiling") >= 1.5 * s.of("ours")
    return [Line("drain", f"{len(users):,} updates", per_s(s.of("ours")), per_s(s.of("base")), s.of("ratio"), ">= 0.6",
                 judge(s.of("ratio") >= 0.6, s) if valid else REPEATED,
                 f"{s.note()}; emulator's ceiling {per_s(s.of('ceiling'))}" + ("" if valid else ": below 1.5 times of the figure, INVALID"))]
