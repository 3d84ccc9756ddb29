# SPDX-License-Identifier: Apache-2.0
"""The Graph emulator (tests/emulator): start, stop, its admin endpoints, its journal."""

import http.client
import json
import pathlib
import urllib.parse

from .base import Failure, Process, wait_until, write_file

# What an application needs for all that sosync does to users and groups.
ROLES = ("User.ReadWrite.All", "User.EnableDisableAccount.All", "User.RevokeSessions.All", "Group.ReadWrite.All", "Organization.Read.All", "Domain.Read.All",
         "RoleManagement.Read.Directory")


class Emulator:
    """A running emulator. What sosync's configuration needs of it: login, graph (endpoints), tenant_id, client_id, secret_file."""

    tenant_id = "11111111-2222-3333-4444-555555555555"
    client_id = "66666666-7777-8888-9999-000000000000"
    secret = "lab-secret"

    def __init__(self, binary, folder, arguments=(), roles=ROLES, domains=("corp.contoso.test",)):
        """`domains`: verified, beside contoso.onmicrosoft.com. `arguments`: anything else its --help has."""
        self.binary = pathlib.Path(binary)
        self.folder = pathlib.Path(folder)
        self.arguments = ["--tenant", self.tenant_id, "--client-id", self.client_id]
        for name, values in (("--roles", roles), ("--domain", domains)):
            if values:
                self.arguments += [name, ",".join(values)]
        self.arguments += arguments
        self.log = self.folder / "emulator.log"
        self.process = None
        self.port = None
        self._connection = None

    def start(self, wait=True):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.secret_file = write_file(self.folder / "client.secret", self.secret + "\n")
        port_file = self.folder / "emulator.port"
        port_file.unlink(missing_ok=True)
        listen = f"127.0.0.1:{self.port or 0}"
        self.process = Process("emulator", [self.binary, "--listen", listen, "--port-file", port_file,
                                            "--client-secret-file", self.secret_file, *self.arguments], self.log)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, deadline_s=10):
        self.port = wait_until(self._read_port, deadline_s, "the emulator says its port")
        self.host = f"127.0.0.1:{self.port}"
        self.login = f"http://{self.host}"
        self.graph = f"http://{self.host}/v1.0"
        wait_until(self._answers, deadline_s, "the emulator answers")

    def _read_port(self):
        self.process.check_alive()
        try:
            return int((self.folder / "emulator.port").read_text())
        except (OSError, ValueError):
            return None

    def _answers(self):
        self.process.check_alive()
        try:
            return self.admin("GET", "health")["ok"]
        except OSError:
            return False

    @property
    def pid(self):
        return self.process.pid

    # -- admin ----------------------------------------------------------------

    def admin(self, method, what, body=None, **query):
        """One request to /_emulator/WHAT; the answer as read from JSON."""
        path = f"/_emulator/{what}"
        if query:
            path += "?" + urllib.parse.urlencode(query)
        return self.request(method, path, body)

    def request(self, method, path, body=None, headers=None):
        """One request on a connection that is kept; what is not 2xx is a Failure with the emulator's own words."""
        headers = dict(headers or {})
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        for fresh in (False, True):
            if self._connection is None or fresh:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                self._connection.request(method, path, data, headers)
                answer = self._connection.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, ConnectionError):
                self._connection.close()
                if fresh:
                    raise
        if answer.status // 100 != 2:
            raise Failure(f"emulator: {method} {path}: {answer.status} {text.decode(errors='replace')[:500]}")
        return json.loads(text) if text else {}

    def journal(self, after=0, wait_ms=0):
        """The records of all requests with a number above `after`, in the order of arrival; wait so long for the first one.

        Its README has the fields; the ones used most: number, time_us (arrival, CLOCK_MONOTONIC), method, path, body, status.
        """
        records = []
        while True:
            page = self.admin("GET", "journal", after=after, wait_ms=wait_ms)
            records += page["records"]
            after = page["records"][-1]["number"] if page["records"] else page["last"]
            if after >= page["last"]:
                return records

    def last(self):
        """The number of the newest record."""
        return self.admin("GET", "health")["requests"]

    def wait_journal(self, match, after=0, deadline_s=10, what="a request at the emulator"):
        """The first record above `after` for which match(record) holds."""
        def look():
            nonlocal after
            for record in self.journal(after, wait_ms=100):
                after = record["number"]
                if match(record):
                    return record
            return None
        return wait_until(look, deadline_s, what)

    def state(self):
        """All users and groups, as the emulator holds them."""
        return self.admin("GET", "state")

    def find_user(self, upn):
        """The user with this userPrincipalName, or None."""
        return next((u for u in self.state()["users"] if u.get("userPrincipalName", "").lower() == upn.lower()), None)

    def find_group(self, name):
        """The group with this displayName, or None."""
        return next((g for g in self.state()["groups"] if g.get("displayName") == name), None)

    def names(self):
        """Id → name of all that is there."""
        state = self.state()
        return {o["id"]: o.get("displayName") or o.get("userPrincipalName") for o in state["users"] + state["groups"]}

    def stop(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self.process is not None:
            self.process.stop()

    close = stop
