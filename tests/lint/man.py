#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages and the completions say what the program says: every command, verb and long option of `--help` is in sosync(1) and
in each completion, every key, function and error code is on its page, the examples are accepted, and groff has no complaint.

    man.py SOSYNC SOURCE [PAGE...]

PAGE are the pages as they are installed; without them what needs them is skipped (77).
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sosync, root, pages = sys.argv[1], pathlib.Path(sys.argv[2]), [pathlib.Path(page) for page in sys.argv[3:]]
findings = []


def say(*arguments):
    return subprocess.run([sosync, *arguments], check=True, capture_output=True, text=True).stdout


def holds(text, word):
    """As a whole word; an option also in the form of fish's complete: `-l option`."""
    form = f'(?:--|-l ){re.escape(word[2:])}' if word.startswith('--') else re.escape(word)
    return re.search(rf'(?<![\w-]){form}(?![\w-])', text)


def need(text, words, where):
    findings.extend(f'{where}: "{word}" is missing' for word in sorted(set(words)) if not holds(text, word))


def template(name):
    return (root / 'docs/man' / f'{name}.scd').read_text(encoding='utf-8')


def blocks(text):
    return re.findall(r'(?ms)^```\n(.*?)^```$', text)


def check_words():
    manual = template('sosync.1')
    sections = dict(re.findall(r'(?ms)^## sosync (\w+)(.*?)(?=^##? )', manual))
    completions = sorted((root / 'deploy/completions').glob('sosync.*'))
    if len(completions) != 3:
        findings.append(f'deploy/completions: {len(completions)} files, not one each for bash, zsh and fish')
    synopsis = manual.partition('# SYNOPSIS')[2].partition('\n# ')[0]
    zsh = (root / 'deploy/completions/sosync.zsh').read_text(encoding='utf-8')
    everything = say('--help')
    commands = re.findall(r'(?m)^  ([a-z]+) +[A-Z]', everything)
    if not commands:
        findings.append('`sosync --help` lists no command')
    for command in commands:
        text = say(command, '--help')
        verbs = re.findall(r'(?<![\w-])[a-z]+(?![\w-])', text.partition('\n\n')[0].partition(f'] {command}')[2])
        findings.extend(f'`sosync {command} {verb} --help` does not say what `sosync {command} --help` says'
                        for verb in verbs if say(command, verb, '--help') != text)
        if '\nExample: sosync ' not in text:
            findings.append(f'`sosync {command} --help` has no example')
        lines = text.splitlines()
        if len(lines) > 25 or max(map(len, lines)) > 80:
            findings.append(f'`sosync {command} --help` does not fit a screen of 25 lines and 80 columns')
        options = set(re.findall(r'(?<![\w-])--[a-z][a-z-]*', text)) - {'--help'}
        need(synopsis, [command], 'docs/man/sosync.1.scd: SYNOPSIS')
        # Its functions are found through this row alone.
        if (verbs or options) and not re.search(rf'(?m)^ +{command}\)', zsh):
            findings.append(f'deploy/completions/sosync.zsh: no row {command})')
        need(sections.get(command, ''), [*verbs, *options], f'docs/man/sosync.1.scd: section "sosync {command}"')
        for path in completions:
            need(path.read_text(encoding='utf-8'), [command, *verbs, *options], path.relative_to(root))
    general = re.findall(r'(?<![\w-])--[a-z][a-z-]*', everything)
    for path in [root / 'docs/man/sosync.1.scd', *completions]:
        need(path.read_text(encoding='utf-8'), general, path.relative_to(root))


def accept(what, *arguments):
    done = subprocess.run([sosync, *arguments], capture_output=True, text=True)
    if done.returncode:
        findings.append(f'{what}: {(done.stderr or done.stdout).strip()}')


def check_examples():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)

        def stand_in(found):
            path = folder / found[0].strip('/').replace('/', '-')
            path.write_text('a secret of more than twenty characters\n', encoding='utf-8')
            path.chmod(0o600)
            return str(path)

        examples = blocks(template('sosync.yaml.5'))
        if len(examples) < 2:
            findings.append('docs/man/sosync.yaml.5.scd: fewer than two examples')
        for number, text in enumerate(examples, 1):
            path = folder / f'example-{number}.yaml'
            path.write_text(re.sub(r'/etc/[\w/.-]+', stand_in, text), encoding='utf-8')
            accept('docs/man/sosync.yaml.5.scd', '-c', str(path), 'config', 'check')
        # They are to be put beside the shipped set, so they must get on with it.
        (folder / 'rules').mkdir()
        for path in (root / 'engine/rules/default').glob('*.yaml'):
            if not path.name.startswith('optional'):
                shutil.copy(path, folder / 'rules')
        for number, text in enumerate(text for text in blocks(template('sosync-rules.5')) if text.startswith('rules:')):
            (folder / 'rules' / f'{number}.yaml').write_text(text, encoding='utf-8')
        accept('docs/man/sosync-rules.5.scd', 'rules', 'check', str(folder / 'rules'))
        for text in blocks(template('sosync-expressions.7')):
            if not text.startswith(('$', 'str ')):  # a dialogue, the table of types
                accept('docs/man/sosync-expressions.7.scd', 'eval', '--', text.strip())


def check_lists():
    """What page.py has made: seen by another, simpler reader than its own."""
    text = {page.name: re.sub(r'\\f.|\\&|\\(?=[-.\'])', '', page.read_text(encoding='utf-8')) for page in pages}
    need(text['sosync.yaml.5'], re.findall(r'(?m)^#? *([a-z0-9_]+):(?: |$)', say('config', 'help')), 'sosync.yaml(5)')
    need(text['sosync-expressions.7'], re.findall(r'(?m)^\S+ (\w+)\(', say('eval', '--functions')), 'sosync-expressions(7)')
    catalogue = (root / 'engine/steps/catalogue.c').read_text(encoding='utf-8')
    need(text['sosync.1'], set(re.findall(r'ROW\("(\w+)"', catalogue)) - {'Unknown'}, 'sosync(1)')
    for name, page in text.items():
        if left := re.findall(r'@[A-Z]+@', page):
            findings.append(f'{name}: {left[0]} was not filled in')


def check_format():
    groff = shutil.which('groff')
    if not groff:
        print('man: groff is not installed, so the form of the pages was not checked')
        return
    for page in pages:
        done = subprocess.run([groff, '-man', '-t', '-ww', '-z', '-K', 'utf8', '-T', 'utf8', page], capture_output=True, text=True)
        findings.extend(f'{page.name}: {line}' for line in done.stderr.splitlines())


def check_permissions():
    """The table of the program is the one of README.md and of sosync(1), row by row."""
    rows = re.findall(r'(?m)^(\S+) +(.+)\n +(.+)$', say('config', 'permissions'))
    if not rows:
        findings.append('`sosync config permissions` lists none')
    readme = (root / 'README.md').read_text(encoding='utf-8')
    manual = template('sosync.1')
    for name, what, when in rows:
        if f'| `{name}` | {what} | {when} |' not in readme:
            findings.append(f'README.md: no row | `{name}` | {what} | {when} |')
        if f'*{name}*\n\t{what[0].upper()}{what[1:]}. {when[0].upper()}{when[1:]}.\n' not in manual:
            findings.append(f'docs/man/sosync.1.scd: PERMISSIONS does not say of {name}: {what}. {when}.')
    if len(re.findall(r'(?m)^\| `\w[\w.-]+\.\w+` \|', readme)) != len(rows):
        findings.append('README.md: the table of permissions has other rows than `sosync config permissions`')


check_words()
check_permissions()
check_examples()
if pages:
    check_lists()
    check_format()
for finding in findings:
    print(finding)
if findings:
    sys.exit(f'man: {len(findings)} findings')
if not pages:
    print('man: words and examples are good; the pages were not built, because scdoc is not installed')
    sys.exit(77)
print('man: ok')
