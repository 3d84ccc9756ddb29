# SPDX-License-Identifier: Apache-2.0
"""Starts a graph-emulator for a test and talks to it. Standard library only.

    with Emulator(path, directory, domains=['corp.contoso.test']) as e:
        status, headers, body = e.graph('GET', '/users')
        e.admin('POST', '/faults', {'rules': [...]})
"""
import http.client
import json
import os
import select
import subprocess
import urllib.parse

TENANT = '11111111-2222-3333-4444-555555555555'
CLIENT = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee'
SECRET = 'a secret + with & signs'
ROLES = ['User.ReadWrite.All', 'Group.ReadWrite.All', 'Directory.ReadWrite.All', 'Organization.Read.All',
         'Domain.Read.All']
PASSWORD = 'Pl4nted-password'


class Emulator:
    def __init__(self, program, directory, roles=ROLES, domains=('corp.contoso.test',), deadline=20, arguments=()):
        secret, self.port_file = os.path.join(directory, 'secret'), os.path.join(directory, 'port')
        with open(secret, 'w', encoding='utf-8') as f:
            f.write(SECRET + '\n')
        self.process = subprocess.Popen(
            [program, '--listen', '127.0.0.1:0', '--port-file', self.port_file, '--tenant', TENANT, '--client-id', CLIENT,
             '--client-secret-file', secret, '--roles', ','.join(roles), '--domain', ','.join(domains), *arguments],
            stdout=subprocess.PIPE)
        if not select.select([self.process.stdout], [], [], deadline)[0] or not self.process.stdout.readline():
            self.process.kill()
            raise RuntimeError('the emulator did not say within the deadline that it listens')
        with open(self.port_file, encoding='utf-8') as f:
            self.port = int(f.read())
        self.token = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends it; the exit status tells whether it ended cleanly."""
        self.process.terminate()
        status = self.process.wait(timeout=20)
        self.process.stdout.close()
        return status

    def request(self, method, path, body=None, headers=None):
        """One request on a connection of its own: status, headers in lower case, bytes."""
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def sign_in(self, tenant=TENANT, **change):
        form = {'client_id': CLIENT, 'client_secret': SECRET, 'grant_type': 'client_credentials',
                'scope': 'https://graph.microsoft.com/.default', **change}
        status, _, body = self.request('POST', f'/{tenant}/oauth2/v2.0/token',
                                       urllib.parse.urlencode({k: v for k, v in form.items() if v is not None}),
                                       {'Content-Type': 'application/x-www-form-urlencoded'})
        return status, json.loads(body)

    def bearer(self):
        if not self.token:
            self.token = self.sign_in()[1]['access_token']
        return 'Bearer ' + self.token

    def graph(self, method, path, body=None, headers=None):
        """A request with token and JSON: status, headers, the body as Python has it."""
        all_headers = {'Authorization': self.bearer()}
        if body is not None:
            all_headers['Content-Type'] = 'application/json'
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
        all_headers.update(headers or {})
        status, got, data = self.request(method, '/v1.0' + path, body, {k: v for k, v in all_headers.items() if v is not None})
        return status, got, json.loads(data) if data and 'json' in got.get('content-type', '') else data

    def admin(self, method, path, body=None):
        status, _, data = self.request(method, '/_emulator' + path, None if body is None else json.dumps(body))
        answer = json.loads(data)
        if status != 200:
            raise ValueError(answer['error'])
        return answer

    def user(self, name, **more):
        """Creates a user and gives its id."""
        status, _, body = self.graph('POST', '/users', user_body(name, **more))
        assert status == 201, body
        return body['id']

    def group(self, name, **more):
        status, _, body = self.graph('POST', '/groups', group_body(name, **more))
        assert status == 201, body
        return body['id']


def user_body(name, **more):
    return {'accountEnabled': True, 'displayName': name, 'mailNickname': name, 'userPrincipalName': f'{name}@corp.contoso.test',
            'passwordProfile': {'password': PASSWORD}, **more}


def group_body(name, **more):
    return {'displayName': name, 'mailNickname': name, 'mailEnabled': False, 'securityEnabled': True, **more}


def reference(identifier):
    return 'https://graph.microsoft.com/v1.0/directoryObjects/' + identifier


def quote(filter_text):
    return urllib.parse.quote(filter_text, safe='')
