#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Groups and membership, through HTTP, with the exact messages. Usage: test-emulator-groups.py PROGRAM [unittest arguments]"""
import unittest

from emulator_case import (ALREADY, CONFLICT, INVALID, MISSING, NOBODY, READ_ONLY, REQUIRED, Case)
from emulator_process import group_body, reference


class GroupTest(Case):
    def members(self, group):
        return [m['id'] for m in self.e.graph('GET', f'/groups/{group}/members?$select=id&$top=999')[2]['value']]

    def test_create(self):
        for name in ('displayName', 'mailEnabled', 'mailNickname', 'securityEnabled'):
            body = group_body('g')
            del body[name]
            self.bad(self.e.graph('POST', '/groups', body), REQUIRED % (name, 'Group'), [('MissingValue', name)])
        mail = ('The service does not currently support writes of mail-enabled groups. Please ensure that the mail-enablement '
                'property is unset and the security-enablement property is set.')
        self.bad(self.e.graph('POST', '/groups', group_body('g', mailEnabled=True)), mail)
        self.bad(self.e.graph('POST', '/groups', group_body('g', mailEnabled=True, securityEnabled=False)), mail)
        self.bad(self.e.graph('POST', '/groups', group_body('g', securityEnabled=False)),
                 'The service does not support groups that are neither mail-enabled nor security-enabled.')
        self.bad(self.e.graph('POST', '/groups', group_body('g', mailNickname='a@b')), INVALID % ('mailNickname', 'Group'))
        self.bad(self.e.graph('POST', '/groups', group_body('g', mail='g@corp.contoso.test')), READ_ONLY % 'mail')
        self.bad(self.e.graph('POST', '/groups', group_body('g', description='x' * 1025)), INVALID % ('description', 'Group'))
        self.e.group('m365', groupTypes=['Unified'], mailEnabled=True, securityEnabled=False)
        ids = [self.e.user(f'u{i}') for i in range(21)]
        self.bad(self.e.graph('POST', '/groups', group_body('g', **{'owners@odata.bind': [reference(ids[0])],
                                                                   'members@odata.bind': [reference(i) for i in ids[1:]]})),
                 'A resource cannot contain more than 20 link changes.')
        group = self.e.group('g', **{'owners@odata.bind': [reference(ids[0])],
                                     'members@odata.bind': [reference(i) for i in ids[1:20]]})
        self.assertEqual(self.members(group), ids[1:20])
        self.assertEqual([o['id'] for o in self.e.graph('GET', f'/groups/{group}/owners')[2]['value']], ids[:1])

    def test_update(self):
        group = self.e.group('g')
        self.done(self.e.graph('PATCH', f'/groups/{group}', {'displayName': 'H', 'securityEnabled': True}))
        self.bad(self.e.graph('PATCH', f'/groups/{group}', {'securityEnabled': False}), READ_ONLY % 'securityEnabled')
        self.bad(self.e.graph('PATCH', f'/groups/{group}', {'nickname': 'H'}),
                 "Property 'nickname' does not exist as a declared property or extension property.")
        self.bad(self.e.graph('PATCH', f'/groups/{group}', {'friends@odata.bind': []}),
                 "Property 'friends@odata.bind' does not exist as a declared property or extension property.")
        planted = self.e.admin('POST', '/objects', {'groups': [{'displayName': 'DL', 'mailEnabled': True}]})['groups'][0]
        self.bad(self.e.graph('PATCH', f'/groups/{planted}', {'displayName': 'X'}),
                 'Cannot Update a mail-enabled security groups and or distribution list.')
        self.bad(self.e.graph('GET', '/groups/not-a-guid'), "Invalid object identifier 'not-a-guid'.")
        self.done(self.e.graph('DELETE', f'/groups/{group}'))
        self.refused(self.e.graph('GET', f'/directory/deletedItems/{group}'), 404, 'Request_ResourceNotFound', MISSING % group)

    def test_upsert(self):
        path, prefer = "/groups(uniqueName='anchor''s')", {'Prefer': 'create-if-missing'}
        self.refused(self.e.graph('PATCH', path, group_body('g')), 404, 'Request_ResourceNotFound', MISSING % "anchor's")
        group = self.done(self.e.graph('PATCH', path, group_body('g'), prefer), 201)['id']
        self.done(self.e.graph('PATCH', path, group_body('h'), prefer))
        self.assertEqual(self.e.graph('GET', path + '?$select=id,uniqueName,displayName')[2],
                         {**self.e.graph('GET', path + '?$select=id,uniqueName,displayName')[2], 'id': group,
                          'uniqueName': "anchor's", 'displayName': 'h'})
        self.bad(self.e.graph('POST', '/groups', group_body('i', uniqueName="ANCHOR's")), CONFLICT % 'uniqueName',
                 [('ObjectConflict', 'uniqueName'), ('ConflictingObjects', f'Group_{group}')])
        self.bad(self.e.graph('PATCH', path, {'uniqueName': 'other'}), READ_ONLY % 'uniqueName')

    def test_members(self):
        ids, group = [self.e.user(f'u{i}') for i in range(25)], self.e.group('g')
        add = f'/groups/{group}/members/$ref'
        self.done(self.e.graph('POST', add, {'@odata.id': reference(ids[0])}))
        self.bad(self.e.graph('POST', add, {'@odata.id': reference(ids[0])}), ALREADY % 'members')
        self.refused(self.e.graph('POST', add, {'@odata.id': reference(NOBODY)}), 404, 'Request_ResourceNotFound', MISSING % NOBODY)
        bind = lambda some: self.e.graph('PATCH', f'/groups/{group}', {'members@odata.bind': [reference(i) for i in some]})
        self.bad(bind(ids[1:22]), 'A resource cannot contain more than 20 link changes.')
        self.bad(bind(ids[0:3]), ALREADY % 'members')
        self.bad(bind([ids[1], ids[1]]), ALREADY % 'members')
        self.refused(bind([ids[1], NOBODY]), 404, 'Request_ResourceNotFound', MISSING % NOBODY)
        self.assertEqual(self.members(group), ids[:1])
        self.done(bind(ids[1:21]))
        self.assertEqual(self.members(group), ids[:21])
        remove = f'/groups/{group}/members/{ids[3]}'
        self.done(self.e.graph('DELETE', remove + '/$ref'))
        self.refused(self.e.graph('DELETE', remove + '/$ref'), 404, 'Request_ResourceNotFound', MISSING % ids[3])
        self.assertEqual(self.e.graph('DELETE', remove)[0], 400)
        shout = self.e.admin('GET', '/journal?method=DELETE')['records'][-1]
        self.assertEqual(shout['flag'], 'DELETE of a member without /$ref: Graph would have deleted the object itself')
        pages, path = [], f'/groups/{group}/members?$select=id&$top=7'
        while path:
            page = self.e.graph('GET', path)[2]
            pages.append([m['id'] for m in page['value']])
            path = page.get('@odata.nextLink', '').partition('/v1.0')[2]
        self.assertEqual([len(p) for p in pages], [7, 7, 6])
        self.assertEqual(sum(pages, []), ids[:3] + ids[4:21])
        self.assertEqual([g['id'] for g in self.e.graph('GET', f'/users/{ids[0]}/memberOf')[2]['value']], [group])
        inner = self.e.group('inner')
        self.done(self.e.graph('POST', add, {'@odata.id': reference(inner)}))
        self.assertEqual(len(self.e.graph('GET', f'/groups/{group}/members/microsoft.graph.group')[2]['value']), 1)
        self.done(self.e.graph('DELETE', f'/users/{ids[0]}'))
        self.assertNotIn(ids[0], self.members(group))


if __name__ == '__main__':
    unittest.main()
