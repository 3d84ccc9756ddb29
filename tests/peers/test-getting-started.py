# SPDX-License-Identifier: Apache-2.0
"""docs/getting-started.md and docs/first-week.md, run to the letter: every block of shell in them, as root, on a machine of its own.

The machine is a mount namespace in which /etc and /var/lib are copies on write. A Samba AD plays dc1.corp.contoso.test, the emulator Microsoft
Entra ID. What the page asks of people in a browser, and of systemd, is done here; nothing else is added to a command.
"""

import os
import pathlib
import re
import subprocess
import sys

from house import check, step, wait_until
from lab import Lab, dns, domain, skip_unless
from lab.base import Process

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
OVERLAYS = ("/etc", "/var/lib")
# What the page says to grant at first, and before promote.
READ = ("Organization.Read.All", "User.Read.All", "Group.Read.All", "RoleManagement.Read.Directory")
EXPORT = ("Organization.Read.All", "User.ReadWrite.All", "Group.ReadWrite.All", "User.RevokeSessions.All", "RoleManagement.Read.Directory",
          "AuditLog.Read.All", "Directory.Read.All")
INSIDE = "SOSYNC_GETTING_STARTED"


def enter():
    """Again, in a mount namespace of our own."""
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "-m", sys.executable, *sys.argv])


def copy_on_write(folder):
    """Why not, or None."""
    subprocess.run(["mount", "-t", "tmpfs", "none", folder], check=True)
    for place in OVERLAYS:
        upper, work = (folder / (place.strip("/").replace("/", "-") + name) for name in (".upper", ".work"))
        upper.mkdir()
        work.mkdir()
        done = subprocess.run(["mount", "-t", "overlay", "none", "-o", f"lowerdir={place},upperdir={upper},workdir={work}", place],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            return f"no overlay file system here: {done.stderr.strip()}"
    return None


def blocks(page):
    """Where it stands, and text, of each ```sh block."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for found in re.finditer(r"^```sh\n(.*?)^```$", text, re.M | re.S):
        line = text[:found.start()].count("\n") + 2
        yield f"{page}:{line}", found[1]


class Reader:
    """Who sits at the machine and types what the page says."""

    def __init__(self, environment):
        self.environment = environment
        self.blocks = [*blocks("getting-started.md"), *blocks("first-week.md")]

    def run(self, containing, extra=(), status=0, folder="/"):
        """The next block; it must be the one that has this word. `extra`: (behind what, what) of a command."""
        place, text = self.blocks.pop(0)
        check(containing in text, f"{place}: expected the block with {containing!r}, found\n{text}")
        for behind, what in extra:
            check(behind in text, (behind, text))
            text = text.replace(behind, behind + what)
        # As typed: each command for itself. The first that fails ends it.
        done = subprocess.run(["bash", "-e", "-c", text], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
                              env=self.environment, cwd=folder)
        check(done.returncode == status, f"{place}: status {done.returncode}\n{text}\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr


def machine(lab, dc):
    """A user `sosync` and its two folders, as the package leaves them; and what every machine of the domain has."""
    subprocess.run(["useradd", "--system", "--user-group", "--home-dir", "/var/lib/sosync", "--shell", "/usr/sbin/nologin", "sosync"], check=True)
    subprocess.run(["install", "-d", "-o", "root", "-g", "sosync", "-m", "0750", "/etc/sosync"], check=True)
    subprocess.run(["install", "-d", "-o", "sosync", "-g", "sosync", "-m", "0750", "/var/lib/sosync"], check=True)
    with open("/etc/hosts", "a", encoding="utf-8") as hosts:
        hosts.write(f"{dc.host} dc1.{dc.upn_suffix}\n")
    subprocess.run(["install", "-D", dc.folder / "etc" / "smb.conf", "/etc/samba/smb.conf"], check=True)
    subprocess.run(["install", "-D", dc.ca_file, "/var/lib/samba/private/tls/ca.pem"], check=True)
    (lab.folder / "bin").mkdir()
    # The controller is this machine too: what is copied there arrives in the folder dc1, as in its root's home.
    (lab.folder / "dc1-home").mkdir()
    scp = lab.folder / "bin" / "scp"
    scp.write_text(f"#!/bin/sh\ncase $2 in root@*:) exec cp \"$1\" {lab.folder}/dc1-home/ ;; *) exec cp \"${{1#root@*:}}\" \"$2\" ;; esac\n")
    scp.chmod(0o755)
    (lab.folder / "bin" / "sosync").symlink_to(lab.sosync_binary)
    return {**os.environ, "PATH": f"{lab.folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def systemd(lab, environment):
    """What `systemctl enable --now sosync` starts: User=, Group=, UMask=."""
    log = lab.folder / "sosync.log"
    service = Process("sosync", ["/usr/bin/setpriv", "--reuid", "sosync", "--regid", "sosync", "--init-groups", "sh", "-c",
                                 "umask 0027 && exec sosync run"], log, env=environment)
    wait_until(lambda: service.check_alive() or "ready" in log.read_text(), 30, "the service is ready")
    return service


skip_unless(domain.why_not(), dns.why_not())
if INSIDE not in os.environ:
    enter()

with Lab("getting-started") as lab:
    lab.folder.chmod(0o755)
    (lab.folder / "machine").mkdir()
    skip_unless(copy_on_write(lab.folder / "machine"))
    dc = lab.samba()
    environment = machine(lab, dc)
    reader = Reader(environment)
    ad = dc.admin()
    pilot = ad.add_ou(f"OU=Pilot,{dc.base}").dn
    ada = ad.add_user("Ada Lovelace", pilot, title="Analyst").dn
    ad.add_user("Old Hand", pilot)

    step("2. an account in Active Directory")
    reader.run("install -o sosync")
    reader.run("scp")
    reader.run("samba-tool user create", folder=lab.folder / "dc1-home")
    check(not (lab.folder / "dc1-home" / "ad.password").exists(), "the password lies about")

    step("3. an application in Microsoft Entra ID")
    reader.run("openssl req")
    graph = lab.emulator("--client-certificate", "/etc/sosync/graph.pem", roles=READ)

    step("4. the configuration: what reads is enough, and what writes is for later")
    said = reader.run("sosync init", extra=[("sosync init", f" --graph-url {graph.graph} --login-url {graph.login}")])
    check("Samba" in said, said)
    said = reader.run("sosync doctor", status=1)  # there are warnings
    check("0 faults" in said and "before `sosync promote`, not now: add the application permission" in said, said)
    check("withdraw" not in said, said)
    check("in staging           Organization.Read.All\n                       User.Read.All\n" in said, said)

    step("5. one object, exporting nothing")
    said = reader.run("sosync sync")
    check(".htm" in said, said)
    said = reader.run("sosync report list")
    check("Ada Lovelace" in said, said)
    check(graph.find_user(f"ada.lovelace@{dc.upn_suffix}") is None, "something was exported in staging")

    step("6. the service: root's commands have left nothing that it cannot open")
    place, text = reader.blocks.pop(0)
    check(text.startswith("systemctl enable --now sosync\n"), text)
    service = systemd(lab, environment)
    reader.blocks.insert(0, (place, text.split("\n", 1)[1]))
    said = reader.run("sosync top")
    ad.set(ada, title="Countess")

    step("7. compare, then promote")
    said = reader.run("sosync compare", status=1)  # there are differences
    check("only in Active Directory" in said, said)
    graph.admin("POST", "app", {"roles": EXPORT})
    place, text = reader.blocks[0]
    first, second = text.splitlines(keepends=True)
    reader.blocks[:1] = [(place, first), (place, second)]
    said = reader.run("sosync doctor")
    check("0 warnings, 0 faults" in said, said)

    def promoted():
        """A consent is in the tokens that are made after it: the service, which has one already, renews it when it is refused."""
        return "Staging has ended" in subprocess.run(["bash", "-c", second], capture_output=True, text=True, timeout=60, check=False, env=environment).stdout
    wait_until(promoted, 40, "the service knows what was granted")
    reader.blocks.pop(0)
    wait_until(lambda: (graph.find_user(f"ada.lovelace@{dc.upn_suffix}") or {}).get("jobTitle") == "Countess", 20, "Ada is in the cloud")
    check(graph.find_user(f"old.hand@{dc.upn_suffix}") is None, "who has not changed is there")
    reader.run("sosync reconcile --all")
    wait_until(lambda: graph.find_user(f"old.hand@{dc.upn_suffix}"), 20, "who was there before is in the cloud")

    step("the first week: again, on the same machine")
    said = reader.run("sosync compare")
    check("100%" in said, said)
    reader.run("sosync match list")
    reader.run("sosync reconcile --all")
    said = reader.run("sosync demote")
    check("Staging is on" in said, said)
    said = reader.run("sosync promote --yes")
    check("Staging has ended" in said, said)
    check(not reader.blocks, reader.blocks)
    service.stop(20)
