# SPDX-License-Identifier: Apache-2.0
"""A private OpenLDAP server with the syncprov overlay: made, loaded, started, stopped."""

import os
import pathlib
import shutil
import tempfile
import uuid

import ldap

from .base import Address, Process, make_certificate, run, wait_until, write_file
from .directory import Directory

BASE = "dc=corp,dc=example,dc=test"
ADMIN_PASSWORD = "Lab-Admin-1"
READER_PASSWORD = "Lab-Reader-1"

PEOPLE = f"ou=people,{BASE}"
PERSON = ("dn: cn=p{0},{1}\nobjectClass: inetOrgPerson\ncn: p{0}\nsn: p{0}\nuid: p{0}\nmail: p{0}@corp.example.test\n"
          "description: Nobody in particular\n\n")
# Nobody listens there: what is queued stays queued, and can be counted.
NO_GRAPH = """\
source:
  name: corp
  uris: ["{dc.ldapi}"]
  base: "{dc.base}"
  bind: {{mechanism: simple, dn: "{dc.reader_dn}", password_file: "{dc.password_file}"}}
  feed: syncrepl
  initial: {initial}
scope: {{include: ["{people}"]}}
target:
  tenant_id: 11111111-2222-3333-4444-555555555555
  client_id: 66666666-7777-8888-9999-000000000000
  credentials: [{{secret_file: "{secret}"}}]
  endpoints: {{login: "http://127.0.0.1:9", graph: "http://127.0.0.1:9"}}
state: {{path: "{folder}/state"}}
reports: {{path: "{folder}/reports"}}
"""

SLAPD_CONF = """\
# SPDX-License-Identifier: Apache-2.0
# An OpenLDAP server for tests, on loopback only. Written by tests/lab.
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload syncprov
moduleload ppolicy
serverID 1
TLSCACertificateFile {folder}/tls/ca.pem
TLSCertificateFile {folder}/tls/cert.pem
TLSCertificateKeyFile {folder}/tls/key.pem
TLSVerifyClient try
sizelimit {sizelimit}
authz-regexp "gidNumber=[0-9]+\\\\+uidNumber=0,cn=peercred,cn=external,cn=auth" "cn=reader,{base}"
authz-regexp "cn=reader,o=lab" "cn=reader,{base}"
{options}
database mdb
suffix "{base}"
rootdn "cn=admin,{base}"
rootpw {admin_password}
directory {folder}/db
maxsize 8589934592
dbnosync
index objectClass,uid,entryUUID,entryCSN eq
{limits}
access to attrs=userPassword by anonymous auth by * none
{access}
overlay ppolicy
{overlay}
"""

FIRST = """\
dn: {base}
objectClass: domain
dc: corp

dn: cn=reader,{base}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {reader_password}

"""


def why_not():
    """Why no OpenLDAP server can be started here, or None."""
    if os.geteuid() != 0:
        return "not root, which a server on port 636 needs"
    for program in ("slapd", "slapadd", "openssl"):
        if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            return f"{program} is not installed (deploy/packages, section test)"
    return None


def people(n):
    """LDIF of so many people below PEOPLE: cn=p0, cn=p1 ..."""
    return f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n\n" + "".join(PERSON.format(i, PEOPLE) for i in range(n))


def following(dc, folder, initial="all", more=""):
    """The file of a configuration that follows PEOPLE of this server and exports nothing; more: other sections."""
    secret = write_file(folder / "secret", "nobody")
    text = NO_GRAPH.format(dc=dc, people=PEOPLE, folder=folder, secret=secret, initial=initial) + more
    return write_file(folder / "sosync.yaml", text, 0o600)


class People(Directory):
    """A Directory of people and groups as RFC 2798 and RFC 4519 have them."""

    def add_ou(self, dn):
        return self.add(dn, {"objectClass": "organizationalUnit"})

    def add_person(self, name, ou, **attributes):
        entry = {"objectClass": "inetOrgPerson", "uid": name.lower().replace(" ", "."), "displayName": name, "sn": name.rpartition(" ")[2]}
        entry.update(attributes)
        return self.add(f"cn={ldap.dn.escape_dn_chars(name)},{ou}", entry)

    def add_group(self, name, ou, members):
        """groupOfNames must have a member."""
        return self.add(f"cn={ldap.dn.escape_dn_chars(name)},{ou}", {"objectClass": "groupOfNames", "member": members})

    def lock(self, dn):
        """As an administrator does it: until further notice."""
        return self.modify(dn, replace={"pwdAccountLockedTime": "000001010000Z"})

    def guid(self, dn):
        return str(uuid.UUID(self.read(dn, ["entryUUID"])["entryUUID"][0].decode()))


class Slapd:
    """A running slapd. What a test may use:

    host, uri, uris, ldapi     a loopback address of its own; ldaps://host; a socket of its own
    base, admin_dn, admin_password, reader_dn, reader_password, password_file (the reader's)
    ca_file, client_cert, client_key    the certificate that slapd takes for the reader's
    pid, folder, log
    """

    base = BASE
    upn_suffix = "corp.example.test"
    admin_dn = f"cn=admin,{BASE}"
    admin_password = ADMIN_PASSWORD
    reader_dn = f"cn=reader,{BASE}"
    reader_password = READER_PASSWORD

    def __init__(self, folder, ldif="", sizelimit=500, limited=False, options="", provider=True):
        """`ldif`: more entries from the start, text or a file. `limited`: the reader's searches are cut at `sizelimit` too."""
        self.folder = pathlib.Path(folder)
        self.sizelimit, self.limited, self.options, self.provider = sizelimit, limited, options, provider
        self.may_read = True
        self.process = None
        self._directories = []
        self.address = Address()
        self._short = pathlib.Path(tempfile.mkdtemp(prefix="sosync-lab-"))
        try:
            self._make(ldif)
        except BaseException:
            self.close()
            raise

    def _make(self, ldif):
        self.host = self.address.host
        self.uri = f"ldaps://{self.host}"
        self.uris = [self.uri]
        self.ldapi = "ldapi://" + str(self._short / "ldapi").replace("/", "%2F")
        self.log = self.folder / "slapd.log"
        self.folder.mkdir(parents=True, mode=0o700)
        tls = self.folder / "tls"
        make_certificate(tls, f"ldap.{self.upn_suffix}", self.host, client="/O=lab/CN=reader")
        self.ca_file, self.client_cert, self.client_key = tls / "ca.pem", tls / "client.pem", tls / "client.key"
        self.password_file = write_file(self.folder / "reader.password", self.reader_password + "\n")
        self.write_config()
        self.load(ldif)

    def write_config(self):
        """slapd.conf from `sizelimit`, `limited`, `options`, `provider`, `may_read`; read at the next start."""
        limits = "" if self.limited else f'limits dn.exact="{self.reader_dn}" size=unlimited time=unlimited'
        access = f'access to * by dn.exact="{self.reader_dn}" {"read" if self.may_read else "none"} by * none'
        overlay = "overlay syncprov\nsyncprov-checkpoint 100 1\nsyncprov-sessionlog 1000" if self.provider else ""
        write_file(self.folder / "slapd.conf",
                   SLAPD_CONF.format(folder=self.folder, base=BASE, admin_password=ADMIN_PASSWORD, sizelimit=self.sizelimit,
                                     limits=limits, access=access, overlay=overlay, options=self.options))

    def load(self, ldif=""):
        """A new database with these entries (text, or a file that holds everything). The server is stopped."""
        shutil.rmtree(self.folder / "db", ignore_errors=True)
        (self.folder / "db").mkdir()
        if isinstance(ldif, pathlib.Path):
            path = ldif
        else:
            path = write_file(self.folder / "first.ldif", FIRST.format(base=BASE, reader_password=READER_PASSWORD) + ldif)
        run(["/usr/sbin/slapadd", "-q", "-w", "-f", self.folder / "slapd.conf", "-l", path], deadline_s=1200)

    def dump(self):
        """The whole database as LDIF, as a backup would be. The server may run."""
        path = self.folder / "backup.ldif"
        run(["/usr/sbin/slapcat", "-f", self.folder / "slapd.conf", "-l", path], deadline_s=600)
        return path

    # -- runs -----------------------------------------------------------------

    def start(self, wait=True):
        urls = f"ldap://{self.host} {self.uri} {self.ldapi}"
        self.process = Process("slapd", ["/usr/sbin/slapd", "-d", "0", "-f", self.folder / "slapd.conf", "-h", urls], self.log)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, deadline_s=60):
        wait_until(self._answers, deadline_s, f"slapd at {self.host} answers over LDAPS")

    def _answers(self):
        self.process.check_alive()
        d = People(self.uri, self.ca_file)
        try:
            return d.connection.search_s("", ldap.SCOPE_BASE)
        except (ldap.SERVER_DOWN, ldap.TIMEOUT, ldap.UNAVAILABLE, ldap.BUSY):
            return None
        finally:
            d.close()

    @property
    def pid(self):
        return self.process.pid

    def admin(self):
        """People bound as the administrator; closed with the server."""
        d = People(self.uri, self.ca_file, upn_suffix=self.upn_suffix).bind(self.admin_dn, self.admin_password)
        self._directories.append(d)
        return d

    def stop(self):
        for d in self._directories:
            d.close()
        self._directories.clear()
        if self.process is not None:
            self.process.stop(30)

    def kill(self):
        self._directories.clear()
        self.process.kill()

    def close(self):
        self.stop()
        self.address.release()
        shutil.rmtree(self._short, ignore_errors=True)
