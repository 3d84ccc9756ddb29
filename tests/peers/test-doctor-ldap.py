# SPDX-License-Identifier: Apache-2.0
"""`sosync doctor` where the directory is OpenLDAP: what syncrepl needs; and certificates, the server's and our own, that end."""

import json
import socket

from house import House, check, step
from lab import Lab, openldap, skip_unless, wait_until
from lab.base import run, write_file

NEEDED = ["User.ReadWrite.All", "Group.ReadWrite.All", "Organization.Read.All", "User.RevokeSessions.All", "RoleManagement.Read.Directory",
          "AuditLog.Read.All", "Directory.Read.All"]
EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]


def look(h, credentials=None):
    path = h.write_config()
    if credentials:
        text = path.read_text()
        old = f'{{secret_file: "{h.graph.secret_file}"}}'
        check(old in text, text)
        write_file(path, text.replace(old, f"{old}, {credentials}"), 0o600)
    r = h.lab.sosync(path, start=False).command("doctor", "--json", deadline_s=120)
    whole = json.loads(r.stdout)
    found = {(f["check"], f["status"]): f for f in whole["findings"] if f["status"] != "ok"}
    for f in found.values():
        print(f"    {f['status']} {f['check']}: {f['text']}\n      -> {f['do']}")
    return whole, found


def only(h, check_name, status, exit_status, *words, **other):
    whole, found = look(h, **other)
    check(list(found) == [(check_name, status)] and whole["exit"] == exit_status, (whole["exit"], found))
    f = found[check_name, status]
    check(all(w in f["text"] + (f["do"] or "") for w in words), f)


def certificate(folder, name, days, key, issuer=None, *extensions):
    """A certificate of so many days (-1: it has ended) beside `key`."""
    if not key.exists():
        run(["openssl", "genrsa", "-out", key, "2048"])
        key.chmod(0o600)
    request, config = folder / f"{name}.csr", folder / f"{name}.ext"
    run(["openssl", "req", "-new", "-key", key, "-subj", "/CN=sosync", "-out", request])
    write_file(config, "\n".join(extensions) + "\n")
    signer = ["-CA", issuer / "ca.pem", "-CAkey", issuer / "ca.key"] if issuer else ["-signkey", key]
    run(["openssl", "x509", "-req", "-in", request, *signer, "-set_serial", "77", "-days", str(days), "-extfile", config, "-out", folder / f"{name}.pem"])
    return folder / f"{name}.pem"


def restart(h, **change):
    h.dc.stop()
    for name, value in change.items():
        setattr(h.dc, name, value)
    h.dc.write_config()
    h.dc.start()


def listens(host, port):
    with socket.socket() as s:
        return s.connect_ex((host, port)) == 0


def server_certificate(h, days):
    h.dc.stop()
    tls = h.dc.folder / "tls"
    certificate(tls, "cert", days, tls / "key.pem", tls, f"subjectAltName=IP:{h.dc.host}")
    h.dc.start(wait=days > 0)
    wait_until(lambda: listens(h.dc.host, 636), 10, "the server listens")


with Lab("doctor-ldap") as lab:
    skip_unless(openldap.why_not())
    h = House(lab, dc=lab.slapd())
    h.graph.admin("POST", "app", {"roles": NEEDED})

    step("all green")
    whole, found = look(h)
    check(whole["exit"] == 0 and any("syncrepl: content synchronization answers" in f["text"] for f in whole["findings"]), whole)
    check(any("OpenLDAP" in f["text"] for f in whole["findings"]), whole)

    step("searches with a limit; no overlay")
    restart(h, limited=True, sizelimit=3)
    only(h, "feed", "fault", 1, "limits the searches of cn=reader,", "olcLimits")
    restart(h, limited=False, provider=False)
    only(h, "feed", "fault", 1, "syncprov")
    restart(h, provider=True)

    step("a certificate of our own that ends soon, and one that has ended")
    key = h.folder / "own.key"
    soon = certificate(h.folder, "own", 5, key)
    whole, found = look(h, f'{{certificate_file: "{soon}", key_file: "{key}"}}')
    check(set(found) == {("certificate", "warning"), ("sign-in", "warning")}, found)  # the tenant does not know it: told, and the secret works
    check("in 4 days" in found["certificate", "warning"]["text"] and whole["exit"] == 1, found)
    ended = certificate(h.folder, "ended", -1, key)
    only(h, "configuration", "fault", 2, "ended.pem", credentials=f'{{certificate_file: "{ended}", key_file: "{key}"}}')

    step("the server's: ends soon, has ended")
    server_certificate(h, 10)
    only(h, "certificate", "warning", 1, "in 9 days", "renew it on the server")
    server_certificate(h, -1)
    only(h, "servers", "fault", 5, "certificate has expired")
