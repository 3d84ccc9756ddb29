# SPDX-License-Identifier: Apache-2.0
"""latency: from the directory's acknowledgement of a change until its last write request has arrived at Graph.

20 changes a second on OpenLDAP, which tells at once (syncrepl), and on Samba (rows/paced.py says how, and what the baseline does). The baseline begins
where a program holds the change in its hand, because there is no feed in it.

On OpenLDAP the total is compared with it, from the modify's sending: what the directory itself needs for the change is in the figure, and not in the
baseline. On Samba it is the part of the product that begins where the baseline does: from the moment the feed has seen the entry. How long it takes
to be told is in the total there, and is decided by the beat (the server's USN is asked for every 25 ms, because its notification rings only every 5 s).
"""

from rows.paced import Paced, on_openldap
from table import Line, judge, ms


def row(bench):
    s = bench.once("paced", Paced).series
    n_lost = sum(s.all("lost"))
    o = bench.once("paced-openldap", on_openldap).series
    o_lost = sum(o.all("lost"))
    lines = [
        Line("latency", "p50, OpenLDAP", ms(o.of("sent_p50")), ms(o.of("base_p50")), o.of("sent_p50_ratio"), "<= 2", judge(o.of("sent_p50_ratio") <= 2, o),
             f"from the modify's sending to Graph; {o.of('n'):.0f} changes a run, {o.note()}; {ms(o.of('p50'))} from its acknowledgement"),
        Line("latency", "p99, OpenLDAP", ms(o.of("sent_p99")), ms(o.of("base_p99")), o.of("sent_p99_ratio"), "<= 3 and < 50 ms",
             judge(o.of("sent_p99_ratio") <= 3 and o.of("sent_p99") < 50 and o_lost == 0, o), f"{o_lost} NEVER ARRIVED" if o_lost else ""),
        Line("latency", "p99, Samba", ms(s.of("p99")), "", None, "< 50 ms", judge(s.of("p99") < 50 and n_lost == 0, s),
             f"Samba; {s.of('n'):.0f} changes a run, {s.note()}" + (f"; {n_lost} NEVER ARRIVED" if n_lost else "")),
        Line("latency", "p50, Samba", ms(s.of("p50")), ms(s.of("base_p50")), s.of("p50_ratio"), "", note="no goal on Samba: of this, half a "
             "beat of 25 ms is waiting to be told"),
        Line("latency", "p50, Samba, from seen", ms(s.of("inside_p50")), ms(s.of("base_p50")), s.of("inside_p50_ratio"), "<= 2",
             judge(s.of("inside_p50_ratio") <= 2, s), "the feed's time is in whole ms: the figure is up to 1 ms too high"),
        Line("latency", "p99, Samba, from seen", ms(s.of("inside_p99")), ms(s.of("base_p99")), s.of("inside_p99_ratio"), "<= 3",
             judge(s.of("inside_p99_ratio") <= 3, s)),
    ]
    return lines
