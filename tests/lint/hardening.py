#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program is built so that a fault in it is harder to use: what compiler and linker were asked for is in the file.

Looks at the ELF file itself (readelf), as checksec does, not at the options of the build.
"""
import re
import shutil
import subprocess
import sys


def readelf(option, path):
    return subprocess.run(['readelf', '-W', option, path], check=True, capture_output=True, text=True).stdout


def start_file():
    return subprocess.run(['cc', '-print-file-name=crt1.o'], check=True, capture_output=True, text=True).stdout.strip()


def findings(path):
    """What is missing, one line each."""
    header, segments = readelf('-h', path), readelf('-l', path)
    dynamic, notes = readelf('-d', path), readelf('-n', path)
    symbols = readelf('--dyn-syms', path)
    stack = re.search(r'GNU_STACK.*\s([RWE ]{2,3})\s+0x', segments)
    checks = [
        ('a position-independent executable (-fPIE -pie)', re.search(r'Type:\s+DYN', header) and 'PIE' in dynamic),
        ('read-only relocations (-z relro)', 'GNU_RELRO' in segments),
        ('relocations done at the start (-z now)', re.search(r'BIND_NOW|FLAGS_1.*\bNOW\b', dynamic)),
        ('a stack that is not executable', stack and 'E' not in stack.group(1)),
        ('no segment that is writable and executable', not re.search(r'^\s+LOAD\s.*\sRWE\s', segments, re.M)),
        ('library paths of the system only (RUNPATH)',
         all(p.startswith('/usr/lib/') for p in re.findall(r'(?:RPATH|RUNPATH).*\[(.*)\]', dynamic))),
        ('the stack protector', '__stack_chk_fail' in symbols),
        ('checked copies (_FORTIFY_SOURCE)', re.search(r'__\w+_chk\b', symbols)),
    ]
    # One object without it ends it for the whole program, and Debian 12's own start files have it not.
    if 'IBT' in readelf('-n', start_file()):
        checks.append(('control-flow protection (-fcf-protection)', 'IBT' in notes and 'SHSTK' in notes))
    return [what for what, found in checks if not found]


def main():
    path = sys.argv[1]
    if not shutil.which('readelf'):
        print('hardening: skipped, readelf (binutils) is not installed')
        return 77
    missing = findings(path)
    for what in missing:
        print(f'{path}: is not {what}' if what.startswith('a position') else f'{path}: has not: {what}')
    print(f'hardening: {"ok" if not missing else str(len(missing)) + " findings"}')
    return bool(missing)


if __name__ == '__main__':
    sys.exit(main())
