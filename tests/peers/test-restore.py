# SPDX-License-Identifier: Apache-2.0
"""A backup on a new machine, by root, for a service that has a user of its own; and a rehearsal of it that writes nothing."""

import json
import os
import pathlib
import pwd
import shutil
import sys

from fakeland import Fake
from house import check, is_write, open_folder, step
from lab import Lab, wait_until
from lab.fakead import BASE, guid

OTHER_TENANT = "22222222-2222-3333-4444-555555555555"
SOMEBODY = pwd.getpwnam("nobody")

if os.geteuid():
    print("skipped: root is needed, to be another user")
    sys.exit(77)


def give(path):
    os.chown(path, SOMEBODY.pw_uid, SOMEBODY.pw_gid)


def strangers(site):
    """What is not the service's in its folders, and themselves."""
    folders = [site / name for name in ("state", "reports", "audit", "backup") if (site / name).exists()]
    everything = folders + [path for folder in folders for path in folder.rglob("*")]
    return [str(path) for path in everything if path.lstat().st_uid != SOMEBODY.pw_uid]


with Lab("restore", folder=open_folder()) as lab:
    f = Fake(lab, "site")
    config, state = f.write_config(), f.folder / "state"
    give(f.folder)
    give(f.graph.secret_file)
    pathlib.Path(f.graph.secret_file).parent.chmod(0o711)
    f.ad.folder.chmod(0o711)
    for face in f.ad.folder.iterdir():
        face.chmod(0o777)
    f.ad.put(guid(900), f"OU=Corp,{BASE}", objectClass=["top", "organizationalUnit"], name="Corp")
    f.sosync = lab.sosync(config, start=False)

    def ok(*arguments):
        r = f.sosync.command(*arguments)
        check(r.returncode == 0, r)
        return r.stdout

    def start():
        """In its own user's hands: the command line is root's, the folders are not."""
        f.sosync.start()
        status = pathlib.Path(f"/proc/{f.sosync.pid}/status").read_text()
        check(f"Uid:\t{SOMEBODY.pw_uid}\t" in status, status)

    step("root looks before the first start, and the service starts all the same")
    ok("report", "list")
    check((f.folder / "reports").exists() and strangers(f.folder) == [], strangers(f.folder))
    start()
    f.ad.put_user(1, "Ada One", title="Analyst")
    f.until("ada.one", jobTitle="Analyst")
    run = wait_until(lambda: [r for r in map(json.loads, ok("report", "list", "--json").splitlines()) if "Ada" in r["dn"]], 20, "a report")
    ok("report", "html", run[0]["id"])
    backup = f.folder / "backup"
    ok("queue", "backup", backup)
    f.ad.put_user(1, "Ada One", title="Countess")
    f.until("ada.one", jobTitle="Countess")
    check(f.sosync.stop() == 0, "the service did not stop well")
    check(strangers(f.folder) == [], strangers(f.folder))

    step("a new machine: there is no state folder, and root restores, checks and looks")
    shutil.rmtree(state)
    said = ok("queue", "restore", backup)
    check("before-restore" not in said and "`sosync demote` before the start" in said, said)
    ok("queue", "check")
    ok("queue", "check", backup)
    acts = [json.loads(line) for line in ok("audit", "search", "--kind", "act", "--json").splitlines()]
    check([(a["verb"], a["by"], a["ok"], a["request"]) for a in acts[-1:]] == [("restore", "root", True, {"copy": str(backup)})], acts)
    check(strangers(f.folder) == [], strangers(f.folder))
    before = f.graph.last()
    start()
    wait_until(f.is_idle, 20, "an idle queue")
    writes = [r for r in f.graph.journal(before) if is_write(r)]
    check(writes == [], writes)
    f.ad.put_user(1, "Ada One", title="Chief")
    f.until("ada.one", jobTitle="Chief")

    step("a rehearsal: what the copy has decided is undone before the start, and nothing is written")
    ok("promote", "--yes", "--take-over")
    f.sosync.stop()
    answer = json.loads(ok("queue", "restore", backup, "--json"))
    check(answer["folder"] == str(state) and (state / "data.mdb.before-restore").exists(), answer)
    check("Staging is on" in ok("demote"), "no staging")
    before = f.graph.last()
    start()
    f.ad.put_user(1, "Ada One", title="Rehearsed")
    wait_until(lambda: any(r["outcome"] == "staged" for r in map(json.loads, ok("report", "list", "--json").splitlines())), 20, "a staged run")
    writes = [r for r in f.graph.journal(before) if is_write(r)]
    check(writes == [], writes)
    f.sosync.stop()
    check(strangers(f.folder) == [], strangers(f.folder))

    step("a state is of one tenant: another one is refused at the start, in one line")
    other = lab.emulator("--tenant", OTHER_TENANT, name="other", domains=["fake.test"])
    text = config.read_text()
    give(other.secret_file)
    pathlib.Path(other.secret_file).parent.chmod(0o711)
    config.write_text(text.replace(f.graph.tenant_id, OTHER_TENANT).replace(f.graph.host, other.host).replace(str(f.graph.secret_file), str(other.secret_file)))
    r = f.sosync.command("run")
    check(r.returncode == 2 and f"of the tenant {f.graph.tenant_id}" in r.stderr and f"names {OTHER_TENANT}" in r.stderr, r)
    check(len(r.stderr.splitlines()) == 1, r.stderr)
    config.write_text(text)
    start()
    f.sosync.stop()

    step("of a cluster it is not the folder that is restored")
    text = config.read_text()
    config.write_text(text.replace("state: {", "state: {backend: jetstream, jetstream: {urls: [\"nats://127.0.0.1:1\"]}, "))
    r = f.sosync.command("queue", "restore", backup)
    check(r.returncode == 2 and f"sosync state copy --from lmdb:{backup} --to jetstream: --replace" in r.stderr and len(r.stderr.splitlines()) == 1, r)
