# SPDX-License-Identifier: Apache-2.0
"""A hundred thousand people: the measurement behind `compare` and `rules-diff`.

They are in OpenLDAP, whose slapadd makes 100,000 entries in one go; Samba adds them one by one. From there on everything is the product's own:
the service brings them to the cloud, so that state and tenant are what they would be after a first start, with 23 attributes of each. Then, without
a service, the command `compare` over all of them, and `rules diff` with a set in which one flow of everybody is another. Each has to find what is
there: all equal, and one value of each. The commands' anonymous memory is read while they run; what it is at a tenth of the way is compared with
its highest value, so that what grows with the number of objects shows. Quick: those of `drain` and `under-limit`, whom these leave as they were.
"""

import contextlib
import json
import pathlib
import shutil
import subprocess
import time

from figures import measure
from ground import anonymous_bytes
from lab import Failure
from rows.people import CrowdGround, many

RULES = pathlib.Path(__file__).resolve().parents[3] / "engine" / "rules" / "default"
FLOW, OTHER = "expression: 'Trim([sn])'", "expression: 'Trim([sn]) & \"!\"'"
DEADLINE_S = 1800


class Crowd:
    """bench.once("crowd", Crowd)"""

    def __init__(self, bench):
        n_runs = 1 if bench.quick else 3
        with contextlib.nullcontext(bench.once("many", many)) if bench.quick else CrowdGround(100000) as ground:
            self.n = ground.n_users
            self.populate_s = ground.populate_s
            candidate = self.candidate(ground)
            self.config = ground.write_config(log="warning")
            self.sosync = ground.lab.build / "app" / "sosync"
            self.compare = measure(self.one_compare, n_runs)
            self.diff = measure(lambda: self.one_diff(candidate), n_runs)

    @staticmethod
    def candidate(ground):
        folder = ground.folder / "candidate"
        shutil.copytree(RULES, folder, ignore=shutil.ignore_patterns("optional-*"))
        for path in folder.glob("*.yaml"):
            path.write_text(path.read_text(encoding="utf-8").replace(FLOW, OTHER), encoding="utf-8")
        return folder

    def command(self, *arguments):
        """What it printed, how long it took, its highest memory and that of the first tenth."""
        began, seen = time.monotonic(), []
        with subprocess.Popen([self.sosync, "-c", self.config, *arguments, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
            while p.poll() is None and time.monotonic() - began < DEADLINE_S:
                try:
                    seen.append(anonymous_bytes(p.pid))
                except (OSError, TypeError):
                    break
                time.sleep(0.05)
            out, err = p.communicate(timeout=DEADLINE_S)
        if p.returncode not in (0, 1) or not out:
            raise Failure(f"{arguments[0]} ended with status {p.returncode}: {err.strip()}")
        return json.loads(out), time.monotonic() - began, max(seen), max(seen[:len(seen) // 10 + 1])

    def one_compare(self):
        result, took_s, most, early = self.command("compare")
        if result["equal"] != self.n or result["different"]:
            raise Failure(f"compare: {result['equal']} of {self.n} are equal, {result['different']} are not")
        return {"s": (result["tookMilliseconds"] - result["readingMilliseconds"]) / 1000, "reading_s": result["readingMilliseconds"] / 1000,
                "all_s": took_s, "most": most, "early": early}

    def one_diff(self, candidate):
        result, took_s, most, early = self.command("rules", "diff", str(candidate))
        if result["objects"] < self.n or result["changed"] != self.n:
            raise Failure(f"rules diff: {result['changed']} of {result['objects']} would change, not {self.n}")
        return {"s": result["seconds"], "all_s": took_s, "most": most, "early": early}
