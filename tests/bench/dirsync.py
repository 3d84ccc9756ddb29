# SPDX-License-Identifier: Apache-2.0
"""DirSync as a bare search: what a domain controller itself takes to answer."""

import time

import ldap
from ldap.controls import KNOWN_RESPONSE_CONTROLS, RequestControl, ResponseControl
from pyasn1.codec.ber import decoder, encoder
from pyasn1.type import univ

OID = "1.2.840.113556.1.4.841"
INCREMENTAL_VALUES = -0x80000000


class Answer(ResponseControl):
    """SEQUENCE { MoreResults, unused, Cookie }"""

    controlType = OID

    def decodeControlValue(self, encoded):
        self.cookie = bytes(decoder.decode(encoded)[0][2])


KNOWN_RESPONSE_CONTROLS[OID] = Answer


def look(directory, base, cookie=b"", text="(objectClass=*)", names=("objectGUID", "name", "title")):
    """Everything since the cookie: seconds until the first entry is here (None: there is none), and the next cookie."""
    value = univ.Sequence()
    for i, v in enumerate((univ.Integer(INCREMENTAL_VALUES), univ.Integer(0), univ.OctetString(cookie))):
        value.setComponentByPosition(i, v)
    control = RequestControl(OID, True, encoder.encode(value))
    c, first, began = directory.connection, None, time.monotonic()
    m = c.search_ext(base, ldap.SCOPE_SUBTREE, text, list(names), serverctrls=[control])
    while True:
        kind, _, _, controls = c.result3(m, all=0)
        if kind == ldap.RES_SEARCH_RESULT:
            return first, next(a.cookie for a in controls if isinstance(a, Answer))
        if first is None:
            first = time.monotonic() - began
