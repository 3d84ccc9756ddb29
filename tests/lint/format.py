#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every C file is as clang-format leaves it, by the .clang-format of the root."""
import re
import shutil
import subprocess
import sys

import tree

SKIP = 77

# Versions differ in details, so one of them is the measure: that of Debian 12.
VERSION = 14


def unformatted(root, program):
    """The first finding of each file that clang-format would change."""
    files = [str(path) for path in tree.files(root, '.c', '.h')]
    found = {}
    for at in range(0, len(files), 50):
        done = subprocess.run([program, '--dry-run', '--style=file', *files[at:at + 50]], capture_output=True, text=True,
                              check=False)
        for line in done.stderr.splitlines():
            match = re.match(r'(.*?):(\d+):\d+: (warning|error): ', line)
            if match:
                found.setdefault(match[1], f'{match[1]}:{match[2]}: not formatted; run: clang-format -i {match[1]}')
        if done.returncode and not found:
            found['clang-format'] = f'clang-format failed: {done.stderr.strip()}'
    return list(found.values())


def main():
    program = shutil.which(f'clang-format-{VERSION}') or shutil.which('clang-format')
    if not program:
        print('skipped: clang-format is not installed')
        return SKIP
    version = subprocess.run([program, '--version'], capture_output=True, text=True, check=True).stdout
    match = re.search(r'version (\d+)\.', version)
    if not match or int(match[1]) != VERSION:
        print(f'skipped: the style is kept with clang-format {VERSION}; found: {version.strip()}')
        return SKIP
    found = unformatted(sys.argv[1], program)
    print('\n'.join(found) or 'format: ok')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
