#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads that are behind the writes, and a clock that is wrong, through HTTP. Usage: test-emulator-replica.py PROGRAM [unittest arguments]"""
import email.utils
import time
import unittest

from emulator_case import Case
from emulator_process import quote, reference, user_body

LONG = 600000  # longer than the test


class ReplicaTest(Case):
    def behind(self):
        self.e.admin('POST', '/replication', {'delay_ms': LONG})

    def caught_up(self):
        self.e.admin('POST', '/replication', {'delay_ms': 0})

    def status(self, method, path, body=None):
        return self.e.graph(method, path, body)[0]

    def test_create_is_not_there_yet(self):
        old = self.e.user('old')
        self.behind()
        new = self.e.user('new', onPremisesImmutableId='AAAA')
        upn = 'new@corp.contoso.test'
        by_anchor = '/users?$filter=' + quote("onPremisesImmutableId eq 'AAAA'")
        for path in ('/users/' + new, '/users/' + upn, '/directoryObjects/' + new):
            self.assertEqual(self.status('GET', path), 404, path)
        self.assertEqual(self.e.graph('GET', by_anchor)[2]['value'], [])
        self.assertEqual([u['id'] for u in self.e.graph('GET', '/users')[2]['value']], [old])
        # A write comes to a server that does not know it either, and so does a reference.
        self.assertEqual(self.status('PATCH', '/users/' + new, {'jobTitle': 'x'}), 404)
        self.assertEqual(self.status('PUT', f'/users/{old}/manager/$ref', {'@odata.id': reference(new)}), 404)
        # But its name and anchor are taken.
        self.assertEqual(self.status('POST', '/users', user_body('new')), 400)
        self.caught_up()
        for path in ('/users/' + new, '/users/' + upn, '/directoryObjects/' + new):
            self.assertEqual(self.status('GET', path), 200, path)
        self.assertEqual([u['id'] for u in self.e.graph('GET', by_anchor)[2]['value']], [new])

    def test_old_values_links_and_lists(self):
        ada, bob = self.e.user('ada', jobTitle='old'), self.e.user('bob')
        group = self.e.group('sales')
        self.e.graph('POST', f'/groups/{group}/members/$ref', {'@odata.id': reference(bob)})
        self.behind()
        self.assertEqual(self.status('PATCH', '/users/' + ada, {'jobTitle': 'new'}), 204)
        self.assertEqual(self.status('PUT', f'/users/{ada}/manager/$ref', {'@odata.id': reference(bob)}), 204)
        self.assertEqual(self.status('POST', f'/groups/{group}/members/$ref', {'@odata.id': reference(ada)}), 204)
        self.assertEqual(self.status('DELETE', f'/groups/{group}/members/{bob}/$ref'), 204)
        self.assertEqual(self.e.graph('GET', f'/users/{ada}?$select=jobTitle')[2]['jobTitle'], 'old')
        self.assertEqual(self.status('GET', f'/users/{ada}/manager'), 404)
        self.assertEqual([m['id'] for m in self.e.graph('GET', f'/groups/{group}/members')[2]['value']], [bob])
        # What is written is judged by what is, not by what is seen.
        self.assertEqual(self.status('POST', f'/groups/{group}/members/$ref', {'@odata.id': reference(ada)}), 400)
        self.caught_up()
        self.assertEqual(self.e.graph('GET', f'/users/{ada}?$select=jobTitle')[2]['jobTitle'], 'new')
        self.assertEqual(self.e.graph('GET', f'/users/{ada}/manager')[2]['id'], bob)
        self.assertEqual([m['id'] for m in self.e.graph('GET', f'/groups/{group}/members')[2]['value']], [ada])

    def test_deletes(self):
        ada, bob = self.e.user('ada'), self.e.user('bob')
        self.e.graph('DELETE', '/users/' + bob)
        self.behind()
        self.assertEqual(self.status('DELETE', '/users/' + ada), 204)
        self.assertEqual(self.status('GET', '/users/' + ada), 200)
        self.assertEqual(self.status('POST', f'/directory/deletedItems/{bob}/restore'), 200)
        self.assertEqual(self.status('GET', '/users/' + bob), 404)
        self.assertEqual(self.status('GET', '/directory/deletedItems/' + bob), 200)
        self.caught_up()
        self.assertEqual(self.status('GET', '/users/' + ada), 404)
        self.assertEqual(self.status('GET', '/users/' + bob), 200)

    def test_delta_is_behind_and_loses_nothing(self):
        ada = self.e.user('ada')
        link = self.e.graph('GET', '/users/delta?$deltatoken=latest')[2]['@odata.deltaLink'].partition('/v1.0')[2]
        self.behind()
        bob = self.e.user('bob')
        self.e.graph('PATCH', '/users/' + ada, {'jobTitle': 'x'})
        body = self.e.graph('GET', link)[2]
        self.assertEqual(body['value'], [])
        link = body['@odata.deltaLink'].partition('/v1.0')[2]
        self.caught_up()
        self.assertEqual({u['id'] for u in self.e.graph('GET', link)[2]['value']}, {ada, bob})

    def test_a_link_that_is_not_seen(self):
        """Neither a member nor a manager can be taken away where the one who came has not been heard of, nor be added again where
        the one who went is still there."""
        ada, bob, g = self.e.user('ada'), self.e.user('bob'), self.e.group('g')
        self.behind()
        member, ref = f'/groups/{g}/members/{ada}/$ref', {'@odata.id': reference(ada)}
        self.assertEqual(self.e.graph('POST', f'/groups/{g}/members/$ref', ref)[0], 204)
        self.assertEqual(self.e.graph('DELETE', member)[0], 404)
        self.assertEqual(self.e.graph('PUT', f'/users/{bob}/manager/$ref', ref)[0], 204)
        self.assertEqual(self.e.graph('DELETE', f'/users/{bob}/manager/$ref')[0], 404)
        self.caught_up()
        self.behind()
        self.assertEqual(self.e.graph('DELETE', member)[0], 204)
        self.assertEqual(self.e.graph('POST', f'/groups/{g}/members/$ref', ref)[0], 400)
        self.assertEqual(self.e.graph('PATCH', '/groups/' + g, {'members@odata.bind': [reference(ada)]})[0], 400)
        self.assertEqual(self.e.graph('DELETE', f'/users/{bob}/manager/$ref')[0], 204)
        self.caught_up()
        self.assertEqual(self.e.graph('GET', f'/groups/{g}/members')[2]['value'], [])
        self.assertEqual(self.e.graph('POST', f'/groups/{g}/members/$ref', ref)[0], 204)

    def test_it_catches_up_by_itself(self):
        ada = self.e.user('ada', jobTitle='old')
        self.e.admin('POST', '/replication', {'delay_ms': 300})
        before = time.monotonic()
        self.e.graph('PATCH', '/users/' + ada, {'jobTitle': 'new'})
        seen = []
        while not seen or seen[-1] != 'new':
            self.assertLess(time.monotonic(), before + 20)
            seen.append(self.e.graph('GET', f'/users/{ada}?$select=jobTitle')[2]['jobTitle'])
        self.assertGreaterEqual(time.monotonic() - before, 0.3)
        self.assertEqual(seen[0], 'old')

    def test_state_of_many_writes_is_the_same(self):
        """After it has caught up, the replica is the store: played change by change, in pages and by all keys."""
        self.e.admin('POST', '/replication', {'delay_ms': 1})
        users = [self.e.user(f'u{i}', mail=f'u{i}@corp.contoso.test') for i in range(30)]
        group = self.e.group('g')
        for u in users:
            self.e.graph('POST', f'/groups/{group}/members/$ref', {'@odata.id': reference(u)})
        for u in users[::3]:
            self.e.graph('DELETE', '/users/' + u)
        for u in users[::6]:
            self.e.graph('POST', f'/directory/deletedItems/{u}/restore')
        def reads():
            paths = ['/users?$select=id,mail,userPrincipalName&$top=999', f'/groups/{group}/members', '/groups',
                     '/users?$filter=' + quote("mail eq 'u6@corp.contoso.test'"), '/directory/deletedItems/microsoft.graph.user']
            return [self.e.graph('GET', p)[2]['value'] for p in paths]
        until = time.monotonic() + 20
        last = reads()
        while len(last[0]) != 25:
            self.assertLess(time.monotonic(), until)
            last = reads()
        self.caught_up()
        self.assertEqual(reads(), last)

    def test_wrong_bodies(self):
        for what, body in (('/replication', {}), ('/replication', {'delay_ms': -1}), ('/replication', {'delay_ms': '5'}), ('/clock', {}), ('/clock', {'skew_s': 'x'})):
            with self.assertRaises(ValueError):
                self.e.admin('POST', what, body)

    def test_clock(self):
        self.e.admin('POST', '/clock', {'skew_s': 3600})
        ahead = email.utils.parsedate_to_datetime(self.e.graph('GET', '/users')[1]['date']).timestamp() - time.time()
        self.assertTrue(3590 < ahead < 3610, ahead)
        old = self.e.bearer()
        self.e.admin('POST', '/clock', {'skew_s': 3 * 3600})
        self.assertEqual(self.e.graph('GET', '/users', headers={'Authorization': old})[0], 401)
        self.e.admin('POST', '/reset')
        ahead = email.utils.parsedate_to_datetime(self.e.graph('GET', '/users')[1]['date']).timestamp() - time.time()
        self.assertTrue(-10 < ahead < 10, ahead)


if __name__ == '__main__':
    unittest.main()
