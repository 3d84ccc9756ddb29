# SPDX-License-Identifier: Apache-2.0
"""A private 389 Directory Server, with content synchronization or without: made, started, stopped, removed."""

import os
import pathlib
import random
import re
import shutil

import ldap

from .base import Failure, Process, run, wait_until, write_file
from .openldap import People

BASE = "dc=corp,dc=example,dc=test"
ADMIN = "cn=Directory Manager"
ADMIN_PASSWORD = "Lab-Admin-1"
DEFAULTS = pathlib.Path("/usr/share/dirsrv/inf/defaults.inf")

SETUP = """\
[general]
config_version = 2
full_machine_name = localhost
start = True
strict_host_checking = False
selinux = False
systemd = False
[slapd]
instance_name = {name}
port = 0
root_password = {password}
self_sign_cert = False
[backend-userroot]
suffix = {base}
sample_entries = no
create_suffix_entry = True
"""

CONTENT_SYNC = {
    "cn=Content Synchronization,cn=plugins,cn=config": [(ldap.MOD_REPLACE, "nsslapd-pluginEnabled", [b"on"])],
    "cn=Retro Changelog Plugin,cn=plugins,cn=config": [
        (ldap.MOD_REPLACE, "nsslapd-pluginEnabled", [b"on"]),
        (ldap.MOD_ADD, "nsslapd-attribute", [b"nsuniqueid:targetUniqueId"]),
    ],
}
USN = {
    "cn=USN,cn=plugins,cn=config": [(ldap.MOD_REPLACE, "nsslapd-pluginEnabled", [b"on"])],
}


def why_not():
    """Why no 389 Directory Server can be started here, or None."""
    if os.geteuid() != 0:
        return "not root, which dscreate needs"
    for program in ("ns-slapd", "dscreate", "dsctl"):
        if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            return f"{program} is not installed (deploy/packages, section test)"
    return None


class Dirsrv:
    """A running ns-slapd, on its own Unix socket only. What a test may use: uri (ldapi), uris, socket, base, pid, folder, log; reader_dn and
    password_file (the Directory Manager's: who else may search by entryusn is another test's affair), ca_file (of nobody: it has no TLS).

    dscreate keeps an instance in the system's folders (/etc/dirsrv/slapd-NAME, ...): it has a name of its own and is removed at the end. That it
    may not ask systemd is said by a defaults.inf of ours (lib389 looks below $PREFIX first); the system's is not touched.
    """

    base = BASE
    upn_suffix = "corp.example.test"
    reader_dn = ADMIN
    ca_file = "/etc/ssl/certs/ca-certificates.crt"

    def __init__(self, folder, content_sync=True, usn=True):
        self.folder = pathlib.Path(folder)
        self.name = f"lab{os.getpid()}x{random.randrange(10000)}"
        self.log = self.folder / "dirsrv.log"
        self.process = None
        self._directories = []
        self.folder.mkdir(parents=True, exist_ok=True)
        self.password_file = write_file(self.folder / "admin.password", ADMIN_PASSWORD + "\n")
        inf = self.folder / "prefix" / "share" / "dirsrv" / "inf"
        inf.mkdir(parents=True)
        write_file(inf / "defaults.inf", re.sub(r"(?m)^with_systemd = .*$", "with_systemd = 0", DEFAULTS.read_text()), 0o644)
        self._env = {**os.environ, "PREFIX": str(self.folder / "prefix")}
        self._made = True
        setup = write_file(self.folder / "setup.inf", SETUP.format(name=self.name, password=ADMIN_PASSWORD, base=BASE))
        try:
            run(["dscreate", "from-file", setup], log=self.log, env=self._env)
            config = pathlib.Path(f"/etc/dirsrv/slapd-{self.name}/dse.ldif").read_text()
            self.socket = re.search(r"(?im)^nsslapd-ldapifilepath: (.*)$", config).group(1)
            self.uri = "ldapi://" + self.socket.replace("/", "%2F")
            self.uris = [self.uri]
            with self._open() as d:
                for dn, changes in {**(CONTENT_SYNC if content_sync else {}), **(USN if usn else {})}.items():
                    d.connection.modify_s(dn, changes)
            run(["dsctl", self.name, "stop"], log=self.log, env=self._env)
        except BaseException:
            self.close()
            raise

    def start(self, wait=True):
        self.process = Process("ns-slapd", ["/usr/sbin/ns-slapd", "-d", "0", "-D", f"/etc/dirsrv/slapd-{self.name}"], self.log, env=self._env)
        if wait:
            wait_until(self._answers, 60, "389 Directory Server answers")
        return self

    def _answers(self):
        self.process.check_alive()
        try:
            self._open().close()
            return True
        except (ldap.SERVER_DOWN, ldap.UNAVAILABLE, ldap.BUSY):
            return False

    def _open(self):
        d = People(self.uri, self.ca_file, upn_suffix=self.upn_suffix)
        return d.bind(ADMIN, ADMIN_PASSWORD)

    @property
    def pid(self):
        return self.process.pid

    def admin(self):
        """People bound as Directory Manager; closed with the server."""
        d = self._open()
        self._directories.append(d)
        return d

    def stop(self):
        for d in self._directories:
            d.close()
        self._directories.clear()
        if self.process is not None:
            self.process.stop(30)

    def close(self):
        self.stop()
        if self._made:
            self._made = False
            try:
                run(["dsctl", self.name, "remove", "--do-it"], log=self.log, env=self._env)
            except Failure:
                for place in (f"/etc/dirsrv/slapd-{self.name}", f"/var/lib/dirsrv/slapd-{self.name}", f"/var/log/dirsrv/slapd-{self.name}"):
                    shutil.rmtree(place, ignore_errors=True)
