# SPDX-License-Identifier: Apache-2.0
"""Twenty changes a second, in turns with the baseline: the measurement behind `latency`, `intake-latency` and, without a baseline, `growth`.

One second the bench changes 20 users in the directory, one after the other, and waits for nothing but the directory's
acknowledgement; the service does its work. The next second baseline-change is asked, at the same pace, for the unavoidable
work of 20 other users: one synced LMDB commit of 200 bytes and a position, one LDAP base read, one GET, one PATCH, one after
the other. So both see the same minute of the machine. Each change has a title of its own, by which its last (and only)
write request is found in the emulator's journal, whose times are of CLOCK_MONOTONIC, as ours are.

A latency is that from the directory's acknowledgement, and `sent_...` that from the modify's sending: a directory that tells at once tells who
follows it before it answers who writes, so the commit is between the two.

Of a run's report come the times at which the feed has seen the entry and a worker has taken the change, in whole
milliseconds: a worker takes only what is durably queued.
"""

import itertools
import json
import random
import time

from figures import percentile
from programs import BaselineChange, patch, runs
from rows.people import People

PER_S = 20


def pace(n, per_s=PER_S):
    """Yields n times, so many a second on average; late ticks are not caught up with.

    The intervals differ by up to a half: at even ones of 50 ms or 1 s every change would meet the service's beat of 25 ms at the same
    point of its round, and a whole run would be lucky or unlucky together.
    """
    dice = random.Random(n)
    next_at = time.monotonic()
    for i in range(n):
        yield i
        next_at = max(next_at + dice.uniform(0.5, 1.5) / per_s, time.monotonic())
        time.sleep(max(0.0, next_at - time.monotonic()))


# No title twice in a run of the bench: what is in the cloud already would not be written.
TITLES = (f"product {i}" for i in itertools.count(1))


def change(ground, users, n):
    """So many changes at this pace: title → Commit."""
    commits = {}
    for _ in pace(n):
        title = next(TITLES)
        commits[title] = ground.ad.set(next(users).dn, title=title)
    return commits


def arrivals(ground):
    """Title → when the first and the last write with it had arrived, ns."""
    found = {}
    for record in ground.writes():
        body = json.loads(record["body"] or "{}")
        title = body.get("jobTitle") if isinstance(body, dict) else None
        if title:
            found.setdefault(title, []).append(record["time_us"] * 1000)
    return found


def on_openldap(bench):
    """The same where the directory tells at once: bench.once("paced-openldap", on_openldap)."""
    return Paced(bench, bench.once("people", People).ground)


class Paced:
    """All rounds of a bench run, measured once and kept: bench.once("paced", Paced)."""

    def __init__(self, bench, ground=None):
        self.ground = ground or bench.ground
        # Every change has a user of its own: what is known of the last one cannot help with this one.
        self.users = itertools.cycle(self.ground.users)
        self.n_seconds = 5 if bench.quick else 15
        self.number = itertools.count(1)
        with self.ground.service():
            self.ground.ad.set(self.ground.users[0].dn, title="Warm")
            self.ground.until_idle()
            time.sleep(1)
            from figures import measure
            # The p99 of a few hundred changes is its third worst: its noise is printed, the p50 decides about repeating.
            self.series = measure(self.one, 1 if bench.quick else 3, ["base_p50"])

    def one(self):
        ground = self.ground
        ground.forget_journal()
        commits, begins = {}, {}
        with BaselineChange(ground) as baseline:
            for _ in range(self.n_seconds):
                commits.update(change(ground, self.users, PER_S))
                for _ in pace(PER_S):
                    title = f"baseline {next(self.number)}"
                    begins[title] = baseline.change(next(self.users), patch(jobTitle=title))
        ground.until_idle()
        time.sleep(0.1)
        return self.figures(arrivals(ground), commits, begins)

    def figures(self, arrived, commits, begins):
        lost = [title for title in commits if title not in arrived]
        total = [(arrived[t][-1] - c.mono_ns) / 1e6 for t, c in commits.items() if t in arrived]
        sent = [(arrived[t][-1] - c.sent_mono_ns) / 1e6 for t, c in commits.items() if t in arrived]
        base = [(arrived[t][0] - ns) / 1e6 for t, ns in begins.items()]
        # The newest run of each object is the one of this round.
        by_dn = {}
        for run in runs(self.ground):
            by_dn.setdefault(run["dn"], run)
        offset_ms = time.time() * 1e3 - time.monotonic() * 1e3
        inside, intake = [], []
        for title, commit in commits.items():
            run = by_dn.get(commit.dn)
            if run is None or title not in arrived:
                continue
            inside.append(arrived[title][-1] / 1e6 + offset_ms - run["seen"])
            intake.append(run["started"] + 1 - commit.wall * 1e3)
        return {
            "lost": len(lost), "n": len(total),
            "p50": percentile(total, 50), "p99": percentile(total, 99),
            "sent_p50": percentile(sent, 50), "sent_p99": percentile(sent, 99),
            "sent_p50_ratio": percentile(sent, 50) / percentile(base, 50), "sent_p99_ratio": percentile(sent, 99) / percentile(base, 99),
            "base_p50": percentile(base, 50), "base_p99": percentile(base, 99),
            "inside_p50": percentile(inside, 50), "inside_p99": percentile(inside, 99),
            "inside_p50_ratio": percentile(inside, 50) / percentile(base, 50),
            "inside_p99_ratio": percentile(inside, 99) / percentile(base, 99),
            "p50_ratio": percentile(total, 50) / percentile(base, 50),
            "intake_p50": percentile(intake, 50), "intake_p95": percentile(intake, 95),
        }
