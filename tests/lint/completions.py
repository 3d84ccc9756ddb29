#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The completions, asked in their own shells: what is offered behind a line of words.

    completions.py SOURCE

bash is always asked, fish where it is installed. zsh can be asked at a terminal only: man.py looks at its rows.
"""
import pathlib
import shutil
import subprocess
import sys

root = pathlib.Path(sys.argv[1])
findings = []

COMMANDS = ('run', 'sync', 'report', 'audit', 'queue', 'state', 'watch', 'top', 'match', 'compare', 'promote', 'demote', 'reconcile',
            'revert', 'rules', 'scheduler', 'cluster', 'eval', 'init', 'doctor', 'config')
# What is typed, and what must be among what is offered.
LINES = (
    ('sosync ', COMMANDS),
    ('sosync rep', ('report',)),
    ('sosync -c /etc/hosts rep', ('report',)),
    ('sosync --reason ticket queue ', ('stats', 'release', 'restore')),
    ('sosync report list --', ('--status', '--since', '--json')),
    ('sosync report list --status ', ('success', 'failure')),
    ('sosync queue list --state ', ('parked', 'dated')),
    ('sosync queue release --brake ', ('disable', 'create')),
    ('sosync queue backup /et', ('/etc',)),
    ('sosync scheduler ', ('show', 'set')),
    ('sosync scheduler set --sync-cycle-enabled ', ('true', 'false')),
    ('sosync sync --trace /etc/host', ('/etc/hosts',)),
    ('sosync run --record /etc/host', ('/etc/hosts',)),
    ('sosync rules explain --', ('--attribute', '--object')),
    ('sosync state copy --from ', ('lmdb:', 'jetstream:')),
)

BASH = r'''
source deploy/completions/sosync.bash
COMP_LINE=$1 COMP_POINT=${#1}
read -ra COMP_WORDS <<<"$1"
[[ $1 != *' ' ]] || COMP_WORDS+=('')
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_sosync sosync "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null  # compopt: not while completing
printf '%s\n' "${COMPREPLY[@]}"
'''


def offered(*command):
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=True)
    return [line.split('\t')[0].rstrip('/') for line in done.stdout.splitlines()]


for line, wanted in LINES:
    shells = {'bash': ('bash', '--norc', '-c', BASH, 'bash', line)}
    if shutil.which('fish'):
        shells['fish'] = ('fish', '-N', '-c', 'source deploy/completions/sosync.fish; complete -C "$argv[1]"', line)
    for shell, command in shells.items():
        there = offered(*command)
        findings += [f'{shell}: behind "{line}" {word} is not offered, only {" ".join(there) or "nothing"}' for word in wanted if word not in there]
for finding in findings:
    print(finding)
if findings:
    sys.exit(f'completions: {len(findings)} findings')
print('completions: ok' if shutil.which('fish') else 'completions: ok; fish is not installed, so it was not asked')
