#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What earlier programs have written is opened, read and written on: test-upgrade.py SOSYNC QUEUE-TESTDATA REPORT-TESTDATA

**Stores.** store-N.mdb.gz is what the program with STORE_VERSION N (queue/record.h) left behind after one story: ada and eve parked, pat
delayed, bob and a group exported, one member that waits, seven outcomes not yet reported. Who raises STORE_VERSION adds the store of the
version before.

**Reports and audit log.** report/testdata/DATE.tar.gz is the folders `reports` and `audit` as a program of that time left them: before the first
`cycle_id` of an outcome (report only), and with the first audit log. Who raises OUTCOME_VERSION or changes frames, rows of the index or the
chain adds one of the time before. STORIES tells what is in them.
"""
import gzip
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import unittest

IN_STORE = 7
SOSYNC, TESTDATA, REPORTS = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
STORE = TESTDATA / "store-3.mdb.gz"
del sys.argv[1:]
CONFIG = """\
source:
  name: corp.contoso.test
  uris: ["ldaps://127.0.0.1:1"]
  base: "DC=corp,DC=contoso,DC=test"
  bind: {{mechanism: simple, dn: "CN=sosync", password_file: "{0}/secret"}}
scope: {{include: ["OU=corp,DC=corp,DC=contoso,DC=test"]}}
target:
  tenant_id: 11111111-2222-3333-4444-555555555555
  client_id: 22222222-2222-3333-4444-555555555555
  estate: alone
  credentials: [{{secret_file: "{0}/secret"}}]
  endpoints: {{login: "http://127.0.0.1:1", graph: "http://127.0.0.1:1"}}
state: {{path: "{0}/state"}}
reports: {{path: "{0}/reports", keep: 3650d}}
audit: {{path: "{0}/audit", keep: 36500d}}
"""


class Place(unittest.TestCase):
    """A folder with a configuration, and the program."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def put(self, **files):
        (self.folder / "state").mkdir(0o700)
        for name, data in {"secret": b"secret", "sosync.yaml": CONFIG.format(self.folder).encode(), **files}.items():
            (self.folder / name).write_bytes(data)
            (self.folder / name).chmod(0o600)

    def say(self, *arguments, status=0):
        r = subprocess.run([SOSYNC, "-c", self.folder / "sosync.yaml", *arguments], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(r.returncode, status, (arguments, r.stdout, r.stderr))
        return r.stdout

    def rows(self, *arguments):
        return [json.loads(line) for line in self.say(*arguments, "--json").splitlines()]


class Stores(Place):
    def open(self, store):
        self.setUp()
        self.put(**{"state/data.mdb": gzip.decompress(store.read_bytes())})

    def queue(self):
        return {row["dn"][3:6]: (row["state"], row["reason"], row["tries"]) for row in json.loads(self.say("queue", "list", "--json"))}

    def test_every_version_is_there(self):
        record = (TESTDATA.parent / "record.h").read_text(encoding="utf-8")
        now = int(re.search(r"#define STORE_VERSION (\d+)", record)[1])
        self.assertEqual(sorted(p.name for p in TESTDATA.glob("store-*.mdb.gz")), [f"store-{n}.mdb.gz" for n in range(1, now)])

    def test_open(self):
        for store in sorted(TESTDATA.glob("store-*.mdb.gz")):
            with self.subTest(store.name):
                self.open(store)
                self.assertEqual(self.queue(), {
                    "ada": ("parked", "SourceValueTooLarge", 1), "eve": ("parked", "AmbiguousMatch", 1), "pat": ("delayed", "TargetGarbage", 1)})
                self.assertIn("everything fits together", self.say("queue", "check"))
                stats = self.say("queue", "stats")
                self.assertRegex(stats, r"references +1 wait")
                self.assertRegex(stats, r"reports +7 to be written")
                # It is written on: by a person's hand, and by a run that reaches nobody, after which what was not reported is.
                self.say("queue", "retry", "parked")
                self.say("sync", "CN=ada,OU=corp,DC=corp,DC=contoso,DC=test", "--no-html-report", status=5)
                self.assertEqual(self.queue()["eve"][0], "ready")
                rows = self.rows("report", "list")
                self.assertEqual(len(rows), IN_STORE + 1)  # and its own
                for row in rows:
                    self.say("report", "show", row["id"])
                self.assertIn("everything fits together", self.say("queue", "check"))


# Six runs: three are made, one changed, one disabled, one that Graph refuses (again in the second, and a dry run). Then writes and acts of the audit log.
RUNS = {("Ada Lovelace", "create", "success"), ("Grace Hopper", "create", "success"), ("Engines", "create", "success"), ("Ada Lovelace", "update", "success"),
        ("Grace Hopper", "disable", "success"), ("Eve", "create", "failure")}
DRY_RUN = ("Ada Lovelace", "other", "success")
STORIES = {"before-cycles": (6, 0, 0), "first-audit": (8, 7, 2)}


class Reports(Place):
    def open(self, name):
        self.setUp()
        self.n_syncs = 0
        self.put(**{"state/data.mdb": gzip.decompress(STORE.read_bytes())})
        with tarfile.open(REPORTS / f"reports-{name}.tar.gz") as archive:
            archive.extractall(self.folder)

    def test_open(self):
        for name, (n_reports, n_writes, n_acts) in STORIES.items():
            for index in ("as it was", "gone"):
                with self.subTest(name, index=index):
                    self.open(name)
                    if index == "gone":
                        for derived in [*self.folder.glob("reports/*.idx"), *self.folder.glob("reports/*.txt")]:
                            derived.unlink()
                        self.write_on()  # who opens it to write makes it again
                    self.check_reports(n_reports)
                    self.check_audit(n_writes, n_acts)

    def reports(self):
        return [r for r in self.rows("report", "list", "--limit", "1000") if ",OU=Corp," in r["dn"]]

    def check_reports(self, n_reports):
        rows = self.reports()
        self.assertEqual(len(rows), n_reports)
        self.assertEqual({(r["dn"].split(",")[0][3:], r["provisioningAction"], r["status"]) for r in rows} - {DRY_RUN}, RUNS)
        for row in rows:
            self.assertIn(row["dn"].split(",")[0], self.say("report", "show", row["id"]))
            self.assertEqual(json.loads(self.say("report", "show", "--json", row["id"]))["id"], row["id"])
            self.assertTrue(pathlib.Path(self.say("report", "html", row["id"]).strip()).stat().st_size > 10000)
        self.write_on()
        self.assertEqual(len(self.rows("report", "list", "--limit", "1000")), n_reports + IN_STORE + self.n_syncs)
        self.assertEqual(self.reports(), rows)

    def check_audit(self, n_writes, n_acts):
        lines = self.rows("audit", "search")
        kinds = [line["kind"] for line in lines[:n_writes + n_acts]]
        self.assertEqual((kinds.count("write"), kinds.count("act")), (n_writes, n_acts))
        self.say("audit", "verify")
        self.say("--reason", "another program", "queue", "retry", "parked")
        self.say("audit", "verify")
        self.assertEqual(self.rows("audit", "search")[-1]["reason"], "another program")

    def write_on(self):
        """The seven outcomes of the store become reports too, and each such run has its own."""
        self.n_syncs += 1
        self.say("sync", "CN=ada,OU=corp,DC=corp,DC=contoso,DC=test", "--no-html-report", status=5)


if __name__ == "__main__":
    unittest.main()
