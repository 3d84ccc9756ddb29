#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No two of our libraries may define the same global name: the linker would take the first it meets, without a word."""
import collections
import pathlib
import subprocess
import sys

owners = collections.defaultdict(set)
for library in sys.argv[1:]:
    listing = subprocess.run(['nm', '-g', '--defined-only', library], check=True, capture_output=True, text=True).stdout
    for line in listing.splitlines():
        fields = line.split()
        if len(fields) == 3:
            owners[fields[2]].add(pathlib.Path(library).name)

bad = {name: libraries for name, libraries in owners.items() if len(libraries) > 1}
for name, libraries in sorted(bad.items()):
    print(f'{name}: defined by {", ".join(sorted(libraries))}')
if not owners:
    sys.exit('symbols: no library given')
print('symbols: ok' if not bad else f'symbols: {len(bad)} names collide')
sys.exit(bool(bad))
