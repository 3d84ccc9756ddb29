# SPDX-License-Identifier: Apache-2.0
"""Secrets that sosync has in its hands are nowhere in what it writes or prints, also at level debug."""

import base64
import re
import zipfile

from house import check, house, step
from lab import wait_until
from lab.base import run, write_file

PASSPHRASE = "planted-passphrase-7d1"
PASSWORD = "Planted-User-Passw0rd-93"


def texts(h, outputs):
    """Everything that is left behind: (where, bytes)."""
    yield from ((name, text.encode()) for name, text in outputs.items())
    for part in ("state", "reports", "audit"):
        for path in (h.folder / part).rglob("*"):
            if path.is_file():
                yield str(path), path.read_bytes()
    yield str(h.sosync.log), h.sosync.log.read_bytes()
    for path in h.folder.glob("*.zip"):
        with zipfile.ZipFile(path) as z:
            yield from ((f"{path}: {name}", z.read(name)) for name in z.namelist())


def shapes(secret):
    """As it is, as a form sends it, in base64, and as AD writes a password."""
    text = secret.encode()
    return {text, base64.b64encode(text).rstrip(b"="), secret.encode("utf-16-le")}


with house("secrets") as h:
    key, certificate = h.folder / "planted.key", h.folder / "planted.pem"
    passphrase = write_file(h.folder / "planted.passphrase", PASSPHRASE + "\n")
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-days", "30", "-subj", "/CN=planted", "-keyout", key, "-out", certificate,
         "-passout", f"file:{passphrase}"])
    key.chmod(0o600)
    # A certificate that the tenant does not know, so that it is loaded, signed with, refused; then the secret.
    config = h.write_config(more="log: {level: debug}")
    whole = config.read_text(encoding="utf-8")
    first = f'{{certificate_file: "{certificate}", key_file: "{key}", passphrase_file: "{passphrase}"}}, '
    config.write_text(whole.replace("credentials: [", "credentials: [" + first), encoding="utf-8")

    step("users are created, one fails, a sign-in is refused and one succeeds")
    h.sosync = h.lab.sosync(config)
    h.ad.add_user("Ada Planted", h.people, password=PASSWORD, title="Analyst")
    h.until_user("ada.planted", jobTitle="Analyst")
    h.graph.admin("POST", "faults", {"rules": [{"method": "POST", "path": "/v1.0/users", "count": 1, "action": {"status": 400}}]})
    h.ad.add_user("Bob Planted", h.people, password=PASSWORD)
    h.until_idle()
    # Reports follow their runs by a moment.
    wait_until(lambda: all(name in h.sosync.command("report", "list", "--json").stdout for name in ("Ada Planted", "Bob Planted")), 20,
               "both have a report")
    outputs = {}
    # Bob is not in the cloud: the file has a create, whose password would be random.
    trace = h.folder / "planted.trace"
    for arguments in (["sync", "--trace", trace, f"CN=Bob Planted,{h.people}"], ["config", "show"], ["config", "check"], ["sync", f"CN=Ada Planted,{h.people}"], ["report", "list", "--json"],
                      ["audit", "search", "--json"], ["queue", "list", "--json"], ["config", "permissions"]):
        r = h.sosync.command(*arguments)
        outputs[" ".join(map(str, arguments))] = r.stdout + r.stderr
    outputs["trace"] = trace.read_text(encoding="utf-8")
    check("Bob Planted" in outputs["trace"], outputs["trace"])
    check("credentials" in outputs["config show"], outputs["config show"])
    runs = re.findall(r'"id":\s*"([0-9a-f-]{36})"', outputs["report list --json"])
    check(runs, outputs["report list --json"])
    for i, name in enumerate(runs):
        r = h.sosync.command("report", "export", name, h.folder / f"{i}.zip")
        check(r.returncode == 0, r)
        outputs[f"show {name}"] = h.sosync.command("report", "show", name, "--json").stdout
    h.sosync.stop()

    step("looked through, with what must not be there")
    log = h.sosync.log.read_bytes()
    check(b"credential refused, trying the next" in log, log[-3000:])
    planted = {"client secret": h.graph.secret, "bind password": h.dc.reader_password, "passphrase": PASSPHRASE, "a user's password": PASSWORD}
    n = n_seen = 0
    for where, data in texts(h, outputs):
        n += 1
        n_seen += b"Ada Planted" in data
        for what, secret in planted.items():
            for shape in shapes(secret):
                check(shape not in data, f"{what} in {where}: {data[max(0, data.find(shape) - 80):][:200]!r}")
        for pattern in (rb"Bearer +[A-Za-z0-9]", rb"eyJ[A-Za-z0-9_-]{10,}\.", rb'"password" *: *"[^"*]', rb"PRIVATE KEY"):
            found = re.search(pattern, data)
            check(not found, f"{pattern} in {where}: {data[max(0, found.start() - 80):][:200]!r}" if found else "")
    check(n_seen >= 5, "what is no secret was hardly found either")
    print(f"{n} texts looked through", flush=True)
