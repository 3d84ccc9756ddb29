# SPDX-License-Identifier: Apache-2.0
"""A fake domain controller with several faces (tests/fakead): start, stop, commands."""

import json
import pathlib
import subprocess
import tempfile
import shutil
import urllib.parse

from .base import Failure

BASE = "DC=fake,DC=test"


class FakeAd:
    """Faces a, b, c and d, each a controller of its own, on unix sockets: no port, no TLS, no root."""

    base = BASE

    def __init__(self, binary):
        self.binary = pathlib.Path(binary)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="fakead-"))  # a socket's path is short
        self.process = None

    def start(self):
        self.process = subprocess.Popen([self.binary, self.folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if not json.loads(self.process.stdout.readline()).get("ready"):
            raise Failure("fakead does not start")
        return self

    def uri(self, face="a"):
        return "ldapi://" + urllib.parse.quote(str(self.folder / face), safe="")

    def do(self, what, **arguments):
        self.process.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise Failure(f"fakead {what} {arguments}: {answer['error']}")
        return answer

    def put(self, guid, dn=None, face="a", deleted=None, **attributes):
        """Make or change an object; names with an underscore are for GUID-free attributes as they are. Returns its USN."""
        more = {k: v for k, v in (("dn", dn), ("deleted", deleted)) if v is not None}
        return self.do("put", face=face, guid=guid, set=attributes, **more)["usn"]

    def put_user(self, number, name, face="a", **attributes):
        """A person whom the default rules synchronize."""
        account = name.lower().replace(" ", ".")
        values = {
            "objectClass": ["top", "person", "organizationalPerson", "user"], "sAMAccountName": account, "displayName": name,
            "userPrincipalName": f"{account}@fake.test", "userAccountControl": "512", "name": name, "instanceType": "4",
        }
        values.update(attributes)
        return self.put(guid(number), f"CN={name},OU=Corp,{BASE}", face, **values)

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def guid(number):
    return f"{number:08x}-0000-0000-0000-000000000000"
