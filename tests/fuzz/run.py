#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the fuzzers: run.py BUILD [--seconds N] [NAME...], or run.py --quick BUILD: make the build, and try each for some seconds

A fuzzer begins with what seeds.py writes down (examples that the tests have anyway) and with corpus/NAME.tar.gz, what earlier runs have
found. A folder beside the build keeps what this run finds, so that the next one begins where it has ended; --keep takes from there the
least that reaches as far and puts it into the archive. Exit status 1: a fuzzer has found something, and its input is named. --quick: what CI
does; 77 without clang.
"""

import argparse
import gzip
import io
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

sys.dont_write_bytecode = True
import seeds  # noqa: E402
from seeds import ROOT, files  # noqa: E402

SKIP = 77
QUICK_S = 3
MAX_LEN = 16384
KEPT_LEN = 2048  # of an input that is kept
CORPUS = ROOT / "tests" / "fuzz" / "corpus"

# The binary in the build folder, the dictionary where it is not beside the source of the same name, and the seeds.
FUZZERS = {
    "config": ("base/fuzz-config", None, seeds.configurations),
    "console": ("report/console/fuzz-console", None, seeds.requests),
    "control": ("app/fuzz-control", "app/control/fuzz-control.dict", seeds.control),
    "dn": ("engine/model/fuzz-dn", None, seeds.names),
    "expr": ("engine/expr/fuzz-expr", None, seeds.expressions),
    "graph": ("engine/target/fuzz-graph", None, seeds.answers),
    "ldap": ("listener/fuzz-ldap", None, seeds.ldap),
    "outcome": ("engine/model/fuzz-outcome", None, seeds.packed),
    "owner": ("engine/target/fuzz-owner", None, seeds.owners),
    "pack": ("base/fuzz-pack", None, seeds.packed),
    "powershell": ("engine/rules/fuzz-import", None, lambda: files("testdata/*.ps1")),
    "rules": ("engine/rules/fuzz-rules", None, lambda: files("default/*.yaml", "*.yaml")),
    "store": ("queue/fuzz-store", None, seeds.packed),
    "xml": ("engine/rules/fuzz-import", None, lambda: files("testdata/**/*.xml")),
}


def dictionary(name):
    binary, other, _ = FUZZERS[name]
    return ROOT / (other or f"{binary}.dict")


def kept(name):
    """The inputs of the archive."""
    with tarfile.open(CORPUS / f"{name}.tar.gz") as archive:
        for member in archive:
            yield member.name, archive.extractfile(member).read()


def corpus(build, name):
    """The folder it works in, with all it begins with."""
    folder = build / "corpus" / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(FUZZERS[name][2]()):
        (folder / f"seed-{number:04}").write_bytes(seed)
    if (CORPUS / f"{name}.tar.gz").exists():
        for member, data in kept(name):
            (folder / f"kept-{member}").write_bytes(data)
    return folder


def fuzz(build, name, *arguments, max_len=MAX_LEN):
    return subprocess.run([str(a) for a in (build / FUZZERS[name][0], f"-max_len={max_len}", "-timeout=20", "-rss_limit_mb=2048",
                                            f"-artifact_prefix={build}/found-{name}-", "-verbosity=0", "-print_final_stats=1", *arguments)],
                          env={**os.environ, "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"},
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def run(build, name, seconds):
    same = ["-seed=1"] if seconds == QUICK_S else []
    ran = fuzz(build, name, f"-dict={dictionary(name)}", f"-max_total_time={seconds}", *same, corpus(build, name))
    said = ran.stdout.decode("utf-8", "replace")
    runs = [line.split(":")[-1].strip() for line in said.splitlines() if "number_of_executed_units" in line]
    print(f"{name}: {seconds} s, {runs[0] if runs else '?'} runs{'' if ran.returncode == 0 else ', FOUND SOMETHING'}", flush=True)
    if ran.returncode:
        print(said[-6000:])
    return ran.returncode


def pack(name, folder):
    """The same bytes for the same inputs, whenever and by whomever."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9, mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folder.iterdir()):
            member = tarfile.TarInfo(path.name[:16])
            member.size = path.stat().st_size
            archive.addfile(member, io.BytesIO(path.read_bytes()))
    CORPUS.mkdir(exist_ok=True)
    (CORPUS / f"{name}.tar.gz").write_bytes(out.getvalue())


def keep(build, name):
    """The least of all that was found which reaches as far."""
    with tempfile.TemporaryDirectory() as least:
        ran = fuzz(build, name, "-merge=1", least, corpus(build, name), max_len=KEPT_LEN)
        if ran.returncode:
            print(ran.stdout.decode("utf-8", "replace")[-6000:])
            return ran.returncode
        pack(name, pathlib.Path(least))
        n = len(list(pathlib.Path(least).iterdir()))
    print(f"{name}: {n} inputs kept, {(CORPUS / f'{name}.tar.gz').stat().st_size} bytes", flush=True)
    return 0


def make(build):
    if not (build / "build.ninja").exists():
        subprocess.run(["meson", "setup", build, ROOT, "-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false", "-Dwerror=false"],
                       env={**os.environ, "CC": "clang"}, check=True, stdout=subprocess.DEVNULL)
    binaries = sorted({binary for binary, _, _ in FUZZERS.values()})
    subprocess.run(["ninja", "-C", build, "-j2", *binaries], check=True, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*")
    a = parser.parse_intermixed_args()
    build = a.build.resolve()
    if a.quick:
        if not shutil.which("clang"):
            print("skipped: there is no clang on this machine (Debian package clang)")
            return SKIP
        make(build)
    if a.keep:
        failed = [name for name in a.names or FUZZERS if keep(build, name)]
    else:
        failed = [name for name in a.names or FUZZERS if run(build, name, a.seconds or (QUICK_S if a.quick else 600))]
    if failed:
        print(f"found something: {', '.join(failed)}; look at {build}/found-*", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
