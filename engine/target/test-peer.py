#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a program of the target tests against an emulator of its own: PROGRAM URL SECRET_FILE [ARGUMENTS].

With --tls first, nghttpx stands in front of the emulator with a certificate of our own, so that requests go over
TLS and HTTP/2: PROGRAM URL SECRET_FILE TLS_URL CA_FILE. The emulator writes its port into a file when it listens;
nothing here waits by the clock for that.
"""
import contextlib
import os
import pathlib
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

TENANT = '11111111-2222-3333-4444-555555555555'
CLIENT = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'
ROLES = 'User.ReadWrite.All,Group.ReadWrite.All,Organization.Read.All,RoleManagement.Read.Directory'  # the least, as the README says


@contextlib.contextmanager
def running(*command, **more):
    process = subprocess.Popen(command, **more)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        if process.stdout:
            process.stdout.close()


def client_certificate(folder):
    """What the application signs in with, instead of its secret; and other.pem, which nobody has registered."""
    def openssl(*arguments):
        subprocess.run(['openssl', *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
    for name, text in ('client.passphrase', 'correct horse\n'), ('client.token', 'eyJhbGciOiJSUzI1NiJ9.e30.c2ln\n'):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(text)
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-passout', 'file:client.passphrase', '-days', '2', '-subj', '/CN=sosync',
            '-keyout', 'client.key', '-out', 'client.pem')
    openssl('req', '-x509', '-key', 'client.key', '-passin', 'file:client.passphrase', '-days', '3', '-subj', '/CN=other',
            '-out', 'other.pem')
    openssl('pkcs12', '-export', '-in', 'client.pem', '-inkey', 'client.key', '-passin', 'file:client.passphrase',
            '-passout', 'pass:correct horse', '-out', 'client.p12')
    (folder / 'client.key').chmod(0o600)
    (folder / 'client.p12').chmod(0o600)


@contextlib.contextmanager
def emulator_running(emulator, folder, secret):
    """Beside the secret there are client.pem, client.key (its passphrase in client.passphrase), client.p12 and client.token."""
    port_file = folder / 'port'
    client_certificate(folder)
    with running(emulator, '--listen', '127.0.0.1:0', '--port-file', port_file, '--tenant', TENANT, '--client-id', CLIENT,
                 '--client-secret-file', secret, '--client-certificate', folder / 'client.pem',
                 '--federated-token-file', folder / 'client.token', '--roles', ROLES, '--domain', 'corp.contoso.test',
                 stdout=subprocess.PIPE) as process:
        if not select.select([process.stdout], [], [], 20)[0] or not process.stdout.readline():
            raise RuntimeError('the emulator does not listen')
        yield int(port_file.read_text())


def certificate(folder):
    """A certificate for 127.0.0.1 that is its own authority."""
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=127.0.0.1',
                    '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', folder / 'key.pem', '-out', folder / 'cert.pem'],
                   check=True, stderr=subprocess.DEVNULL)
    return folder / 'key.pem', folder / 'cert.pem'


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def tls_running(folder, port):
    """nghttpx cannot be asked for its port, so it is given one that was free a moment ago."""
    key, cert = certificate(folder)
    front = free_port()
    with running('nghttpx', f'-f127.0.0.1,{front}', f'-b127.0.0.1,{port}', '--workers=1', '--no-via', '--no-ocsp',
                 '--conf=/dev/null', key, cert, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 20
        while time.monotonic() < end and process.poll() is None:
            with socket.socket() as s:
                if s.connect_ex(('127.0.0.1', front)) == 0:
                    yield f'https://127.0.0.1:{front}', cert
                    return
            select.select([], [], [], 0.01)
        raise RuntimeError('nghttpx does not listen')


def main(*arguments):
    tls = arguments[0] == '--tls'
    emulator, program, *more = arguments[tls:]
    if not os.access(emulator, os.X_OK) or (tls and not shutil.which('nghttpx')):
        print('the emulator is not built, or there is no nghttpx')
        return 77
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        secret = folder / 'secret'
        secret.touch(mode=0o600)
        secret.write_text('a secret + with & signs\n')
        port = stack.enter_context(emulator_running(emulator, folder, secret))
        if tls:
            more = [*stack.enter_context(tls_running(folder, port)), *more]
        # A proxy of whoever runs the tests has no business here.
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith('_proxy')}
        return subprocess.run([program, f'http://127.0.0.1:{port}', secret, *more], check=False, env=environment).returncode


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
