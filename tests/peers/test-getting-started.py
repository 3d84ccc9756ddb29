# SPDX-License-Identifier: Apache-2.0
"""docs/getting-started.md, run to the letter: every block of shell in it, as root, on a machine of its own.

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

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "getting-started.md"
OVERLAYS = ("/etc", "/var/lib")
# All that `sosync config permissions` asks for in the end. A week with those that only read is in test-read-only.py.
ROLES = ("Organization.Read.All", "User.ReadWrite.All", "Group.ReadWrite.All", "User.RevokeSessions.All", "RoleManagement.Read.Directory",
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


def blocks():
    """Line number and text of each ```sh block."""
    text = PAGE.read_text(encoding="utf-8")
    for found in re.finditer(r"^```sh\n(.*?)^```$", text, re.M | re.S):
        yield text[:found.start()].count("\n") + 2, found[1]


class Reader:
    """Who sits at the machine and types what the page says."""

    def __init__(self, environment):
        self.environment = environment
        self.blocks = list(blocks())

    def run(self, containing, extra=(), status=0):
        """The next block; it must be the one that has this word. `extra`: (behind what, what) of a command."""
        line, text = self.blocks.pop(0)
        check(containing in text, f"{PAGE.name}:{line}: expected the block with {containing!r}, found\n{text}")
        for behind, what in extra:
            check(behind in text, (behind, text))
            text = text.replace(behind, behind + what)
        # As typed: each command for itself. The first that fails ends it.
        done = subprocess.run(["bash", "-e", "-c", text], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
                              env=self.environment)
        check(done.returncode == status, f"{PAGE.name}:{line}: status {done.returncode}\n{text}\n{done.stdout}\n{done.stderr}")
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

    step("2. an account in Active Directory")
    reader.run("install -o sosync")
    reader.run("samba-tool user create")
    reader.run("ca.pem")

    step("3. an application in Microsoft Entra ID")
    reader.run("openssl req")
    graph = lab.emulator("--client-certificate", "/etc/sosync/graph.pem", roles=ROLES)

    step("4. the configuration")
    said = reader.run("sosync init", extra=[("sosync init", f" --graph-url {graph.graph} --login-url {graph.login}")])
    check("Samba" in said, said)
    said = reader.run("sosync doctor")
    check("0 warnings, 0 faults" in said, said)

    step("5. one object, exporting nothing")
    said = reader.run("sosync sync")
    check(".htm" in said, said)
    said = reader.run("sosync report list")
    check("Ada Lovelace" in said, said)
    check(graph.find_user(f"ada.lovelace@{dc.upn_suffix}") is None, "something was exported in staging")

    step("6. the service: root's commands have left nothing that it cannot open")
    line, text = reader.blocks.pop(0)
    check(text.startswith("systemctl enable --now sosync\n"), text)
    service = systemd(lab, environment)
    reader.blocks.insert(0, (line + 1, text.split("\n", 1)[1]))
    said = reader.run("sosync top")
    ad.set(ada, title="Countess")

    step("7. compare, then promote")
    said = reader.run("sosync compare", status=1)  # there are differences
    check("only in Active Directory" in said, said)
    reader.run("sosync promote")
    wait_until(lambda: (graph.find_user(f"ada.lovelace@{dc.upn_suffix}") or {}).get("jobTitle") == "Countess", 20, "Ada is in the cloud")
    check(not reader.blocks, reader.blocks)
    service.stop(20)
