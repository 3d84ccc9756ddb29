#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every command that the documents show is one: `sosync COMMAND [VERB] --OPTION` as its own --help has it.

Looked at are the lines of code blocks (indented, or fenced as sh), and what stands between backquotes, in README.md and docs/*.md.
Usage: docs.py SOSYNC ROOT
"""
import pathlib
import re
import shlex
import subprocess
import sys

GLOBAL = {'-c', '--reason', '--help', '--version'}


def say(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False).stdout


def commands(text):
    """Line number and words of each command shown."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith('```'):
            fence = line[3:].strip() if fence is None else None
            continue
        if fence is not None and fence != 'sh':
            continue  # output, configuration
        shown = [line.strip()] if fence or line.startswith('    ') else re.findall(r'`([^`]+)`', line)
        for piece in shown:
            piece = re.sub(r'^(?:[$#] |sudo |[\w/.-]*/(?=sosync ))', '', piece)
            if not piece.startswith('sosync '):
                continue
            try:
                yield number, shlex.split(piece.split(' | ')[0].split(' #')[0])[1:]
            except ValueError:
                continue


def strip_global(words):
    while words and words[0] in ('-c', '--reason'):
        words = words[2:]
    return words


def fault(words):
    words = strip_global(words)
    if not words or words[0] in GLOBAL or words[0].startswith('<'):
        return None
    command, rest = words[0], words[1:]
    if command not in HELP:
        return f'there is no command "{command}"'
    usage = HELP[command].splitlines()[0]
    verbs = re.search(r'(?<![\w-])([a-z]+(?:\|[a-z]+)+)', HELP[command].split('\n\n')[0])
    wrong = [w for w in rest if w.startswith('--') and not re.search(rf'(?<![\w-]){re.escape(w)}(?![\w-])', HELP[command])
             and w not in GLOBAL]
    if wrong:
        return f'sosync {command} has no {wrong[0]} ({usage})'
    if verbs and rest and re.fullmatch('[a-z-]+', rest[0]) and not re.search(rf'(?<![\w-]){rest[0]}(?![\w-])', HELP[command]):
        return f'sosync {command} has no {rest[0]} ({usage})'
    return None


def main():
    root = pathlib.Path(sys.argv[2])
    found, n = 0, 0
    for path in [root / 'README.md', *sorted((root / 'docs').glob('*.md'))]:
        for number, words in commands(path.read_text(encoding='utf-8')):
            n += 1
            why = fault(words)
            if why:
                found += 1
                print(f'{path.relative_to(root)}:{number}: {why}')
    print(f'docs: {n} commands, ' + ('ok' if not found else f'{found} findings'))
    return bool(found) or n == 0


PROGRAM = sys.argv[1]
NAMES = re.findall(r'(?m)^  ([a-z]+) +[A-Z]', say('--help'))
HELP = {name: say(name, '--help') for name in NAMES}
if __name__ == '__main__':
    sys.exit(main())
