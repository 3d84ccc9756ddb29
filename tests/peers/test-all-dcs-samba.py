# SPDX-License-Identifier: Apache-2.0
"""source.urgent_on: all-dcs, on two Samba controllers of one domain between which nothing replicates: the disable that the other one has, and then the same here."""

import time

import house as h
from house import House, check, step
from lab import Lab, domain, skip_unless, wait_until

N = 10

skip_unless(domain.why_not())
with Lab("all-dcs-samba") as lab:
    site = House(lab, users=N)
    other = lab.samba("dc2", users=N, another=True)
    there = other.admin()
    bulk = f"OU=Bulk,{site.dc.base}"
    people = sorted(dn for dn, _ in site.ad.find(bulk, "(objectClass=user)", ["cn"]))
    ca = site.folder / "both.pem"
    ca.write_text(site.dc.ca_file.read_text() + other.ca_file.read_text())
    site.start(uris=f'["{site.dc.uri}", "{other.uri}"]', tls=f'{{ca_file: "{ca}"}}', scope=f'{{include: ["{bulk}"]}}', feed="auto\n  urgent_on: all-dcs")
    wait_until(lambda: "looking out for urgent changes" in site.sosync.log.read_text(), 60, "a lookout at the other controller")
    accounts = [site.ad.find(dn, "(objectClass=user)", ["userPrincipalName"])[0][1]["userPrincipalName"][0].decode() for dn in people]
    for dn in people:
        site.ad.set(dn, title="here")

    def user(upn):
        return site.graph.find_user(upn)

    def has(upn, **wanted):
        return (u := user(upn)) and all(u.get(k) == v for k, v in wanted.items())

    for upn in accounts:
        wait_until(lambda: has(upn, jobTitle="here", accountEnabled=True), h.DEADLINE_S, f"{upn} in the cloud")

    step("disabled at the other controller")
    slowest = 0
    for dn, upn in zip(people, accounts):
        began = time.monotonic()
        there.disable(dn)
        wait_until(lambda: has(upn, accountEnabled=False), h.DEADLINE_S, f"{upn} is disabled", every_s=0.005)
        slowest = max(slowest, time.monotonic() - began)
        site.ad.set(dn, title="rings")
    print(f"{N} disables, the slowest in the cloud after {slowest * 1000:.0f} ms")
    check(slowest < 1, slowest)
    for upn in accounts:
        wait_until(lambda: has(upn, jobTitle="rings", accountEnabled=False), h.DEADLINE_S, f"{upn} stays disabled")

    step("disabled and enabled here as well: a higher version, which wins")
    site.ad.disable(people[0])
    site.ad.enable(people[0])
    site.ad.set(people[0], title="enabled")
    wait_until(lambda: has(accounts[0], accountEnabled=True), h.DEADLINE_S, "enabled")
    check(not any(user(upn)["accountEnabled"] for upn in accounts[1:]), "others were enabled")
