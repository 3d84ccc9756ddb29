# SPDX-License-Identifier: Apache-2.0
"""kill -9 in the middle of a catch-up: the middle of it is stored while the feed reads on, and no death may lose a part of what a position covers.

20,000 people of an OpenLDAP server, `initial: all`, no Graph to go to, so that what is queued stays. The service dies after so many have been queued,
several times; at last it is let to its end: everybody waits, once, the store fits together, and the next start begins from the position.
"""

import json
import random

from house import check, environment, step
from lab import Lab, openldap, skip_unless, wait_until
from lab.base import write_file

PEOPLE = 20000
DEATHS = environment("SOSYNC_CRASHES", 4)
SEED = environment("SOSYNC_SEED", random.randrange(1 << 30))
PERSON = "dn: cn=p{0},{1}\nobjectClass: inetOrgPerson\ncn: p{0}\nsn: p{0}\nuid: p{0}\nmail: p{0}@corp.example.test\n\n"
CONFIG = """\
source:
  name: corp
  uris: ["{dc.ldapi}"]
  base: "{dc.base}"
  bind: {{mechanism: simple, dn: "{dc.reader_dn}", password_file: "{dc.password_file}"}}
  feed: syncrepl
  initial: all
scope: {{include: ["{people}"]}}
target:
  tenant_id: 11111111-2222-3333-4444-555555555555
  client_id: 66666666-7777-8888-9999-000000000000
  credentials: [{{secret_file: "{secret}"}}]
  endpoints: {{login: "http://127.0.0.1:9", graph: "http://127.0.0.1:9"}}
state: {{path: "{folder}/state"}}
reports: {{path: "{folder}/reports"}}
"""


def stats(sosync):
    r = sosync.command("queue", "stats", "--json")
    check(r.returncode == 0, r)
    return json.loads(r.stdout)


def main():
    skip_unless(openldap.why_not())
    rng = random.Random(SEED)
    people = f"ou=people,{openldap.BASE}"
    ldif = f"dn: {people}\nobjectClass: organizationalUnit\nou: people\n\n" + "".join(PERSON.format(i, people) for i in range(PEOPLE))
    with Lab("catch-up") as lab:
        dc = lab.slapd(ldif=ldif)
        config = CONFIG.format(dc=dc, people=people, folder=lab.folder, secret=write_file(lab.folder / "secret", "nobody"))
        sosync = lab.sosync(write_file(lab.folder / "sosync.yaml", config, 0o600), start=False)
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
