# SPDX-License-Identifier: Apache-2.0
"""What the tests of the emulator share: its messages, and a test case with an emulator of its own."""
import sys
import tempfile
import unittest

from emulator_process import Emulator

PROGRAM = sys.argv.pop(1)
NOBODY = '99999999-9999-4999-8999-999999999999'
INVALID = "Invalid value specified for property '%s' of resource '%s'."
REQUIRED = "A value is required for property '%s' of resource '%s'."
READ_ONLY = "Property '%s' is read-only and cannot be set."
CONFLICT = 'Another object with the same value for property %s already exists.'
MISSING = "Resource '%s' does not exist or one of its queried reference-property objects are not present."
MASTERED = ('Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently '
            'undergoing migration.')
ALREADY = "One or more added object references already exist for the following modified properties: '%s'."
UNSUPPORTED = "Unsupported or invalid query filter clause specified for property '%s' of resource '%s'."
DENIED = 'Insufficient privileges to complete the operation.'


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        cls.e = Emulator(PROGRAM, cls.directory.name, arguments=['--federated-domain', 'fed.contoso.test'])

    @classmethod
    def tearDownClass(cls):
        status = cls.e.stop()
        cls.directory.cleanup()
        assert status == 0, status

    def setUp(self):
        self.e.admin('POST', '/reset')
        self.e.token = None

    def refused(self, answer, status, code, message, details=None):
        got, headers, body = answer
        self.assertEqual((got, body['error']['code'], body['error']['message']), (status, code, message))
        self.assertEqual(set(body['error']) - {'details'}, {'code', 'message', 'innerError'})
        self.assertEqual(set(body['error']['innerError']), {'date', 'request-id', 'client-request-id'})
        self.assertEqual(body['error']['innerError']['request-id'], headers['request-id'])
        if details is not None:
            self.assertEqual([(d['code'], d['target']) for d in body['error']['details']], details)
            self.assertEqual({frozenset(d) for d in body['error']['details']}, {frozenset(['code', 'message', 'target'])})

    def bad(self, answer, message, details=None):
        self.refused(answer, 400, 'Request_BadRequest', message, details)

    def done(self, answer, status=204):
        self.assertEqual(answer[0], status, answer[2])
        return answer[2]

    def state(self):
        return self.e.admin('GET', '/state')
