# SPDX-License-Identifier: Apache-2.0
"""The same story against everything that can go wrong at Graph: afterwards its state equals the plan, nothing twice, nothing missing.

Each row of FAULTS meets every kind of request of the story once (the kinds are in KINDS). Every row has a house of its own: a fake
domain, an emulator, a service that signs in with a certificate.

test-faults.py [ROW...]: only these rows. SOSYNC_LONG=1: also the rows that take minutes.
"""

import concurrent.futures
import json
import subprocess
import sys
import time

from fakeland import sections
from house import check, environment, step
from lab import Lab, wait_until
from lab.base import write_file
from lab.fakead import BASE, guid

DEADLINE_S = 60
LONG = environment("SOSYNC_LONG", 0)

# Every kind of request, so that each of them is refused, lost or spoilt at least once.
KINDS = (
    ("GET", "/v1.0/organization*"), ("GET", "/v1.0/users*"), ("GET", "/v1.0/groups*"), ("POST", "/v1.0/users"), ("PATCH", "/v1.0/users/*"),
    ("PUT", "/v1.0/users/*"), ("DELETE", "/v1.0/users/*"), ("POST", "/v1.0/users/*/revokeSignInSessions"), ("PATCH", "/v1.0/groups(*"),
    ("PATCH", "/v1.0/groups/*"), ("DELETE", "/v1.0/groups/*"), ("POST", "/v1.0/$batch"),
)

# title, what happens to a request, lost: it may have had its effect although the answer did not say so
FAULTS = (
    ("429-seconds", {"status": 429, "retry_after": 1}),
    ("429-fraction", {"status": 429, "retry_after": "0.4"}),
    ("429-date", {"status": 429, "retry_after": "date:2"}),
    ("429-none", {"status": 429}),
    ("500", {"status": 500}),
    ("503", {"status": 503}),
    ("503-seconds", {"status": 503, "retry_after": 1}),
    ("504", {"status": 504}),
    ("504-after-effect", {"status": 504, "effect": True}),
    ("reset-before", {"reset": "before"}),
    ("reset-after", {"reset": "after"}),
    ("drip", {"drip_ms": 200}),
    ("truncated", {"truncate": 20}),
    ("wrong-type", {"content_type": "text/plain"}),
    ("html", {"html": True}),
    ("html-after-effect", {"html": True, "effect": True}),
    ("garbage", {"garbage": True}),
    ("401", {"status": 401, "code": "InvalidAuthenticationToken"}),
    ("409", {"status": 409, "code": "Directory_ConcurrencyViolation"}),
    ("clock-ahead", {"clock": 3600}),
    ("clock-behind", {"clock": -3600}),
    ("replication", {"replication": 2000}),
)
MINUTES = ("429-none",)  # holds for five minutes, as documented
LOST = ("504-after-effect", "reset-after", "html-after-effect", "truncated", "wrong-type")

ADA, BOB, EVE, TEAM = guid(1), guid(2), guid(3), guid(100)


class Row:
    def __init__(self, lab, title, action, certificate):
        self.title, self.action = title, action
        folder = lab.folder / title
        folder.mkdir()
        self.ad = lab.fakead()
        self.graph = lab.emulator("--client-certificate", certificate, name=f"{title}/graph", domains=["fake.test"])
        credentials = f"""{{certificate_file: "{certificate}", key_file: "{certificate.parent / 'key.pem'}"}}"""
        config = write_file(folder / "sosync.yaml", sections(self.ad, self.graph, credentials=credentials) + f"""\
urgent:
  - {{attribute: userAccountControl, when: "BitAnd([userAccountControl],2) = 2", revoke_sessions: true}}
state: {{path: "{folder / 'state'}"}}
reports: {{path: "{folder / 'reports'}"}}
brakes: {{off: [create]}}
settle: 4s
""", 0o600)
        self.faults()
        self.service = lab.sosync(config, name=f"{title}/sosync", wait=False)

    def faults(self):
        if "clock" in self.action:
            self.graph.admin("POST", "clock", {"skew_s": self.action["clock"]})
        elif "replication" in self.action:
            self.graph.admin("POST", "replication", {"delay_ms": self.action["replication"]})
        else:
            kinds = KINDS if self.title not in MINUTES else [("PATCH", "/v1.0/users/*")]
            self.graph.admin("DELETE", "faults")
            self.graph.admin("POST", "faults", {"rules": [{"method": m, "path": p, "count": 1, "action": self.action} for m, p in kinds]})

    def put_group(self, *members):
        self.ad.put(TEAM, f"CN=Team,OU=Corp,{BASE}", objectClass=["top", "group"], sAMAccountName="Team", displayName="Team", name="Team",
                    groupType="-2147483646", instanceType="4", member={"links": list(members)})

    def state(self):
        """What is in the cloud, as the plan says it."""
        s = self.graph.state()
        names = {u["id"]: u["displayName"] for u in s["users"]}
        return {
            "users": {u["displayName"]: (u["userPrincipalName"], u.get("jobTitle"), u["accountEnabled"], names.get(u.get("manager"))) for u in s["users"]},
            "groups": {g["displayName"]: sorted(names[m] for m in g["members"]) for g in s["groups"]},
            "n": (len(s["users"]), len(s["groups"]), len(s["deleted"])),
        }

    def until(self, plan):
        try:
            wait_until(lambda: self.state() == plan, DEADLINE_S if self.title not in MINUTES else 400, "the state equals the plan", every_s=0.05)
        except Exception as e:
            raise AssertionError(f"{self.title}: {self.state()}, planned {plan}\n{self.service.command('queue', 'list').stdout}") from e

    def until_idle(self):
        def look():
            r = self.service.command("queue", "stats", "--json")
            return r.returncode == 0 and all(lane[s] == 0 for lane in json.loads(r.stdout)["lanes"].values() for s in ("ready", "leased", "delayed", "parked"))
        wait_until(look, DEADLINE_S, f"{self.title}: an idle queue with nothing parked", every_s=0.1)

    def play(self):
        ad = self.ad
        self.service.wait_ready()
        ad.put_user(1, "Ada", title="Analyst", manager={"links": [BOB]})
        ad.put_user(2, "Bob")
        ad.put_user(3, "Eve")
        self.put_group(ADA, BOB)
        users = {"Ada": ("ada@fake.test", "Analyst", True, "Bob"), "Bob": ("bob@fake.test", None, True, None), "Eve": ("eve@fake.test", None, True, None)}
        self.until({"users": users, "groups": {"Team": ["Ada", "Bob"]}, "n": (3, 1, 0)})

        self.faults()
        ad.put_user(1, "Ada", title="Countess", manager=[])
        ad.put_user(2, "Bob", userPrincipalName="robert@fake.test", sAMAccountName="robert", manager={"links": [ADA]})
        ad.put_user(3, "Eve", userAccountControl="514")
        self.put_group(BOB, EVE)
        users = {"Ada": ("ada@fake.test", "Countess", True, None), "Bob": ("robert@fake.test", None, True, "Ada"), "Eve": ("eve@fake.test", None, False, None)}
        self.until({"users": users, "groups": {"Team": ["Bob", "Eve"]}, "n": (3, 1, 0)})
        self.until_idle()
        self.count()

    def count(self):
        """The journal: each create had its effect once, each password was set once, sessions ended, nobody came inside a hold."""
        records = [r for r in self.graph.journal() if "/oauth2/" not in r["path"]]
        changed = [(r["method"], r["path"]) for r in records if r["changed"]]
        s = self.graph.state()
        revoked = {u["displayName"]: u["sessionsRevoked"] for u in s["users"]}
        most = 2 if self.title in LOST else 1  # who does not hear that sessions have ended ends them again
        check(changed.count(("POST", "/v1.0/users")) == 3, (self.title, changed))
        check(sum(m == "PATCH" and p.startswith("/v1.0/groups(") for m, p in changed) == 1, (self.title, changed))
        check(all(u["passwordsSet"] == 1 for u in s["users"]), (self.title, s["users"]))
        check(revoked["Ada"] == 0 and revoked["Bob"] == 0 and 1 <= revoked["Eve"] <= most, (self.title, revoked))
        check(sum(p.endswith("/manager/$ref") for _, p in changed) == 3, (self.title, changed))
        check(not any(r["hold_violation"] or r["flag"] for r in records), [r for r in records if r["hold_violation"] or r["flag"]])
        fired = [r for r in records if r["fault"]]
        met = {(r["method"], r["path"].split("/")[2].partition("(")[0].partition("?")[0]) for r in fired}
        if self.title not in MINUTES and not {"clock", "replication"} & set(self.action):
            need = {("GET", "users"), ("POST", "users"), ("PATCH", "users"), ("PUT", "users"), ("DELETE", "users"), ("PATCH", "groups")}
            check(met >= need and any(r["method"] in ("DELETE", "POST") and r["path"].startswith(("/v1.0/groups", "/v1.0/$batch")) for r in fired), (self.title, met))
        writes = sum(r["method"] != "GET" for r in records)
        step(f"{self.title}: {len(records)} requests, {writes} writes, {len(changed)} with effect, {len(fired)} spoilt")


def make_certificate(folder):
    """Good since yesterday: it must be so by a clock that is an hour behind, too. Only `openssl ca` can say from when."""
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=folder)
    folder.mkdir()
    write_file(folder / "ca.conf", "[ca]\ndefault_ca=x\n[x]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\n[p]\ncommonName=supplied\n")
    write_file(folder / "index", "")
    write_file(folder / "serial", "01\n")
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-subj", "/CN=sosync", "-out", "request.pem")
    (folder / "key.pem").chmod(0o600)
    yesterday = time.strftime("%y%m%d%H%M%SZ", time.gmtime(time.time() - 86400))
    openssl("ca", "-batch", "-notext", "-selfsign", "-config", "ca.conf", "-keyfile", "key.pem", "-in", "request.pem", "-startdate", yesterday, "-days", "9", "-out", "certificate.pem")
    return folder / "certificate.pem"


with Lab("faults") as lab:
    certificate = make_certificate(lab.folder / "certificate")
    titles = sys.argv[1:] or [t for t, _ in FAULTS if LONG or t not in MINUTES]
    began = time.monotonic()
    rows = [Row(lab, title, dict(FAULTS)[title], certificate) for title in titles]  # processes are started by the main thread
    # Most of the time is waiting: for a Retry-After, for a back-off.
    with concurrent.futures.ThreadPoolExecutor(len(rows)) as pool:
        results = [(row.title, pool.submit(row.play)) for row in rows]
    failed = [(title, r.exception()) for title, r in results if r.exception()]
    for title, e in failed:
        print(f"FAILED {title}: {type(e).__name__}: {e}", file=sys.stderr)
    step(f"{len(titles)} faults in {time.monotonic() - began:.0f} s")
    check(not failed, [t for t, _ in failed])
