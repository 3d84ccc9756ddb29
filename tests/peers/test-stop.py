# SPDX-License-Identifier: Apache-2.0
"""A directory that accepts and never says a word: what the service manager is told meanwhile, and how a stop that waits is ended."""

import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = os.environ['SOSYNC_BUILD_ROOT']

CONFIG = """
source:
  name: corp.contoso.test
  uris: ["ldaps://127.0.0.1:{port}"]
  base: DC=corp,DC=contoso,DC=test
  bind: {{mechanism: simple, dn: CN=sosync, password_file: {folder}/secret}}
  tls: {{ca_file: {folder}/ca.pem}}
scope:
  include: ["OU=corp,DC=corp,DC=contoso,DC=test"]
target:
  tenant_id: 11111111-2222-3333-4444-555555555555
  client_id: 22222222-2222-3333-4444-555555555555
  credentials: [{{secret_file: {folder}/secret}}]
  ca_file: {folder}/ca.pem
state: {{path: {folder}/state}}
reports: {{path: {folder}/reports}}
stop_timeout: 40s
"""


class Stop(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        # It accepts, and never says a word: whoever connects waits for its time-out.
        self.silent = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.addCleanup(self.silent.close)
        path = self.folder.name
        for name, text in (('secret', 'secret\n'), ('sosync.yaml', CONFIG.format(
                port=self.silent.getsockname()[1], folder=path))):
            with open(os.open(f'{path}/{name}', os.O_WRONLY | os.O_CREAT, 0o600), 'w') as f:
                f.write(text)
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', f'{path}/key.pem',
                        '-out', f'{path}/ca.pem', '-days', '2', '-subj', '/CN=ca'], check=True,
                       stderr=subprocess.DEVNULL)
        self.log = open(f'{path}/log', 'w+')
        self.addCleanup(self.log.close)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.bind(f'{path}/notify')
        self.manager.settimeout(30)
        self.service = subprocess.Popen([f'{ROOT}/app/sosync', '-c', f'{path}/sosync.yaml', 'run'],
                                        stderr=self.log, env={**os.environ, 'NOTIFY_SOCKET': f'{path}/notify'})
        self.addCleanup(self.service.wait)
        self.addCleanup(self.service.kill)

    def wait_for(self, text):
        for _ in range(300):
            self.log.seek(0)
            if text in self.log.read():
                return
            time.sleep(0.05)
        self.fail(f'the service never said "{text}"')

    def told(self, until):
        """What the service manager is told, up to and with what is waited for."""
        told = []
        while until not in told:
            told += self.manager.recv(4096).decode().splitlines()
        return told

    def test_start_takes_long(self):
        if 'libsystemd' not in subprocess.run(['ldd', f'{ROOT}/app/sosync'], capture_output=True, text=True).stdout:
            self.skipTest('built without libsystemd')
        # The feed waits for its time-out. A first catch-up waits longer than systemd does, unless it is told.
        told = self.told('READY=1')
        self.assertEqual(set(told[:-1]), {'EXTEND_TIMEOUT_USEC=60000000'}, told)
        self.assertEqual(set(self.told('WATCHDOG=1')), {'WATCHDOG=1'})
        # stop_timeout is 40 s, and TimeoutStopSec= of the unit 30 s.
        self.service.send_signal(signal.SIGTERM)
        self.assertEqual(self.told('EXTEND_TIMEOUT_USEC=45000000')[-2:], ['STOPPING=1', 'EXTEND_TIMEOUT_USEC=45000000'])

    def test_second_signal(self):
        # Somebody is connected, so somebody waits; and the loop runs: the control socket answers.
        self.silent.settimeout(30)
        connection, _ = self.silent.accept()
        self.addCleanup(connection.close)
        self.service.send_signal(signal.SIGTERM)
        self.wait_for('stopping')
        # One that had not to wait would have ended, and not say what the second signal makes it say.
        self.service.send_signal(signal.SIGTERM)
        self.assertEqual(self.service.wait(0.5), 0)
        self.wait_for('stopped at once')


if __name__ == '__main__':
    unittest.main()
