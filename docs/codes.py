#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The error codes in docs/troubleshooting.md, from the one table that has them.

    codes.py          write them into the page
    codes.py --check  are those in the page the program's? (meson test --suite lint)
"""
import pathlib
import sys

DOCS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS / 'man'))
sys.dont_write_bytecode = True

from page import EXITS, ROW, literal  # noqa: E402

PAGE = DOCS / 'troubleshooting.md'
CATALOGUE = DOCS.parent / 'engine' / 'steps' / 'catalogue.c'
BEGIN, END = '<!-- codes: made by docs/codes.py -->\n', '<!-- end of codes -->\n'


def cell(text):
    return literal(text).replace('|', '\\|')


def codes():
    source = CATALOGUE.read_text(encoding='utf-8')
    table = source[source.index('rows[] = {'):]
    out = []
    for found in ROW.finditer(table[:table.index('\n};')]):
        if found['group']:
            out += ['', f'### {found["group"].rstrip(".")}', '', '| code | means | do | exit |', '| --- | --- | --- | --- |']
        else:
            out.append(f'| `{found["code"]}` | {cell(found["why"])} | {cell(found["what"])} | {EXITS[found["exit"]]} |')
    return '\n'.join(out).lstrip('\n') + '\n\n'


def main():
    text = PAGE.read_text(encoding='utf-8')
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    made = text[:begin] + '\n' + codes() + text[end:]
    if sys.argv[1:] == ['--check']:
        if made != text:
            sys.exit('docs/troubleshooting.md has other error codes than engine/steps/catalogue.c: run docs/codes.py')
        print(f'codes: {made[begin:].count("| `")} in the page, ok')
    else:
        PAGE.write_text(made, encoding='utf-8')


if __name__ == '__main__':
    main()
