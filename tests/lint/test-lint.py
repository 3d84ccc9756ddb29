#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The linters find what is planted for them, at its line, and nothing else."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

import cleanup  # noqa: E402
import cppcheck  # noqa: E402
import format as format_lint  # noqa: E402  (our format.py, not the builtin)
import hardening  # noqa: E402
import headers  # noqa: E402
import layers  # noqa: E402
import tree  # noqa: E402

COMPILER = ['cc']


class Planted(unittest.TestCase):
    """A tree of its own for each test."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def plant(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding='utf-8')


class Hardening(Planted):
    def build(self, *options):
        self.plant('x.c', '#include <stdio.h>\n#include <string.h>\nint main(int n, char **v)\n'
                   '{\n        char text[64];\n\n        strcpy(text, v[n - 1]);\n        return puts(text);\n}\n')
        program = self.root / 'x'
        subprocess.run([*COMPILER, '-w', '-O2', *options, '-o', program, self.root / 'x.c'], check=True)
        return hardening.findings(program)

    def test_hard(self):
        self.assertEqual(self.build('-fPIE', '-pie', '-fstack-protector-strong', '-D_FORTIFY_SOURCE=2', '-fcf-protection',
                                    '-Wl,-z,relro,-z,now,-z,noexecstack'), [])

    def test_soft(self):
        found = self.build('-fno-pie', '-no-pie', '-fno-stack-protector', '-U_FORTIFY_SOURCE', '-fcf-protection=none',
                           '-Wl,-z,norelro,-z,lazy,-z,execstack,-rpath,/tmp/build')
        for word in ('position-independent', 'relro', 'now', 'stack that is not executable', 'RUNPATH', 'protector', 'FORTIFY'):
            self.assertTrue([f for f in found if word in f], (word, found))


class Cleanup(Planted):
    def test_planted(self):
        self.plant('base/good.c', '        _cleanup_(diag_deinit) Diag d = DIAG_INIT;\n')
        self.plant('app/x/bad.c', '\n        _cleanup_(graph_call_deinit) GraphCall c;\n        _cleanup_(freep) char *text;\n')
        self.assertEqual([f.split(' has')[0] for f in cleanup.findings(self.root)], ['app/x/bad.c:2: c', 'app/x/bad.c:3: text'])


class Cppcheck(Planted):
    @unittest.skipUnless(shutil.which('cppcheck'), 'cppcheck is not installed')
    def test_planted(self):
        self.plant('base/good.c', 'int good(void)\n{\n        return 0;\n}\n')
        self.plant('base/bad.c', 'int bad(void)\n{\n        char text[4];\n\n        text[4] = 0;\n        return text[0];\n}\n')
        found = cppcheck.findings(self.root, tree.files(self.root, '.c'))
        self.assertTrue(found and all(f.startswith('base/bad.c:') for f in found), found)
        self.assertIn('base/bad.c:5: ', found[0])


class Layers(Planted):
    def check(self, path, text, *expected):
        self.plant(path, text)
        self.assertEqual(layers.check(self.root), list(expected))

    def test_table(self):
        self.assertEqual(layers.check_table(), [])

    def test_circle(self):
        old = layers.LAYERS['base']
        layers.LAYERS['base'] = ('app', '')
        self.addCleanup(layers.LAYERS.__setitem__, 'base', old)
        self.assertIn('a circle', layers.check_table()[0])

    def test_clean(self):
        self.check('engine/rules/load.c', '#include "engine/rules/load.h"\n\n#include "base/arena.h"\n'
                   '#include "engine/expr/expr.h"\n\n#include <jansson.h>\n#include <libxml/tree.h>\n'
                   '#include <pthread.h>\n#include <sys/stat.h>\n')

    def test_upwards(self):
        self.check('base/arena.c', '\n#include "engine/model/value.h"\n',
                   'base/arena.c:2: base may not include engine/model ("engine/model/value.h")')

    def test_steps_never_see_the_queue(self):
        self.check('engine/steps/export.c', '#include "engine/target/target.h"\n#include "queue/queue.h"\n',
                   'engine/steps/export.c:2: engine/steps may not include queue ("queue/queue.h")')

    def test_siblings(self):
        self.check('engine/scope/scope.h', '#include "engine/rules/rule.h"\n',
                   'engine/scope/scope.h:1: engine/scope may not include engine/rules ("engine/rules/rule.h")')

    def test_console_is_not_report(self):
        self.check('report/store.c', '#include "report/console/page.h"\n',
                   'report/store.c:1: report may not include report/console ("report/console/page.h")')

    def test_console_may(self):
        self.check('report/console/page.c', '#include "report/store.h"\n#include "engine/scheduler/flag.h"\n'
                   '#include <event2/http.h>\n#include <event2/bufferevent_ssl.h>\n')

    def test_foreign_library(self):
        self.check('engine/steps/sync.c', '#include <lmdb.h>\n',
                   'engine/steps/sync.c:1: engine/steps does not own lmdb (<lmdb.h>); its owner: queue')

    def test_longest_match_owns(self):
        self.check('listener/doorbell.c', '#include <event2/event.h>\n#include <event2/bufferevent_ssl.h>\n',
                   'listener/doorbell.c:2: listener does not own libevent-openssl (<event2/bufferevent_ssl.h>); '
                   'its owner: report/console')

    def test_one_file(self):
        self.plant('engine/expr/cert.c', '#include <openssl/x509.h>\n')
        self.check('engine/expr/eval.c', '#include <openssl/x509.h>\n',
                   'engine/expr/eval.c:1: engine/expr does not own openssl (<openssl/x509.h>); '
                   'its owner: engine/target, engine/expr/cert.c, '
             'listener/ldap-tls.c, report/console/tls.c, report/audit-chain.c')

    def test_json_is_not_for_base(self):
        self.check('base/log.c', '#include <jansson.h>\n',
                   'base/log.c:1: base does not own jansson (<jansson.h>); its owner: every layer above base')

    def test_unit_tests(self):
        self.plant('queue/test-queue.c', '#include <setjmp.h>\n#include <cmocka.h>\n')
        self.plant('queue/fuzz-record.c', '#include <setjmp.h>\n')
        self.check('queue/queue.c', '#include <cmocka.h>\n',
                   'queue/queue.c:1: queue does not own cmocka (<cmocka.h>); its owner: unit tests and fuzzers only')

    def test_unit_tests_keep_the_layer(self):
        self.check('queue/test-queue.c', '#include "listener/feed.h"\n#include <curl/curl.h>\n',
                   'queue/test-queue.c:1: queue may not include listener ("listener/feed.h")',
                   'queue/test-queue.c:2: queue does not own curl (<curl/curl.h>); its owner: engine/target')

    def test_unknown_library(self):
        self.check('app/main.c', '#include <glib.h>\n',
                   'app/main.c:1: <glib.h> is not known; give the library an owner in the table')

    def test_short_path(self):
        self.check('base/arena.c', '#include "arena.h"\n',
                   'base/arena.c:1: "arena.h" is not a full path; write it from the root, as "base/arena.h"')

    def test_relative_path(self):
        self.check('queue/queue.c', '#include "../app/flow/worker.h"\n',
                   'queue/queue.c:1: "../app/flow/worker.h" is in no folder of the table')

    def test_new_folder(self):
        self.check('common/util.c', '', 'common/util.c:1: this folder is not in the table of tests/lint/layers.py')

    def test_spelling(self):
        self.check('base/arena.c', '  #  include"app/main.h"\n#include APP_HEADER\n',
                   'base/arena.c:1: base may not include app ("app/main.h")',
                   'base/arena.c:2: an include that cannot be read: #include APP_HEADER')

    def test_tests_are_outside(self):
        self.check('tests/emulator/main.c', '#include <lmdb.h>\n#include "anything.h"\n')


class Headers(Planted):
    GOOD = ('/* SPDX-License-Identifier: Apache-2.0 */\n#pragma once\n\n/*\n * Thing: what it is\n */\n\n'
            '#include <stddef.h>\n\nsize_t thing_size(void);\n')

    def setUp(self):
        super().setUp()
        self.plant('base/README.md', '# base\n')

    def check(self, text, *expected):
        self.plant('base/thing.h', text)
        found = headers.check(self.root, COMPILER)
        self.assertEqual(len(found), len(expected), found)
        for problem, begin in zip(found, expected):
            self.assertTrue(problem.startswith(begin), problem)

    def test_clean(self):
        self.check(self.GOOD)

    def test_no_licence(self):
        self.check(self.GOOD.split('\n', 1)[1], 'base/thing.h:1: expected /* SPDX-License-Identifier: Apache-2.0 */')

    def test_no_licence_in_source(self):
        self.plant('base/thing.c', '#include "base/thing.h"\n')
        self.check(self.GOOD, 'base/thing.c:1: expected /* SPDX-License-Identifier: Apache-2.0 */')

    def test_no_guard(self):
        self.check(self.GOOD.replace('#pragma once\n', ''), 'base/thing.h:2: expected #pragma once')

    def test_no_manual(self):
        self.check(self.GOOD.replace('/*\n * Thing: what it is\n */\n\n', ''), 'base/thing.h:4: expected a comment')

    def test_not_alone(self):
        self.check(self.GOOD.replace('#include <stddef.h>\n', ''), 'base/thing.h:1: does not compile alone: ')

    def test_no_readme(self):
        self.plant('queue/queue.c', headers.SPDX + '\n')
        self.check(self.GOOD, 'queue/README.md: is missing')


class Format(Planted):
    def test_planted(self):
        program = shutil.which('clang-format')
        if not program:
            self.skipTest('clang-format is not installed')
        self.plant('.clang-format', 'BasedOnStyle: LLVM\nIndentWidth: 8\n')
        self.plant('base/good.c', 'int f(void) { return 0; }\n')
        self.plant('base/bad.c', 'int f(void) { return 0; }\nint   g(void);\n')
        found = format_lint.unformatted(self.root, program)
        self.assertEqual(len(found), 1, found)
        self.assertIn('base/bad.c:2: not formatted', found[0])


class Tree(Planted):
    def test_build_folders_are_not_ours(self):
        self.plant('base/a.c', '')
        self.plant('b-gcc/meson-private/sanity.c', '')
        self.plant('b-gcc/base/generated.c', '')
        self.plant('.hidden/b.c', '')
        self.assertEqual([path.name for path in tree.files(self.root, '.c')], ['a.c'])


if __name__ == '__main__':
    if len(sys.argv) > 1:
        COMPILER = sys.argv[1:]
    unittest.main(argv=sys.argv[:1])
