# SPDX-License-Identifier: Apache-2.0
"""latency: from the directory's acknowledgement of a change until its last write request has arrived at Graph.

20 changes a second on Samba (rows/paced.py says how, and what the baseline does). The baseline begins where a program holds
the change in its hand, because there is no feed in it. So it is compared with the part of the product that begins there too:
from the moment the feed has seen the entry. How long it takes to be told is in the total, which has a goal of its own; on
Samba it is decided by the beat (the server's USN is asked for every 25 ms, because its notification rings only every
5 s). The ratio of the total is judged only against a directory that tells at once (OpenLDAP's syncrepl), which there is no
feed for yet; here it is printed.
"""

from rows.paced import Paced
from table import Line, judge, ms


def row(bench):
    s = bench.once("paced", Paced).series
    n_lost = sum(s.all("lost"))
    lines = [
        Line("latency", "p99, commit to Graph", ms(s.of("p99")), "", None, "< 50 ms", judge(s.of("p99") < 50 and n_lost == 0, s),
             f"Samba; {s.of('n'):.0f} changes a run, {s.note()}" + (f"; {n_lost} NEVER ARRIVED" if n_lost else "")),
        Line("latency", "p50, commit to Graph", ms(s.of("p50")), ms(s.of("base_p50")), s.of("p50_ratio"), "", note="no goal on Samba: of this, half a "
             "beat of 25 ms is waiting to be told; the goal is for syncrepl"),
        Line("latency", "p50, seen to Graph", ms(s.of("inside_p50")), ms(s.of("base_p50")), s.of("inside_p50_ratio"), "<= 2",
             judge(s.of("inside_p50_ratio") <= 2, s), "the feed's time is in whole ms: the figure is up to 1 ms too high"),
        Line("latency", "p99, seen to Graph", ms(s.of("inside_p99")), ms(s.of("base_p99")), s.of("inside_p99_ratio"), "<= 3",
             judge(s.of("inside_p99_ratio") <= 3, s)),
    ]
    return lines
