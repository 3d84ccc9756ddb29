#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Stores that earlier programs have written are opened, read and written on: test-upgrade.py SOSYNC TESTDATA

testdata/store-N.mdb.gz is what the program with STORE_VERSION N (queue/record.h) left behind after one story: ada and eve parked, pat
delayed, bob and a group exported, one member that waits, seven outcomes not yet reported. Who raises STORE_VERSION adds the store of the
version before.
"""
import gzip
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

SOSYNC, TESTDATA = sys.argv[1], pathlib.Path(sys.argv[2])
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
reports: {{path: "{0}/reports"}}
audit: {{path: "{0}/audit"}}
"""


class Upgrade(unittest.TestCase):
    def open(self, store):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "state").mkdir(0o700)
        for name, data in (("state/data.mdb", gzip.decompress(store.read_bytes())), ("secret", b"secret"),
                           ("sosync.yaml", CONFIG.format(self.folder).encode())):
            (self.folder / name).write_bytes(data)
            (self.folder / name).chmod(0o600)

    def say(self, *arguments, status=0):
        r = subprocess.run([SOSYNC, "-c", self.folder / "sosync.yaml", *arguments], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(r.returncode, status, (arguments, r.stdout, r.stderr))
        return r.stdout

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
                rows = [json.loads(line) for line in self.say("report", "list", "--json").splitlines()]
                self.assertEqual(len(rows), 7)
                for row in rows:
                    self.say("report", "show", row["id"])
                self.assertIn("everything fits together", self.say("queue", "check"))


if __name__ == "__main__":
    unittest.main()
