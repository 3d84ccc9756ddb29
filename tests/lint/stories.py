#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every code of the catalogue is produced by a story: an EXPECT of a scenario, or a test with real peers, names it.

    stories.py SOURCE

That the report of such a run says code, reason and what to do is checked by the scenario runner itself, for every run.
"""
import pathlib
import re
import sys

# Minutes by the clock and no end of the run: played with a fake clock, where the watch lives.
ELSEWHERE = {'RunStuck': 'app/flow/test-run-watch.c'}

root = pathlib.Path(sys.argv[1])
table = (root / 'engine/steps/catalogue.c').read_text(encoding='utf-8').partition('rows[] = {')[2].partition('\n};')[0]
codes = re.findall(r'ROW\(\s*"(\w+)"', table)
named = set()
for script in (root / 'tests/scenario').glob('*.scn'):
    for line in script.read_text(encoding='utf-8').splitlines():
        if line.startswith('EXPECT'):
            named.update(re.findall(r'\w+', line))
for test in (root / 'tests/peers').glob('test-*.py'):
    named.update(re.findall(r'\w+', test.read_text(encoding='utf-8')))
if len(codes) < 40:
    sys.exit(f'engine/steps/catalogue.c: only {len(codes)} rows were understood')
named.update(code for code, file in ELSEWHERE.items() if f'"{code}"' in (root / file).read_text(encoding='utf-8'))
missing = [code for code in codes if code not in named]
for code in missing:
    print(f'engine/steps/catalogue.c: no scenario and no test with peers produces {code}')
sys.exit(bool(missing))
