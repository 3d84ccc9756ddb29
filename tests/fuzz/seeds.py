# SPDX-License-Identifier: Apache-2.0
"""Where fuzzers begin: what the tests have anyway, and small things of each kind."""
import json
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
RULES = ROOT / "engine" / "rules"
TARGET = ROOT / "engine" / "target"


def expressions():
    """The first line of each example of test-expr.txt."""
    for block in (ROOT / "engine" / "expr" / "test-expr.txt").read_text(encoding="utf-8").split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        if lines:
            yield lines[0].encode()


def files(*patterns):
    for pattern in patterns:
        for path in sorted(RULES.glob(pattern)):
            if path.is_file():
                yield path.read_bytes()


def owners():
    """Answers as tests have them: of Entra Connect's single object sync, and of provisionOnDemand."""
    steps = '"provisioningSteps":[{"name":"Export","status":"success","description":"x","details":{"attributes":[{"name":"title"}]}}]'
    modified = '"modifiedProperties":[{"displayName":"title","oldValue":"a","newValue":"b"}]'
    yield ('{"provisioningStatusInfo":{"status":"success"},' + steps + "," + modified + "}").encode()
    yield b'{"provisioningStatusInfo":{"status":"failure","errorInformation":{"errorCode":"SyncThrottled","reason":""}}}'
    yield b'{"key":"{\\"result\\":\\"Success\\",\\"details\\":{}}","value":"{\\"provisioningSteps\\":[]}"}'
    yield b'{"result":"Skipped","details":{"errorCode":"RedundantExport","errorMessage":"m"}}'


def configurations():
    yield b"text: a\nnumber: 5\nlist: [a, b]\n"
    yield b"duration: 5m\nsize: 2GiB\nshare: 10%\n"
    yield b"- a\n- {b: [c, {d: e}]}\n"
    yield b"a: &x {b: c}\nd: *x\n"


def names():
    yield b"CN=Ada Lovelace,OU=People,DC=corp,DC=contoso,DC=test"
    yield b"CN=a\\,b\\0ADEL:1fdfcb9c,OU=x\\ ,DC=y"
    yield b"cn=#04024869,dc=x+cn=y"
    yield b"{1fdfcb9c-5fc6-423e-9cdd-8d5f26ddb1f4}"
    yield bytes.fromhex("010500000000000515000000a065cf7e784b9b5fe77c8770910b0000")


def answers():
    """Of Graph and of the sign-in service; the first byte says which status, and whether a user or a group."""
    for first in (b"\x00", b"\x86"):
        yield first + json.dumps({
            "id": "11111111-2222-3333-4444-555555555555", "displayName": "Ada", "userPrincipalName": "ada@corp.test", "accountEnabled": True,
            "onPremisesImmutableId": "nMvfH8Zfzz+cjV8m3bH0", "businessPhones": ["+1"], "onPremisesExtensionAttributes": {"extensionAttribute1": "x"},
            "proxyAddresses": ["SMTP:ada@corp.test"], "employeeOrgData": {"division": "d"}, "members@delta": [{"id": "x", "@removed": {"reason": "deleted"}}],
        }).encode()
    yield b"\x01" + b'{"error":{"code":"Request_BadRequest","message":"Another object has the value proxyAddresses","innerError":{"request-id":"x"},'\
        b'"details":[{"code":"ObjectConflict","target":"proxyAddresses"}]}}'
    yield b"\x02" + b'{"access_token":"eyJ.x.y","expires_in":3599,"token_type":"Bearer"}'
    yield b"\x03" + b'{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret","error_codes":[7000215]}'
    yield b"\x06" + b"120"
    yield b"\x06" + b"Sun, 22 Nov 2026 12:00:00 GMT"


def ldap():
    """The first byte modulo 7: controls, values, positions, names, messages, replication metadata, recordings."""
    yield b"\x00" + bytes.fromhex("300b02010102010004034d5344")
    yield b"\x00" + bytes.fromhex("301a0a0101041000112233445566778899aabbccddeeff0403637274")
    yield b"\x00" + bytes.fromhex("a0073005040363736e")
    yield b"\x00" + bytes.fromhex("30060a010204017f")
    yield b"\x01" + b"20261122120000.0Z"
    yield b"\x01" + b"member;range=0-1499"
    yield b"\x03" + b"rid=001,csn=20261122120000.000000Z#000000#001#000000;20261122120001.000000Z#000000#002#000000"
    yield b"\x03" + b"ldaps://dc1.corp.test:636"
    yield b"\x03" + bytes.fromhex("1234818000010001000000000000055f6c646170045f746370000021000100000e100000000000000185036463310474657374 00".replace(" ", ""))
    yield b"\x04" + bytes.fromhex("300c02010165070a010004000400")
    yield b"\x04" + bytes.fromhex("303002010164 2b0404636e3d61302330210409".replace(" ", "")) + b"member;r=0" + bytes(20)
    entry = bytes.fromhex("0c00000001000000e900000003000000") + bytes(range(16)) + bytes(16)
    yield b"\x05" + b"\x01" + bytes(7) + b"\x01" + bytes(7) + entry
    yield b"\x05" + b"1.2.840.113556.1.4.656"
    batch = bytes([0x95, 1, 0xA1, 0x61, 0, 0xC2, 0x91, 0x98, 0xC4, 16, *range(16), 0xA1, 0x62, 0xC2, 0xC2, 0xC4, 16, *range(16), 7, 0, 0xC0])
    yield b"\x06" + batch
    yield b"\x06" + b"sosync recording 1\n" + bytes([8]) + bytes(31)


def packed():
    """msgpack, as rows and reports are: arrays that begin with a version."""
    yield bytes([0x9D, 0x01, 0x01, 0x02, 0xCF, 0, 0, 1, 0xA2, 0, 0x9F, 0xC3, 0x80, 0x3F, 0x3C, 0x01])
    for kind in range(12):
        for n in (3, 8, 13):
            yield bytes([kind, 0x90 | n, 1, 0xA1, 0x61, 0xC4, 16]) + bytes(range(16)) + bytes([0xC0, 0xC2, 0x93, 1, 0xA1, 0x62, 0xC4, 1, 0, 0xCF] + [0] * 8)


def requests():
    """To the console: with no token, a reader's, the operator's."""
    token, reader = "fuzz-token-of-the-operator", "fuzz-token-of-the-reader-1"
    pages = ("/", "/changes", "/changes?q=%3Cfuzz&result=failure&since=24h&page=2", "/changes/00000001-0000-4000-8000-000000000000", "/parked",
             "/rules", "/rules/In%20from%20AD%20-%20User%20Join", "/explain?dn=CN%3D%3Cfuzz", "/scheduler", "/metrics", "/style.css", "/sign-in",
             "/healthz", "/readyz", "/events")
    for path in pages:
        for who in ("", f"Authorization: Bearer {token}\r\n", f"Authorization: Bearer {reader}\r\n"):
            yield f"GET /sosync{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{who}Connection: close\r\n\r\n".encode()
    for path, form in (("/sign-in", f"token={token}&next=%2Fchanges"), ("/sign-in", "token=<fuzz&next=//evil"), ("/sync", "dn=CN%3Da"),
                       ("/parked/steer", "verb=retry-all"), ("/parked/steer", "verb=drop&source=0&object=x"), ("/scheduler", "enabled=no"),
                       ("/sign-out", "csrf=x")):
        for who in ("", f"Authorization: Bearer {token}\r\n", f"Authorization: Bearer {reader}\r\n"):
            yield (f"POST /sosync{path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n{who}Content-Type: application/x-www-form-urlencoded\r\n"
                   f"Content-Length: {len(form)}\r\n\r\n{form}").encode()
    yield b"GET /sosync/ HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: sosync=0000; x=y\r\n\r\nGET /sosync/changes HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def control():
    """Lines at the control socket."""
    for line in ({"do": "stats"}, {"do": "status"}, {"do": "list"}, {"do": "matches"}, {"do": "list", "which": "parked"}, {"do": "retry", "which": "parked"},
                 {"do": "drop", "which": "00000001-0000-0000-0000-000000000000"}, {"do": "release", "brake": "disable"}, {"do": "promote", "takeOver": True},
                 {"do": "demote"}, {"do": "approve", "which": "x"}, {"do": "sync"}, {"do": "sync", "dn": "nonsense"}, {"do": "release", "brake": "x"}, {"do": "list", "max": 5},
                 {"do": "drop", "which": "parked"}, {"do": "drop", "brake": "disable", "drop": True}, {"do": "sync", "dn": "CN=a,DC=f", "staging": True, "reason": "x"},
                 {"do": "job", "kind": "revert", "arguments": {"do": "list"}}, {"do": "job", "kind": "rules-activate", "arguments": {"how": "rollback"}}):
        yield json.dumps(line).encode() + b"\n"
    yield b'{"do":"stats"}\n{"do":"list"}\nnonsense\n{}\n[]\n'
