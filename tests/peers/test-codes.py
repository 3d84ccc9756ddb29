# SPDX-License-Identifier: Apache-2.0
"""What Graph refuses, and a change that kills the service: each ends in its code, and the report says why and what to do.

The other codes of the catalogue have scenarios; tests/lint/stories.py looks that none is without.
"""

import json
import signal

from fakeland import Fake
from house import DEADLINE_S, check, step
from lab import Lab, wait_until

# who, what is peculiar about him in AD, what Graph answers to the update of his title (None: as it does), the code
REFUSED = (
    ("Bad Mail", {"mail": "nobody at home"}, None, "DataValidationFailed"),
    ("Bad Name", {"userPrincipalName": "bad&name@fake.test"}, None, "IdentityDataValidationFailed"),
    ("Bad Domain", {"userPrincipalName": "bad.domain@else.test"}, None, "DomainNotVerified"),
    ("No Rights", {}, {"status": 403, "code": "Authorization_RequestDenied", "message": "Insufficient privileges"}, "InsufficientPrivileges"),
    ("No Room", {}, {"status": 403, "code": "Directory_QuotaExceeded", "message": "The directory object quota limit has been exceeded."}, "DirectoryQuotaExceeded"),
    ("No Reason", {}, {"status": 400, "code": "Request_Weird", "message": "Weird"}, "RequestRefused"),
    ("Not There", {}, {"status": 404, "code": "Request_ResourceNotFound", "message": "Resource does not exist"}, "ObjectNotFound"),
)


class Codes(Fake):
    def __init__(self, lab):
        super().__init__(lab)
        self.sosync = lab.sosync(self.write_config(workers=32, patience="30s", more="brakes: {off: [create]}"))

    def report(self, name, code):
        """The report of the run that ended with this code."""
        def look():
            r = self.sosync.command("report", "list", "--json", "--limit", "1000")
            lines = [json.loads(line) for line in r.stdout.splitlines()] if r.returncode == 0 else []
            return next((line["id"] for line in lines if name in json.dumps(line) and code in json.dumps(line)), None)
        found = wait_until(look, DEADLINE_S, f"a report of {name} with {code}")
        document = json.loads(self.sosync.command("report", "show", found, "--json").stdout)
        return document, self.sosync.command("report", "show", found).stdout

    def parked(self):
        return self.sosync.command("queue", "list", "--json").stdout


def refused(f):
    people = {}
    for number, (name, peculiar, answer, code) in enumerate(REFUSED, 1):
        if answer:
            f.ad.put_user(number, name)
            people[name] = wait_until(lambda: f.graph.find_user(f"{name.lower().replace(' ', '.')}@fake.test"), DEADLINE_S, name)["id"]
    for name, _, answer, _ in REFUSED:
        if answer:
            f.graph.admin("POST", "faults", {"rules": [{"method": "PATCH", "path": f"/v1.0/users/{people[name]}", "count": 1, "action": answer}]})
    for number, (name, peculiar, answer, code) in enumerate(REFUSED, 1):
        f.ad.put_user(number, name, title="Other", **peculiar)
    for name, _, _, code in REFUSED:
        document, text = f.report(name, code)
        e = document["provisioningStatusInfo"]["errorInformation"]
        check(e["errorCode"] == code, (name, e))
        check(e["reason"] and e["recommendedAction"] and e["additionalDetails"], (name, e))
        words = " ".join(text.split())
        check(code in words and e["recommendedAction"].split(".")[0] in words, (code, text))
        step(f"{code}: {e['reason']} / {e['recommendedAction']} / {e['additionalDetails'][:120]}")


def crashed(f):
    """Three times the service dies while it works on the same object; then it leaves it alone."""
    f.ad.put_user(50, "Ada")
    wait_until(lambda: f.graph.find_user("ada@fake.test"), DEADLINE_S, "Ada")
    wait_until(lambda: f.is_idle(), DEADLINE_S, "an idle queue")
    f.graph.admin("POST", "faults", {"rules": [{"method": "GET", "path": "/v1.0/users/*", "count": 3, "action": {"delay_ms": 60000}}]})
    before = f.graph.last()
    f.ad.put_user(50, "Ada", title="Poison")
    for _ in range(3):
        f.graph.wait_journal(lambda r: r["path"].startswith("/v1.0/users/") and r["method"] == "GET", before, DEADLINE_S, "work on Ada")
        f.sosync.process.signal(signal.SIGSEGV)
        wait_until(lambda: f.sosync.process.poll() is not None, DEADLINE_S, "death")
        before = f.graph.last()
        f.sosync.kill()
        f.sosync.start(wait=False)
    f.sosync.wait_ready()
    listed = wait_until(lambda: (t := f.parked()) and "CrashedTheService" in t and t, DEADLINE_S, "Ada is parked")
    step(f"CrashedTheService: {listed.strip()[:200]}")
    r = f.sosync.command("queue", "retry", "parked")
    check(r.returncode == 0, r)
    wait_until(lambda: f.graph.find_user("ada@fake.test").get("jobTitle") == "Poison", DEADLINE_S, "Ada, once more")


with Lab("codes") as lab:
    fake = Codes(lab)
    refused(fake)
    crashed(fake)
