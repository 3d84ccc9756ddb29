# SPDX-License-Identifier: Apache-2.0
"""Makes one domain in a folder: samba-provision.py JSON. Run as its own program, since Samba's modules keep global state.

What every lab wants is part of it, so that it is in the template and costs nothing later: no password rules, the
account sosync reads with (the right DS-Replication-Get-Changes on the head of the domain and nothing else), its keytab, and on demand users in bulk.
"""

import json
import subprocess
import sys

from samba import dckeytab  # noqa: F401  (adds export_keytab to Net)
from samba.auth import system_session
from samba.net import Net
from samba.param import LoadParm
from samba.samdb import SamDB
from samba.sd_utils import SDUtils

import ldb

GET_CHANGES = "1131f6aa-9c07-11d1-f79f-00c04fc2dcd2"


def provision(p):
    subprocess.run(
        [
            "samba-tool", "domain", "provision", f"--realm={p['realm']}", f"--domain={p['domain']}", "--server-role=dc",
            "--dns-backend=NONE", f"--backend-store={p['store']}", "--host-name=dc1", f"--host-ip={p['host']}",
            f"--adminpass={p['admin_password']}", f"--targetdir={p['folder']}",
            f"--option=interfaces={p['host']}/8", "--option=bind interfaces only=yes",
            "--option=vfs objects=dfs_samba4 acl_xattr xattr_tdb",
        ],
        check=True,
    )


def relax_passwords(db):
    m = ldb.Message(ldb.Dn(db, db.domain_dn()))
    for name in ("minPwdAge", "maxPwdAge", "minPwdLength", "pwdProperties", "pwdHistoryLength"):
        m[name] = ldb.MessageElement("0", ldb.FLAG_MOD_REPLACE, name)
    db.modify(m)


def add_reader(db, lp, p):
    db.newuser(p["reader"], p["reader_password"], description="reads changes for sosync")
    account = db.search(db.domain_dn(), expression=f"(sAMAccountName={p['reader']})", attrs=["objectSid"])[0]
    sid = db.schema_format_value("objectSid", account["objectSid"][0]).decode()
    sd = SDUtils(db)
    sd.dacl_add_ace(db.domain_dn(), f"(OA;;CR;{GET_CHANGES};;{sid})")
    # Samba does not lift read rights for DirSync (CVE-2023-4154): without this no deleted object is ever mentioned.
    sd.dacl_add_ace(f"CN=Deleted Objects,{db.domain_dn()}", f"(A;;LCRP;;;{sid})")
    Net(None, lp).export_keytab(keytab=f"{p['folder']}/reader.keytab", principal=p["reader"])


def fill(db, p):
    ou = f"OU=Bulk,{db.domain_dn()}"
    suffix = p["realm"].lower()
    db.transaction_start()
    db.add({"dn": ou, "objectClass": "organizationalUnit"})
    for i in range(p["users"]):
        name = f"bulk{i:06}"
        db.add({
            "dn": f"CN={name},{ou}", "objectClass": "user", "sAMAccountName": name, "displayName": f"Bulk {i}",
            "userPrincipalName": f"{name}@{suffix}", "givenName": "Bulk", "sn": str(i), "userAccountControl": "544",
            "title": f"Title {i}", "department": f"Department {i % 50}", "company": "Contoso", "physicalDeliveryOfficeName": f"Room {i % 900}",
            "streetAddress": f"{i % 200} Main Street", "l": f"Town {i % 30}", "st": f"State {i % 10}", "postalCode": f"{10000 + i % 30}",
        })
    db.transaction_commit()


def main():
    p = json.loads(sys.argv[1])
    provision(p)
    lp = LoadParm()
    lp.load(f"{p['folder']}/etc/smb.conf")
    db = SamDB(session_info=system_session(lp), lp=lp, url=f"{p['folder']}/private/sam.ldb")
    relax_passwords(db)
    add_reader(db, lp, p)
    if p["users"]:
        fill(db, p)


main()
