#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""axe-core (MPL-2.0), which reads a page as assistive technology would. It is used, not shipped: this fetches the one version we
know, once, and refuses any other bytes.

    axe.py FOLDER     fetch it into FOLDER (npm's registry), if it is not there
"""
import base64
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

VERSION = "4.14.1"
# npm view axe-core@4.14.1 dist.integrity
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
TARBALL = "axe-core-%s.tgz" % VERSION


def script(folder):
    """The library's text, from the archive that was checked. None: it is not there."""
    path = os.path.join(folder, TARBALL)
    if not os.path.exists(path):
        return None
    with open(path, "rb") as f:
        if base64.b64encode(hashlib.sha512(f.read()).digest()).decode() != SHA512:
            raise ValueError("%s has other bytes than axe-core %s: delete it" % (path, VERSION))
    with tarfile.open(path) as archive:
        return archive.extractfile("package/axe.min.js").read().decode("utf-8")


def fetch(folder):
    """0 if it is there now; else a word that says why not."""
    if script(folder):
        return 0
    if not shutil.which("npm"):
        return "npm is not on this machine"
    os.makedirs(folder, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as work:
        ran = subprocess.run(
            ["npm", "pack", "--silent", "axe-core@" + VERSION], cwd=work, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
        if ran.returncode:
            return "npm: " + ran.stdout.strip()[-200:]
        if not script(work):
            return "npm did not leave " + TARBALL
        os.rename(os.path.join(work, TARBALL), os.path.join(folder, TARBALL))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(fetch(sys.argv[1]))
    except (OSError, ValueError, subprocess.TimeoutExpired) as e:
        sys.exit(str(e))
