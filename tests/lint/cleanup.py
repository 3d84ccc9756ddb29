#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A variable that is cleaned up at the end of its block has a value from the beginning: a return before its first assignment would
otherwise free what the stack happened to hold. Compilers do not see that through the attribute.

    cleanup.py SOURCE
"""
import pathlib
import re
import sys

FOLDERS = ('app', 'base', 'engine', 'listener', 'queue', 'report')
BARE = re.compile(r'_cleanup_\(\w+\)\s+(?:struct\s+)?\w+\s+\**(\w+)\s*;')


def findings(root):
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob('*.[ch]')):
            for n, line in enumerate(path.read_text(encoding='utf-8').splitlines(), 1):
                if m := BARE.search(line):
                    yield f'{path.relative_to(root)}:{n}: {m[1]} has a cleanup and no value yet: = {{ 0 }}, or what its cleanup takes for nothing'


if __name__ == '__main__':
    found = list(findings(pathlib.Path(sys.argv[1])))
    print(*found, sep='\n')
    sys.exit(bool(found))
