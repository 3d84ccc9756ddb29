#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The lab's own test: does a domain controller behave as the tests that use it will take for granted?"""

import base64
import pathlib
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from lab import Directory, Lab, domain, skip_unless, wait_until  # noqa: E402
from lab.base import group_is_alive, run  # noqa: E402
import ldap  # noqa: E402


def ldapsearch(dc, *arguments, environment=None):
    """The reader's ldapsearch: verified LDAPS, simple bind unless an environment with a key is given."""
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "LDAPTLS_CACERT": str(dc.ca_file), "LDAPTLS_REQCERT": "demand", **(environment or {})}
    who = ["-Y", "GSSAPI", "-Q", "-N", "-O", "maxssf=0"] if environment else ["-x", "-D", dc.reader_dn, "-y", str(dc.folder / "reader.secret")]
    r = subprocess.run(["ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-H", dc.uri, *who, "-b", dc.base, *arguments],
                       capture_output=True, text=True, env=env, timeout=30)
    return r.returncode, r.stdout, r.stderr


def dirsync(dc, cookie, *attributes, environment=None):
    """One DirSync read as the reader: (status, output, next cookie in base64)."""
    position = f"/{cookie}" if cookie else ""
    status, out, err = ldapsearch(dc, "-E", f"!dirSync=0/0{position}", "(objectClass=*)", *attributes, environment=environment)
    found = re.search(r"^# ?cookie:: (\S+)|^cookie:: (\S+)", out + err, re.M)
    return status, out, found and (found.group(1) or found.group(2))


def check_tls(dc):
    assert Directory(dc.uri, dc.ca_file).usn() > 0
    other = dc.folder / "other.pem"
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", "/CN=other",
               "-keyout", dc.folder / "other.key", "-out", other])
    for ca, uri in ((other, dc.uri), (dc.ca_file, dc.uri.replace(dc.host, "localhost"))):
        try:
            Directory(uri, ca, timeout_s=5).usn()
            raise AssertionError(f"{uri} was accepted with {ca}")
        except ldap.SERVER_DOWN:
            pass


def check_plain_is_refused(dc):
    try:
        Directory(f"ldap://{dc.host}", dc.ca_file).bind(dc.reader_dn, dc.reader_password)
        raise AssertionError("a password in the clear was accepted")
    except ldap.STRONG_AUTH_REQUIRED:
        pass


def check_rights(dc, ad):
    """The reader may ask for changes; an ordinary user may not; the reader may not write."""
    ou = ad.add_ou(f"OU=Rights,{dc.base}").dn
    user = ad.add_user("Plain User", ou, password="Lab-User-1").dn
    with Directory(dc.uri, dc.ca_file).bind(user, "Lab-User-1") as plain:
        control = ldap.controls.RequestControl("1.2.840.113556.1.4.841", True, b"\x30\x08\x02\x01\x00\x02\x01\x00\x04\x00")
        try:
            plain.connection.search_ext_s(dc.base, ldap.SCOPE_SUBTREE, "(objectClass=*)", ["cn"], serverctrls=[control])
            raise AssertionError("DirSync for an account without the right")
        except ldap.INSUFFICIENT_ACCESS:
            pass
    try:
        dc.reader().set(user, title="x")
        raise AssertionError("the reader may write")
    except ldap.INSUFFICIENT_ACCESS:
        pass


def check_dirsync(dc, ad):
    """Each kind of change shows in the next increment, and nothing else does."""
    attributes = ("name", "title", "userAccountControl", "member", "isDeleted")
    people, left = (ad.add_ou(f"OU={n},{dc.base}").dn for n in ("People", "Left"))
    status, _, cookie = dirsync(dc, None, *attributes)
    assert status == 0 and cookie, f"first DirSync: status {status}"

    def increment():
        nonlocal cookie
        status, out, cookie = dirsync(dc, cookie, *attributes)
        assert status == 0 and cookie, f"DirSync: status {status}"
        return out

    assert "dn:" not in increment(), "an idle directory has no changes"
    ann = ad.add_user("Ann Lee", people).dn
    group = ad.add_group("Staff", people).dn
    out = increment()
    assert ann in out and group in out

    ad.set(ann, title="Lead")
    out = increment()
    assert "title: Lead" in out and group not in out
    ad.add_member(group, ann)
    assert f"member: {ann}" in increment()
    ad.disable(ann)
    assert re.search(rf"dn: {ann}\n(.*\n)*userAccountControl: 546\n", increment())
    ad.enable(ann)
    assert "userAccountControl: 544" in increment()
    moved = ad.move(ad.rename(ann, "Ann Smith").dn, left).dn
    out = increment()
    assert f"dn: {moved}\n" in out and "name: Ann Smith" in out and moved == f"CN=Ann Smith,OU=Left,{dc.base}"
    guid = base64.b64encode(ad.read(moved, ["objectGUID"])["objectGUID"][0]).decode()
    ad.delete(moved)
    out = increment()
    assert "isDeleted: TRUE" in out and f"objectGUID:: {guid}" in out


def check_kerberos(dc):
    """The keytab works. Over TLS without a SASL layer of its own: the server, as Windows, refuses to sign or seal there."""
    status, _, cookie = dirsync(dc, None, "cn", environment=dc.environment() | {"KRB5CCNAME": "MEMORY:"})
    assert status == 0 and cookie, f"DirSync with GSSAPI: status {status}"


def check_commit_times(dc, ad):
    user = ad.add_user("Time Keeper", f"OU=Rights,{dc.base}").dn
    before = time.monotonic_ns()
    c = ad.set(user, title="now")
    assert before <= c.sent_mono_ns < c.mono_ns <= time.monotonic_ns() and abs(c.wall - time.time()) < 5


def check_restart(dc, ad):
    """Stopped by pid without leftovers; started again with what it had."""
    usn = ad.usn()
    ad.close()
    started, pid = time.monotonic(), dc.pid
    dc.stop()
    print(f"stop      {(time.monotonic() - started) * 1000:6.0f} ms")
    assert not group_is_alive(pid), "processes are left"
    dc.start()
    with dc.admin() as again:
        assert again.usn() >= usn


def check_abandoned(lab):
    """The server ends with us even when we are killed: its standard input ends."""
    code = (
        "import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1])\n"
        "from lab import Lab\n"
        "lab = Lab('abandoned', folder=sys.argv[2]).__enter__(); print(lab.samba().pid, flush=True); sys.stdin.read()\n"
    )
    child = subprocess.Popen(["/usr/bin/python3", "-c", code, str(pathlib.Path(__file__).resolve().parents[1]), str(lab.folder / "abandoned")],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    pid = int(child.stdout.readline())
    child.kill()
    child.wait()
    child.stdin.close()
    child.stdout.close()

    wait_until(lambda: not group_is_alive(pid), 10, "the abandoned server ends")


def main():
    skip_unless(domain.why_not())
    store = sys.argv[1] if len(sys.argv) > 1 else "mdb"
    with Lab(f"test-lab-{store}") as lab:
        began = time.monotonic()
        dc = lab.samba(store=store, start=False)
        made = time.monotonic()
        dc.start()
        print(f"copy      {(made - began) * 1000:6.0f} ms\nstart     {(time.monotonic() - made) * 1000:6.0f} ms")
        (dc.folder / "reader.secret").write_text(dc.reader_password)
        ad = dc.admin()
        check_tls(dc)
        check_plain_is_refused(dc)
        check_rights(dc, ad)
        check_dirsync(dc, ad)
        check_kerberos(dc)
        check_commit_times(dc, ad)
        second = lab.samba("dc2", store=store)
        assert second.host != dc.host and second.admin().read(f"OU=People,{dc.base}") is None
        check_restart(dc, ad)
        check_abandoned(lab)


main()
