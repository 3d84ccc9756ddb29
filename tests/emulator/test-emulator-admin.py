#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Journal, faults, limits and command line of the emulator. Usage: test-emulator-admin.py PROGRAM [unittest arguments]"""
import email.utils
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from emulator_process import CLIENT, PASSWORD, SECRET, TENANT, Emulator, user_body

PROGRAM = sys.argv.pop(1)


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.e = Emulator(PROGRAM, cls.directory.name, arguments=['--journal-size', '500'])

    @classmethod
    def tearDownClass(cls):
        status = cls.e.stop()
        cls.directory.cleanup()
        assert status == 0, status

    def setUp(self):
        self.e.admin('POST', '/reset')
        self.e.bearer()

    def fault(self, action, **rule):
        self.e.admin('POST', '/faults', {'rules': [{'action': action, **rule}]})


class JournalTest(Case):
    def test_records(self):
        self.e.sign_in()
        self.e.graph('POST', '/users', user_body('ada'), {'client-request-id': 'c1'})
        self.e.graph('PATCH', '/users/ada@corp.contoso.test', {'jobTitle': 'x'})
        self.e.graph('PATCH', '/users/ada@corp.contoso.test', {'jobTitle': 'x'})
        self.e.graph('PATCH', '/users/ada@corp.contoso.test', '{"passwordProfile":{"pass\\u0077ord":"Sesame-0pen"')
        journal = self.e.admin('GET', '/journal')
        sign_in, create, update, repeated, broken = journal['records'][-5:]
        self.assertEqual((create['method'], create['path'], create['query'], create['status'], create['client_request_id']),
                         ('POST', '/v1.0/users', None, 201, 'c1'))
        self.assertEqual([r['changed'] for r in (sign_in, create, update, repeated)], [False, True, True, False])
        self.assertEqual(json.loads(create['body'])['passwordProfile'], {'password': '***'})
        self.assertEqual(broken['body'], '(not JSON, and withheld because it may hold a secret)')
        text = json.dumps(journal) + json.dumps(self.e.admin('GET', '/state'))
        for secret in (PASSWORD, SECRET, 'a+secret', 'Sesame', self.e.bearer()[7:]):
            self.assertNotIn(secret, text)
        times = [r['time_us'] for r in journal['records']]
        self.assertEqual(times, sorted(times))
        self.assertEqual([r['number'] for r in self.e.admin('GET', f"/journal?after={update['number']}")['records']],
                         [repeated['number'], broken['number']])
        self.assertEqual(len(self.e.admin('GET', '/journal?changed=true&path=/v1.0/users/*&method=patch')['records']), 1)
        self.assertEqual(len(self.e.admin('GET', '/journal?limit=2')['records']), 2)

    def test_bounded(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.e.port)
        for _ in range(600):
            connection.request('GET', '/v1.0/nothing')
            connection.getresponse().read()
        connection.close()
        journal = self.e.admin('GET', '/journal')
        self.assertEqual(len(journal['records']), 500)
        self.assertEqual(journal['last'] - journal['first'] + 1, 500)
        self.assertGreaterEqual(journal['dropped'], 100)

    def test_wait(self):
        last = self.e.admin('GET', '/journal')['last']
        got = []
        waiting = threading.Thread(target=lambda: got.append(
            self.e.admin('GET', f'/journal?after={last}&method=PATCH&min=2&wait_ms=20000')))
        waiting.start()
        self.e.graph('GET', '/users')
        self.e.graph('PATCH', '/users/a@b', {})
        self.e.graph('PATCH', '/users/a@b', {})
        waiting.join(20)
        self.assertEqual([r['method'] for r in got[0]['records']], ['PATCH', 'PATCH'])
        self.assertEqual(self.e.admin('GET', '/journal?after=1000000&wait_ms=20')['records'], [])


class FaultTest(Case):
    def test_status(self):
        self.fault({'status': 429, 'retry_after': 2.128}, method='PATCH', path='/v1.0/users/*', count=1)
        self.e.user('ada')
        status, headers, body = self.e.graph('PATCH', '/users/ada@corp.contoso.test', {'jobTitle': 'x'})
        self.assertEqual((status, headers['retry-after'], body['error']['code']), (429, '2.128', 'TooManyRequests'))
        self.assertNotIn('jobTitle', self.e.admin('GET', '/state')['users'][0])
        self.assertEqual(self.e.graph('PATCH', '/users/ada@corp.contoso.test', {'jobTitle': 'x'})[0], 204)
        self.assertEqual(self.e.admin('GET', '/faults')['rules'][0]['fired'], 1)
        self.e.admin('DELETE', '/faults')
        self.fault({'status': 503, 'retry_after': 'date:10', 'effect': True}, nth=2)
        self.assertEqual(self.e.graph('GET', '/users')[0], 200)
        status, headers, body = self.e.graph('PATCH', '/users/ada@corp.contoso.test', {'jobTitle': 'y'})
        self.assertEqual((status, body['error']['code']), (503, 'ServiceNotAvailable'))
        ahead = email.utils.parsedate_to_datetime(headers['retry-after']).timestamp() - time.time()
        self.assertTrue(8 < ahead < 11, ahead)
        self.assertEqual(self.e.admin('GET', '/state')['users'][0]['jobTitle'], 'y')
        self.e.admin('DELETE', '/faults')
        self.fault({'status': 401})
        self.assertEqual(self.e.graph('GET', '/users')[2]['error']['code'], 'InvalidAuthenticationToken')

    def test_reset(self):
        self.e.user('ada')
        for when, title in (('before', None), ('after', 'after')):
            self.fault({'reset': when}, method='PATCH', count=1)
            with self.assertRaises((ConnectionResetError, http.client.RemoteDisconnected)):
                self.e.graph('PATCH', '/users/ada@corp.contoso.test', {'jobTitle': when})
            self.assertEqual(self.e.admin('GET', '/state')['users'][0].get('jobTitle'), title)
            self.assertEqual(self.e.admin('GET', '/journal')['records'][-1]['status'], 0)
            self.e.admin('DELETE', '/faults')

    def test_spoiled(self):
        self.e.user('ada')
        get = lambda: self.e.request('GET', '/v1.0/users', headers={'Authorization': self.e.bearer()})
        right = get()[2]
        for action, check in (
                ({'truncate': 30}, lambda s, h, b: s == 200 and b == right[:30]),
                ({'content_type': 'text/html'}, lambda s, h, b: h['content-type'] == 'text/html' and b == right),
                ({'html': True}, lambda s, h, b: h['content-type'] == 'text/html' and b.startswith(b'<!DOCTYPE html>')),
                ({'html': True, 'status': 502}, lambda s, h, b: s == 502 and b.startswith(b'<!DOCTYPE html>')),
                ({'garbage': True}, lambda s, h, b: s == 200 and b'garbage' in b),
                ({'drip_ms': 1}, lambda s, h, b: s == 200 and b == right),
                ({'delay_ms': 30}, lambda s, h, b: s == 200 and b == right),
                ({'body': '{}', 'status': 418}, lambda s, h, b: s == 418 and b == b'{}'),
                ({'date_skew_s': 3600}, lambda s, h, b: 3590 < email.utils.parsedate_to_datetime(h['date']).timestamp() -
                 time.time() < 3610)):
            self.fault(action)
            began = time.monotonic()
            self.assertTrue(check(*get()), action)
            self.assertGreaterEqual(time.monotonic() - began, action.get('delay_ms', 0) / 1000)
            self.e.admin('DELETE', '/faults')

    def test_probability_is_repeatable(self):
        runs = []
        for _ in range(2):
            self.e.admin('DELETE', '/faults')
            self.e.admin('POST', '/faults', {'seed': 7, 'rules': [{'probability': 0.5, 'action': {'status': 500}}]})
            runs.append([self.e.graph('GET', '/domains')[0] for _ in range(40)])
        self.assertEqual(runs[0], runs[1])
        self.assertEqual(set(runs[0]), {200, 500})

    def test_in_a_batch(self):
        self.fault({'status': 429, 'retry_after': 1}, path='/v1.0/domains', nth=2)
        item = lambda i: {'id': str(i), 'method': 'GET', 'url': '/domains'}
        body = self.e.graph('POST', '/$batch', {'requests': [item(1), item(2), item(3)]})[2]
        self.assertEqual([r['status'] for r in body['responses']], [200, 429, 200])
        self.assertEqual(body['responses'][1]['headers']['Retry-After'], '1')

    def test_in_a_batch_later(self):
        """A batch is answered with its slowest item."""
        self.fault({'delay_ms': 300}, path='/v1.0/domains', nth=2)
        item = lambda i: {'id': str(i), 'method': 'GET', 'url': '/domains'}
        began = time.monotonic()
        body = self.e.graph('POST', '/$batch', {'requests': [item(1), item(2), item(3)]})[2]
        self.assertEqual([r['status'] for r in body['responses']], [200, 200, 200])
        self.assertGreaterEqual(time.monotonic() - began, 0.3)

    def test_refused(self):
        for body, message in (({}, 'the body is {"rules":[...],"seed":1}'),
                              ({'rules': [{'action': {'stauts': 1}}]}, 'an action has a member that is not known'),
                              ({'rules': [{'action': {'reset': 'now'}}]}, 'reset is "before" or "after"'),
                              ({'rules': [{}]}, 'a rule has the members method, path, nth, after, count, probability and action')):
            with self.assertRaises(ValueError) as caught:
                self.e.admin('POST', '/faults', body)
            self.assertEqual(str(caught.exception), message)


class LimitTest(Case):
    def test_writes(self):
        self.e.user('ada')
        self.e.admin('POST', '/limits', {'enabled': True, 'tenant_size': 'S', 'grace_ms': 0})
        connection = http.client.HTTPConnection('127.0.0.1', self.e.port)
        headers = {'Authorization': self.e.bearer(), 'Content-Type': 'application/json'}
        answers = []
        for i in range(3100):
            connection.request('PATCH', '/v1.0/users/ada@corp.contoso.test', '{"jobTitle":"%d"}' % i, headers)
            answer = connection.getresponse()
            answer.read()
            answers.append((answer.status, dict(answer.getheaders())))
        connection.close()
        first = [status for status, _ in answers].index(429)
        self.assertTrue(3000 <= first < 3095, first)
        self.assertNotIn('x-ms-throttle-limit-percentage', answers[0][1])
        self.assertGreaterEqual(float(answers[first - 1][1]['x-ms-throttle-limit-percentage']), 0.99)
        refused = answers[first][1]
        self.assertEqual(refused['x-ms-throttle-scope'], f'Tenant_Application/Write/{CLIENT}/{TENANT}')
        self.assertEqual((refused['x-ms-throttle-information'], refused['Retry-After'], refused['x-ms-resource-unit']),
                         ('WriteLimitExceeded', '1', '1'))
        health = self.e.admin('GET', '/health')
        self.assertGreater(health['throttled'], 0)
        self.assertGreater(health['hold_violations'], 0)

    def test_units(self):
        self.e.user('ada')
        for path, units in (('/users', 2), ('/users?$select=id', 1), ('/users?$top=5', 1), ('/users?$top=5&$select=id', 1),
                            ('/users?$expand=manager', 3), ('/groups', 1)):
            self.e.admin('POST', '/limits', {'enabled': True})
            self.assertEqual(self.e.graph('GET', path)[1]['x-ms-resource-unit'], str(units), path)
        body = {'requests': [{'id': '1', 'method': 'GET', 'url': '/users'}, {'id': '2', 'method': 'GET', 'url': '/groups'}]}
        self.assertEqual(self.e.graph('POST', '/$batch', body)[1]['x-ms-resource-unit'], '3')

    def test_retry_forms(self):
        for form, check in (('fraction', lambda v: '.' in v), ('seconds', str.isdigit), ('none', lambda v: v is None),
                            ('date', lambda v: v.endswith('GMT'))):
            self.e.admin('POST', '/limits', {'enabled': True, 'retry_after': form, 'other_share': 0.999999, 'time_scale': 1})
            buckets = self.e.admin('GET', '/limits')['buckets']
            self.assertEqual([b['capacity'] for b in buckets], [8000, 3000, 18000, 35000])
            while True:
                requests = [{'id': str(i), 'method': 'POST', 'url': '/users'} for i in range(20)]
                body = self.e.graph('POST', '/$batch', {'requests': requests})[2]
                throttled = [r for r in body['responses'] if r['status'] == 429]
                if throttled:
                    break
            self.assertTrue(check(throttled[0]['headers'].get('Retry-After')), form)

    def test_refused(self):
        with self.assertRaises(ValueError):
            self.e.admin('POST', '/limits', {'tenant_size': 'XL'})


class LatencyTest(Case):
    def test_latency(self):
        self.e.admin('POST', '/latency', {'min_ms': 20, 'max_ms': 30})
        began = time.monotonic()
        self.e.graph('GET', '/users')
        self.assertGreaterEqual(time.monotonic() - began, 0.02)


class CommandLineTest(unittest.TestCase):
    def run_program(self, *arguments):
        done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=20)
        return done.returncode, done.stdout, done.stderr

    def test_usage(self):
        with tempfile.TemporaryDirectory() as directory:
            secret = os.path.join(directory, 'secret')
            with open(secret, 'w', encoding='utf-8') as f:
                f.write('x\n')
            good = ['--tenant', TENANT, '--client-id', CLIENT, '--client-secret-file', secret]
            for arguments, message in (
                    (['--listen', '0.0.0.0:80'], "--listen: only a loopback address is allowed: '0.0.0.0:80'"),
                    (['--listen', '10.0.0.1:0'], "--listen: only a loopback address is allowed: '10.0.0.1:0'"),
                    (['--listen', '127.0.0.1'], "--listen: is not ADDRESS:PORT: '127.0.0.1'"),
                    (['--latency-ms', '9-3'], "--latency-ms: is not MIN or MIN-MAX in milliseconds: '9-3'"),
                    (['--token-lifetime', 'x'], "--token-lifetime: is not a number: 'x'"),
                    (['--sped', '1'], "unknown option '--sped'"), (['--tenant'], '--tenant needs GUID'),
                    (['x'], "unexpected argument 'x'"),
                    (['--client-secret-file', '/does/not/exist'],
                     "--client-secret-file: No such file or directory: '/does/not/exist'")):
                self.assertEqual(self.run_program(*good, *arguments), (2, '', f'graph-emulator: {message}\n'))
            self.assertEqual(self.run_program(), (2, '', 'graph-emulator: --tenant is needed\n'))
            status, out, _ = self.run_program('--help')
            self.assertEqual(status, 0)
            self.assertIn('--journal-size', out)
            status, _, error = self.run_program(*good, '--port-file', os.path.join(directory, 'no', 'port'))
            self.assertEqual(status, 1)
            self.assertTrue(error.endswith('/no/port: No such file or directory\n'), error)


if __name__ == '__main__':
    unittest.main()
