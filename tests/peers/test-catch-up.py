# SPDX-License-Identifier: Apache-2.0
"""kill -9 in the middle of a catch-up: the middle of it is stored while the feed reads on, and no death may lose a part of what a position covers.

20,000 people of an OpenLDAP server, `initial: all`, no Graph to go to, so that what is queued stays. The service dies after so many have been queued,
several times; at last it is let to its end: everybody waits, once, the store fits together, and the next start begins from the position.
"""

import json
import random

from house import check, environment, step
from lab import Lab, openldap, skip_unless, wait_until

PEOPLE = 20000
DEATHS = environment("SOSYNC_CRASHES", 4)
SEED = environment("SOSYNC_SEED", random.randrange(1 << 30))


def stats(sosync):
    r = sosync.command("queue", "stats", "--json")
    check(r.returncode == 0, r)
    return json.loads(r.stdout)


def main():
    skip_unless(openldap.why_not())
    rng = random.Random(SEED)
    with Lab("catch-up") as lab:
        dc = lab.slapd(ldif=openldap.people(PEOPLE))
        sosync = lab.sosync(openldap.following(dc, lab.folder), start=False)
        step(f"{PEOPLE} people, {DEATHS} deaths, seed {SEED}")
        for _ in range(DEATHS):
            sosync.start(wait=False)
            n = rng.randrange(PEOPLE // 2)
            # Before that, a command would take the state folder for itself.
            wait_until(lambda: b" connected " in sosync.said(), 60, "the feed is connected")
            wait_until(lambda n=n: stats(sosync)["put"] > n, 60, f"{n} are queued", every_s=0)
            sosync.kill()
            check(b"watching" not in sosync.said(), f"seed {SEED}: it was over before it died")
        sosync.start(wait=False)
        wait_until(lambda: b"state=watching" in sosync.said(), 60, "it watches", every_s=0.05)
        lanes = stats(sosync)["lanes"].values()
        waiting = sum(lane[state] for lane in lanes for state in ("ready", "leased", "delayed", "parked"))
        check(waiting == PEOPLE, f"seed {SEED}: {waiting} wait, {lanes}")
        sosync.kill()
        r = sosync.command("queue", "check")
        check(r.returncode == 0, f"seed {SEED}: {r.stdout}{r.stderr}")

        step("the next start has a position")
        sosync.start(wait=False)
        wait_until(lambda: b"state=watching" in sosync.said(), 60, "it watches", every_s=0.05)
        check(b"catching up" not in sosync.said(), "it catches up once more")
        check(stats(sosync)["put"] == 0, "somebody was queued once more")


if __name__ == "__main__":
    main()
