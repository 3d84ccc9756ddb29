# SPDX-License-Identifier: Apache-2.0
"""cpu: CPU time of all threads of the service at 20 changes a second, and idle.

From the kernel's accounting of each thread, over seconds in which 20 users a second are changed in the directory, each of
them exported. The idle figure is what the beat costs on Samba (40 reads of the root DSE a second); on a Windows server there
is one every ten seconds. 1% of a core is half a millisecond a change. The baseline is the CPU time of baseline-change at the same
pace, right after: one commit, one read, one GET, one PATCH, in one thread. What the same beat costs the domain controller is printed beside what it
uses when nobody asks it for anything.
"""

import itertools
import time

from figures import measure
from ground import cpu_s, session_cpu_s
from programs import BaselineChange, patch
from rows.paced import PER_S, pace
from table import Line, judge


def row(bench):
    ground = bench.ground
    seconds = 6 if bench.quick else 15
    number = itertools.count()
    users = itertools.cycle(ground.users)
    with ground.service() as service:
        for u in ground.users[:20]:
            ground.ad.set(u.dn, title=f"Warm {time.monotonic_ns()}")
        time.sleep(1)
        ground.until_idle()

        def over(work, pid=service.pid, cpu_s=cpu_s):
            cpu, began = cpu_s(pid), time.monotonic()
            work()
            return (cpu_s(pid) - cpu) / (time.monotonic() - began)

        def idle_dc():
            return over(lambda: time.sleep(3), ground.dc.pid, session_cpu_s)

        def busy():
            for _ in pace(PER_S * seconds):
                ground.ad.set(next(users).dn, title=f"Busy {next(number)} {time.monotonic_ns()}")

        def unavoidable(baseline):
            for _ in pace(PER_S * seconds):
                baseline.change(next(users), patch(jobTitle=f"Baseline {next(number)}"))

        def one():
            with BaselineChange(ground) as baseline:
                return {"busy": over(busy), "idle": over(lambda: time.sleep(3)),
                        "base": over(lambda: unavoidable(baseline), baseline.process.pid)}

        s = measure(one, 1 if bench.quick else 3)
        with_us = idle_dc()
    without = idle_dc()
    return [
        Line("cpu", "20 changes/s", f"{s.of('busy'):.2%}", f"{s.of('base'):.2%}", s.of("busy") / s.of("base"), "< 3%", judge(s.of("busy") < 0.03),
             f"of one core, all threads; {seconds} s, {s.note()}"),
        Line("cpu", "idle", f"{s.of('idle'):.2%}"),
        Line("cpu", "idle, at the domain controller", f"{with_us:.2%}", f"{without:.2%}", None, note="Samba, 40 reads of the root DSE a second; beside it: "
             "without the service"),
    ]
