# SPDX-License-Identifier: Apache-2.0
"""An Entra Connect server that is not there: its scheduler, cycles, leases, single object sync, by a clock of its own.

All state is one JSON file in a folder, changed under a lock, so that every process that talks to it (`ssh` and `pwsh` of
`install()`, the test itself) sees the same server. It lives when it is looked at: what would have happened since is made up for,
second by second. `shift()` moves its clock; nobody waits.

With an emulator and a directory it is the *Connect actor*: a cycle, or the sync of one object, carries users and groups from the
directory to the emulator as Connect would. It finds users by their anchor, takes over one without an anchor that has the same name,
makes those that are missing; groups it finds by the SID. It marks what it has as synced, and tells the tenant when.
"""

import base64
import contextlib
import fcntl
import http.client
import json
import os
import pathlib
import re
import stat
import sys
import time

VERBS = {"status": (), "pause": ("--for", "--holder"), "resume": ("--holder",), "sync": ("--dn-base64", "--staging-mode"), "cycle": ()}

# AD attribute → property of the cloud user: what a cycle carries over.
FLOWS = {"title": "jobTitle", "department": "department", "displayName": "displayName", "givenName": "givenName", "sn": "surname"}


class Refused(Exception):
    """What the real one writes to standard error."""


class ConnectServer:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.file = self.folder / "connect.json"

    # -- state ----------------------------------------------------------------

    @classmethod
    def new(cls, folder, interval_s=1800, duration_s=180, **more):
        server = cls(folder)
        server.folder.mkdir(parents=True, exist_ok=True)
        state = {"shift": 0.0, "enabled": True, "previous": True, "holders": {}, "interval": interval_s, "duration": duration_s, "running_until": 0,
                 "in_work": [], "cycles": 0, "calls": [], "task": False, "fault": None, "synced": {}, "throttle_above": 0, "actor": None, **more}
        state["at"] = time.time()
        state["next"] = state["at"] + interval_s
        server.file.write_text(json.dumps(state))
        return server

    @contextlib.contextmanager
    def state(self):
        """The state, brought up to now; what is changed in it is kept."""
        with open(self.folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            s = json.loads(self.file.read_text())
            self._live(s)
            try:
                yield s
            finally:
                temporary = self.file.with_suffix(".new")
                temporary.write_text(json.dumps(s))
                os.replace(temporary, self.file)

    def _live(self, s):
        now = time.time() + s["shift"]
        while s["at"] < now:
            s["at"] = min(s["at"] + 1, now)
            if s["running_until"] and s["running_until"] <= s["at"]:
                s["running_until"] = 0
                s["cycles"] += 1
                self._act(s, None)
            # The scheduled task runs when a lease ends.
            over = [name for name, until in s["holders"].items() if until <= s["at"]] if s["task"] else []
            for name in over:
                del s["holders"][name]
            if over and not s["holders"]:
                s["enabled"], s["task"] = s["enabled"] or s["previous"], False
            if s["enabled"] and not s["running_until"] and s["next"] <= s["at"]:
                self._begin(s)

    def _begin(self, s, duration=None):
        s["running_until"] = s["at"] + (duration or s["duration"])
        s["next"] = s["at"] + s["interval"]

    # -- for tests ------------------------------------------------------------

    def shift(self, seconds):
        with self.state() as s:
            s["shift"] += seconds
        with self.state():
            pass

    def set(self, **values):
        with self.state() as s:
            s.update(values)

    def get(self, key):
        with self.state() as s:
            return s[key]

    def start_cycle(self, duration_s=None):
        with self.state() as s:
            self._begin(s, duration_s)

    def act(self, emulator, directory):
        """From now on cycles and syncs have effects: `directory` is {"uri", "dn", "password", "base", "ca_file"}."""
        self.set(actor={"port": emulator.port, "directory": directory})

    def install(self, folder):
        """Programs `ssh` and `pwsh` that talk to this server; the folder belongs in front of PATH."""
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("ssh", "pwsh"):
            program = folder / name
            program.write_text(f"#!/bin/sh\nexec /usr/bin/python3 {pathlib.Path(__file__).resolve()} {self.folder} {name} \"$@\"\n")
            program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return folder

    # -- what it is asked -----------------------------------------------------

    def answer(self, line):
        words = line.split()
        if not re.fullmatch(r"[A-Za-z0-9@._=+/ -]{1,16384}", line) or not words or words[0] not in VERBS:
            raise Refused("this line is nothing that sosync says")
        given, rest = {}, words[1:]
        while rest:
            option = rest.pop(0)
            if option not in VERBS[words[0]]:
                raise Refused(f"{words[0]} does not take {option}")
            if option != "--staging-mode" and not rest:
                raise Refused(f"{option} needs a value")
            given[option] = True if option == "--staging-mode" else rest.pop(0)
        with self.state() as s:
            s["calls"].append(line)
            fault = s["fault"] or {}
            if fault.get("on") not in (None, words[0]):
                fault = {}
        if fault.get("do") == "hang":
            time.sleep(3600)
        if fault.get("do") == "fail":
            raise Refused(fault.get("text", "ssh: connect to host aadc port 22: Connection refused"))
        if fault.get("do") == "garbage":
            return "Get-ADSyncScheduler : The term is not recognized\n"
        with self.state() as s:
            return getattr(self, "_" + words[0])(s, given)

    def _status(self, s, given):
        def span(seconds):
            return {"Ticks": int(seconds * 10_000_000), "TotalSeconds": seconds}
        return json.dumps({
            "AllowedSyncCycleInterval": span(1800), "CurrentlyEffectiveSyncCycleInterval": span(s["interval"]), "CustomizedSyncCycleInterval": None,
            "NextSyncCyclePolicyType": 1, "NextSyncCycleStartTimeInUTC": f"/Date({int(s['next'] * 1000)})/", "PurgeRunHistoryInterval": span(604800),
            "SyncCycleEnabled": s["enabled"], "MaintenanceEnabled": True, "StagingModeEnabled": False, "SchedulerSuspended": False,
            "SyncCycleInProgress": bool(s["running_until"]), "SosyncHolders": [n for n, until in s["holders"].items() if until > s["at"]]})

    def _pause(self, s, given):
        if ("--for" in given) != ("--holder" in given):
            raise Refused("pause takes --for and --holder together")
        if "--holder" not in given:
            s["previous"] = s["enabled"] = False
            return ""
        seconds = int(given["--for"])
        if not 1 <= seconds <= 3660:
            raise Refused("--for is not a number of seconds up to 3660")
        if not s["holders"]:
            s["previous"] = s["enabled"]
        s["holders"][given["--holder"]] = s["at"] + seconds
        s["task"], s["enabled"] = True, False
        return ""

    def _resume(self, s, given):
        if "--holder" not in given:
            s["holders"], s["enabled"], s["previous"] = {}, True, True
        elif given["--holder"] in s["holders"]:
            del s["holders"][given["--holder"]]
            if not s["holders"] and s["previous"]:
                s["enabled"] = True
        return ""

    def _cycle(self, s, given):
        if s["running_until"]:
            raise Refused("Start-ADSyncSyncCycle : a cycle is already in progress")
        self._begin(s)
        return json.dumps({"Result": "Success"})

    def _sync(self, s, given):
        if "--dn-base64" not in given:
            raise Refused("sync needs --dn-base64")
        dn = base64.b64decode(given["--dn-base64"]).decode()
        if s["running_until"]:
            raise Refused("Invoke-ADSyncSingleObjectSync : a synchronization is in progress")
        if s["enabled"]:
            raise Refused("Invoke-ADSyncSingleObjectSync : the scheduler is enabled; disable it first")
        s["synced"][dn] = s["synced"].get(dn, 0) + 1
        if s["throttle_above"] and sum(s["synced"].values()) > s["throttle_above"]:
            return json.dumps({"provisioningStatusInfo": {"status": "failure", "errorInformation": {
                "errorCode": "Throttled", "reason": "Import and export throttling limits have been reached. Please retry after 5 minutes."}}})
        found = self._act(s, dn)
        status = {"status": "success"} if found else {"status": "failure", "errorInformation": {
            "errorCode": "ObjectNotFound", "reason": "The object was not found in the connector space."}}
        return json.dumps({
            "id": "c0ffee00-0000-4000-8000-000000000000", "provisioningStatusInfo": status, "provisioningAction": "update",
            "provisioningSteps": [
                {"name": "SourceImport", "provisioningStepType": "import", "status": "success", "description": "Imported from Active Directory."},
                {"name": "Export", "provisioningStepType": "export", "status": status["status"], "description": "Exported to Microsoft Entra ID."}]})

    # -- the Connect actor ----------------------------------------------------

    def _act(self, s, dn):
        """Carry one object (None: all) to the emulator. True if it was there."""
        if not s["actor"]:
            return True
        emulator = http.client.HTTPConnection("127.0.0.1", s["actor"]["port"], timeout=30)

        def admin(method, what, body=None):
            emulator.request(method, f"/_emulator/{what}", json.dumps(body) if body else None, {"Content-Type": "application/json"} if body else {})
            answer = emulator.getresponse()
            text = answer.read()
            if answer.status // 100 != 2:
                raise Refused(f"the emulator says {answer.status} {text[:200]!r}")
            return json.loads(text)

        entries = read_directory(s["actor"]["directory"])
        mine = [e for e in entries if dn is None or e["dn"].lower() == dn.lower()]
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(s["at"]))
        ids = self._carry_users(admin, entries, [e for e in mine if not is_group(e)], when)
        self._carry_groups(admin, ids, [e for e in mine if is_group(e)], when)
        if dn is None:
            admin("POST", "objects", {"organization": {"onPremisesSyncEnabled": True, "onPremisesLastSyncDateTime": when}})
        return bool(mine)

    @staticmethod
    def _carry_users(admin, entries, mine, when):
        """What is there for each of mine; the id of every entry that is in the cloud, by its DN."""
        cloud = admin("GET", "state")["users"]
        by_anchor = {u["onPremisesImmutableId"]: u for u in cloud if u.get("onPremisesImmutableId")}
        by_name = {u["userPrincipalName"].lower(): u for u in cloud if not u.get("onPremisesImmutableId")}
        changed = []
        for entry in mine:
            name = text(entry, "userPrincipalName")
            if not name:
                continue
            user = by_anchor.get(anchor_of(entry)) or by_name.get(name.lower()) or {}
            changed.append({
                "userPrincipalName": name, "onPremisesImmutableId": anchor_of(entry), "onPremisesSyncEnabled": True,
                "onPremisesLastSyncDateTime": when, "mailNickname": user.get("mailNickname") or text(entry, "sAMAccountName"),
                "accountEnabled": not int(text(entry, "userAccountControl") or 512) & 2,
                **({"id": user["id"]} if user else {}),
                **{there: text(entry, here) for here, there in FLOWS.items() if text(entry, here) or user.get(there)}})
        if changed:
            admin("POST", "objects", {"users": changed})
        found = {u.get("onPremisesImmutableId"): u["id"] for u in admin("GET", "state")["users"]}
        return {e["dn"].lower(): found[anchor_of(e)] for e in entries if anchor_of(e) in found}

    @staticmethod
    def _carry_groups(admin, ids, mine, when):
        cloud = {g["onPremisesSecurityIdentifier"]: g for g in admin("GET", "state")["groups"] if g.get("onPremisesSecurityIdentifier")}
        changed = []
        for entry in mine:
            sid = sid_text(entry["objectSid"][0])
            group = cloud.get(sid, {})
            members = {ids[m.decode().lower()] for m in entry.get("member", []) if m.decode().lower() in ids}
            had = set(group.get("members", []))
            changed.append({
                "onPremisesSecurityIdentifier": sid, "onPremisesSyncEnabled": True, "onPremisesLastSyncDateTime": when,
                "mailNickname": text(entry, "sAMAccountName"), "mailEnabled": False, "securityEnabled": True,
                "members": sorted(members - had), "membersGone": sorted(had - members), **({"id": group["id"]} if group else {}),
                "displayName": text(entry, "displayName") or text(entry, "cn"),
                **({"description": text(entry, "description")} if text(entry, "description") or group.get("description") else {})})
        if changed:
            admin("POST", "objects", {"groups": changed})


def text(entry, attribute):
    return entry[attribute][0].decode() if entry.get(attribute) else None


def is_group(entry):
    return b"group" in entry["objectClass"]


def anchor_of(entry):
    return base64.b64encode(entry.get("mS-DS-ConsistencyGuid", entry["objectGUID"])[0]).decode()


def sid_text(data):
    parts = [int.from_bytes(data[8 + 4 * i:12 + 4 * i], "little") for i in range(data[1])]
    return "-".join(map(str, ["S", data[0], int.from_bytes(data[2:8], "big"), *parts]))


def read_directory(where):
    """Every user and group below the base: attributes as bytes, and the DN as text."""
    import ldap
    connection = ldap.initialize(where["uri"])
    connection.set_option(ldap.OPT_X_TLS_CACERTFILE, where["ca_file"])
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.simple_bind_s(where["dn"], where["password"])
    found = connection.search_s(where["base"], ldap.SCOPE_SUBTREE, "(|(userPrincipalName=*)(objectClass=group))",
                                ["objectClass", "objectGUID", "objectSid", "mS-DS-ConsistencyGuid", "userPrincipalName", "sAMAccountName",
                                 "userAccountControl", "member", "cn", "description", *FLOWS])
    connection.unbind_s()
    return [{"dn": name, **attributes} for name, attributes in found if name]


def main():
    """As `ssh` and `pwsh` are called by sosync-connect."""
    server, name, arguments = ConnectServer(sys.argv[1]), sys.argv[2], sys.argv[3:]
    if name == "ssh":
        while arguments and arguments[0] == "-o":
            arguments = arguments[2:]
        line = " ".join(arguments[1:])
    else:
        # A session without language takes a command with parameters, and no script.
        if '.AddCommand("Invoke-Sosync").AddParameter("Line", $env:SOSYNC_LINE)' not in arguments[-1] or "-ConfigurationName Sosync" not in arguments[-1]:
            sys.exit("pwsh: this is not the script of sosync-connect")
        line = os.environ["SOSYNC_LINE"]
    try:
        sys.stdout.write(server.answer(line))
    except Refused as why:
        sys.stderr.write(f"{why}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
