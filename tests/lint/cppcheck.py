#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""cppcheck finds nothing in our C files. cppcheck.cfg tells it of our functions, cppcheck.txt is what it gets wrong, with the reasons."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import tree

HERE = pathlib.Path(__file__).parent


def findings(root, files):
    with tempfile.NamedTemporaryFile('w', suffix='.txt') as suppressions:
        lines = (HERE / 'cppcheck.txt').read_text(encoding='utf-8').splitlines()
        suppressions.write('\n'.join(line for line in lines if line and not line.startswith('#')))
        suppressions.flush()
        done = subprocess.run(
            ['cppcheck', '--enable=warning,portability,performance', '--inline-suppr', '--std=c11', '-q', '-j2', f'-I{root}',
             f'--library={HERE / "cppcheck.cfg"}', f'--suppressions-list={suppressions.name}',
             '--template={file}:{line}: {message} ({id})', '--file-list=-'],
            input='\n'.join(str(file.relative_to(root)) for file in files), capture_output=True, text=True, cwd=root)
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    return [line for line in done.stderr.splitlines() if re.match(r'\S+:\d+: ', line)]


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    if not shutil.which('cppcheck'):
        print('cppcheck: skipped, it is not installed')
        return 77
    found = findings(root, tree.files(root, '.c'))
    print('\n'.join(found))
    print(f'cppcheck: {"ok" if not found else str(len(found)) + " findings"}')
    return bool(found)


if __name__ == '__main__':
    sys.exit(main())
