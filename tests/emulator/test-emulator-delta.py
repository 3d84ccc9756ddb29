#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The delta query of users and groups, through HTTP. Usage: test-emulator-delta.py PROGRAM [unittest arguments]"""
import unittest

from emulator_case import Case


class DeltaTest(Case):
    def follow(self, path):
        """All pages from here. Returns (objects, pages, path of the deltaLink)."""
        objects, pages = [], 0
        while True:
            status, _, body = self.e.graph('GET', path)
            self.assertEqual(status, 200, body)
            objects += body['value']
            pages += 1
            self.assertEqual(('@odata.nextLink' in body) + ('@odata.deltaLink' in body), 1)
            if '@odata.deltaLink' in body:
                return objects, pages, body['@odata.deltaLink'].partition('/v1.0')[2]
            path = body['@odata.nextLink'].partition('/v1.0')[2]

    def test_users(self):
        ids = {f'u{i:03}': self.e.user(f'u{i:03}') for i in range(120)}
        objects, pages, link = self.follow('/users/delta?$select=id,displayName')
        self.assertEqual((len(objects), pages, objects[0]), (120, 2, {'id': ids['u000'], 'displayName': 'u000'}))
        self.assertNotIn('select', link)
        objects, _, link = self.follow(link)
        self.assertEqual(objects, [])
        self.e.graph('PATCH', '/users/' + ids['u003'], {'displayName': 'Ada'})
        self.e.graph('DELETE', '/users/' + ids['u004'])
        self.e.graph('DELETE', '/users/' + ids['u005'])
        self.e.graph('DELETE', '/directory/deletedItems/' + ids['u005'])
        new = self.e.user('new')
        objects, pages, after = self.follow(link)
        self.assertEqual((objects, pages), ([
            {'id': ids['u003'], 'displayName': 'Ada'}, {'id': new, 'displayName': 'new'},
            {'id': ids['u004'], '@removed': {'reason': 'changed'}}, {'id': ids['u005'], '@removed': {'reason': 'deleted'}}], 1))
        # The same link gives the same again; the new one nothing.
        self.assertEqual(self.follow(link)[0], objects)
        self.assertEqual(self.follow(after)[0], [])
        self.assertEqual(self.follow('/users/delta?$deltatoken=latest')[0], [])

    def test_change_between_pages(self):
        ids = [self.e.user(f'u{i:03}') for i in range(101)]
        body = self.e.graph('GET', '/users/delta?$select=displayName')[2]
        self.e.graph('PATCH', '/users/' + ids[0], {'displayName': 'Ada'})
        objects, _, link = self.follow(body['@odata.nextLink'].partition('/v1.0')[2])
        self.assertEqual([o['displayName'] for o in objects], ['u100'])
        self.assertEqual([o['displayName'] for o in self.follow(link)[0]], ['Ada'])

    def test_groups(self):
        user = self.e.user('ada')
        group = self.e.group('sales')
        objects, _, link = self.follow('/groups/delta?$select=id')
        self.assertEqual(objects, [{'id': group}])
        self.e.graph('PATCH', '/users/' + user, {'displayName': 'Ada'})
        self.assertEqual(self.follow(link)[0], [])
        self.e.graph('DELETE', '/groups/' + group)
        self.assertEqual(self.follow(link)[0], [{'id': group, '@removed': {'reason': 'deleted'}}])

    def test_links(self):
        ada, bob, eve = (self.e.user(n) for n in ('ada', 'bob', 'eve'))
        group = self.e.group('sales')
        self.e.graph('PATCH', '/groups/' + group, {'members@odata.bind': [f'https://graph.microsoft.com/v1.0/directoryObjects/{u}' for u in (ada, bob)]})
        self.e.graph('PUT', f'/users/{ada}/manager/$ref', {'@odata.id': f'https://graph.microsoft.com/v1.0/users/{bob}'})
        objects, _, groups = self.follow('/groups/delta?$select=displayName,members')
        named = {'@odata.type': '#microsoft.graph.user'}
        self.assertEqual(objects, [{'displayName': 'sales', 'members@delta': [{**named, 'id': ada}, {**named, 'id': bob}]}])
        objects, _, users = self.follow('/users/delta?$select=id,manager')
        self.assertEqual(objects, [{'id': ada, 'manager@delta': [{**named, 'id': bob}]}, {'id': bob}, {'id': eve}])
        self.e.graph('DELETE', f'/groups/{group}/members/{ada}/$ref')
        self.e.graph('POST', f'/groups/{group}/members/$ref', {'@odata.id': f'https://graph.microsoft.com/v1.0/directoryObjects/{eve}'})
        self.e.graph('PUT', f'/users/{ada}/manager/$ref', {'@odata.id': f'https://graph.microsoft.com/v1.0/users/{eve}'})
        gone = {'@removed': {'reason': 'deleted'}}
        self.assertEqual(self.follow(groups)[0], [{'displayName': 'sales', 'members@delta': [{**named, 'id': eve}, {**named, 'id': ada, **gone}]}])
        self.assertEqual(self.follow(users)[0], [{'id': ada, 'manager@delta': [{**named, 'id': eve}, {**named, 'id': bob, **gone}]}])
        # A property alone: no links.
        groups = self.follow('/groups/delta?$select=displayName,members')[2]
        self.e.graph('PATCH', '/groups/' + group, {'displayName': 'Sales'})
        self.assertEqual(self.follow(groups)[0], [{'displayName': 'Sales'}])

    def test_expired(self):
        self.e.user('ada')
        _, _, link = self.follow('/users/delta')
        self.e.admin('POST', '/delta', {})
        for path in (link, '/users/delta?$deltatoken=garbage', '/users/delta?$skiptoken=6e', '/users/delta?$skiptoken=' + '00' * 20,
                     link.replace('deltatoken', 'skiptoken')):
            status, headers, body = self.e.graph('GET', path)
            self.assertEqual((status, body['error']['code']), (410, 'resyncRequired'), path)
            self.assertTrue(headers['location'].endswith('/v1.0/users/delta?$deltatoken='), headers)
        self.assertEqual(len(self.follow(headers['location'].partition('/v1.0')[2])[0]), 1)
        _, _, link = self.follow('/users/delta')
        self.e.admin('POST', '/delta', {'status': 400})
        status, headers, body = self.e.graph('GET', link)
        self.assertEqual((status, body['error']['code'], headers.get('location')), (400, 'syncStateNotFound', None))
        self.assertEqual(len(self.follow('/users/delta')[0]), 1)
        status, _, body = self.e.graph('GET', '/users/delta?$orderby=displayName')
        self.assertEqual((status, body['error']['code']), (400, 'Request_UnsupportedQuery'))


if __name__ == '__main__':
    unittest.main()
