#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone and begins as the house wants it; every folder with C code says what it is for."""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

import tree

SPDX = '/* SPDX-License-Identifier: Apache-2.0 */'

FLAGS = ['-std=gnu17', '-D_GNU_SOURCE', '-DSOSYNC_VERSION="0"', '-Wall', '-Wextra', '-Werror', '-Wno-unused-parameter',
         '-Wno-missing-field-initializers', '-fsyntax-only']

# Libraries whose headers are not where the compiler looks anyway.
PACKAGES = ['libxml-2.0', 'msgpack-c', 'msgpack']


def package_flags():
    flags = []
    for package in PACKAGES:
        try:
            done = subprocess.run(['pkg-config', '--cflags', package], capture_output=True, text=True, check=False)
        except OSError:
            return []
        if done.returncode == 0:
            flags += done.stdout.split()
    return flags


def check_head(path, text):
    lines = text.split('\n')
    if lines[0] != SPDX:
        return f'{path}:1: expected {SPDX}'
    if not path.endswith('.h'):
        return None
    if lines[1:2] != ['#pragma once']:
        return f'{path}:2: expected #pragma once'
    if not re.match(r'\n/\*(\n \*)? \S', '\n'.join(lines[2:])):
        return f'{path}:4: expected a comment that says what this is and how it is used'
    return None


def check_alone(root, path, compiler, flags):
    done = subprocess.run([*compiler, *FLAGS, *flags, '-I', str(root), '-x', 'c', '-'], input=f'#include "{path}"\n',
                          capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    first = next((line for line in done.stderr.splitlines() if 'error' in line), done.stderr.strip())
    return f'{path}:1: does not compile alone: {first}'


def check(root, compiler):
    """All violations below root, as texts."""
    root = pathlib.Path(root)
    found, folders, headers = [], {}, []
    for file in tree.files(root, '.c', '.h'):
        path = file.relative_to(root).as_posix()
        found.append(check_head(path, file.read_text(encoding='utf-8')))
        folders.setdefault(file.parent, path)
        if path.endswith('.h'):
            headers.append(path)
    for folder, path in folders.items():
        if not (folder / 'README.md').is_file():
            name = folder.relative_to(root).as_posix()
            found.append(f'{name}/README.md: is missing: what the folder is for, what it promises, which file first')
    flags = package_flags()
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        found += pool.map(lambda path: check_alone(root, path, compiler, flags), headers)
    return sorted(problem for problem in found if problem)


def main():
    found = check(sys.argv[1], sys.argv[2:])
    print('\n'.join(found) or 'headers: ok')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
