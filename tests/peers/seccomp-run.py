#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run a program with the system calls of a unit only: seccomp-run.py UNIT PROGRAM ARGUMENT...

SystemCallFilter= as systemd reads it: names and @sets to allow, ~ takes away; any other call ends the process with SIGSYS. What the sets hold
is systemd-analyze's word, numbers are the kernel headers' (x86-64).
"""
import ctypes
import os
import re
import struct
import subprocess
import sys

HEADER = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2
KILL, ALLOW = 0x80000000, 0x7FFF0000
ARCH = 0xC000003E  # AUDIT_ARCH_X86_64


def names_of(word):
    """The calls of a set, and of the sets in it."""
    if not word.startswith("@"):
        return {word}
    said = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True).stdout
    found = set()
    for line in said.splitlines()[1:]:
        line = line.strip()
        if line and not line.startswith("#"):
            found |= names_of(line)
    return found


def allowed(unit):
    names = names_of("@default")
    with open(unit, encoding="utf-8") as f:
        for line in f:
            m = re.match(r"SystemCallFilter=(~?)(.*)", line.strip())
            for word in m[2].split() if m else ():
                names = names - names_of(word) if m[1] else names | names_of(word)
    return names


def program(names):
    """Load architecture and number; each allowed call is a comparison and its verdict."""
    with open(HEADER, encoding="ascii") as f:
        numbers = {m[1]: int(m[2]) for m in re.finditer(r"#define __NR_(\w+) (\d+)", f.read())}
    code = [(0x20, 0, 0, 4), (0x15, 1, 0, ARCH), (0x06, 0, 0, KILL), (0x20, 0, 0, 0)]
    for number in sorted(numbers[name] for name in names if name in numbers):
        code += [(0x15, 0, 1, number), (0x06, 0, 0, ALLOW)]
    return code + [(0x06, 0, 0, KILL)]


def install(code):
    data = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
    filters = struct.pack("HxxxxxxP", len(code), ctypes.addressof(data))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_ulong]
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, None, 0, 0) or libc.prctl(PR_SET_SECCOMP, MODE_FILTER, filters, 0, 0):
        sys.exit(f"seccomp-run: {os.strerror(ctypes.get_errno())}")


def main(unit, *argv):
    install(program(allowed(unit)))
    os.execv(argv[0], argv)


if __name__ == "__main__":
    main(*sys.argv[1:])
