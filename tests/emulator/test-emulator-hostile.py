#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Input nobody should send: the emulator refuses it, goes on, and ends cleanly. Usage: test-emulator-hostile.py PROGRAM"""
import json
import random
import socket
import sys
import tempfile
import unittest

from emulator_process import Emulator, quote, user_body

PROGRAM = sys.argv.pop(1)
SEED = 20260822


class HostileTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.e = Emulator(PROGRAM, cls.directory.name)

    @classmethod
    def tearDownClass(cls):
        status = cls.e.stop()
        cls.directory.cleanup()
        assert status == 0, status

    def raw(self, data):
        """Sends bytes as they are, and reads until the server has nothing more to say."""
        with socket.create_connection(('127.0.0.1', self.e.port), timeout=20) as s:
            answer = b''
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                while part := s.recv(65536):
                    answer += part
            except OSError as error:  # a server that has hung up: reset, or not connected any more
                if isinstance(error, TimeoutError):
                    raise
            return answer

    def alive(self):
        self.assertTrue(self.e.admin('GET', '/health')['ok'])

    def line(self, target, headers=b''):
        return b'GET ' + target + b' HTTP/1.1\r\nHost: x\r\nConnection: close\r\n' + headers + b'\r\n'

    def test_urls(self):
        auth = ('Authorization: ' + self.e.bearer() + '\r\n').encode()
        for target in (b'/v1.0/users/%', b'/v1.0/users/%4', b'/v1.0/users/%zz', b'/v1.0/users/%00', b'/v1.0/users/%ff%fe',
                       b"/v1.0/users('a", b"/v1.0/users('a'b')", b'/v1.0/users()', b'/v1.0/users(userPrincipalName=)',
                       b"/v1.0/users(x='y')", b'/v1.0/' + b'a/' * 100, b'/v1.0/users?' + b'a=b&' * 200, b'/v1.0', b'/', b'//',
                       b'/v1.0/users?$filter=%', b'/v1.0/users?$top=-1', b'/v1.0/users?$top=99999999999999999999',
                       b'/v1.0/users?$skiptoken=x', b'/v1.0/users?$count=maybe', b'/v2.0/users', b'/v1.0/users/$ref',
                       b'/v1.0/groups/x/members/y/$ref', b'/v1.0/users?$expand=manager(', b'/v1.0/users?$search="x"'):
            answer = self.raw(self.line(target, auth))
            self.assertRegex(answer, rb'^HTTP/1.1 4\d\d ', target)
            self.assertIn(b'"error"', answer, target)
        for target in (b'/v1.0/users/' + b'a' * 60000, b'/v1.0/users?$filter=' + b'(' * 50000,
                       b'/v1.0/users?$filter=' + b'not%20' * 8000):
            self.assertRegex(self.raw(self.line(target, auth)), rb'^HTTP/1.1 4\d\d ')
        self.assertEqual(self.raw(self.line(b'/' + b'a' * 200000))[:9] in (b'', b'HTTP/1.1 '), True)
        self.alive()

    def test_not_http(self):
        for data in (b'', b'\0' * 1000, b'GET\r\n\r\n', b'GET / HTTP/9.9\r\n\r\n', b'BREW /v1.0/users HTTP/1.1\r\nHost: x\r\n\r\n',
                     b'POST /v1.0/users HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n',
                     b'POST /v1.0/users HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999\r\n\r\n',
                     b'POST /v1.0/users HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nshort',
                     b'POST /v1.0/users HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
                     b'GET /v1.0/users HTTP/1.1\r\n' + b'X: y\r\n' * 30000 + b'\r\n',
                     b'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', b'HEAD /v1.0/users HTTP/1.1\r\nHost: x\r\n\r\n',
                     b'CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n', b'GET http://x/v1.0/users HTTP/1.1\r\nHost: x\r\n\r\n'):
            self.raw(data)
        self.alive()

    def test_bodies(self):
        message = ('Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON '
                   'format.')
        for body in (b'{', b'[]', b'"x"', b'null', b'\xff\xfe', b'{"a":1}x', b'[' * 100000, b'{"a":' * 100000, b'{"a":1,"a":2}',
                     b'{"displayName":"\xff"}', b'{"displayName":"\\u0000"}', b'\0' * 100):
            status, _, answer = self.e.graph('POST', '/users', body)
            self.assertEqual((status, answer['error']['code'], answer['error']['message']), (400, 'BadRequest', message), body[:20])
        self.assertEqual(self.e.graph('POST', '/users', b'x', {'Content-Type': 'text/plain'})[0], 415)
        for path in ('/users', '/groups', '/$batch', '/directoryObjects/getByIds'):
            for body in ({}, {'requests': 5}, {'ids': 5}, {'requests': [5]}, {'requests': [{'id': 1}]}, {'ids': [None, 5]},
                         {'types': {}, 'ids': []}, {'manager@odata.bind': 5}, {'members@odata.bind': [5]},
                         {'groupTypes': [None]}, {'requests': [{'id': '1', 'method': 'GET', 'url': '', 'headers': 5}]},
                         {'requests': [{'id': '1', 'method': 'GET', 'url': '/users?%', 'dependsOn': 5}]}):
                self.assertIn(self.e.graph('POST', path, body)[0], (200, 400))
        for path in ('faults', 'limits', 'objects', 'latency', 'app', 'reset', 'nothing'):
            for body in (b'', b'{', b'[]', b'5', b'{"rules":[5]}', b'{"users":[5]}', b'{"users":5}', b'{"users":[{"id":"x"}]}',
                         b'{"groups":[{"members":["x"]}]}', b'{"remove":[5]}', b'{"min_ms":-1}', b'{"roles":5}'):
                self.assertIn(self.e.request('POST', '/_emulator/' + path, body)[0], (200, 400))
        self.e.admin('POST', '/reset')
        self.alive()

    def test_client_goes_away(self):
        self.e.admin('POST', '/latency', {'min_ms': 30})
        auth = ('Authorization: ' + self.e.bearer() + '\r\n').encode()
        for _ in range(20):
            with socket.create_connection(('127.0.0.1', self.e.port)) as s:
                s.sendall(self.line(b'/v1.0/users', auth))
        with socket.create_connection(('127.0.0.1', self.e.port)) as s:
            s.sendall(self.line(b'/_emulator/journal?after=999999999&wait_ms=60000'))
        self.e.admin('POST', '/faults', {'rules': [{'action': {'drip_ms': 20}, 'path': '/v1.0/domains'}]})
        with socket.create_connection(('127.0.0.1', self.e.port)) as s:
            s.sendall(self.line(b'/v1.0/domains', auth))
        self.e.graph('GET', '/users')
        self.e.admin('POST', '/reset')
        self.alive()

    def test_random_filters(self):
        """Pieces of filters in any order: 200 or 400, never anything else."""
        rnd = random.Random(SEED)
        self.e.graph('POST', '/users', user_body('ada'))
        words = ['displayName', 'mail', 'proxyAddresses', 'accountEnabled', 'eq', 'ne', 'in', 'not', 'and', 'or', '(', ')', ',', "'x'",
                 "''", "'", 'null', 'true', '5', '/any(', 'p:p', '/$count', 'startswith(', 'onPremisesExtensionAttributes',
                 '/extensionAttribute1', '2026-01-01T00:00:00Z', '\u00e9', ' ']
        for _ in range(600):
            text = ' '.join(rnd.choices(words, k=rnd.randint(1, 12)))
            status, _, body = self.e.graph('GET', '/users?$count=true&$filter=' + quote(text),
                                           headers={'ConsistencyLevel': 'eventual'})
            self.assertIn(status, (200, 400), (SEED, text, body))
        self.alive()

    def test_random_objects(self):
        """Values of any kind in any property: created, or refused with a documented status."""
        rnd = random.Random(SEED)
        values = [None, True, 5, 1.5, '', 'x', 'x' * 5000, [], ['x'], [None], {}, {'x': 1}, '\u0001', '\U0001f600', [[]], -1]
        names = ['displayName', 'mail', 'businessPhones', 'onPremisesExtensionAttributes', 'passwordProfile', 'identities',
                 'userPrincipalName', 'mailNickname', 'onPremisesImmutableId', 'employeeHireDate', 'groupTypes', 'uniqueName',
                 'members@odata.bind', 'owners@odata.bind', 'manager@odata.bind', '@odata.type', 'usageLocation', 'otherMails']
        for i in range(600):
            body = user_body(f'r{i}') if i % 2 else {'displayName': 'g', 'mailNickname': 'g', 'mailEnabled': False,
                                                     'securityEnabled': True}
            body.update({n: rnd.choice(values) for n in rnd.sample(names, rnd.randint(0, 3))})
            status, _, answer = self.e.graph('POST', '/users' if i % 2 else '/groups', body)
            self.assertIn(status, (201, 400, 404), (SEED, body, answer))
        json.dumps(self.e.admin('GET', '/state'))
        self.alive()


if __name__ == '__main__':
    unittest.main()
