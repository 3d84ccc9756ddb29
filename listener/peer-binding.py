# SPDX-License-Identifier: Apache-2.0
"""Channel binding: OpenLDAP looks at it (sasl-cbinding), and demands it of whoever says in the ticket that it knows of it, as Windows does.

peer-binding.py PEER-LISTENER. The tickets come from Samba's KDC.
"""

import os
import pathlib
import socket
import ssl
import subprocess
import sys
import threading

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

from lab import Lab, domain, openldap, skip_unless  # noqa: E402
from lab.base import make_certificate, run, write_file  # noqa: E402
from peerlib import open_once, source_config  # noqa: E402

BINARY = sys.argv[1]
REFUSED = 3


class Between:
    """Somebody between client and server, whose certificate the client takes for good: TLS on both sides."""

    def __init__(self, folder, host):
        make_certificate(folder, "between.test", host)
        self.ca_file = folder / "ca.pem"
        self._to = (host, 636)
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        self._client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._client.check_hostname, self._client.verify_mode = False, ssl.CERT_NONE
        self._listener = socket.create_server((host, 0))
        self.uri = f"ldaps://{host}:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with self._server.wrap_socket(client, server_side=True) as a, self._client.wrap_socket(socket.create_connection(self._to)) as b:
            back = threading.Thread(target=pump, args=(b, a), daemon=True)
            back.start()
            pump(a, b)
            back.join()


def pump(source, to):
    try:
        while data := source.recv(65536):
            to.sendall(data)
        to.unwrap()
    except OSError:
        pass


def start_slapd(lab, dc, binding):
    """An OpenLDAP server with a key of the domain, which takes everybody from there for its reader."""
    slapd = lab.slapd(name=f"slapd-{binding}", start=False)
    slapd.options = (f'authz-regexp "uid=[^,]*,(cn=[^,]*,)?cn=gssapi,cn=auth" "{slapd.reader_dn}"\n'
                     f"sasl-host {slapd.host}\nsasl-realm {dc.realm}\nsasl-cbinding {binding}\n")
    slapd.write_config()
    service, keytab = f"ldap/{slapd.host}", slapd.folder / "keytab"
    dc.admin().add_user(f"Slapd {binding}", f"CN=Users,{dc.base}", "A-Key-Of-Its-Own-1", servicePrincipalName=service)
    run(["samba-tool", "domain", "exportkeytab", keytab, f"--principal={service}", "-s", dc.folder / "etc" / "smb.conf"])
    os.environ["KRB5_KTNAME"] = str(keytab)
    return slapd.start()


def bind(dc, slapd, name, krb5_conf, uri=None, ca_file=None):
    """What the service's connection says of this server: the condition, 0 if it is let in."""
    config = source_config(slapd, slapd.folder, name, bind={"mechanism": "gssapi", "keytab": str(dc.keytab)}, uris=[uri or slapd.uri],
                           tls={"ca_file": str(ca_file or slapd.ca_file)})
    _, line, err = open_once(BINARY, config, {"KRB5_CONFIG": str(krb5_conf)})
    assert line is not None, err
    print(f"{slapd.folder.name} {name}: {line.get('reasons') or 'let in'}", flush=True)
    return line


def whoami(dc, slapd, krb5_conf, binding):
    """OpenLDAP's own client, with the same ticket. Returns the LDAP code."""
    environment = {**os.environ, "KRB5_CONFIG": str(krb5_conf), "KRB5CCNAME": f"FILE:{slapd.folder}/tickets", "LDAPTLS_CACERT": str(slapd.ca_file),
                   "LDAPSASL_CBINDING": binding}
    subprocess.run(["kinit", "-k", "-t", dc.keytab, dc.reader_principal], env=environment, check=True)
    return subprocess.run(["ldapwhoami", "-Q", "-N", "-Y", "GSSAPI", "-O", "maxssf=0", "-H", slapd.uri], env=environment, capture_output=True).returncode


def main():
    skip_unless(domain.why_not())
    skip_unless(openldap.why_not())
    with Lab("peer-binding") as lab:
        dc = lab.samba()
        aware = write_file(lab.folder / "aware.conf", dc.krb5_conf.read_text().replace(
            "[libdefaults]\n", "[libdefaults]\n\tclient_aware_channel_bindings = true\n"), 0o644)
        slapd = start_slapd(lab, dc, "tls-endpoint")

        # The server demands it, of a client whose ticket says that it knows of it.
        assert whoami(dc, slapd, aware, "none") == 49, "slapd lets in who sends no binding"
        assert whoami(dc, slapd, aware, "tls-endpoint") == 0, "slapd refuses its own client"
        assert bind(dc, slapd, "demanded", aware)["condition"] == 0, "refused"
        assert bind(dc, slapd, "not demanded", dc.krb5_conf)["condition"] == 0, "refused"

        # The binding names the certificate that we have seen.
        between = Between(lab.folder / "between", slapd.host)
        line = bind(dc, slapd, "somebody between", dc.krb5_conf, between.uri, between.ca_file)
        assert line["condition"] == REFUSED and "channel binding" in line["reasons"][0], line

        # A server that does not look is none the wiser.
        careless = start_slapd(lab, dc, "none")
        between = Between(lab.folder / "between-none", careless.host)
        assert bind(dc, careless, "somebody between", dc.krb5_conf, between.uri, between.ca_file)["condition"] == 0, "refused by a server that does not look"


if __name__ == "__main__":
    main()
