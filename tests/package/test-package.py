#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian package: built twice the same, without a complaint of lintian, and installed, used, removed and purged on a throw-away copy
of this system (an overlay over its own root, in a mount namespace: nothing is written outside of a temporary folder).
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INSTALL = """
set -e
mkdir -p {work}/upper {work}/inner {work}/root
mount -t tmpfs none {work}/upper
mkdir {work}/upper/files {work}/upper/work
mount -t overlay overlay -o lowerdir=/,upperdir={work}/upper/files,workdir={work}/upper/work {work}/root
mount -t proc proc {work}/root/proc
mount --rbind /dev {work}/root/dev
mkdir -p {work}/root/package
cp {deb} {work}/root/package/sosync.deb
exec chroot {work}/root /bin/sh -eu -c "$1"
"""
LIFE = """
export DEBIAN_FRONTEND=noninteractive PATH=/package/bin:/usr/sbin:/usr/bin:/sbin:/bin
# A systemd that runs the service, as far as the package's scripts ask for one; what they do with it is in a file.
mkdir -p /package/bin /run/systemd/system
printf '#!/bin/sh\\necho "$*" >>/package/done\\n' | tee /package/bin/systemctl >/package/bin/deb-systemd-invoke
chmod 0755 /package/bin/*
did() { printf '%s: ' "$1"; grep -E '(^| )(stop|start|restart|try-restart) ' /package/done | tr '\\n' ' ' || true; echo; rm -f /package/done; }
dpkg -i /package/sosync.deb >/package/log 2>&1 || { cat /package/log; exit 1; }
echo "version: $(sosync --version)"
echo "folder: $(stat -c '%U:%G %a' /etc/sosync)"
echo "user: $(id -un sosync)"
echo "unit: $(grep '^ExecStart=' /lib/systemd/system/sosync.service)"
echo "runtime: $(grep '^RuntimeDirectory' /lib/systemd/system/sosync.service | tr '\\n' ' ')"
echo "page: $(zcat /usr/share/man/man5/sosync.yaml.5.gz | head -c 4 | tr -d '\\n')"
echo "keys: $(sosync config help | grep -c .)"
sosync rules list | grep -q 'In from AD'
if sosync -c /etc/sosync/none.yaml config check 2>/package/said; then echo "a configuration that is not there was taken"; exit 1; fi
echo "check: $(wc -l </package/said)"
did installed
echo 'secret of nothing' >/etc/sosync/secret
chown sosync /etc/sosync/secret && chmod 0400 /etc/sosync/secret
cat >/etc/sosync/sosync.yaml <<END
source: {name: corp.test, uris: [ldaps://dc1.corp.test], base: "DC=corp,DC=test", bind: {mechanism: simple, dn: CN=s, password_file: /etc/sosync/secret},
  tls: {ca_file: /etc/sosync/secret}}
target: {tenant_id: 11111111-2222-3333-4444-555555555555, client_id: 22222222-2222-3333-4444-555555555555, estate: alone,
  credentials: [{secret_file: /etc/sosync/secret}]}
END
echo "shipped: $(sosync config check | grep -o 'version [0-9a-f]*')"
echo "rules: $(sosync rules check /usr/share/sosync/rules | grep -o 'version [0-9a-f]*')"
dpkg -i /package/sosync.deb >/package/log 2>&1 || { cat /package/log; exit 1; }
did upgraded
echo hello >/etc/sosync/sosync.yaml
dpkg -i /package/sosync.deb >/package/log 2>&1 || { cat /package/log; exit 1; }
did kept
echo "heard: $(grep -c 'the one before is still running' /package/log)"
mkdir -p /var/lib/sosync/state
dpkg -r sosync >/package/log 2>&1 || { cat /package/log; exit 1; }
did removed
test ! -e /usr/bin/sosync
test -e /etc/sosync/sosync.yaml
test -e /var/lib/sosync/state
dpkg -P sosync >/package/log 2>&1 || { cat /package/log; exit 1; }
test -e /etc/sosync/sosync.yaml
test ! -e /var/lib/sosync
echo "purged: yes"
"""


def run(*command, **options):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='sosync-package-')
        cls.addClassCleanup(cls.folder.cleanup)
        made = run(ROOT / 'deploy/package', '--twice', cls.folder.name + '/made')
        if made.returncode:
            raise AssertionError(made.stdout + made.stderr)
        cls.said = made.stdout
        cls.deb = next(pathlib.Path(cls.folder.name).glob('made/sosync_*.deb'))

    def test_twice_the_same(self):
        self.assertIn('the same, bit for bit', self.said)

    @unittest.skipUnless(shutil.which('lintian'), 'lintian is not installed')
    def test_lintian(self):
        done = run('lintian', '--allow-root', '--fail-on', 'error,warning', self.deb)
        self.assertEqual((done.returncode, done.stdout), (0, ''), done.stdout + done.stderr)

    def test_bill_of_materials(self):
        """Every library the program names is in it, with a version."""
        out = pathlib.Path(self.folder.name) / 'out'
        self.assertEqual(run('dpkg', '-x', self.deb, out).returncode, 0)
        bill = json.loads(run('zcat', '-f', *out.glob('usr/share/doc/sosync/sbom.cdx.json*')).stdout)
        program = run('readelf', '-d', out / 'usr/bin/sosync').stdout
        named = {line.split('[')[1].rstrip(']') for line in program.splitlines() if 'NEEDED' in line}
        listed = {p['value'] for c in bill['components'] for p in c['properties'] if p['name'] == 'sosync:library'}
        self.assertEqual(named, listed)
        self.assertTrue(all(c['version'] for c in bill['components']))

    def test_scripts(self):
        """An upgrade never stops the service without a restart; a removal stops it."""
        out = pathlib.Path(self.folder.name) / 'scripts'
        self.assertEqual(run('dpkg-deb', '-e', self.deb, out).returncode, 0)
        said = {name: (out / name).read_text() if (out / name).exists() else '' for name in ('preinst', 'postinst', 'prerm')}
        self.assertNotIn('deb-systemd-invoke', said['preinst'])
        self.assertIn('deb-systemd-invoke try-restart sosync.service', said['postinst'])
        self.assertRegex(said['prerm'], r'"\$1" = remove \][^\n]*\n *deb-systemd-invoke stop sosync\.service')

    @unittest.skipUnless(os.geteuid() == 0, 'needs root: a mount namespace')
    def test_life(self):
        with tempfile.TemporaryDirectory(prefix='sosync-package-root-') as work:
            may = run('unshare', '-m', 'sh', '-c', INSTALL.format(work=work, deb=self.deb), 'sh', 'true')
            if may.returncode:
                self.skipTest(f'no overlay file system here: {may.stderr.strip().splitlines()[-1:]}')
            done = run('unshare', '-m', 'sh', '-c', INSTALL.format(work=work, deb=self.deb), 'sh', LIFE)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        said = dict(line.split(': ', 1) for line in done.stdout.splitlines() if ': ' in line)
        self.assertRegex(said['version'], r'^sosync \d')
        self.assertEqual(said['folder'], 'root:sosync 750')
        self.assertEqual(said['user'], 'sosync')
        self.assertEqual(said['unit'], 'ExecStart=/usr/bin/sosync -c /etc/sosync/sosync.yaml run')
        self.assertEqual(said['runtime'].strip(), 'RuntimeDirectory=sosync RuntimeDirectoryMode=0750')
        self.assertGreater(int(said['keys']), 50)
        self.assertEqual(said['check'], '1')
        self.assertRegex(said['shipped'], '^version [0-9a-f]{16}$')
        self.assertEqual(said['rules'], said['shipped'])
        self.assertEqual(said['installed'].strip(), '')
        self.assertEqual(said['upgraded'].strip(), 'try-restart sosync.service')
        self.assertEqual((said['kept'].strip(), said['heard']), ('', '1'))
        self.assertEqual(said['removed'].strip(), 'stop sosync.service')
        self.assertEqual(said['purged'], 'yes')


if __name__ == '__main__':
    for tool in ('dpkg-buildpackage', 'dh'):
        if not shutil.which(tool):
            print(f'test-package: skipped, {tool} is not installed')
            sys.exit(77)
    unittest.main()
