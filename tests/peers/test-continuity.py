#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Continuity: random changes while the server goes, the wire is cut and sosync is killed; at the end the cloud has what the directory has.

    test-continuity.py dirsync|usn|syncrepl|psearch|rfc4533 [OPERATIONS [SEED]]      rfc4533: syncrepl, at a 389 Directory Server

Nothing is lost: every person in scope is in the cloud with the directory's values. Nothing is wrong: so is everyone who was. Nothing is concluded
from absence: whoever was deleted or moved out of scope is still there, and as it was. Reconcile is off: it is the feed alone. And the store fits together.
"""

import contextlib
import random
import sys
import time

import house as h
import ldap
from chaos import Chaos, Dirsrv, OpenLdap, Samba, settle
from house import check, step
from lab import Lab, dirsrv, domain, openldap, skip_unless, wait_until
from lab.proxy import Proxy

FEED = sys.argv[1]
OPERATIONS = int(sys.argv[2]) if len(sys.argv) > 2 else 300
SEED = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(1 << 30)
ROUND = 50


SITES = {"dirsync": (Samba, domain), "usn": (Samba, domain), "syncrepl": (OpenLdap, openldap), "psearch": (Dirsrv, dirsrv), "rfc4533": (Dirsrv, dirsrv)}


def disturb(site, proxy, rng, i):
    """One of the things that happen to servers, wires and processes."""
    kind = ("cut", "kill", "restart", "cut", "restart and kill")[i % 5]
    if kind == "cut":
        wait_until(proxy.is_used, h.DEADLINE_S, "somebody is connected")
        proxy.cut()
    if "kill" in kind:
        site.sosync.kill()
    if "restart" in kind:
        site.dc.stop()
        site.dc.start()
        site.ad = site.dc.admin()
    return kind


def is_cut(proxy, n_before):
    """A connection that was to be cut may have ended by itself: then the next one is."""
    if proxy.n_cuts == n_before:
        proxy.cut()
    return proxy.n_cuts > n_before


def main():
    site_class, server = SITES[FEED]
    skip_unless(server.why_not())
    rng = random.Random(SEED)
    with Lab(f"continuity-{FEED}") as lab, contextlib.ExitStack() as stack:
        site = site_class(lab, **({"content_sync": FEED == "rfc4533"} if site_class is Dirsrv else {}))
        path = getattr(site.dc, "socket", None)
        proxy = Proxy(None if path else site.dc.host, seed=SEED, socket_path=path)
        stack.callback(proxy.close)
        site.start(uris=f'["{proxy.uri}"]', brakes="{off: [create, disable, members, values]}",
                   feed="syncrepl" if FEED == "rfc4533" else FEED, target="  limits: {published: false}\n", more="reconcile: {every: 24h}")
        chaos = Chaos(site, rng)
        step(f"{FEED}, {OPERATIONS} operations, seed {SEED}")
        for i in range(OPERATIONS // ROUND):
            for _ in range(ROUND // 2):
                chaos.operation()
            n_cuts = proxy.n_cuts
            kind = disturb(site, proxy, rng, i)
            for _ in range(ROUND // 2):
                chaos.operation()
            if "kill" in kind:
                site.sosync.start(wait=False)
            if kind == "cut":
                wait_until(lambda: is_cut(proxy, n_cuts), h.DEADLINE_S, "the wire is cut")
        began = time.monotonic()
        settle(site, chaos, 60 + OPERATIONS / 20, SEED)
        step(f"equal {time.monotonic() - began:.1f} s after the last change; {proxy.n_cuts} cuts; {chaos.n_of}")
        deleted = site.graph.state()["deleted"]
        check(not deleted, f"deleted in the cloud: {deleted[:3]}")
        n_users = len(site.graph.state()["users"])
        check(n_users >= len(chaos.people), f"{n_users} users in the cloud")
        # One more change goes through at once: it is still watching.
        chaos.add()
        settle(site, chaos, h.DEADLINE_S, SEED)
        # What so many deaths have left behind fits together.
        r = site.sosync.command("queue", "check")
        check(r.returncode == 0, f"seed {SEED}: {r.stdout}{r.stderr}")


if __name__ == "__main__":
    try:
        main()
    except ldap.LDAPError as e:
        raise AssertionError(f"seed {SEED}: {e!r}") from e
