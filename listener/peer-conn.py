#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Connections against a real domain controller: every bind that works, and one clear line for every one that cannot."""

import os
import pathlib
import re
import socket
import ssl
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from lab import Lab, domain, skip_unless  # noqa: E402
from peerlib import Peer, open_once, source_config  # noqa: E402

BINARY = sys.argv[1]
UNREACHABLE, TLS, REFUSED, UNSUITABLE = 1, 2, 3, 4


class FakeServer:
    """Listens on loopback and lets `serve` have each connection."""

    def __init__(self, serve):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.n_accepted = 0
        self._serve = serve
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.n_accepted += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        try:
            self._serve(connection)
        except OSError:
            pass

    def close(self):
        self._listener.close()


def tls_server(cert, key, **options):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    for name, value in options.items():
        setattr(context, name, value)
    return FakeServer(lambda c: context.wrap_socket(c, server_side=True).recv(1000))


def make_cert(folder, name, ca, subject, san, days):
    """A certificate signed by the lab's authority; days may be in the past."""
    run = lambda *a: subprocess.run(["openssl", *map(str, a)], check=True, capture_output=True)  # noqa: E731
    key, request, cert, ext = (folder / f"{name}.{s}" for s in ("key", "csr", "pem", "ext"))
    ext.write_text(f"subjectAltName={san}\n")
    run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", subject, "-keyout", key, "-out", request)
    (folder / f"{name}.db").write_text("")
    (folder / f"{name}.srl").write_text("1000\n")
    conf = folder / f"{name}.cnf"
    conf.write_text(f"[ca]\ndefault_ca=x\n[x]\ndatabase={folder / name}.db\nserial={folder / name}.srl\nnew_certs_dir={folder}\ndefault_md=sha256\npolicy=p\n"
                    "[p]\ncommonName=supplied\n")
    now = time.time()
    stamp = lambda t: time.strftime("%Y%m%d%H%M%SZ", time.gmtime(t))  # noqa: E731
    run("ca", "-batch", "-notext", "-config", conf, "-in", request, "-out", cert, "-keyfile", ca.with_name("ca.key"), "-cert", ca, "-extfile", ext,
        "-startdate", stamp(now - 10 * 86400), "-enddate", stamp(now + days * 86400))
    return cert, key


def expect(config, condition, *words, env=None, deadline_s=30):
    status, line, err = open_once(BINARY, config, env, deadline_s)
    assert line is not None, err
    print(f"{config.stem:18} {line.get('reasons') or 'ok'}")
    assert line["condition"] == condition and status == (1 if condition else 0), (config, line)
    for word in words:
        assert any(word in r for r in line["reasons"]), (word, line)
    for reason in line.get("reasons", []):
        assert "\n" not in reason and len(reason) < 500, reason
    return line


def check_good(dc, folder):
    keytab = {"mechanism": "gssapi", "keytab": str(dc.keytab)}
    env = {"KRB5_CONFIG": str(dc.krb5_conf)}
    plain = [f"ldap://{dc.host}"]
    ids = {expect(source_config(dc, folder, "ldaps"), 0)["server_id"],
           expect(source_config(dc, folder, "starttls", uris=plain), 0)["server_id"],
           expect(source_config(dc, folder, "kerberos-ldaps", bind=keytab), 0, env=env)["server_id"],
           expect(source_config(dc, folder, "kerberos-starttls", bind=keytab, uris=plain), 0, env=env)["server_id"],
           expect(source_config(dc, folder, "kerberos-sealed", bind=keytab, uris=plain, tls={"starttls": False}), 0, env=env)["server_id"],
           expect(source_config(dc, folder, "second", uris=["ldaps://127.0.0.1:1", dc.uri]), 0)["server_id"],
           expect(source_config(dc, folder, "upn", bind={"mechanism": "simple", "dn": dc.reader_principal, "password_file": str(dc.password_file)}),
                  0)["server_id"],
           expect(source_config(dc, folder, "tls13", tls={"ca_file": str(dc.ca_file), "min_protocol": "1.3"}), 0)["server_id"]}
    assert len(ids) == 1
    # What a file that is not ours says about verification must not matter.
    (folder / "ldaprc").write_text("TLS_REQCERT never\n")
    expect(source_config(dc, folder, "reqcert-never", tls={"ca_file": "/etc/ssl/certs/ca-certificates.crt"}), TLS, "unknown authority",
           env={"LDAPTLS_REQCERT": "never", "LDAPCONF": str(folder / "ldaprc")})


def check_credentials(dc, ad, folder):
    def bind(name, dn, password, *words, condition=REFUSED):
        secret = folder / f"{name}.password"
        secret.write_text(password)
        secret.chmod(0o600)
        config = source_config(dc, folder, name, bind={"mechanism": "simple", "dn": dn, "password_file": str(secret)})
        return expect(config, condition, *words)

    ou = ad.add_ou(f"OU=Accounts,{dc.base}").dn
    bind("wrong-password", dc.reader_dn, "wrong\n", "wrong name or password", "52e")
    user = ad.add_user("Off Duty", ou, password="Lab-User-1").dn
    ad.disable(user)
    bind("disabled", user, "Lab-User-1", "the account is disabled")
    user = ad.add_user("Long Gone", ou, password="Lab-User-1", accountExpires=130000000000000000).dn
    bind("expired", user, "Lab-User-1", "the account has expired")
    user = ad.add_user("Must Change", ou, password="Lab-User-1", pwdLastSet=0).dn
    bind("must-change", user, "Lab-User-1", "the password must be changed")
    bind("nobody", f"CN=Nobody,{ou}", "x", "credentials refused")
    bind("empty-password", dc.reader_dn, "\n", "is empty")
    expect(source_config(dc, folder, "no-keytab", bind={"mechanism": "gssapi", "keytab": str(dc.keytab), "principal": "other@CORP.CONTOSO.TEST"}), REFUSED,
           "no Kerberos ticket", env={"KRB5_CONFIG": str(dc.krb5_conf)})


def check_kdc_away(dc, folder):
    """Tickets of somebody else's making, and the KDC goes before the one for this server is asked for: nobody was refused."""
    env = {"KRB5_CONFIG": str(dc.krb5_conf), "KRB5CCNAME": f"FILE:{folder / 'tickets'}"}
    subprocess.run(["kinit", "-k", "-t", dc.keytab, dc.reader_principal], env={**os.environ, **env}, check=True)
    away = folder / "krb5-away.conf"
    text = dc.krb5_conf.read_text(encoding="utf-8")
    away.write_text(re.sub(r"(kdc\s*=\s*)\S+", r"\g<1>127.0.0.1:1", text), encoding="utf-8")
    ours = {"mechanism": "gssapi"}
    expect(source_config(dc, folder, "kdc-away", bind=ours), UNREACHABLE, "Cannot contact any KDC", env={**env, "KRB5_CONFIG": str(away)})
    expect(source_config(dc, folder, "kdc-there", bind=ours), 0, env=env)


def check_tls(dc, folder):
    ca = dc.ca_file
    expect(source_config(dc, folder, "unknown-ca", tls={}), TLS, "unknown authority", "sosync lab CA", "ca-certificates.crt")
    expect(source_config(dc, folder, "unknown-ca-starttls", tls={}, uris=[f"ldap://{dc.host}"]), TLS, "unknown authority")
    expect(source_config(dc, folder, "no-ca-file", tls={"ca_file": "/nowhere/ca.pem"}), TLS, "/nowhere/ca.pem", "No such file")
    cert, key = make_cert(folder, "old", ca, "/CN=old", "IP:127.0.0.1", -1)
    server = tls_server(cert, key)
    expect(source_config(dc, folder, "expired-cert", uris=[f"ldaps://127.0.0.1:{server.port}"]), TLS, "has expired on 20")
    server.close()
    cert, key = make_cert(folder, "other", ca, "/CN=other", "DNS:dc7.corp.contoso.test,IP:127.0.0.9", 5)
    server = tls_server(cert, key)
    expect(source_config(dc, folder, "host-mismatch", uris=[f"ldaps://127.0.0.1:{server.port}"]), TLS, "is not for 127.0.0.1",
           "dc7.corp.contoso.test, 127.0.0.9")
    server.close()
    cert, key = make_cert(folder, "weak", ca, "/CN=weak", "IP:127.0.0.1", 5)
    server = tls_server(cert, key, maximum_version=ssl.TLSVersion.TLSv1_2)
    expect(source_config(dc, folder, "old-protocol", uris=[f"ldaps://127.0.0.1:{server.port}"], tls={"ca_file": str(ca), "min_protocol": "1.3"}), TLS,
           "offers TLS1.2", "min_protocol is 1.3")
    server.close()
    server = FakeServer(lambda c: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    expect(source_config(dc, folder, "not-ldap", uris=[f"ldaps://127.0.0.1:{server.port}"]), TLS, "no TLS with this server")
    server.close()


def check_unreachable(dc, folder):
    line = expect(source_config(dc, folder, "nobody-there", uris=["ldaps://127.0.0.1:1", "ldap://127.0.0.1:1"]), UNREACHABLE, "Connection refused")
    assert len(line["reasons"]) == 2, "a line for each server"
    expect(source_config(dc, folder, "no-such-host", uris=["ldaps://dc1.invalid"]), UNREACHABLE, "cannot find the host")
    silent = FakeServer(lambda c: c.recv(1000) and time.sleep(60))
    for scheme in ("ldap", "ldaps"):
        began = time.monotonic()
        status, line, _ = open_once(BINARY, source_config(dc, folder, f"silent-{scheme}", uris=[f"{scheme}://127.0.0.1:{silent.port}"],
                                                          connect_timeout="1s"))
        took = time.monotonic() - began
        print(f"silent-{scheme:11} {line['reasons']} after {took:.1f} s")
        assert status == 1 and line["condition"] in (UNREACHABLE, TLS) and took < 5, (line, took)
    silent.close()


def check_unsuitable(dc, folder):
    expect(source_config(dc, folder, "wrong-base", base="DC=other,DC=test"), UNSUITABLE, "is no naming context", dc.base)
    expect(source_config(dc, folder, "base-below", base=f"OU=Domain Controllers,{dc.base}"), UNSUITABLE, "is no naming context")


def check_config(dc, folder):
    """What can be known without a server is said when the configuration is checked: exit status 2, place and reason."""
    readable = folder / "readable.password"
    readable.write_text("x\n")
    readable.chmod(0o640)
    simple = {"mechanism": "simple", "dn": "x", "password_file": str(dc.password_file)}
    for name, change, words in (
        ("gc-port", {"uris": [f"ldaps://{dc.host}:3269"]}, ["global catalogue", "636"]),
        ("in-the-clear", {"uris": [f"ldap://{dc.host}"], "tls": {"starttls": False}}, ["without TLS"]),
        ("readable", {"bind": {**simple, "password_file": str(readable)}}, ["0640", "chmod 600"]),
        ("missing", {"bind": {**simple, "password_file": "/nowhere/x"}}, ["/nowhere/x", "No such file"]),
        ("no-password", {"bind": {"mechanism": "simple", "dn": "x"}}, ["password_file"]),
        ("no-uri", {"uris": []}, ["at least one server"]),
        ("http", {"uris": ["https://dc1"]}, ["not an LDAP URI"]),
        ("unverified", {"tls": {"verify": False}}, ["unknown key", "verify"]),
        ("keytab-simple", {"bind": {**simple, "keytab": str(dc.keytab)}}, ["keytab"]),
    ):
        config = source_config(dc, folder, name, **change)
        status, _, err = open_once(BINARY, config)
        print(f"{name:18} {err.strip()}")
        assert status == 2 and all(w in err for w in words), (name, status, err)
        assert all(re.match(r".*\.yaml:\d+:\d+: ", line) for line in err.strip().splitlines()), err


def check_recovery(dc, lab):
    """A wrong password is not tried again and again, but a new one in the file is taken at once."""
    secret = lab.folder / "recover.password"
    secret.write_text("wrong\n")
    secret.chmod(0o600)
    config = source_config(dc, lab.folder, "recover", bind={"mechanism": "simple", "dn": dc.reader_dn, "password_file": str(secret)})
    with Peer(BINARY, config, "feed", log=lab.folder / "recover.log") as feed:
        broken = feed.wait_state("broken")
        assert "wrong name or password" in broken["text"], broken
        time.sleep(2.5)
        assert sum(line.get("state") == "connecting" for line in feed.lines) == 1, "the account would be locked"
        secret.write_text("Lab-Reader-1\n")
        began = time.monotonic()
        feed.wait_state("watching", deadline_s=10)
        print(f"recovery  {time.monotonic() - began:.1f} s after the password was put right")
        assert feed.stop() == 0


def main():
    skip_unless(domain.why_not())
    with Lab("peer-conn") as lab:
        dc = lab.samba()
        ad = dc.admin()
        check_good(dc, lab.folder)
        check_credentials(dc, ad, lab.folder)
        check_kdc_away(dc, lab.folder)
        check_tls(dc, lab.folder)
        check_unreachable(dc, lab.folder)
        check_unsuitable(dc, lab.folder)
        check_config(dc, lab.folder)
        check_recovery(dc, lab)


if __name__ == "__main__":
    main()
