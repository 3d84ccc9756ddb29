# SPDX-License-Identifier: Apache-2.0
"""A group of many members: from empty to full and back with as few requests as Graph allows, with kill -9 in the middle of both; and
one removal while all are being added.

SOSYNC_MEMBERS: how many (default 1000; the whole is 49999: the default rules take no group of 50,000, memberCount LESSTHAN 50000).
"""

import json
import math
import time

from fakeland import Fake
from house import check, environment, step
from lab import Lab, wait_until
from lab.fakead import BASE, guid

MEMBERS = environment("SOSYNC_MEMBERS", 1000)
MANY_S = 1200
WINDOW = 8  # requests that may be under way when the process dies


class Hall(Fake):
    def __init__(self, lab):
        super().__init__(lab)
        self.sosync = lab.sosync(self.write_config(workers=32, patience="60s", target="limits: {published: false}",
                                                   more="brakes: {off: [create, members]}\nsettle: 5s"))

    def put_group(self, name, number, members):
        self.ad.put(guid(number), f"CN={name},OU=Corp,{BASE}", objectClass=["top", "group"], sAMAccountName=name, displayName=name, name=name,
                    groupType="-2147483646", instanceType="4", member={"links": members})

    def members(self, name):
        """So many are in it now; asked of one group, not of the whole state."""
        g = self.ids[name]
        headers = {"Authorization": self.bearer, "ConsistencyLevel": "eventual"}
        return int(self.graph.request("GET", f"/v1.0/groups/{g}/members/$count", headers=headers))

    def sign_in(self):
        form = f"client_id={self.graph.client_id}&client_secret={self.graph.secret}&grant_type=client_credentials&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
        import http.client
        c = http.client.HTTPConnection("127.0.0.1", self.graph.port)
        c.request("POST", f"/{self.graph.tenant_id}/oauth2/v2.0/token", form, {"Content-Type": "application/x-www-form-urlencoded"})
        self.bearer = "Bearer " + json.loads(c.getresponse().read())["access_token"]

    def until_members(self, name, condition, what):
        wait_until(lambda: condition(self.members(name)), MANY_S, f"{name}: {what}", every_s=0.02)

    def until_idle(self):
        wait_until(lambda: self.is_idle("parked"), MANY_S, "an idle queue with nothing parked", every_s=0.2)

    def requests(self, after):
        """Of these requests: additions and removals of members, and $batch."""
        records = [r for r in self.graph.journal(after) if r["method"] != "GET" and "/groups" in r["path"] or r["path"].endswith("$batch")]
        return {
            "additions": sum(r["method"] == "PATCH" and "members@odata.bind" in r["body"] for r in records if r["body"]),
            "removals": sum(r["method"] == "DELETE" for r in records),
            "batches": len({r["batch"] for r in records if r["batch"]}),
            "refused": sum(r["status"] >= 400 for r in records),
        }


def kill_in_the_middle(h, name, condition, what):
    h.until_members(name, condition, what)
    h.sosync.kill()
    at = h.members(name)
    h.graph.admin("POST", "latency", {"min_ms": 0})
    check(0 < at < MEMBERS, f"killed at {at}, which is not the middle")
    h.sosync.start()
    return at


def full_and_back(h, everybody):
    h.put_group("Big", 900001, [])
    h.ids["Big"] = wait_until(lambda: h.graph.find_group("Big"), 60, "the group")["id"]
    h.until_idle()
    least = math.ceil(MEMBERS / 20)

    before, began = h.graph.last(), time.monotonic()
    h.graph.admin("POST", "latency", {"min_ms": 30})  # else it is over before it can be killed
    h.put_group("Big", 900001, everybody)
    at = kill_in_the_middle(h, "Big", lambda n: n >= MEMBERS // 3, "a third of them")
    h.until_members("Big", lambda n: n == MEMBERS, "all of them")
    h.until_idle()
    used = h.requests(before)
    step(f"empty to {MEMBERS} in {time.monotonic() - began:.1f} s, killed at {at}: {used}; {least} additions are the least")
    check(used["additions"] <= least + 2 * WINDOW + 20, used)

    before, began = h.graph.last(), time.monotonic()
    h.graph.admin("POST", "latency", {"min_ms": 30})
    h.put_group("Big", 900001, [])
    at = kill_in_the_middle(h, "Big", lambda n: n <= MEMBERS * 2 // 3, "two thirds of them")
    h.until_members("Big", lambda n: n == 0, "nobody")
    h.until_idle()
    used = h.requests(before)
    step(f"{MEMBERS} to empty in {time.monotonic() - began:.1f} s, killed at {at}: {used}")
    check(used["removals"] <= MEMBERS + 2 * WINDOW * 20, used)


def one_out(h, everybody):
    """While everybody is added, one is taken out. It goes with the next run of the group, before what is left to add."""
    first, rest = everybody[:40], everybody[40:]
    h.put_group("Busy", 900002, first)
    h.ids["Busy"] = wait_until(lambda: h.graph.find_group("Busy"), 60, "the group")["id"]
    h.until_members("Busy", lambda n: n == 40, "the first forty")
    h.until_idle()
    h.graph.admin("POST", "latency", {"min_ms": 120 if MEMBERS < 10000 else 80})  # else it is over before anybody can leave
    before = h.graph.last()
    h.put_group("Busy", 900002, first + rest)
    h.until_members("Busy", lambda n: n > 60, "the first of the others")
    at = time.monotonic()
    h.put_group("Busy", 900002, first[1:] + rest)
    told = time.monotonic()
    gone = h.graph.wait_journal(lambda r: r["method"] == "DELETE" and "/members/" in r["path"], before, MANY_S)
    so_far = h.members("Busy")
    ms = gone["time_us"] / 1e3 - at * 1e3
    told_ms = (told - at) * 1e3
    h.graph.admin("POST", "latency", {"min_ms": 0})
    h.until_members("Busy", lambda n: n == MEMBERS - 1, "all but one")
    h.until_idle()
    step(f"one removal while {len(rest)} are added: at Graph after {ms:.0f} ms, {told_ms:.0f} ms of them until the "
         f"directory had it, with {so_far} in the group; {h.requests(before)}")
    check(so_far < MEMBERS * 9 // 10, "they were nearly all there when it came")
    check(ms < 1000, "a second")


with Lab("big-group") as lab:
    hall = Hall(lab)
    hall.ids = {}
    hall.sign_in()
    everybody = [guid(i) for i in range(1, MEMBERS + 1)]
    began = time.monotonic()
    for i in range(1, MEMBERS + 1):
        hall.ad.put_user(i, f"User {i}")
    wait_until(lambda: hall.graph.admin("GET", "health")["users"] == MEMBERS, MANY_S, "all users", every_s=0.2)
    hall.until_idle()
    step(f"{MEMBERS} users in {time.monotonic() - began:.0f} s")
    full_and_back(hall, everybody)
    one_out(hall, everybody)
