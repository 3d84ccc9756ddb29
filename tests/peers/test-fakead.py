# SPDX-License-Identifier: Apache-2.0
"""Against a fake domain controller: what Samba does not do, servers that mean harm, and a face that is minutes behind."""

import concurrent.futures
import json

from fakeland import Fake
from house import DEADLINE_S, check, step
from lab import Lab, wait_until
from lab.fakead import BASE, guid


def paged(f):
    step("DirSync in pages of three; a group over the limit of values comes in ranges")
    f.ad.do("set", face="a", page=3, range=10)
    for i in range(1, 26):
        f.ad.put_user(i, f"User {i}")
    f.sosync = f.lab.sosync(f.write_config(more=""))
    for i in range(1, 26):
        f.ad.put_user(i, f"User {i}", title=f"t{i}")
    for i in range(1, 26):
        f.until(f"user.{i}", jobTitle=f"t{i}")
    f.ad.put(guid(1000), f"CN=Big,OU=Corp,{BASE}", objectClass=["top", "group"], sAMAccountName="Big", displayName="Big",
             groupType="-2147483646", name="Big", instanceType="4", member={"links": [guid(i) for i in range(1, 26)]})
    ids = {f.graph.find_user(f"user.{i}@fake.test")["id"] for i in range(1, 26)}
    wait_until(lambda: (g := f.graph.find_group("Big")) and set(g["members"]) == ids, DEADLINE_S, "all 25 members")


# op, kind, code, what it says with it, in words. Most of them end in a wait until the next try: so each has a house of its own.
REFUSALS = (
    ("dirsync", "code", 12, "00002040: LdapErr: DSID-0C0904DA, comment: Unavailable critical extension", "a control"),
    ("dirsync", "code", 2, "0000203D: LdapErr: DSID-0C0904DA, comment: Error processing control", "a cookie that is refused"),
    ("dirsync", "code", 51, "00002163: LdapErr: DSID-0C0F1234, comment: busy", "busy"),
    ("dirsync", "code", 3, "000020E1: SvcErr: DSID-0315, time limit", "out of time"),
    ("dirsync", "close", 0, "", "a connection that ends"),
    ("dirsync", "notice", 0, "00002024: the server goes down", "Notice of Disconnection"),
    ("dirsync", "referral", 0, "", "a referral"),
    ("dirsync", "silent", 0, "", "silence"),
    ("dirsync", "truncated", 0, "", "half a message"),
    ("dirsync", "oversized", 0, "", "a message of 2 GiB"),
    ("dirsync", "garbage", 0, "", "no BER"),
    ("dirsync", "nested", 0, "", "lengths that do not fit"),
    ("dirsync", "cookie", 0, "", "a cookie that is none"),
    ("dirsync", "wrong-id", 0, "", "the answer to another question"),
    ("notify", "code", 11, "00002024: SvcErr: DSID-0204096E, problem 5008 (ADMIN_LIMIT_EXCEEDED)", "no more notifications"),
    ("read", "code", 1, "000020D6: SvcErr: DSID-031007E5, problem 5012 (DIR_ERROR)", "an error of a read"),
    ("read", "close", 0, "", "a read whose connection ends"),
    ("read", "notice", 0, "going down", "a notice before a read"),
    ("read", "oversized", 0, "", "a read of 2 GiB"),
    ("read", "truncated", 0, "", "half an object"),
    ("read", "garbage", 0, "", "a read that is no BER"),
    ("read", "nested", 0, "", "an object whose lengths do not fit"),
    ("read", "referral", 0, "", "a referral instead of the object"),
    ("read", "wrong-id", 0, "", "another answer than the read's"),
    ("root", "garbage", 0, "", "a root DSE that is no BER"),
    ("bind", "code", 51, "00002163: busy", "a bind when busy"),
)
HOUSES = 9  # of three refusals each


def refused(f, cases):
    """What a controller may say to one who watches; all goes on by itself."""
    f.sosync.wait_ready()
    f.ad.put_user(1, "User 1")
    f.until("user.1")
    for n, (op, kind, code, text, title) in enumerate(cases):
        f.ad.do("fail", face="a", op=op, kind=kind, code=code, text=text, times=2)
        if op in ("bind", "root"):
            f.ad.do("cut", face="a")
        f.ad.put_user(1, "User 1", title=f"case {n}")
        wait_until(lambda: (u := f.graph.find_user("user.1@fake.test")) and u.get("jobTitle") == f"case {n}", 120, title)
        f.sosync.process.check_alive()
        f.ad.do("fail", face="a", op=op, kind="silent", times=0)
        step(f"{title} ({op} {kind} {code or ''}): it went on")


def refusals(lab):
    step("what a controller may say")
    houses = [Fake(lab, f"house-{i}") for i in range(HOUSES)]
    for i, f in enumerate(houses):
        f.sosync = lab.sosync(f.write_config(), name=f"house-{i}/sosync", wait=False)
    with concurrent.futures.ThreadPoolExecutor(HOUSES) as pool:
        for done in [pool.submit(refused, f, REFUSALS[i::HOUSES]) for i, f in enumerate(houses)]:
            done.result()
    for f in houses:
        f.sosync.stop()


def endless(f):
    step("results without end: the read of an object")
    f.ad.do("fail", face="a", op="read", kind="endless", times=1000000)
    code, doc = f.sync("User 2")
    check(code != 0 and "more entries than there can be" in json.dumps(doc), (code, doc))
    print(doc["provisioningStatusInfo"]["errorInformation"])
    f.sosync.process.check_alive()
    f.ad.do("fail", face="a", op="read", kind="silent", times=0)
    f.ad.put_user(2, "User 2", title="after the flood")
    f.until("user.2", jobTitle="after the flood")
    step("a listing without end: pages without an entry, and always one more")
    f.ad.do("fail", face="a", op="search", kind="empty", times=-1)
    r = f.sosync.command("reconcile")
    check(r.returncode == 5 and "the pages of a listing have no end" in r.stderr, r)
    print(r.stderr)
    f.ad.do("fail", face="a", op="search", kind="silent", times=0)
    step("a page of DirSync without end: more entries than there can be objects")
    f.ad.do("fail", face="a", op="dirsync", kind="endless", times=1)
    f.ad.put_user(2, "User 2", title="after the second flood")
    f.log_has("it goes on without end", 60)
    f.until("user.2", jobTitle="after the second flood")


def two_faces(f, cuts):
    """Face b has the objects as they were. The workers' connections are cut while they read, and now and then the name leads to b."""
    step(f"read where it rang: {cuts} cuts, and behind the name a server that is minutes behind")
    f.ad.do("copy", **{"from": "a", "to": "b"})
    done = misled = turn = 0

    def cut():
        nonlocal done
        f.ad.do("cut", face="a", workers=True)
        done += 1

    def exported():
        if done < cuts:
            cut()
        return all(f.graph.find_user(f"user.{i}@fake.test")["jobTitle"] == f"turn {turn}" for i in range(1, 26))

    while done < cuts:
        turn += 1
        if turn % 2 == 0:
            misled += 1
            before = f.ad.do("stats", face="b")["clients"]
            f.ad.do("set", face="a", **{"as": "b"})
            cut()
        for i in range(1, 26):
            f.ad.put_user(i, f"User {i}", title=f"turn {turn}")
        if turn % 2 == 0:
            wait_until(lambda: f.ad.do("stats", face="b")["clients"] > before, DEADLINE_S, "somebody comes to the stale face")
            check(not exported(), "exported from nowhere")
            f.ad.do("set", face="a", **{"as": "a"})
        wait_until(exported, 60, f"everybody has turn {turn}")
    stats = f.ad.do("stats", face="b")
    objects = stats["objects"]
    print(f"{done} cuts, {turn * 25} changes, {misled} times led astray: {stats['clients']} connections to the stale face, {objects} objects read there")
    check(stats["clients"] >= misled and objects == 0, stats)
    for i in range(1, 26):
        code, doc = f.sync(f"User {i}")
        check(code == 0 and "a.fake.test" in json.dumps(doc) and "b.fake.test" not in json.dumps(doc), (code, doc))
    wait_until(lambda: idle(f), 60, "an idle queue", every_s=0.1)


def idle(f):
    r = f.sosync.command("queue", "stats", "--json")
    return r.returncode == 0 and all(lane[s] == 0 for lane in json.loads(r.stdout)["lanes"].values() for s in ("ready", "leased", "delayed"))


def compared(lab):
    step("a comparison, on the first day, whose directory goes in the middle: told, and nobody is taken for one that is not exported")
    f = Fake(lab, "compared")
    for i in range(1, 6):
        f.ad.put_user(i, f"User {i}")
    sosync = lab.sosync(f.write_config(), name="compared/sosync", start=False)
    r = sosync.command("compare", "--json")
    check(json.loads(r.stdout)["onlyHere"] == 5, r)
    n_reads = f.ad.do("stats", face="a")["read"]
    f.ad.do("fail", face="a", op="read", kind="code", code=52, text="00002024: the server is going down", times=1000, after=n_reads - 2)
    r = sosync.command("compare", "--json")
    check(r.returncode == 5 and not r.stdout and "going down" in r.stderr, r)


def sick(lab):
    """A controller that lets everybody in, and whose database hangs or does not replicate: the others of the list are well."""
    f = Fake(lab, "sick")
    f.ad.put_user(1, "User 1")
    f.sosync = lab.sosync(f.write_config(f.ad.uri("a"), f.ad.uri("b"), patience="1s"), name="sick/sosync")
    f.ad.do("copy", **{"from": "a", "to": "b"})
    for ill, well, kind, code in (("a", "b", "code", 53), ("b", "a", "silent", 0)):
        step(f"{ill} is sick ({kind} {code or ''}): the feed goes to {well}")
        f.ad.do("fail", face=ill, op="dirsync", kind=kind, code=code, text="000020EF: SvcErr: DSID-0315, replication is disabled", times=1000000)
        f.ad.do("cut", face=ill)
        f.ad.put_user(1, "User 1", face=well, title=f"from {well}")
        f.until("user.1", jobTitle=f"from {well}")
        f.ad.do("fail", face=ill, op="dirsync", kind="silent", times=0)
        f.ad.do("copy", **{"from": well, "to": ill})
    f.sosync.stop()


def unfit(f):
    step("a read-only controller, and the port of the global catalogue: refused with a clear word")
    f.sosync.stop()
    f.ad.do("set", face="c", readOnly=True)
    f.sosync = f.lab.sosync(f.write_config(f.ad.uri("c")), name="unfit")
    f.log_has("a read-only domain controller, which does not hand out changes; name a writable one")
    code, doc = f.sync("User 1")
    check(code == 5 or code == 1, (code, doc))
    f.sosync.stop()
    config = f.write_config("ldaps://dc1.fake.test:3269")
    r = f.lab.sosync(config, name="gc", start=False).command("config", "check")
    check(r.returncode == 2 and "global catalogue" in r.stderr, r)
    print(r.stderr)


with Lab("fakead") as lab:
    refusals(lab)
    compared(lab)
    sick(lab)
    fake = Fake(lab)
    paged(fake)
    endless(fake)
    two_faces(fake, 1000)
    unfit(fake)
