#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What docs/security.md says that `systemd-analyze security` says of the unit is what it says."""
import pathlib
import re
import shutil
import subprocess
import sys


def main():
    unit, page = map(pathlib.Path, sys.argv[1:])
    said = re.search(r'`systemd-analyze security` of systemd (\d+)\s+rates the unit\s+(\d\.\d)', page.read_text(encoding='utf-8'))
    if not said:
        print(f'{page}: has no sentence "`systemd-analyze security` of systemd VERSION rates the unit NUMBER"')
        return 1
    if not shutil.which('systemd-analyze'):
        print('exposure: skipped, systemd-analyze is not installed')
        return 77
    version = re.search(r'systemd (\d+)', subprocess.run(['systemd-analyze', '--version'], capture_output=True, text=True, check=True).stdout)
    if version[1] != said[1]:
        print(f'exposure: skipped, this is systemd {version[1]}, which rates otherwise than {said[1]}')
        return 77
    done = subprocess.run(['systemd-analyze', 'security', '--no-pager', '--offline=true', unit], capture_output=True, text=True)
    found = re.search(r'Overall exposure level for \S+: (\d\.\d)', done.stdout)
    if not found:
        print(f'exposure: skipped, systemd-analyze gives no level: {(done.stderr or done.stdout).strip()[-200:]}')
        return 77
    if found[1] != said[2]:
        print(f'{page}: says that the unit is rated {said[2]}; systemd {version[1]} rates it {found[1]}')
        return 1
    print('exposure: ok')
    return 0


if __name__ == '__main__':
    sys.exit(main())
