# SPDX-License-Identifier: Apache-2.0
"""20,000 modifies on OpenLDAP, as fast as it takes them: the measurement behind `intake-rate` and `intake-cost`.

From the first modify that is sent until the last one is durably queued (by `/metrics`), or printed by ldapsearch into a file. *Cost* is what the
program itself has used of the CPU for that, all threads.
"""

import time

from figures import measure
from ground import cpu_s
from lab import wait_until
from rows.syncrepl import Syncrepl


class Burst:
    """bench.once("burst-intake", Burst)"""

    def __init__(self, bench):
        self.ground = bench.once("syncrepl", Syncrepl)
        self.n = 4000 if bench.quick else 20000
        self.series = measure(self.one, self.ground.n_runs, ["raw_rate"])

    def one(self):
        raw = self.raw()
        product = self.product()
        return {**raw, **product, "ratio": product["rate"] / raw["raw_rate"], "above_us": product["cost_us"] - raw["raw_us"]}

    def product(self):
        g = self.ground
        with g.service("now") as service:
            wait_until(lambda: b"state=watching" in service.log.read_bytes(), 60, "it watches")
            before, began = cpu_s(service.pid), time.monotonic()
            g.modify(self.n, f"product {g.turn}")
            g.until_queued(service, self.n)
            took, cpu = time.monotonic() - began, cpu_s(service.pid) - before
        return {"rate": self.n / took, "cost_us": cpu / self.n * 1e6}

    def raw(self):
        g = self.ground
        path = g.folder() / "ldif"
        title = f"baseline {g.turn}"
        wanted = f"\ntitle: {title}\n".encode()
        with open(path, "wb") as out:
            p = g.ldapsearch("rp", out)
            try:
                self.until_quiet(path, g.n_all * 100)
                at = path.stat().st_size
                before, began = cpu_s(p.pid), time.monotonic()
                g.modify(self.n, title)
                # Each change is an entry of about the same size: count only when it may be the last one.
                wait_until(lambda: self.ends_with(path, wanted, g.dn(self.n - 1)), 60, "the last one is printed", every_s=0.005)
                took, cpu = time.monotonic() - began, cpu_s(p.pid) - before
                # One that was sent before it may be told after it.
                wait_until(lambda: self.count(path, at, wanted) == self.n, 10, f"all {self.n} are printed")
            finally:
                p.terminate()
                p.wait(10)
        path.unlink()
        return {"raw_rate": self.n / took, "raw_us": cpu / self.n * 1e6}

    @staticmethod
    def count(path, at, wanted):
        with open(path, "rb") as f:
            f.seek(at)
            return f.read().count(wanted)

    @staticmethod
    def until_quiet(path, at_least):
        """The refresh is over: a while in which nothing was printed."""
        last = [0]

        def look():
            before, last[0] = last[0], path.stat().st_size
            return last[0] > at_least and last[0] == before
        wait_until(look, 600, "the refresh", every_s=0.5)

    @staticmethod
    def ends_with(path, wanted, dn):
        with open(path, "rb") as f:
            f.seek(max(0, path.stat().st_size - 20000))
            tail = f.read()
        entry = tail.rfind(f"dn: {dn}\n".encode())
        return entry >= 0 and wanted in tail[entry:]
