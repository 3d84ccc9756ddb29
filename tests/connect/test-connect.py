#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sosync-connect over SSH and WinRM, and `sosync scheduler` through it, beside a Connect server that is not there.

    test-connect.py SOSYNC SOURCE
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sosync, root = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
sys.dont_write_bytecode = True
sys.path.insert(0, str(root / "tests"))

from lab.connect import FLOWS, VERBS, ConnectServer  # noqa: E402

PROGRAM = root / "deploy/connect/sosync-connect"
HOST = "sosync@aadc.corp.contoso.test"


class Connect(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="sosync-connect-")
        self.folder = pathlib.Path(self.temporary.name)
        self.server = ConnectServer.new(self.folder / "connect")
        path = f"{self.server.install(self.folder / 'bin')}:{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path}

    def tearDown(self):
        self.temporary.cleanup()

    def ask(self, *words, transport="ssh", status=0):
        r = subprocess.run([PROGRAM, transport, HOST, *words], env=self.environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(r.returncode, status, r.stderr)
        return r.stdout if status == 0 else r.stderr

    def status(self, **more):
        return json.loads(self.ask("status", **more))

    def test_both_ways(self):
        for transport in ("ssh", "winrm"):
            self.assertTrue(self.status(transport=transport)["SyncCycleEnabled"])
            self.ask("pause", "--for", "360", "--holder", "sosync@one", transport=transport)
            said = self.status(transport=transport)
            self.assertEqual((said["SyncCycleEnabled"], said["SosyncHolders"]), (False, ["sosync@one"]))
            self.ask("resume", "--holder", "sosync@one", transport=transport)
            self.assertTrue(self.status(transport=transport)["SyncCycleEnabled"])

    def test_machine_vanishes(self):
        self.ask("pause", "--for", "360", "--holder", "sosync@one")
        self.server.shift(355)
        self.assertFalse(self.status()["SyncCycleEnabled"])
        self.server.shift(5)
        said = self.status()
        self.assertEqual((said["SyncCycleEnabled"], said["SosyncHolders"]), (True, []))

    def test_two_holders(self):
        self.ask("pause", "--for", "360", "--holder", "sosync@one")
        self.server.shift(60)
        self.ask("pause", "--for", "360", "--holder", "sosync@two")
        self.ask("resume", "--holder", "sosync@one")
        self.assertFalse(self.status()["SyncCycleEnabled"])
        self.server.shift(361)
        self.assertTrue(self.status()["SyncCycleEnabled"])

    def test_what_was_false_stays_false(self):
        self.ask("pause")  # a person
        self.ask("pause", "--for", "60", "--holder", "sosync@one")
        self.server.shift(61)
        self.assertFalse(self.status()["SyncCycleEnabled"])
        self.ask("resume")
        self.assertTrue(self.status()["SyncCycleEnabled"])

    def test_hostile_words(self):
        dn = "CN=O'Brien \"$(id)\"; & | `whoami` \u2019 \u00e4,OU=corp,DC=x"
        self.ask("pause", "--for", "60", "--holder", "sosync@one")
        for transport in ("ssh", "winrm"):
            answer = json.loads(self.ask("sync", "--dn", dn, transport=transport))
            self.assertEqual(answer["provisioningStatusInfo"]["status"], "success")
        self.assertEqual(self.server.get("synced"), {dn: 2})
        for words in (("reboot",), ("pause", "--for", "60;id", "--holder", "x"), ("pause", "--for", "60"), ("resume", "--holder", "a b"),
                      ("status", "--dn", "x"), ("sync",), ("pause", "--for", "99999", "--holder", "x")):
            said = self.ask(*words, status=2 if words[0] == "reboot" or ";" in str(words) or " " in words[-1] else 1)
            self.assertEqual(said.count("\n"), 1, said)
        r = subprocess.run([PROGRAM, "ssh", "-oProxyCommand=id", "status"], env=self.environment, capture_output=True, text=True)
        self.assertEqual((r.returncode, r.stdout), (2, ""))

    def test_the_server_takes_the_same_words(self):
        """The fake and the PowerShell have one table: verb → options."""
        text = (root / "deploy/connect/Sosync.Connect.psm1").read_text()
        table = text[text.index("$Verbs = @{"):]
        theirs = {verb: tuple(re.findall(r"'(--[a-z0-9-]+)'", options))
                  for verb, options in re.findall(r"^ +(\w+) += @\((.*)\)$", table[:table.index("\n}")], re.M)}
        self.assertEqual(theirs, VERBS)
        exported = re.findall(r"'([^']+)'", re.search(r"Export-ModuleMember -Function (.*)", text)[1])
        for name in ("Sosync.Connect.psd1", "Sosync.psrc"):
            listed = re.findall(r"(?:FunctionsToExport|VisibleFunctions) *= @\((.*)\)", (root / "deploy/connect" / name).read_text())[0]
            self.assertLessEqual(set(re.findall(r"'([^']+)'", listed)), set(exported), name)
        self.assertEqual(re.findall(r"VisibleFunctions.*", (root / "deploy/connect/Sosync.psrc").read_text()), ["VisibleFunctions = @('Invoke-Sosync')"])
        self.assertTrue(FLOWS)

    def test_sosync_scheduler(self):
        """`sosync scheduler` through the programs: the whole way of the flag, without a service."""
        secret = self.folder / "secret"
        secret.write_text("x\n")
        secret.chmod(0o600)
        command = json.dumps([str(PROGRAM), "ssh", HOST])[:-1]
        config = self.folder / "sosync.yaml"
        config.write_text(f"""\
source:
  name: x
  uris: [ldaps://127.0.0.1:1]
  base: "DC=x"
  bind: {{mechanism: simple, dn: "CN=x,DC=x", password_file: "{secret}"}}
target:
  tenant_id: 11111111-2222-3333-4444-555555555555
  client_id: 66666666-7777-8888-9999-000000000000
  credentials: [{{secret_file: "{secret}"}}]
  endpoints: {{login: "http://127.0.0.1:1", graph: "http://127.0.0.1:1/v1.0"}}
scheduler:
  driver: command
  status: {command}, status]
  pause: {command}, pause]
  resume: {command}, resume]
  timeout: 5s
state: {{path: "{self.folder}/state"}}
reports: {{path: "{self.folder}/reports"}}
""")

        def scheduler(*words):
            return subprocess.run([sosync, "-c", config, "scheduler", *words], env=self.environment, capture_output=True, text=True, timeout=60)
        r = scheduler("show", "--json")
        self.assertEqual((r.returncode, r.stderr), (0, ""))
        shown = json.loads(r.stdout)
        self.assertEqual((shown["SyncCycleEnabled"], shown["AllowedSyncCycleInterval"], shown["NextSyncCyclePolicyType"]), (True, "00:30:00", "Delta"))
        self.assertIn("SyncCycleEnabled                    : False\n", scheduler("set", "--sync-cycle-enabled", "false").stdout)
        self.assertFalse(self.server.get("enabled"))
        scheduler("set", "--sync-cycle-enabled", "true")
        self.assertTrue(self.server.get("enabled"))
        for fault, words in (({"do": "fail"}, "Connection refused"), ({"do": "hang"}, "it took longer than 5"),
                             ({"do": "garbage"}, "is not a JSON object")):
            self.server.set(fault=fault)
            r = scheduler("show")
            self.assertIn(words, r.stderr)
            self.assertEqual(r.returncode, 1 if fault["do"] == "garbage" else 5)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
