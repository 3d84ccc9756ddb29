/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/fixture.h"

#include "engine/rules/rules-internal.h"

#include <stdlib.h>
#include <string.h>

const ExprParameter fixture_parameters[] = {
        { .name = "Domain.FQDN", .value = "corp.contoso.test" },
        { .name = "Domain.Netbios", .value = "CORP" },
        { .name = "Forest.FQDN", .value = "contoso.test" },
        { .name = "Forest.Netbios", .value = "CONTOSO" },
        { .name = "Connector.ID", .value = "2b3e8f2c-0f6f-4c4e-9d64-2f1f6f2d6a10" },
};
const size_t n_fixture_parameters = N_ELEMENTS(fixture_parameters);

const Wall fixture_now = { 1795335300000 };

const char *const fixture_ada[] = {
        "accountExpires:i=9223372036854775807",
        "c=GB",
        "cn=Ada Lovelace",
        "co=United Kingdom",
        "company=Contoso",
        "countryCode:i=826",
        "department=Engineering",
        "description=Analytical engines",
        "displayName=Ada Lovelace",
        "extensionAttribute1=A1",
        "extensionAttribute7=building 4",
        "givenName=Ada",
        "l=London",
        "mail=ada@contoso.test",
        "mailNickname=ada",
        "manager:r=CN=Charles Babbage,OU=corp,DC=corp,DC=contoso,DC=test",
        "mobile=+44 20 7946 0001",
        "objectGUID:x=33221100554477668899aabbccddeeff",
        "objectSid:x=010500000000000515000000a065cf7e784b9b5fe77c8770f4010000",
        "physicalDeliveryOfficeName=4/102",
        "postalCode=SW1A 1AA",
        "proxyAddresses:l=SMTP:ada@contoso.test|smtp:a.lovelace@contoso.test|sip:ada@contoso.test",
        "pwdLastSet:i=133500000000000000",
        "sAMAccountName=ada",
        "sn=Lovelace",
        "st=London",
        "streetAddress=12 St James's Square",
        "telephoneNumber=+44 20 7946 0000",
        "title=Analyst",
        "userAccountControl:i=512",
        "userPrincipalName=ada@contoso.test",
        NULL,
};

static Value list_value(Arena *a, char *text)
{
        Value values[64];
        size_t n = 0;

        for (char *part = strtok(text, "|"); part && n < N_ELEMENTS(values); part = strtok(NULL, "|"))
                values[n++] = value_string(part);
        return value_list(arena_memdup(a, values, n * sizeof(*values)), n);
}

static Value fixture_value(Arena *a, char type, char *text)
{
        uint8_t *bytes = NULL;
        int64_t i = 0;
        size_t n = 0;
        Ref *ref;

        switch (type) {
        case 'i':
                if (!str_to_int64(text, &i))
                        abort();
                return value_int(i);
        case 'b':
                return value_bool(strcmp(text, "True") == 0);
        case 'x':
                if (!str_unhex(a, text, &bytes, &n))
                        abort();
                return value_bytes(bytes, n);
        case 'r':
                ref = arena_new_of(a, Ref);
                ref->text = text;
                return value_ref(ref);
        case 'l':
                return list_value(a, text);
        default:
                return value_string(text);
        }
}

const Object *fixture_object(Arena *a, const char *type, const char *dn, const char *const *attributes)
{
        ObjectId id = { { 0 } };
        ObjectBuilder b;

        object_build(&b, a);
        for (; *attributes; attributes++) {
                char *name = arena_strdup(a, *attributes), *value = strchr(name, '=');
                char kind = 's';

                *value++ = '\0';
                /* "ValueCount:member:i=5": the kind is behind the last colon. */
                if (value - name > 3 && value[-3] == ':') {
                        kind = value[-2];
                        value[-3] = '\0';
                }
                object_add(&b, name, fixture_value(a, kind, value));
        }
        return object_finish(&b, &id, type, dn);
}

FixtureResult fixture_run(const RuleSet *set, const Object *o, const Object *imported, Arena *a, Diag *diag)
{
        RuleInput input = {
                .object = o,
                .connector = "corp.contoso.test",
                .parameters = fixture_parameters,
                .n_parameters = n_fixture_parameters,
        };
        FixtureResult f = { 0 };

        f.join = rules_find_join(set, &input, a, &f.why);
        if (!f.join)
                return f;
        f.r = rules_inbound(set, f.join->target_type, &input, 1, NULL, fixture_now, a, &f.mv, diag);
        if (f.r)
                return f;
        f.r = rules_outbound(set, f.mv, imported, fixture_parameters, n_fixture_parameters, fixture_now, a,
                             &f.target, &f.why, diag);
        return f;
}

const char *fixture_text(Arena *a, const FlowedObject *o, const char *name)
{
        const FlowedValue *v = flowed_find(o, name);

        return v ? v->authoritative_null ? "(null)" : value_text(a, v->value, 300) : "(none)";
}

const RuleSet *fixture_rules(Arena *a, const char *text, Diag *diag)
{
        RulesFile file = { .name = "rules.yaml", .text = text, .n = strlen(text) };
        const RuleSet *set;

        return rules_load_text(a, &file, 1, &set, diag) ? NULL : set;
}
