#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fill a manual page's template: `@KEYS@`, `@FUNCTIONS@` and `@ERRORS@` on lines of their own become lists that are made of what the
program itself says, so that the pages cannot be out of date.

    page.py TEMPLATE OUTPUT VERSION SOSYNC CATALOGUE SCDOC

SOSYNC is the built program, CATALOGUE is engine/steps/catalogue.c. The output is a page for man(1), made by SCDOC; without one (an
empty argument) it is the filled template.
"""
import pathlib
import re
import subprocess
import sys


def escape(text):
    """Text in which scdoc sees no formatting; what is between backticks is bold."""
    return re.sub(r'`([^`]+)`', r'*\1*', re.sub(r'([\\*_~#<>\[\]|])', r'\\\1', text))


def sentence(text):
    text = text.strip(' ').lstrip('. ')  # "... if it is so" goes on from the key before it
    if not re.match(r'[a-z-]+: ', text):  # "lmdb: one machine" begins with a value
        text = text[:1].upper() + text[1:]
    return text + ('' if text.endswith(('.', '?')) else '.')


def ask(sosync, *arguments):
    return subprocess.run([sosync, *arguments], check=True, capture_output=True, text=True).stdout


# -- keys of the configuration ------------------------------------------------------------------------------------------

COMMENT = re.compile(r'(?:#( +)|( *))# (\S.*)')
ITEM = re.compile(r'#?( *)each item has:')
KEY = re.compile(r'#?( *)([a-z][a-z0-9_]*):(.*)')
STATUS = re.compile(r'(?P<help>.*?)(?:: (?P<type>[^:]*))?; (?P<status>required|optional|default .*?)(?P<only>; only .*)?')


class Key:
    """One key: its whole path, what the program says of it, and what is written behind it."""

    def __init__(self, path, said, value):
        self.path = path
        self.is_map = not value.strip()
        self.help, self.type, self.status, self.only = said, None, None, None
        found = STATUS.fullmatch(said)
        if found:
            self.help, self.type, self.status = found['help'], found['type'], found['status']
            self.only = found['only'] and found['only'].lstrip('; ')
            if self.is_map and self.type:
                self.help, self.type = f'{self.help}: {self.type}', None


def parse_keys(text):
    keys, stack, said = [], [], ''
    for line in text.splitlines():
        if comment := COMMENT.fullmatch(line):
            said = comment[3]
        elif item := ITEM.fullmatch(line):
            while stack and stack[-1][0] >= len(item[1]):
                stack.pop()
            stack[-1] = (stack[-1][0], stack[-1][1] + '[]')
        elif key := KEY.fullmatch(line):
            while stack and stack[-1][0] >= len(key[1]):
                stack.pop()
            stack.append((len(key[1]), key[2]))
            keys.append(Key('.'.join(name for _, name in stack), said, key[3]))
            said = ''
        elif line.strip():
            sys.exit(f'page.py: a line of `sosync config help` that is not understood: {line}')
    return keys


def key_entry(key):
    facts = [escape(key.type)] if key.type else []
    if key.status:
        word, _, value = key.status.partition(' ')
        facts.append(f'{word} *{escape(value)}*' if value else word)
    if key.only:
        facts.append(escape(key.only))
    return [f'*{escape(key.path)}*' + (': ' + '; '.join(facts) if facts else ''), '\t' + sentence(escape(key.help)), '']


def key_list(keys):
    """A subsection for each section; values that are in none come first."""
    sections = {}
    for key in keys:
        sections.setdefault(re.split(r'[.\[]', key.path)[0], []).append(key)
    out = []
    for name in sorted(sections, key=lambda name: len(sections[name]) > 1):
        first, *rest = sections[name]
        if rest:
            out += ['', f'## {escape(name)}', '']
        if rest and first.is_map:
            out += [sentence(escape(first.help)) + (' Required.' if first.status == 'required' else ''), '']
        else:
            out += key_entry(first)
        for key in rest:
            out += key_entry(key)
    return out


# -- functions of the expression language ---------------------------------------------------------------------------------

def function_list(text):
    """Two lines each: `type Name(arguments)`, and what it gives, indented."""
    out = []
    lines = text.splitlines()
    for head, what in zip(lines[::2], lines[1::2]):
        found = re.fullmatch(r'(\S+) ([A-Za-z0-9]+)\((.*)\)', head)
        if not found or not what.startswith(' '):
            sys.exit(f'page.py: a line of `sosync eval --functions` that is not understood: {head}')
        out += [f'*{found[2]}*({escape(found[3])}): {escape(found[1])}', '\t' + sentence(escape(what)), '']
    return out


# -- error codes ------------------------------------------------------------------------------------------------------------

EXITS = {'DONE': 0, 'OBJECT': 1, 'USAGE': 2, 'THROTTLED': 3, 'OUT_OF_SCOPE': 4, 'UNREACHABLE': 5}
ROW = re.compile(r'/\* (?P<group>[^*]+?) \*/|ROW\("(?P<code>\w+)", \w+, (?P<exit>\w+),\s*(?P<why>"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*)'
                 r',\s*(?P<what>"(?:[^"\\]|\\.)*"(?:\s*"(?:[^"\\]|\\.)*")*)\)')


def literal(text):
    return ''.join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)).replace('\\"', '"')


def error_list(source):
    out, table = [], source[source.index('rows[] = {'):]
    for found in ROW.finditer(table[:table.index('\n};')]):
        if found['group']:
            out += ['', f'## {escape(found["group"].rstrip("."))}', '']
        else:
            what = literal(found['what'])
            what = 'Nothing needs to be done: ' + what[6:] if what.startswith('None: ') else what
            out += [f'*{found["code"]}* (exit status {EXITS[found["exit"]]})',
                    '\t' + escape(literal(found['why'])), '\t' + escape(what), '']
    return out


def render(scdoc, text):
    page = subprocess.run([scdoc], input=text, check=True, capture_output=True, text=True).stdout
    page = page.replace('\n.TH ', '\n.nr HY 0\n.TH ', 1)  # no word is divided: most of ours are names
    return page.replace('\n.TE\n', '\n.TE\n.sp 1\n')


def main():
    template, output, version, sosync, catalogue, scdoc = sys.argv[1:]
    parts = {
        '@KEYS@': lambda: key_list(parse_keys(ask(sosync, 'config', 'help'))),
        '@FUNCTIONS@': lambda: function_list(ask(sosync, 'eval', '--functions')),
        '@ERRORS@': lambda: error_list(pathlib.Path(catalogue).read_text(encoding='utf-8')),
    }
    out = []
    for line in pathlib.Path(template).read_text(encoding='utf-8').splitlines():
        out += parts[line]() if line in parts else [line.replace('@VERSION@', version)]
    text = re.sub(r'\n{3,}', '\n\n', '\n'.join(out)) + '\n'  # a list brings its own empty lines
    pathlib.Path(output).write_text(render(scdoc, text) if scdoc else text, encoding='utf-8')


if __name__ == '__main__':
    main()
