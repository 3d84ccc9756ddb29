# SPDX-License-Identifier: Apache-2.0
"""Makes another controller of a copied domain: samba-another.py FOLDER. Its objects are the same, its invocationId is its own, and nothing replicates."""

import sys
import uuid

from samba.auth import system_session
from samba.dcerpc import misc
from samba.ndr import ndr_pack
from samba.param import LoadParm
from samba.samdb import SamDB

import ldb

folder = sys.argv[1]
lp = LoadParm()
lp.load(f"{folder}/etc/smb.conf")
db = SamDB(url=f"{folder}/private/sam.ldb", session_info=system_session(lp), lp=lp)
m = ldb.Message(ldb.Dn(db, str(db.get_dsServiceName())))
m["invocationId"] = ldb.MessageElement(ndr_pack(misc.GUID(str(uuid.uuid4()))), ldb.FLAG_MOD_REPLACE, "invocationId")
db.modify(m, ["relax:0"])
