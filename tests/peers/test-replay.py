#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What the directory said is recorded, and said once more to a sosync that knows nothing: the cloud ends up the same."""

import house as h
from house import House, check, step
from lab import Lab, openldap, skip_unless, wait_until

SHOWN = ("displayName", "jobTitle", "accountEnabled", "onPremisesImmutableId")


def people(graph):
    return {u["userPrincipalName"]: {k: u[k] for k in SHOWN if k in u} for u in graph.state()["users"]}


def main():
    skip_unless(openldap.why_not())
    with Lab("replay") as lab:
        site = House(lab, dc=lab.slapd())
        recording = lab.folder / "recording"
        site.sosync = lab.sosync(site.write_config(), start=False)
        site.sosync.arguments = ["--record", str(recording)]
        site.sosync.start()
        step("people come, change, and one is locked")
        dns = [site.ad.add_person(f"Person {i}", site.people, title="Lead").dn for i in range(20)]
        site.until_user("person.19")
        site.ad.set(dns[1], title="Chief")
        site.ad.lock(dns[2])
        site.until_user("person.1", jobTitle="Chief")
        site.until_user("person.2", accountEnabled=False)
        site.sosync.stop()
        wanted = people(site.graph)
        check(len(wanted) == 20, wanted)

        step("a recording that is there is not overwritten")
        r = site.sosync.command("run", "--record", recording)
        check(r.returncode == 2 and "File exists" in r.stderr, r.stderr)

        step("another sosync, another tenant, the same story")
        site.graph = lab.emulator(name="graph2", domains=[site.dc.upn_suffix])
        again = lab.sosync(site.write_config("replay.yaml", feed=f"replay\n  replay: {recording}", state=lab.folder / "state2", reports=lab.folder / "reports2"),
                           name="sosync2")
        wait_until(lambda: people(site.graph) == wanted, h.DEADLINE_S, "the same people in the cloud")
        check("replayed" in again.log.read_text(), again.log.read_text())
        n = len(site.writes())
        again.stop()
        again.start()
        wait_until(lambda: again.log.read_text().count("replayed") == 2, h.DEADLINE_S, "replayed to its end")
        check(len(site.writes()) == n, "from where it was: nothing is said twice")


if __name__ == "__main__":
    main()
