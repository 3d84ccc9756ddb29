#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Filters, pages, paths and batches, through HTTP, with the exact messages. Usage: test-emulator-query.py PROGRAM [unittest arguments]"""
import unittest

from emulator_case import NOBODY, UNSUPPORTED, Case
from emulator_process import TENANT, quote, user_body


class QueryTest(Case):
    def found(self, path, headers=None):
        status, _, body = self.e.graph('GET', path, headers=headers)
        self.assertEqual(status, 200, body)
        return [v['displayName'] for v in body['value']]

    def test_filter(self):
        self.e.user('ada', onPremisesImmutableId='A+/=', department='R&D', mail='ada@corp.contoso.test')
        self.e.user('bob', jobTitle="O'Neil's")
        eventual = {'ConsistencyLevel': 'eventual'}
        for text, names in (("onPremisesImmutableId eq 'A+/='", ['ada']), ("onPremisesImmutableId eq 'a+/='", []),
                            ("onPremisesImmutableId in ('x', 'A+/=')", ['ada']), ("userPrincipalName eq 'BOB@corp.contoso.test'", ['bob']),
                            ("mail eq 'ada@corp.contoso.test'", ['ada']), ("department eq 'r&d'", ['ada']),
                            ("proxyAddresses/any(p:p eq 'smtp:ada@corp.contoso.test')", ['ada']),
                            ("proxyAddresses/any(p:startswith(p,'smtp:ada'))", ['ada']),
                            ("jobTitle eq 'O''Neil''s'", ['bob']), ('accountEnabled eq true', ['ada', 'bob']),
                            ("startswith(displayName,'A') or startsWith(displayName, 'b')", ['ada', 'bob']),
                            ("(accountEnabled eq true) and displayName eq 'bob'", ['bob']), ('department eq null', ['bob'])):
            self.assertEqual(self.found('/users?$filter=' + quote(text)), names, text)
        for text, name in (("displayName ne 'ada'", 'displayName'), ("not(displayName eq 'ada')", 'displayName'),
                           ("endswith(mail,'test')", 'mail'), ("companyName eq 'x'", 'companyName'), ("aboutMe eq 'x'", 'aboutMe'),
                           ("startswith(onPremisesImmutableId,'A')", 'onPremisesImmutableId')):
            self.refused(self.e.graph('GET', '/users?$filter=' + quote(text)), 400, 'Request_UnsupportedQuery',
                         UNSUPPORTED % (name, 'User'))
        answer = self.e.graph('GET', '/users?$count=true&$filter=' + quote("displayName ne 'ada'"), headers=eventual)[2]
        self.assertEqual((answer['@odata.count'], len(answer['value'])), (1, 1))
        self.bad(self.e.graph('GET', '/users?$count=true'), '$count is not currently supported.')
        for text, message in (("shoeSize eq 1", "Invalid filter clause: Could not find a property named 'shoeSize' on type "
                                                "'microsoft.graph.user'."),
                              ("displayName eq", "Invalid filter clause: Syntax error at position 14 in 'displayName eq'."),
                              ("displayName eq 'x", "Invalid filter clause: Syntax error at position 15 in 'displayName eq 'x'."),
                              ("displayName eq true", "Invalid filter clause: A binary operator with incompatible types was "
                               "detected. Found operand types 'Edm.String' and 'Edm.Boolean' for operator kind 'Equal'."),
                              ('(' * 100, 'Invalid filter clause: Recursion depth exceeded allowed limit.')):
            self.refused(self.e.graph('GET', '/users?$filter=' + quote(text)), 400, 'BadRequest', message)

    def test_select_and_pages(self):
        for i in range(120):
            self.e.user(f'u{i:03}')
        self.refused(self.e.graph('GET', '/users?$select=id,shoeSize'), 400, 'BadRequest',
                     "Parsing OData Select and Expand failed: Could not find a property named 'shoeSize' on type "
                     "'microsoft.graph.user'.")
        page = self.e.graph('GET', '/users?$select=displayName')[2]
        self.assertEqual((len(page['value']), page['value'][0]), (100, {'displayName': 'u000'}))
        self.e.graph('DELETE', '/users/u099@corp.contoso.test')
        rest = self.e.graph('GET', page['@odata.nextLink'].partition('/v1.0')[2])[2]
        self.assertEqual([v['displayName'] for v in rest['value']], [f'u{i:03}' for i in range(100, 120)])
        self.assertNotIn('@odata.nextLink', rest)
        self.bad(self.e.graph('GET', '/users?$skip=1'), "'$skip' is not supported by the service.")
        self.refused(self.e.graph('GET', '/users?$top=1000'), 400, 'Request_UnsupportedQuery',
                     "Invalid page size specified: '1000'. Must be between 1 and 999 inclusive.")
        self.assertEqual(self.e.graph('GET', '/users/$count', headers={'ConsistencyLevel': 'eventual'})[2], b'119')

    def test_paths(self):
        self.refused(self.e.graph('GET', '/nothing'), 400, 'BadRequest', "Resource not found for the segment 'nothing'.")
        self.refused(self.e.graph('PUT', '/users'), 405, 'Request_BadRequest',
                     'Specified HTTP method is not allowed for the request target.')
        self.assertEqual(self.e.graph('GET', '/domains/corp.contoso.test')[2]['isVerified'], True)
        organization = self.e.graph('GET', '/organization')[2]['value'][0]
        self.assertEqual([d['name'] for d in organization['verifiedDomains']],
                         ['contoso.onmicrosoft.com', 'corp.contoso.test', 'fed.contoso.test'])
        self.assertIsNone(organization['onPremisesSyncEnabled'])
        self.e.admin('POST', '/objects', {'organization': {'onPremisesSyncEnabled': True}})
        self.assertEqual(self.e.graph('GET', f'/organization/{TENANT}?$select=onPremisesSyncEnabled')[2]['onPremisesSyncEnabled'],
                         True)
        user = self.e.user('ada')
        answer = self.e.graph('POST', '/directoryObjects/getByIds', {'ids': [user, NOBODY], 'types': ['user']})[2]
        self.assertEqual([v['id'] for v in answer['value']], [user])
        self.assertEqual(answer['value'][0]['@odata.type'], '#microsoft.graph.user')


class BatchTest(Case):
    def batch(self, *requests):
        status, _, body = self.e.graph('POST', '/$batch', {'requests': list(requests)})
        self.assertEqual(status, 200, body)
        return [(r['id'], r['status']) for r in body['responses']]

    def test_items(self):
        make = {'method': 'POST', 'url': '/users', 'headers': {'Content-Type': 'application/json'}}
        self.assertEqual(self.batch({'id': '1', 'body': user_body('ada'), **make}, {'id': '2', 'body': user_body('ada'), **make},
                                    {'id': '3', 'method': 'GET', 'url': '/users/ada@corp.contoso.test'}),
                         [('1', 201), ('2', 400), ('3', 200)])
        self.assertEqual(self.batch({'id': '1', 'body': user_body('ada'), **make},
                                    {'id': '2', 'method': 'GET', 'url': '/users', 'dependsOn': ['1']},
                                    {'id': '3', 'method': 'GET', 'url': '/users', 'dependsOn': ['2']}),
                         [('1', 400), ('2', 424), ('3', 424)])
        self.assertEqual(self.batch({'id': '1', 'method': 'POST', 'url': '/$batch'}), [('1', 400)])
        records = self.e.admin('GET', '/journal')['records']
        outer = [r['number'] for r in records if r['path'] == '/v1.0/$batch']
        self.assertEqual([r['batch'] for r in records if r['path'] == '/v1.0/users' and r['method'] == 'POST'],
                         [outer[0], outer[0], outer[1]])

    def test_refused(self):
        get = {'method': 'GET', 'url': '/users'}
        for requests, message in (
                ([{'id': str(i), **get} for i in range(21)], 'Number of batch request steps exceeds the maximum value of 20.'),
                ([{'id': 'a', **get}, {'id': 'A', **get}], "Request Id 'A' has to be unique in a batch."),
                ([{'id': '1', **get}, {'id': '2', **get}, {'id': '3', **get, 'dependsOn': ['1']}],
                 'The dependsOn of the requests is neither parallel, nor sequential, nor all on the same request.'),
                ([{'id': '1', **get, 'dependsOn': ['9']}],
                 "The dependsOn of request '1' does not name exactly one earlier request."),
                ([{**get}], "Invalid batch payload format: a request has no 'id'.")):
            self.refused(self.e.graph('POST', '/$batch', {'requests': requests}), 400, 'BadRequest', message)


if __name__ == '__main__':
    unittest.main()
