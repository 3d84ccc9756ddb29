# SPDX-License-Identifier: Apache-2.0
"""More has changed than Samba gives in one answer to DirSync.

Photographs of more than 256 MiB together are changed while the service is down: Samba makes the whole answer before it sends any, and refuses one that is
larger. The service asks for less; nobody is missed.
"""

import time

import ldap

from house import check, house, step, user_rules, write_rules
from lab import wait_until

N_PEOPLE = 30
PHOTO = bytes(9_500_000)  # Samba takes requests of 16 MB
DEADLINE_S = 120

SEEN = user_rules("Photograph", "target: department, expression: 'IIF(IsPresent([jpegPhoto]),[title],NULL)'")


def until_all(h, accounts, department):
    def look():
        by_upn = {u["userPrincipalName"]: u for u in h.graph.state()["users"]}
        return all((u := by_upn.get(h.upn(a))) and u.get("department") == department for a in accounts)
    wait_until(look, DEADLINE_S, f"everybody has the department {department}")
    h.until_idle()


def main():
    with house("long-absence") as h:
        rules = write_rules(h, "rules", SEEN)
        h.start(more=f'rules: {{directory: "{rules}"}}')
        people = [h.ad.add_user(f"Person {i:02}", h.people, title="Shy").dn for i in range(N_PEOPLE)]
        accounts = [f"person.{i:02}" for i in range(N_PEOPLE)]
        until_all(h, accounts, None)
        h.sosync.stop()

        step(f"{N_PEOPLE * len(PHOTO) / 2**20:.0f} MiB of photographs while the service is down")
        h.ad.many((("modify", dn, [(ldap.MOD_REPLACE, "jpegPhoto", [PHOTO]), (ldap.MOD_REPLACE, "title", [b"Seen"])]) for dn in people), outstanding=1)
        began = time.monotonic()
        h.sosync.start(wait=False)
        until_all(h, accounts, "Seen")
        print(f"{time.monotonic() - began:.1f} s from the start until everybody is in the cloud")
        said = h.sosync.log.read_text()
        check("too much for one answer" in said, "Samba did not refuse it: this test shows nothing")
        check("catching up" not in said, "the position was good")


if __name__ == "__main__":
    main()
