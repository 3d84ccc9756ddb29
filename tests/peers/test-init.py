# SPDX-License-Identifier: Apache-2.0
"""`sosync init` against a directory and a tenant: what it writes has been tried, and a service runs with it."""

import os
import pty
import subprocess

from house import DEADLINE_S, check, house, step


def arguments(h, **other):
    options = {
        "uri": h.dc.uri, "bind-dn": h.dc.reader_dn, "password-file": h.dc.password_file, "ca-file": h.dc.ca_file, "ou": h.corp,
        "tenant-id": h.graph.tenant_id, "client-id": h.graph.client_id, "secret-file": h.graph.secret_file,
        "graph-url": h.graph.graph, "login-url": h.graph.login, **other,
    }
    return [text for name, value in options.items() if value for text in (f"--{name}", str(value))]


with house("init") as h:
    h.sosync = h.lab.sosync(h.folder / "made.yaml", start=False)

    step("to standard output: the domain's own names, and what the tenant says")
    r = h.sosync.command("init", *arguments(h, output="-"))
    check(r.returncode == 0, r)
    check(f'base: "{h.dc.base}"' in r.stdout and f'name: "{h.dc.upn_suffix}"' in r.stdout, r.stdout)
    check("staging: true" in r.stdout and "estate: alone" in r.stdout and "is not synchronized by anything else" in r.stdout, r.stdout)
    check("Samba" in r.stderr and not h.sosync.config.exists(), r)

    step("without --ou: the organizational units that are there, as a choice")
    r = h.sosync.command("init", *arguments(h, ou=None, output="-"))
    check(r.returncode == 0 and f'#   - "{h.corp}"' in r.stdout, r.stdout)

    step("what is missing, or wrong, is one line")
    for change, status, words in (
            ({"uri": None}, 2, "--uri is missing"),
            ({"secret-file": None}, 2, "--secret-file is missing"),
            ({"base": "DC=other,DC=test"}, 5, "is no naming context of this server"),
            ({"keytab": h.dc.password_file}, 2, "either --bind-dn"),
            ({"tenant-id": "contoso"}, 2, '--tenant-id: "contoso" is not an id (01234567-89ab-cdef-0123-456789abcdef), nor a domain'),
            ({"client-id": "sosync"}, 2, '--client-id: "sosync" is not an id'),
            ({"uri": "dc1"}, 2, '--uri: "dc1" is not an LDAP URI'),
            ({"bind-dn": "svc-sosync"}, 2, '--bind-dn: "svc-sosync" is not a distinguished name'),
            ({"password-file": "/nowhere"}, 2, "--password-file: /nowhere: No such file or directory"),
            ({"secret-file": "/nowhere"}, 2, "--secret-file: /nowhere: No such file or directory"),
            ({"cloud": "mars", "output": "-"}, 2, 'sosync: target.cloud: "mars" is not one of the choices'),
            ({"ou": "foo"}, 2, '--ou: "foo" is not a distinguished name'),
            ({"ou": f"OU=Nope,{h.dc.base}"}, 2, f'--ou: "OU=Nope,{h.dc.base}" is not there, or cannot be read, below {h.dc.base}; there are "'),
            ({"ou": f"OU=Nope,{h.dc.base}"}, 2, f'"{h.corp}"'),
            ({"ou": "OU=Corp,DC=other,DC=test"}, 2, "is not there"),
            ({"uri": "ldaps://127.0.0.1:1"}, 5, "127.0.0.1:1")):
        r = h.sosync.command("init", *arguments(h, **change))
        check(r.returncode == status and words in r.stderr, (change, r))
        check(not h.sosync.config.exists() and not list(h.folder.glob("*.new")), change)

    step("at a terminal a wrong answer is asked for again, and costs nothing that was typed before")
    main, side = pty.openpty()
    process = subprocess.Popen([h.lab.sosync_binary, "init", "--output", "-"], stdin=side, stdout=subprocess.DEVNULL, stderr=side)
    os.close(side)
    os.write(main, b"nonsense\n" + str(h.dc.uri).encode() + b"\nno name\n\x04")
    said = b""
    while b"--bind-dn is missing" not in said:
        said += os.read(main, 65536)
    os.close(main)
    check(process.wait(DEADLINE_S) == 2, process.returncode)
    check(said.count(b"a domain controller (") == 2 and said.count(b"DN of the account") == 2, said)

    step("a tenant that does not answer is said, and stops nothing")
    r = h.sosync.command("init", *arguments(h, output="-", **{"login-url": "http://127.0.0.1:1"}))
    check(r.returncode == 0 and "does not answer yet" in r.stderr and "The tenant was not asked" in r.stdout, r)

    step("into the file, once")
    r = h.sosync.command("init", *arguments(h))
    check(r.returncode == 0 and h.sosync.config.exists(), r)
    check(h.sosync.command("config", "check").returncode == 0, "what init has written is refused")
    again = h.sosync.command("init", *arguments(h))
    check(again.returncode == 2 and "is there already" in again.stderr, again)

    step("a service runs with it, in staging")
    text = h.sosync.config.read_text()
    h.sosync.config.write_text(text + f'state: {{path: "{h.folder}/state"}}\nreports: {{path: "{h.folder}/reports"}}\n')
    h.sosync.start()
    h.ad.add_user("Ada Lovelace", h.people, title="Analyst")
    r, report = h.sosync.sync(f"CN=Ada Lovelace,{h.people}", "--no-html-report")
    check(r == 0 and not h.writes(), (r, report))
