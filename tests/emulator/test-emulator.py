#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Tokens and users, through HTTP, with the exact messages. Usage: test-emulator.py PROGRAM [unittest arguments]"""
import base64
import json
import unittest

from emulator_case import (CONFLICT, DENIED, INVALID, MASTERED, MISSING, NOBODY, READ_ONLY, REQUIRED, Case)
from emulator_process import CLIENT, ROLES, TENANT, group_body, quote, reference, user_body


class TokenTest(Case):
    def refused_sign_in(self, status, error, code, start, **change):
        got, body = self.e.sign_in(**change)
        self.assertEqual((got, body['error'], body['error_codes']), (status, error, [code]))
        self.assertTrue(body['error_description'].startswith(f'AADSTS{code}: {start}'), body['error_description'])
        self.assertEqual(set(body), {'error', 'error_description', 'error_codes', 'timestamp', 'trace_id', 'correlation_id',
                                     'error_uri'})

    def test_issued(self):
        status, body = self.e.sign_in()
        self.assertEqual((status, body['token_type'], body['expires_in']), (200, 'Bearer', 3599))
        header, payload, signature = body['access_token'].split('.')
        claims = json.loads(base64.urlsafe_b64decode(payload + '=='))
        self.assertEqual((claims['tid'], claims['appid'], claims['aud']), (TENANT, CLIENT, 'https://graph.microsoft.com'))
        self.assertEqual((claims['roles'], claims['exp'] - claims['iat']), (ROLES, 3599))
        self.assertEqual(self.e.sign_in(tenant='corp.contoso.test')[0], 200)

    def test_refused(self):
        self.refused_sign_in(401, 'invalid_client', 7000215, 'Invalid client secret provided.', client_secret='wrong')
        self.refused_sign_in(401, 'invalid_client', 7000218, 'The request body must contain', client_secret=None)
        self.refused_sign_in(400, 'unauthorized_client', 700016, 'Application with identifier', client_id=NOBODY)
        self.refused_sign_in(400, 'invalid_request', 90002, f"Tenant '{NOBODY}' not found.", tenant=NOBODY)
        self.refused_sign_in(400, 'unsupported_grant_type', 70003, 'The app requested', grant_type='password')
        self.refused_sign_in(400, 'invalid_request', 900144, "The request body must contain the following parameter: 'grant_type'",
                             grant_type=None)
        self.refused_sign_in(400, 'invalid_scope', 1002012, 'The provided value for scope', scope='User.Read')
        self.e.admin('POST', '/app', {'secret_expired': True})
        self.refused_sign_in(401, 'invalid_client', 7000222, 'The provided client secret keys for app')
        self.e.admin('POST', '/app', {'secret': 'new'})
        self.refused_sign_in(401, 'invalid_client', 7000215, 'Invalid client secret provided.')
        self.assertEqual(self.e.sign_in(client_secret='new')[0], 200)

    def test_checked(self):
        self.refused(self.e.graph('GET', '/users', headers={'Authorization': None}), 401, 'InvalidAuthenticationToken',
                     'Access token is empty.')
        for token in ('Bearer x', 'Bearer a.b.c', 'Basic ' + self.e.bearer()[7:], self.e.bearer()[:-1], self.e.bearer() + 'A'):
            answer = self.e.graph('GET', '/users', headers={'Authorization': token})
            self.refused(answer, 401, 'InvalidAuthenticationToken', 'Access token validation failure. Invalid token.')
            self.assertTrue(answer[1]['www-authenticate'].startswith('Bearer '))
        self.e.admin('POST', '/app', {'token_lifetime_s': 0})
        self.e.token = None
        self.refused(self.e.graph('GET', '/users'), 401, 'Authentication_ExpiredToken',
                     'Your access token has expired. Please renew it before submitting the request.')

    def test_roles(self):
        user, group = self.e.user('ada'), self.e.group('g')
        for roles, denied, allowed in (
                ([], [('GET', '/users', None), ('GET', '/groups', None), ('GET', '/organization', None)], []),
                (['User.Read.All'], [('PATCH', f'/users/{user}', {'jobTitle': 'x'}), ('GET', '/groups', None)],
                 [('GET', '/users', None)]),
                (['User.EnableDisableAccount.All'], [('PATCH', f'/users/{user}', {'accountEnabled': False, 'jobTitle': 'x'})],
                 [('PATCH', f'/users/{user}', {'accountEnabled': False})]),
                (['User-Phone.ReadWrite.All'], [('PATCH', f'/users/{user}', {'otherMails': []})],
                 [('PATCH', f'/users/{user}', {'mobilePhone': '1'})]),
                (['User.RevokeSessions.All'], [('PATCH', f'/users/{user}', {'mobilePhone': '1'})],
                 [('POST', f'/users/{user}/revokeSignInSessions', None)]),
                (['GroupMember.ReadWrite.All'], [('PATCH', f'/groups/{group}', {'displayName': 'x'}),
                                                 ('POST', '/groups', group_body('h'))],
                 [('PATCH', f'/groups/{group}', {'members@odata.bind': [reference(user)]})]),
                (['Group.ReadWrite.All'], [('POST', '/groups', group_body('r', isAssignableToRole=True))], [])):
            self.e.admin('POST', '/app', {'roles': roles})
            self.e.token = None
            for method, path, body in denied:
                self.refused(self.e.graph(method, path, body), 403, 'Authorization_RequestDenied', DENIED)
            for method, path, body in allowed:
                self.assertIn(self.e.graph(method, path, body)[0], (200, 204), (roles, path))


class UserTest(Case):
    def test_life(self):
        body = self.done(self.e.graph('POST', '/users', user_body('ada', mail='ada@corp.contoso.test', onPremisesImmutableId='A+/=')),
                         201)
        self.assertNotIn('passwordProfile', body)
        self.assertNotIn('accountEnabled', body)
        user = self.e.graph('GET', f"/users/{body['id']}?$select=accountEnabled,proxyAddresses,passwordProfile,userType")[2]
        self.assertEqual((user['accountEnabled'], user['proxyAddresses'], user['passwordProfile'], user['userType']),
                         (True, ['SMTP:ada@corp.contoso.test'], None, 'Member'))
        for path in ('/users/ADA@corp.contoso.test', "/users('ada@corp.contoso.test')",
                     "/users(userPrincipalName='ada@corp.contoso.test')", f"/directoryObjects/{body['id']}"):
            self.assertEqual(self.e.graph('GET', path)[2]['id'], body['id'], path)
        self.done(self.e.graph('PATCH', '/users/ada@corp.contoso.test', {'jobTitle': 'Engineer', 'mail': 'a@corp.contoso.test'}))
        user = self.state()['users'][0]
        self.assertEqual((user['jobTitle'], user['proxyAddresses']),
                         ('Engineer', ['SMTP:a@corp.contoso.test', 'smtp:ada@corp.contoso.test']))
        self.done(self.e.graph('PATCH', f"/users/{body['id']}", {'jobTitle': None}))
        self.assertNotIn('jobTitle', self.state()['users'][0])
        self.assertEqual(self.done(self.e.graph('POST', f"/users/{body['id']}/revokeSignInSessions"), 200)['value'], True)
        self.assertEqual(self.state()['users'][0]['sessionsRevoked'], 1)
        self.done(self.e.graph('DELETE', f"/users/{body['id']}"))
        self.refused(self.e.graph('GET', f"/users/{body['id']}"), 404, 'Request_ResourceNotFound', MISSING % body['id'])
        deleted = self.e.graph('GET', '/directory/deletedItems/microsoft.graph.user?$filter=' +
                               quote("onPremisesImmutableId eq 'A+/='") + '&$select=id,userPrincipalName')[2]['value']
        self.assertEqual(deleted[0]['userPrincipalName'], body['id'].replace('-', '') + 'ada@corp.contoso.test')
        self.e.user('ada', onPremisesImmutableId='other')
        self.bad(self.e.graph('POST', f"/directory/deletedItems/{body['id']}/restore"), CONFLICT % 'userPrincipalName')
        self.done(self.e.graph('DELETE', '/users/ada@corp.contoso.test'))
        self.done(self.e.graph('POST', f"/directory/deletedItems/{body['id']}/restore"), 200)
        self.assertEqual(self.e.graph('GET', '/users/ada@corp.contoso.test')[2]['id'], body['id'])

    def test_required(self):
        for name in ('accountEnabled', 'displayName', 'mailNickname', 'passwordProfile', 'userPrincipalName'):
            body = user_body('ada')
            del body[name]
            self.bad(self.e.graph('POST', '/users', body), REQUIRED % (name, 'User'), [('MissingValue', name)])
        user = self.e.user('ada')
        self.bad(self.e.graph('PATCH', f'/users/{user}', {'displayName': None}), REQUIRED % ('displayName', 'User'))
        self.bad(self.e.graph('POST', '/users', user_body('b', passwordProfile={})), REQUIRED % ('password', 'User'))
        self.bad(self.e.graph('POST', '/users', user_body('b', userPrincipalName='b@fed.contoso.test')),
                 REQUIRED % ('onPremisesImmutableId', 'User'))
        self.e.user('b', userPrincipalName='b@fed.contoso.test', onPremisesImmutableId='x')
        self.assertEqual(len(self.state()['users']), 2)

    def test_values(self):
        user = self.e.user('ada')
        before = self.state()
        for body, message, details in (
                ({'shoeSize': 42}, "Property 'shoeSize' does not exist as a declared property or extension property.",
                 [('InvalidProperty', 'shoeSize')]),
                ({'proxyAddresses': []}, READ_ONLY % 'proxyAddresses', [('ReadOnlyProperty', 'proxyAddresses')]),
                ({'onPremisesSyncEnabled': True}, READ_ONLY % 'onPremisesSyncEnabled', None),
                ({'id': NOBODY}, READ_ONLY % 'id', None),
                ({'displayName': 7}, "Cannot convert the literal '7' to the expected type 'Edm.String'.",
                 [('InvalidValue', 'displayName')]),
                ({'accountEnabled': 'yes'}, "Cannot convert the literal 'yes' to the expected type 'Edm.Boolean'.", None),
                ({'employeeHireDate': 'monday'}, "Cannot convert the literal 'monday' to the expected type 'Edm.DateTimeOffset'.",
                 None),
                ({'jobTitle': ['a']}, "An unexpected 'StartArray' node was found when reading from the JSON reader. A "
                                      "'PrimitiveValue' node was expected.", None),
                ({'businessPhones': '1'}, "An unexpected 'PrimitiveValue' node was found when reading from the JSON reader. A "
                                          "'StartArray' node was expected.", None),
                ({'displayName': 'x' * 257}, INVALID % ('displayName', 'User'), [('InvalidLength', 'displayName')]),
                ({'givenName': 'x' * 65}, INVALID % ('givenName', 'User'), [('InvalidLength', 'givenName')]),
                ({'employeeId': '1' * 17}, INVALID % ('employeeId', 'User'), [('InvalidLength', 'employeeId')]),
                ({'jobTitle': ''}, INVALID % ('jobTitle', 'User'), [('InvalidValue', 'jobTitle')]),
                ({'businessPhones': ['1', '2']}, INVALID % ('businessPhones', 'User'), [('InvalidValue', 'businessPhones')]),
                ({'mailNickname': 'a b'}, INVALID % ('mailNickname', 'User'), [('InvalidValue', 'mailNickname')]),
                ({'usageLocation': 'DEU'}, INVALID % ('usageLocation', 'User'), None),
                ({'userPrincipalName': 'a b@corp.contoso.test'}, INVALID % ('userPrincipalName', 'User'), None),
                ({'userPrincipalName': 'nobody'}, INVALID % ('userPrincipalName', 'User'), None),
                ({'userPrincipalName': 'a@elsewhere.test'},
                 'The domain portion of the userPrincipalName property is invalid. You must use one of the verified domain names '
                 'in your organization.', [('InvalidValue', 'userPrincipalName')]),
                ({'passwordProfile': {'password': 'short'}},
                 'The specified password does not comply with password complexity requirements. Please provide a different '
                 'password.', None),
                ({'onPremisesExtensionAttributes': {'extensionAttribute16': 'x'}},
                 "The property 'extensionAttribute16' does not exist on type 'microsoft.graph.onPremisesExtensionAttributes'. "
                 "Make sure to only use property names that are defined by the type.", None),
                ({'aboutMe': 'x', 'jobTitle': 'y'},
                 'The request is currently not supported on the targeted entity set: properties of another service must be updated '
                 'in a request of their own.', None)):
            self.bad(self.e.graph('PATCH', f'/users/{user}', body), message, details)
        self.assertEqual(self.state(), before)
        self.done(self.e.graph('PATCH', f'/users/{user}', {'aboutMe': 'x'}))
        self.done(self.e.graph('PATCH', f'/users/{user}', {'givenName': '\u00e9' * 64}))
        self.done(self.e.graph('PATCH', f'/users/{user}', {'onPremisesExtensionAttributes': {'extensionAttribute1': 'x'}}))
        self.done(self.e.graph('PATCH', f'/users/{user}', {'onPremisesExtensionAttributes': {'extensionAttribute2': 'y'}}))
        self.assertEqual(self.state()['users'][0]['onPremisesExtensionAttributes'],
                         {'extensionAttribute1': 'x', 'extensionAttribute2': 'y'})

    def test_conflicts(self):
        ada = self.e.user('ada', onPremisesImmutableId='anchor', mail='ada@corp.contoso.test')
        bob = self.e.user('bob')
        for body, name in (({'userPrincipalName': 'ADA@corp.contoso.test'}, 'userPrincipalName'),
                           ({'onPremisesImmutableId': 'anchor'}, 'onPremisesImmutableId'),
                           ({'mail': 'Ada@corp.contoso.test'}, 'proxyAddresses')):
            details = [('ObjectConflict', name), ('ConflictingObjects', f'User_{ada}')]
            self.bad(self.e.graph('PATCH', f'/users/{bob}', body), CONFLICT % name, details)
            self.bad(self.e.graph('POST', '/users', user_body('carl', **body)), CONFLICT % name, details)
        self.done(self.e.graph('PATCH', f'/users/{bob}', {'onPremisesImmutableId': 'ANCHOR'}))
        self.done(self.e.graph('PATCH', f'/users/{ada}', {'onPremisesImmutableId': None}))
        self.done(self.e.graph('PATCH', f'/users/{bob}', {'onPremisesImmutableId': 'anchor'}))

    def test_mastered(self):
        ids = self.e.admin('POST', '/objects', {'users': [{'userPrincipalName': 's@corp.contoso.test', 'displayName': 'S',
                                                           'accountEnabled': True, 'onPremisesSyncEnabled': True}],
                                                'groups': [{'displayName': 'SG', 'onPremisesSyncEnabled': True}]})
        synced, group, user = ids['users'][0], ids['groups'][0], self.e.user('ada')
        for method, path, body in (('PATCH', f'/users/{synced}', {'displayName': 'T'}),
                                   ('PATCH', f'/users/{synced}', {'accountEnabled': False, 'jobTitle': 'T'}),
                                   ('PUT', f'/users/{synced}/manager/$ref', {'@odata.id': reference(user)}),
                                   ('PATCH', f'/groups/{group}', {'displayName': 'T'}),
                                   ('PATCH', f'/groups/{group}', {'members@odata.bind': [reference(user)]}),
                                   ('POST', f'/groups/{group}/members/$ref', {'@odata.id': reference(user)})):
            self.bad(self.e.graph(method, path, body), MASTERED)
        self.done(self.e.graph('PATCH', f'/users/{synced}', {'accountEnabled': False}))
        self.done(self.e.graph('POST', f'/users/{synced}/revokeSignInSessions'), 200)

    def test_manager(self):
        ada, bob = self.e.user('ada'), self.e.user('bob')
        self.refused(self.e.graph('GET', f'/users/{ada}/manager'), 404, 'Request_ResourceNotFound', MISSING % 'manager')
        self.done(self.e.graph('PUT', f'/users/{ada}/manager/$ref', {'@odata.id': reference(bob)}))
        self.assertEqual(self.e.graph('GET', f'/users/{ada}/manager?$select=id')[2]['id'], bob)
        self.assertTrue(self.e.graph('GET', f'/users/{ada}/manager/$ref')[2]['@odata.id'].endswith('/directoryObjects/' + bob))
        self.assertEqual(self.e.graph('GET', f'/users/{ada}?$select=id&$expand=manager($select=id)')[2]['manager'],
                         {'@odata.type': '#microsoft.graph.user', 'id': bob})
        self.assertEqual([u['id'] for u in self.e.graph('GET', f'/users/{bob}/directReports')[2]['value']], [ada])
        self.refused(self.e.graph('PUT', f'/users/{ada}/manager/$ref', {'@odata.id': reference(NOBODY)}), 404,
                     'Request_ResourceNotFound', MISSING % NOBODY)
        self.bad(self.e.graph('PUT', f'/users/{ada}/manager/$ref', {'@odata.id': 'bob'}), "Invalid object reference 'bob'.")
        self.done(self.e.graph('DELETE', f'/users/{bob}'))
        self.assertIsNone(self.state()['users'][0]['manager'])
        self.refused(self.e.graph('DELETE', f'/users/{ada}/manager/$ref'), 404, 'Request_ResourceNotFound', MISSING % 'manager')


if __name__ == '__main__':
    unittest.main()
