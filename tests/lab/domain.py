# SPDX-License-Identifier: Apache-2.0
"""A private Samba AD domain controller: template, copy, start, stop."""

import fcntl
import hashlib
import json
import os
import pathlib
import re
import shutil
import tempfile

import ldap

from .base import Address, Failure, Process, make_certificate, run, wait_until, write_file
from .directory import Directory

HERE = pathlib.Path(__file__).resolve().parent
REALM = "CORP.CONTOSO.TEST"
ADMIN_PASSWORD = "Lab-Admin-1"
READER = "sosync-reader"
READER_PASSWORD = "Lab-Reader-1"

# A path of a Unix socket has at most 107 bytes, and Samba adds up to 40 of its own.
LONGEST_FOLDER = 64

SMB_CONF = """\
# SPDX-License-Identifier: Apache-2.0
# A domain controller for tests, on loopback only. Written by tests/lab.
[global]
	netbios name = DC1
	realm = {realm}
	workgroup = {domain}
	server role = active directory domain controller
	server services = ldap, kdc, cldap
	interfaces = {host}/8
	bind interfaces only = yes
	private dir = {folder}/private
	state directory = {folder}/state
	cache directory = {folder}/cache
	lock directory = {folder}/lock
	pid directory = {folder}/run
	ncalrpc dir = {folder}/ncalrpc
	binddns dir = {folder}/bind-dns
	log file = {folder}/log.%m
	log level = 1
	vfs objects = dfs_samba4 acl_xattr xattr_tdb
	tls keyfile = {folder}/tls/key.pem
	tls certfile = {folder}/tls/cert.pem
	tls cafile = {folder}/tls/ca.pem
	ldap server require strong auth = allow_sasl_over_tls
{options}
[sysvol]
	path = {folder}/state/sysvol
	read only = no
[netlogon]
	path = {folder}/state/sysvol/{suffix}/scripts
	read only = no
"""

KRB5_CONF = """\
# SPDX-License-Identifier: Apache-2.0
[libdefaults]
	default_realm = {realm}
	dns_lookup_realm = false
	dns_lookup_kdc = false
	dns_canonicalize_hostname = false
	rdns = false
[realms]
	{realm} = {{
		kdc = {host}
	}}
[domain_realm]
	{host} = {realm}
	.{suffix} = {realm}
	{suffix} = {realm}
"""


def why_not():
    """Why no domain controller can be started here, or None."""
    if os.geteuid() != 0:
        return "not root, which a domain controller needs (ports 88, 389, 636)"
    for program in ("samba", "samba-tool", "openssl"):
        if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            return f"{program} is not installed (deploy/packages, section test)"
    return None


class SambaDC:
    """A running domain controller. What a test may use:

    host, uris, uri      a loopback address of its own; ldaps://host
    base                 DN of the domain; realm, upn_suffix
    ca_file              the certificate to trust; the server's names its address
    admin_dn, admin_password, reader_dn, reader_password, password_file (the reader's), keytab, krb5_conf
    pid, folder, log
    """

    admin_password = ADMIN_PASSWORD
    reader_password = READER_PASSWORD

    def __init__(self, folder, cache, store="mdb", users=0, fresh=False, another=False, options=None, realm=REALM):
        """`users`: so many in OU=Bulk from the start. `fresh`: a domain of its own (SID, invocationId), not a copy of the template.
        `another`: of the same domain, with the same objects, another controller (invocationId), to which nothing replicates.
        `realm`: its name; the NetBIOS name is the first part of it."""
        self.folder = pathlib.Path(folder)
        self.realm = realm
        self.upn_suffix = realm.lower()
        self.domain = realm.partition(".")[0]
        self.base = ",".join(f"DC={part}" for part in self.upn_suffix.split("."))
        self.admin_dn = f"CN=Administrator,CN=Users,{self.base}"
        self.reader_dn = f"CN={READER},CN=Users,{self.base}"
        self.reader_principal = f"{READER}@{realm}"
        self.store = store
        self.options = dict(options or {})
        self.process = None
        self._link = None
        self._directories = []
        self.address = Address()
        try:
            self._make(pathlib.Path(cache), users, fresh)
            if another:
                run(["/usr/bin/python3", HERE / "samba-another.py", self.folder])
        except BaseException:
            self.address.release()
            raise

    # -- made once ------------------------------------------------------------

    def _make(self, cache, users, fresh):
        self.host = self.address.host
        self.uri = f"ldaps://{self.host}"
        self.uris = [self.uri]
        self.log = self.folder / "samba.log"
        if fresh:
            provision(self.folder, self.store, users, self.realm)
        else:
            copy_template(cache, self.store, users, self.folder, self.realm)
        self.ca_file = self.folder / "tls" / "ca.pem"
        self.krb5_conf = self.folder / "krb5.conf"
        self.keytab = self.folder / "reader.keytab"
        self.password_file = write_file(self.folder / "reader.password", self.reader_password + "\n")
        self._make_certificate()
        write_file(self.krb5_conf, KRB5_CONF.format(realm=self.realm, host=self.host, suffix=self.upn_suffix), 0o644)

    def _make_certificate(self):
        """Samba would make a self-signed RSA certificate without our address in it: slow, and no client could verify it."""
        make_certificate(self.folder / "tls", f"dc1.{self.upn_suffix}", self.host)

    def _place(self):
        """Where Samba sees its folder: a short link when the path is too long for Unix sockets."""
        if len(str(self.folder)) <= LONGEST_FOLDER:
            return self.folder
        if self._link is None:
            self._link = pathlib.Path(tempfile.mkdtemp(prefix="sosync-lab-"))
            (self._link / "dc").symlink_to(self.folder)
        return self._link / "dc"

    # -- runs -----------------------------------------------------------------

    def start(self, wait=True):
        """Start the server; with wait=False call wait_ready() before using it."""
        place = self._place()
        options = "".join(f"\t{name} = {value}\n" for name, value in self.options.items())
        for name in ("cache", "lock", "run", "ncalrpc"):
            (self.folder / name).mkdir(exist_ok=True)
        write_file(self.folder / "etc" / "smb.conf",
                   SMB_CONF.format(realm=self.realm, domain=self.domain, host=self.host, folder=place, suffix=self.upn_suffix,
                                   options=options))
        # -i: ends by itself when its standard input ends, so it cannot outlive us; and it says everything on standard output.
        self.process = Process(
            "samba", ["/usr/sbin/samba", "-i", "--no-process-group", "-s", place / "etc" / "smb.conf"], self.log, stdin_pipe=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "KRB5_CONFIG": str(self.krb5_conf)},
        )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, deadline_s=60):
        """Until it answers a rootDSE read over LDAPS; then makes its address known to Kerberos."""
        wait_until(self._answers, deadline_s, f"samba at {self.host} answers over LDAPS")
        with Directory(self.uri, self.ca_file).bind(self.admin_dn, self.admin_password) as ad:
            try:
                ad.modify(f"CN=DC1,OU=Domain Controllers,{self.base}", add={"servicePrincipalName": f"ldap/{self.host}"})
            except ldap.TYPE_OR_VALUE_EXISTS:
                pass

    def _answers(self):
        self.process.check_alive()
        d = Directory(self.uri, self.ca_file)
        try:
            return d.usn()
        except (ldap.SERVER_DOWN, ldap.TIMEOUT, ldap.UNAVAILABLE, ldap.BUSY, ldap.OPERATIONS_ERROR):
            return None
        finally:
            d.close()

    @property
    def pid(self):
        return self.process.pid

    def admin(self):
        """A Directory bound as Administrator; closed with the server."""
        return self._open(self.admin_dn, self.admin_password)

    def reader(self):
        """A Directory bound as the account sosync uses."""
        return self._open(self.reader_dn, self.reader_password)

    def _open(self, dn, password):
        d = Directory(self.uri, self.ca_file, upn_suffix=self.upn_suffix).bind(dn, password)
        self._directories.append(d)
        return d

    def environment(self):
        """What a client with GSSAPI needs: the realm, and the reader's key."""
        return {"KRB5_CONFIG": str(self.krb5_conf), "KRB5_CLIENT_KTNAME": f"FILE:{self.keytab}"}

    def stop(self):
        for d in self._directories:
            d.close()
        self._directories.clear()
        if self.process is not None:
            self.process.stop()

    def close(self):
        """Stop, and let go of the address."""
        self.stop()
        self.address.release()
        if self._link is not None:
            shutil.rmtree(self._link, ignore_errors=True)
            self._link = None


# -- templates ----------------------------------------------------------------


def provision(folder, store, users, realm):
    """Make a domain in `folder`, which must not exist."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, mode=0o700)
    parameters = {
        "folder": str(folder), "store": store, "users": users, "realm": realm, "domain": realm.partition(".")[0], "host": "127.0.0.1",
        "admin_password": ADMIN_PASSWORD, "reader": READER, "reader_password": READER_PASSWORD,
    }
    log = folder / "provision.log"
    try:
        run(["/usr/bin/python3", HERE / "samba-provision.py", json.dumps(parameters)], log=log, deadline_s=600 + users / 50)
    except Failure as e:
        raise Failure(f"provisioning the domain failed: {e}") from None


def copy_template(cache, store, users, folder, realm=REALM):
    """Copy a provisioned domain with these parameters to `folder`; it is provisioned now if there is none.

    A copy is sound because a domain keeps no address and no absolute path outside smb.conf and krb5.conf (no DNS, dns-backend=NONE), and both are
    written anew for each start. Copies share SID and invocationId: to a client they are the same server, restored. Tests that need another
    server ask for fresh=True.
    """
    version = run(["samba", "--version"]).strip()
    recipe = hashlib.sha256(version.encode() + (HERE / "samba-provision.py").read_bytes()).hexdigest()[:8]
    template = cache / f"samba-{recipe}-{store}-{users}{'' if realm == REALM else '-' + realm.lower()}"
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            for old in cache.iterdir():
                outdated = re.match(r"samba-[0-9a-f]{8}-", old.name) and not old.name.startswith(f"samba-{recipe}-")
                if outdated or old.suffix == ".new":
                    shutil.rmtree(old, ignore_errors=True)
            new = template.with_suffix(".new")
            provision(new, store, users, realm)
            new.rename(template)
        folder.parent.mkdir(parents=True, exist_ok=True)
        run(["cp", "--reflink=auto", "-a", template, folder])
