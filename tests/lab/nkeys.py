# SPDX-License-Identifier: Apache-2.0
"""NATS keys and credentials as `nk` and `nsc` make them, with openssl: Ed25519 keys in base32 with a prefix and a CRC, and the JWTs they sign."""

import base64
import binascii
import hashlib
import json
import pathlib
import subprocess
import time

OPERATOR, ACCOUNT, USER, SEED = 14 << 3, 0, 20 << 3, 18 << 3
NO_LIMITS = {k: -1 for k in ("subs", "data", "payload", "imports", "exports", "conn", "leaf", "mem_storage", "disk_storage", "streams", "consumer")}
NO_JETSTREAM = {k: 0 for k in ("mem_storage", "disk_storage", "streams", "consumer")}
CREDS = """\
-----BEGIN NATS USER JWT-----
{jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
{seed}
------END USER NKEY SEED------
"""


def _base32(data):
    data += binascii.crc_hqx(data, 0).to_bytes(2, "little")
    return base64.b32encode(data).decode().rstrip("=")


def _base64(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Key:
    """A key of one kind (OPERATOR, ACCOUNT, USER). What a test may use: public, seed, sign()."""

    def __init__(self, folder, kind):
        self.file = pathlib.Path(folder) / f"key-{time.monotonic_ns()}.der"
        self._openssl("genpkey", "-algorithm", "ed25519", "-outform", "DER", "-out", self.file)
        secret = self.file.read_bytes()[-32:]
        public = self._openssl("pkey", "-in", self.file, "-inform", "DER", "-pubout", "-outform", "DER")[-32:]
        self.public = _base32(bytes([kind]) + public)
        self.seed = _base32(bytes([SEED | kind >> 5, (kind & 31) << 3]) + secret)

    @staticmethod
    def _openssl(*arguments):
        return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True).stdout

    def sign(self, data):
        text = self.file.with_suffix(".txt")
        text.write_bytes(data)
        return self._openssl("pkeyutl", "-sign", "-inkey", self.file, "-keyform", "DER", "-rawin", "-in", text)

    def jwt(self, subject, name, claims, expires=None):
        """What this key says about another one."""
        body = {"iat": int(time.time()), "iss": self.public, "name": name, "sub": subject.public, "nats": {**claims, "version": 2}}
        if expires:
            body["exp"] = expires
        body["jti"] = base64.b32encode(hashlib.sha256(json.dumps(body).encode()).digest()).decode().rstrip("=")
        text = ".".join(_base64(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ed25519-nkey"}, body))
        return f"{text}.{_base64(self.sign(text.encode()))}"


class Operator:
    """An operator with a system account and one for sosync. `conf`: lines for nats-server; creds(): the text of a credentials file."""

    def __init__(self, folder):
        self._folder = folder
        self._operator, self._account = Key(folder, OPERATOR), Key(folder, ACCOUNT)
        system = Key(folder, ACCOUNT)
        jwts = [(key, self._operator.jwt(key, name, {"type": "account", "limits": {**NO_LIMITS, **limits, "wildcards": True},
                                                     "default_permissions": {"pub": {}, "sub": {}}}))
                for key, name, limits in ((self._account, "sosync", {}), (system, "SYS", NO_JETSTREAM))]
        preload = ", ".join(f'{key.public}: "{jwt}"' for key, jwt in jwts)
        self.conf = (f'operator: "{self._operator.jwt(self._operator, "lab", {"type": "operator"})}"\nsystem_account: {system.public}\n'
                     f"resolver: MEMORY\nresolver_preload: {{{preload}}}\n")

    def creds(self, expires=None, account=None):
        user = Key(self._folder, USER)
        jwt = (account or self._account).jwt(user, "sosync", {"type": "user", "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1}, expires)
        return CREDS.format(jwt=jwt, seed=user.seed)
