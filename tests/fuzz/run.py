#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run the fuzzers of rules, expressions and owners' answers: run.py BUILD [--seconds N] [NAME...]

The seeds are what the tests have anyway: every example of the expression language, the shipped rules, the exported rules. A folder
beside the build keeps what was found, so that the next run begins where this one has ended. Exit status 1: a fuzzer has found
something, and its input is named.
"""

import argparse
import pathlib
import subprocess
import sys

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


FUZZERS = {
    "expr": ("engine/expr/fuzz-expr", ROOT / "engine/expr/fuzz-expr.dict", expressions),
    "rules": ("engine/rules/fuzz-rules", RULES / "fuzz-rules.dict", lambda: files("default/*.yaml", "*.yaml")),
    "xml": ("engine/rules/fuzz-import", RULES / "fuzz-import.dict", lambda: files("testdata/**/*.xml")),
    "owner": ("engine/target/fuzz-owner", TARGET / "fuzz-owner.dict", owners),
    "powershell": ("engine/rules/fuzz-import", RULES / "fuzz-import.dict", lambda: files("testdata/*.ps1")),
}


def run(build, name, seconds):
    binary, dictionary, seeds = FUZZERS[name]
    corpus = build / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number:04}").write_bytes(seed)
    argv = [build / binary, f"-dict={dictionary}", f"-max_total_time={seconds}", "-timeout=20", "-max_len=16384", "-rss_limit_mb=2048",
            f"-artifact_prefix={build}/found-{name}-", "-verbosity=0", "-print_final_stats=1", corpus]
    print(f"{name}: {seconds} s", flush=True)
    return subprocess.run([str(a) for a in argv], env={"UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}, check=False).returncode


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("names", nargs="*")
    a = parser.parse_intermixed_args()
    failed = [name for name in a.names or FUZZERS if run(a.build.resolve(), name, a.seconds)]
    if failed:
        print(f"found something: {', '.join(failed)}; look at {a.build}/found-*", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
