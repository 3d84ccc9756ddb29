# SPDX-License-Identifier: Apache-2.0
"""Bad input gets one clear line and the documented exit status, and no change is lost."""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import threading

from house import check, command_as_nobody, house, open_folder, place_for_nobody, step
from lab import wait_until
from lab.base import write_file


def one_line(r, status, pattern):
    """Exit status, and exactly one line on standard error that says what, where, what was expected."""
    check(r.returncode == status, (status, r))
    lines = r.stderr.strip().splitlines()
    check(len(lines) == 1, r.stderr)
    check(re.search(pattern, lines[0]), (pattern, lines[0]))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


CA_CONFIG = """\
[ca]
default_ca = it
[it]
dir = {folder}
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = any
[any]
commonName = supplied
[names]
subjectAltName = IP:127.0.0.1
"""


@contextlib.contextmanager
def server_with_expired_certificate(folder):
    """A TLS server whose certificate was good once; gives its port and the file of its authority."""
    folder.mkdir()
    write_file(folder / "ca.conf", CA_CONFIG.format(folder=folder))
    write_file(folder / "index", "")
    write_file(folder / "serial", "01\n")
    key, request, certificate = folder / "key.pem", folder / "request.pem", folder / "certificate.pem"
    for arguments in (
        ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=127.0.0.1"],
        ["ca", "-batch", "-selfsign", "-config", folder / "ca.conf", "-keyfile", key, "-in", request, "-out", certificate, "-notext",
         "-extensions", "names", "-startdate", "20200101000000Z", "-enddate", "20210101000000Z"],
    ):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return  # closed: the test is over
            try:
                context.wrap_socket(connection, server_side=True).close()
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], certificate
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


with house("bad-input") as h:
    ada = f"CN=Ada Lovelace,{h.people}"
    h.ad.add_user("Ada Lovelace", h.people)

    def beside(**other):
        """sosync with another configuration and state of its own."""
        beside.n += 1
        folders = {"state": h.folder / f"state-{beside.n}", "reports": h.folder / f"reports-{beside.n}"}
        config = h.write_config(name=f"beside-{beside.n}.yaml", **{**folders, **other})
        return h.lab.sosync(config, name=f"beside-{beside.n}", start=False)
    beside.n = 0

    step("configuration: unknown key, wrong type, bad value: file, line, column, what was expected")
    good = h.write_config().read_text()
    sosync = h.lab.sosync(h.folder / "sosync.yaml", start=False)
    check(sosync.command("config", "check").returncode == 0, sosync.command("config", "check"))
    for old, new, pattern in (
        ("state:", "stat:", r'stat\.yaml|:\d+:\d+: .*"stat"'),
        ("workers: 4", "workers: four", r":\d+:\d+: .*workers"),
        ("html: on-demand", "html: maybe", r":\d+:\d+: .*on-demand.*failures.*always"),
        ("staging: false", "staging: perhaps", r":\d+:\d+: .*staging"),
        (f'base: "{h.dc.base}"', 'base: "DC=corp,contoso"', r":\d+:\d+: .*base.*"),
        (f'exclude: ["{h.hidden}"]', 'exclude: ["Hidden"]', r':\d+:\d+: scope.exclude: "Hidden" is not a distinguished name'),
        (f'include: ["{h.corp}"', 'include: ["OU=People;DC=corp"', r':\d+:\d+: scope.include: "OU=People;DC=corp"'),
        (f'exclude: ["{h.hidden}"]', f"exclude: [{h.hidden}]", r":\d+:\d+: scope.exclude: .*; a name with commas belongs in quotation marks"),
        (f'exclude: ["{h.hidden}"]', 'object_types: [user, ~]', r":\d+:\d+: scope.object_types: an item of the list has no value"),
        ("staging: false", "staging: false\nconsole:", r":\d+:\d+: console: has no value; expected a mapping"),
        ('when: "BitAnd([userAccountControl],2) = 2"', 'when: "BitAnd([userAccountControl],2"', r":\d+:\d+: .*when.*"),
    ):
        text = good + ("workers: 4\n" if "workers" in old else "")
        bad = write_file(h.folder / "bad.yaml", text.replace(old, new), 0o600)
        r = h.lab.sosync(bad, name="bad", start=False).command("config", "check")
        check(r.returncode == 2, r)
        check(re.search(pattern, r.stderr), (pattern, r.stderr))
        check(all(line.startswith("sosync: ") for line in r.stderr.splitlines()), r.stderr)
    one_line(h.lab.sosync(h.folder / "no-such.yaml", name="none", start=False).command("run"), 2, r"no-such\.yaml.*is not there")

    step("what cannot be written to standard output is said, and is no success; a reader that has gone away is no failure")
    for words in (
        ["--version"], ["--help"], ["sync", "--help"], ["config", "show"], ["config", "check"], ["config", "help"], ["rules", "list"], ["rules", "show", "In from AD - User Join"],
        ["eval", "1+1"],
    ):
        command = [h.lab.sosync_binary, "-c", sosync.config, *words]
        with open("/dev/full", "wb") as full:
            one_line(subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True), 1, r"standard output: (No space left on device|it could not be written whole)")
        gone, pipe = os.pipe()
        os.close(gone)
        r = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True)
        os.close(pipe)
        check((r.returncode, r.stderr) == (0, ""), (words, r))

    step("a name that is none is refused, not answered with nothing")
    for words, pattern in (
        (["sync", ""], r"an empty text is not a distinguished name"),
        (["sync", " "], r"an empty text is not a distinguished name"),
        (["report", "list", "--ou", " "], r"--ou: .*empty"),
        (["sync", "--ou", ""], r"an empty text"),
        (["sync", "foo"], r'"foo" is not a distinguished name'),
        (["report", "list", "--ou", "nonsense"], r'--ou: "nonsense" is not a distinguished name'),
        (["report", "list", "--ou", ""], r"--ou: .*empty"),
        (["report", "list", "--code", "Nope"], r'--code: no report has "Nope"'),
        (["watch", "--ou", "nonsense"], r'--ou: "nonsense" is not a distinguished name'),
        (["rules", "explain", ada, "--attribute", "nope"], r'--attribute: no rule in .* gives "nope" a value'),
        (["rules", "check", str(h.folder / "nope")], r"nope: No such file or directory"),
        (["rules", "check", str(sosync.config)], r"yaml: Not a directory"),
        (["rules", "import", str(h.folder)], r"--output DIR is missing"),
        (["rules", "explain", ada, "--type", "group"], r"--type is for an object from a file"),
        (["queue", "stats", "--state", "ready"], r"--state is for `sosync queue list`"),
        (["report", "show", "abc"], r'"abc" is not a run\'s id or at least 4 characters'),
        (["sync", "--file", "/dev/null"], r"/dev/null: no distinguished name in it"),
        (["sync", "--file", str(h.folder)], r"Is a directory"),
    ):
        one_line(sosync.command(*words), 2, pattern)
    r = sosync.command("report", "list", "--code", "attributevaluemustbeunique")
    check((r.returncode, r.stdout, r.stderr) == (0, "", ""), r)

    step("a word that the command line does not know is named, and what was probably meant")
    for words, said in (
        (["--frob"], 'unknown option "--frob"; `sosync --help` lists them'),
        (["-c"], "-c: its FILE is missing"),
        (["--reason"], "--reason: its TEXT is missing"),
        (["queue", "-c"], "-c: its FILE is missing"),
        (["synk", ada], 'unknown command "synk"; did you mean "sync"?'),
        (["frobnicate"], 'unknown command "frobnicate"; `sosync --help` lists them'),
        (["queue", "stat"], 'queue: unknown "stat"; did you mean "stats"?'),
        (["rules", "xyzzy"], 'rules: unknown "xyzzy"'),
        (["report", "--json", "list"], 'report: what to do comes first, then "--json"'),
        (["top", "now"], 'top: "now" was not expected'),
    ):
        r = subprocess.run([h.lab.sosync_binary, *words], capture_output=True, text=True)
        lines = r.stderr.splitlines()
        check((r.returncode, r.stdout, lines[0]) == (2, "", f"sosync: {said}"), (words, r))
        check(len(lines) == 1 or lines[1].startswith(f"Usage: sosync {words[0]}"), (words, r))

    step("a state that nothing was put into is empty, not damaged")
    fresh = beside()
    check(fresh.command("queue", "stats").returncode == 0, "a fresh state")
    r = fresh.command("queue", "check")
    check(r.returncode == 0 and "0 rows: 0 changes, 0 objects, 0 links: everything fits together" in r.stdout, r)
    there = open_folder()
    place_for_nobody(there, fresh)
    (there / "state").mkdir(0o700)
    nobody = command_as_nobody(there, [], "queue", "check", there / "state")
    check(nobody.returncode == 2 and "ermission denied" in nobody.stderr, nobody)

    step("a state that is damaged: each command says so in one line, and none crashes")
    broken = h.folder / "state-damaged"
    broken.mkdir(0o700)
    (broken / "data.mdb").write_bytes(b"\x99" * 65536)
    damaged = beside(state=broken)
    for words in (["sync", ada], ["queue", "list"], ["queue", "check"], ["queue", "backup", h.folder / "copy"], ["reconcile"], ["compare"], ["revert", "--since", "1h"],
                  ["rules", "diff"], ["match", "list"], ["demote"], ["scheduler", "show"], ["run"]):
        one_line(damaged.command(*words), 1, "data.mdb: not a file of sosync, or its first pages are damaged")

    step("a path that is too long for a control socket is a fault of the configuration")
    long = h.folder / ("s" * 100)
    one_line(beside(state=long).command("config", "check"), 2, r":\d+:\d+: state.path: the control socket in it would have a path of \d+ bytes; at most 107")
    text = good.replace("staging: false", f'staging: false\ncontrol: {{socket: "{long}"}}')
    one_line(h.lab.sosync(write_file(h.folder / "long.yaml", text, 0o600), name="long", start=False).command("config", "check"), 2,
             r":\d+:\d+: control.socket: .* at most 107")

    step("a file of secrets that others can read")
    loose = write_file(h.folder / "loose.secret", "x\n", 0o644)
    r = beside(secret_file=loose).command("config", "check")
    check(r.returncode == 2 and "loose.secret" in r.stderr, r)

    step("wrong password")
    wrong = write_file(h.folder / "wrong.password", "wrong\n", 0o600)
    bind = f'{{mechanism: simple, dn: "{h.dc.reader_dn}", password_file: "{wrong}"}}'
    status, doc = beside(bind=bind).sync("--no-html-report", ada)
    check(status == 5, (status, doc))
    error = doc["provisioningStatusInfo"]["errorInformation"]
    check(error["errorCode"] == "SourceRefused" and "password" in error["additionalDetails"], error)

    step("what would be sent, on paper: for who asked only")
    paper = h.folder / "paper"
    mask = os.umask(0)
    status = beside().command("sync", "--trace", str(paper), ada).returncode
    os.umask(mask)
    check((status, paper.stat().st_mode & 0o777) == (0, 0o600), (status, oct(paper.stat().st_mode)))

    step("unreachable domain controller")
    status, doc = beside(uris=f'["ldaps://127.0.0.1:{free_port()}"]').sync("--no-html-report", ada)
    check(status == 5 and doc["provisioningStatusInfo"]["errorInformation"]["errorCode"] == "SourceUnreachable", (status, doc))

    step("unknown certificate authority")
    other_ca = h.folder / "other-ca.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", h.folder / "other.key", "-out", other_ca, "-days", "2",
                    "-subj", "/CN=Somebody else"], check=True, capture_output=True)
    status, doc = beside(tls=f'{{ca_file: "{other_ca}"}}').sync("--no-html-report", ada)
    check(status == 5, (status, doc))
    check("certificate" in doc["provisioningStatusInfo"]["errorInformation"]["additionalDetails"], doc["provisioningStatusInfo"])

    step("wrong client secret")
    status, doc = beside(secret_file=write_file(h.folder / "wrong.secret", "nonsense\n", 0o600)).sync("--no-html-report", ada)
    check(status == 5 and doc["provisioningStatusInfo"]["errorInformation"]["errorCode"] == "TargetRefused", (status, doc))

    step("Graph that is not there")
    port = free_port()
    status, doc = beside(login=f"http://127.0.0.1:{port}", graph=f"http://127.0.0.1:{port}/v1.0").sync("--no-html-report", ada)
    check(status == 5 and doc["provisioningStatusInfo"]["errorInformation"]["errorCode"] == "TargetUnreachable", (status, doc))

    step("two processes on one state folder: the second asks the first, another service is refused")
    h.start()
    check(h.sosync.sync("--no-html-report", ada)[0] == 0, "sync through the service")
    h.until_user("ada.lovelace")
    r = h.lab.sosync(h.sosync.config, name="second", start=False).command("run")
    one_line(r, 1, rf"state.*{h.sosync.pid}")

    step("a name that is none is refused by the service too: no run, no report")
    before = len(h.sosync.command("report", "list", "--json").stdout.splitlines())
    for dn in ("", "  ", "foo"):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(h.folder / "state" / "control"))
            s.sendall(json.dumps({"do": "sync", "dn": dn}).encode() + b"\n")
            answer = json.loads(s.makefile().readline())
        check(answer["exit"] == 2 and "is not a distinguished name" in answer["error"], answer)
    check(len(h.sosync.command("report", "list", "--json").stdout.splitlines()) == before, "a report of nothing")

    step("a Graph that answers garbage, pages of HTML, half of it, or nothing: the change arrives in the end")
    for number, action in enumerate((
        {"garbage": True}, {"html": True}, {"truncate": 20}, {"status": 503, "retry_after": 1}, {"status": 504}, {"reset": "before"},
        {"reset": "after"}, {"content_type": "text/plain", "effect": True}, {"status": 401},
    )):
        h.graph.admin("POST", "faults", {"rules": [{"path": "/v1.0/users*", "count": 2, "action": action}]})
        h.ad.set(ada, title=f"Title {number}")
        h.until_user("ada.lovelace", jobTitle=f"Title {number}")
        h.graph.admin("DELETE", "faults")
    check(len([u for u in h.graph.state()["users"] if u["displayName"] == "Ada Lovelace"]) == 1, "twice")

    step("the domain controller goes away and comes back: nothing is lost")
    h.ad.close()
    h.dc.stop()
    wait_until(lambda: "feed" in h.sosync.log.read_text() and "broken" in h.sosync.log.read_text(), 60, "sosync notices")
    h.dc.start()
    h.ad = h.dc.admin()
    h.ad.set(ada, title="After the restart")
    wait_until(lambda: h.user("ada.lovelace")["jobTitle"] == "After the restart", 90, "the change after the restart")

    step("changes made while sosync is down arrive when it is back")
    h.sosync.stop()
    h.ad.set(ada, title="While down")
    h.ad.add_user("Down New", h.people)
    h.sosync.start()
    h.until_user("ada.lovelace", jobTitle="While down")
    h.until_user("down.new")

    step("reload: a broken configuration is refused and named, the one in force stays; a good one is taken")
    text = h.sosync.config.read_text()
    for number, (old, new, said) in enumerate((
        ("scope:", "scoop:", "scoop"),
        (f'exclude: ["{h.hidden}"]', 'exclude: ["OU=Corp;DC=corp"]', "OU=Corp;DC=corp"),
        ("staging: false", "staging: false\nconsole:", "console: has no value"),
    )):
        h.sosync.config.write_text(text.replace(old, new))
        h.sosync.process.signal(signal.SIGHUP)
        wait_until(lambda: said in h.sosync.log.read_text(), 10, f"the refusal of {new}")
        h.ad.set(ada, title=f"Still at work {number}")
        h.until_user("ada.lovelace", jobTitle=f"Still at work {number}")
    h.sosync.config.write_text(text.replace(f', exclude: ["{h.hidden}"]', ""))
    h.sosync.process.signal(signal.SIGHUP)
    wait_until(lambda: "reloaded" in h.sosync.log.read_text(), 10, "the reload")
    h.ad.add_user("Hidden No More", h.hidden)
    h.until_user("hidden.no.more")

    step("a full disk: one clear line, the feed pauses, nothing is lost, and all goes on when there is room")
    small = h.folder / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", small]).returncode == 0:
        beside_full = beside(state=small / "state")
        try:
            h.sosync.stop()
            beside_full.start()
            filler = small / "filler"
            with open(filler, "wb", buffering=0) as f, contextlib.suppress(OSError):
                while True:
                    f.write(bytes(1 << 12))
            for i in range(20):
                h.ad.set(ada, title=f"Full {i}")
            wait_until(lambda: "takes no more" in beside_full.log.read_text(), 30, "the word about the full disk")
            beside_full.process.check_alive()
            filler.unlink()
            h.until_user("ada.lovelace", jobTitle="Full 19")
        finally:
            beside_full.stop()
            subprocess.run(["umount", small], check=True)
        h.sosync.start()
    else:
        print("skipped: a small disk cannot be mounted here")

    step("an expired certificate, said as such")
    with server_with_expired_certificate(h.folder / "expired") as (port, ca):
        status, doc = beside(uris=f'["ldaps://127.0.0.1:{port}"]', tls=f'{{ca_file: "{ca}"}}').sync("--no-html-report", ada)
        check(status == 5, (status, doc))
        check("expired" in doc["provisioningStatusInfo"]["errorInformation"]["additionalDetails"], doc["provisioningStatusInfo"])

    step("a clean stop")
    check(h.sosync.stop() == 0, h.sosync.log.read_text()[-2000:])
    check("stopping" in h.sosync.log.read_text(), "no word about the stop")
    check(not pathlib.Path(h.folder / "state" / "control").exists(), "the control socket stays")
