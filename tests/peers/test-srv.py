# SPDX-License-Identifier: Apache-2.0
"""Domain controllers by DNS: `srv:` in the URIs, asked for at every connect; a controller that was taken away has a successor."""

import os

from house import DEADLINE_S, check, house, step
from lab import skip_unless, wait_until
from lab.base import Address
from lab.dns import A, SRV, Dns, why_not

skip_unless(why_not())
with house("srv") as h:
    address, nobody = Address(), Address()
    dns = Dns(address.host, h.folder)
    domain = h.dc.upn_suffix
    srv, host = f"_ldap._tcp.dc._msdcs.{domain}", f"dc1.{domain}"
    os.environ["SOSYNC_BINARY"] = str(dns.wrap(h.lab.sosync_binary, h.folder / "sosync-with-dns"))

    step("no records: a clear word")
    h.sosync = h.lab.sosync(h.write_config(uris=f'["srv:{domain}"]'))
    wait_until(lambda: f"DNS has no records {srv}" in h.sosync.log.read_text(), DEADLINE_S, "what DNS does not have")

    step("a controller that is out of service: one warning however often it is tried, and its successor is found without a restart")
    dns.records = {(srv, SRV): [(0, 100, 389, f"old.{domain}")], (f"old.{domain}", A): [nobody.host], (host, A): [h.dc.host]}
    wait_until(lambda: f"ldap://old.{domain}:389" in h.sosync.log.read_text(), DEADLINE_S, "the old one is tried")
    asked = len(dns.asked)
    wait_until(lambda: len(dns.asked) >= asked + 4, DEADLINE_S, "it is tried again")
    lines = [t for t in h.sosync.log.read_text().splitlines() if "no server answers" in t and "old." in t]
    check(len(lines) == 1, lines)
    dns.records[(srv, SRV)] = [(0, 100, 389, f"old.{domain}"), (10, 0, 389, host)]
    wait_until(lambda: f"uri=ldap://{host}:389" in h.sosync.log.read_text(), 60, "the successor is found")
    # From here on, and not from the connection on, nothing is missed: that is what "from now on" means.
    wait_until(lambda: "state=watching" in h.sosync.log.read_text(), DEADLINE_S, "the successor is watched")
    h.ad.add_user("Sue Successor", h.people)
    h.until_user("sue.successor")

    step("workers stay with the feed's controller, and do not ask DNS for another")
    asked = len([1 for name, kind in dns.asked if kind == SRV])
    h.ad.set(f"CN=Sue Successor,{h.people}", title="found")
    h.until_user("sue.successor", jobTitle="found")
    check(len([1 for name, kind in dns.asked if kind == SRV]) == asked, dns.asked)

    step("a connection that ends is made again with the same controller, whoever is first in DNS by now")
    dns.records[(srv, SRV)] = [(0, 100, 389, f"old.{domain}"), (10, 0, 389, host)]
    asked = len(dns.asked)
    h.dc.stop()
    wait_until(lambda: "has lost its server" in h.sosync.log.read_text(), DEADLINE_S, "the connection has ended")
    h.dc.start()
    n = h.sosync.log.read_text().count("state=watching")
    wait_until(lambda: h.sosync.log.read_text().count("state=watching") > n, 60, "it is watched again")
    # While it is down the others are tried; the last time it came first.
    last = max(i for i, (name, kind) in enumerate(dns.asked) if kind == SRV)
    names = [name for name, kind in dns.asked[last:] if kind == A]
    check(last >= asked and host in names and f"old.{domain}" not in names, dns.asked[asked:])

    step("the controllers of a site come first, whatever the others' priority")
    h.sosync.stop()
    near = f"_ldap._tcp.berlin._sites.dc._msdcs.{domain}"
    dns.records[(srv, SRV)] = [(0, 100, 389, f"old.{domain}"), (10, 0, 389, host)]
    dns.records[(near, SRV)] = [(0, 100, 389, host)]
    h.sosync = h.lab.sosync(h.write_config(uris=f'["srv:{domain}"]\n  site: Berlin'), name="site")
    wait_until(lambda: "state=watching" in h.sosync.log.read_text(), DEADLINE_S, "a controller of the site")
    check(f"old.{domain}" not in h.sosync.log.read_text(), "another one was tried first")

    step("mistakes")
    r = h.lab.sosync(h.write_config(uris='["srv:dc1/.."]', name="bad.yaml"), name="bad", start=False).command("config", "check")
    check(r.returncode == 2 and "expected srv: and the name of a domain" in r.stderr, r)
    dns.close()
    address.release()
    nobody.release()
