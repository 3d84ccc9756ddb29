# SPDX-License-Identifier: Apache-2.0
"""An OU that is renamed or moved is one entry of the feed: what is below it comes and goes with it, also over a stop.

    test-ou.py [openldap]
"""

import contextlib
import json
import sys

from house import House, check, house, step, wait_until
from lab import Lab, openldap, skip_unless

N = 40
IS_AD = "openldap" not in sys.argv[1:]
OU = "OU" if IS_AD else "ou"  # OpenLDAP writes it small


@contextlib.contextmanager
def slapd_house(name):
    skip_unless(openldap.why_not())
    with Lab(name) as lab:
        yield House(lab, dc=lab.slapd())


def add_user(h, name, ou, **attributes):
    """OpenLDAP's people have no userPrincipalName."""
    if IS_AD:
        h.ad.add_user(name, ou, **attributes)
    else:
        h.ad.add_person(name, ou, mail=h.upn(name.lower().replace(" ", ".")), **attributes)


def disable(h, dn):
    if IS_AD:
        h.ad.enable(dn, False)
    else:
        h.ad.lock(dn)


def reports(h, text):
    r = h.sosync.command("report", "list", "--json", "--text", text, "--limit", "500")
    check(r.returncode == 0, r)
    return [json.loads(line) for line in r.stdout.splitlines()]


def until_ran(h, text, n):
    """So many runs of objects with this in their DN, the last ones under their new name."""
    wait_until(lambda: len(reports(h, text)) >= n, 20, f"{n} reports of {text}")
    h.until_idle()


# What else people lie below, where there is no Active Directory, and how it is called there.
OTHERS = {} if IS_AD else {"l=Berlin": "locality", "o=Subsidiary": "organization", "dc=shop": "domain"}

with (house("ou") if IS_AD else slapd_house("ou-openldap")) as h:
    for rdn, kind in OTHERS.items():
        h.ad.add(f"{rdn},{h.outside}", {"objectClass": kind})
        add_user(h, f"Early {kind}", f"{rdn},{h.outside}")
    h.start()
    sales = h.ad.add_ou(f"OU=Sales,{h.corp}").dn
    inner = h.ad.add_ou(f"OU=Inner,{sales}").dn
    hired = h.ad.add_ou(f"OU=Hired,{h.outside}").dn
    for i in range(N):
        add_user(h, f"Seller {i}", inner if i % 2 else sales, title="Seller")
        add_user(h, f"Hire {i}", hired)
    for i in range(N):
        h.until_user(f"seller.{i}")
    h.until_idle()

    step("renamed: every object below it runs once, and nothing is written")
    before = h.graph.last()
    h.ad.rename(sales, "Verkauf")
    until_ran(h, f"{OU}=Verkauf", N)
    check(not h.writes(before), h.writes(before))
    verkauf = f"OU=Verkauf,{h.corp}"

    step("moved into scope: what comes with it is made")
    h.ad.move(hired, h.corp)
    for i in range(N):
        h.until_user(f"hire.{i}")
    h.until_idle()

    for rdn, kind in OTHERS.items():
        step(f"one that is no OU ({kind}), and was there before the first start, is moved into scope")
        h.ad.move(f"{rdn},{h.outside}", h.corp)
        h.until_user(f"early.{kind}")
    h.until_idle()

    step("moved out of scope, one disabled below it: disabled in the cloud too")
    disable(h, f"CN=Seller 1,OU=Inner,{verkauf}")
    h.until_user("seller.1", accountEnabled=False)
    h.ad.move(f"OU=Inner,{verkauf}", h.outside)
    until_ran(h, f"{OU}=Inner,{OU}=Outside", N // 2)
    check(h.user("seller.3")["accountEnabled"] is True, "an enabled leaver is left as it is")

    step("renamed while no service runs, and stopped again at once after the start")
    h.sosync.stop()
    h.ad.rename(verkauf, "Vente")
    h.sosync.start(wait=False)
    h.sosync.kill()
    h.sosync.start()
    until_ran(h, f"{OU}=Vente", N // 2)

    n = json.loads(h.sosync.command("reconcile", "--json").stdout)
    check(n["objects"] >= 2 * N and (n["enqueued"], n["missed"]) == (0, 0), n)
