/* SPDX-License-Identifier: Apache-2.0 */

/* One user through the whole shipped set: join, inbound, outbound. The aim is 50 us (design, "speed"). */

#include "base/clock.h"
#include "engine/rules/fixture.h"

#include <inttypes.h>

static const char *const ada[] = {
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

int main(void)
{
        enum {
                ROUNDS = 20000
        };
        _cleanup_(arena_freep) Arena *config = arena_new(0);
        _cleanup_(arena_freep) Arena *run = arena_new(ARENA_LIMIT_RUN);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const RuleSet *set;
        const Object *o;
        int64_t start;
        double us;

        if (rules_load(config, NULL, &set, &diag)) {
                fprintf(stderr, "%s\n", diag_text(&diag));
                return 1;
        }
        o = fixture_object(config, "user", "CN=Ada Lovelace,OU=corp,DC=corp,DC=contoso,DC=test", ada);
        start = clock_mono(&clock_system).us;
        for (int i = 0; i < ROUNDS; i++) {
                FixtureResult f = fixture_run(set, o, NULL, run, &diag);

                if (f.r || !f.target || f.target->n_values < 30) {
                        fprintf(stderr, "%s\n", f.r ? diag_text(&diag) : f.target ? "too few values" : f.why);
                        return 1;
                }
                arena_reset(run);
        }
        us = (double)(clock_mono(&clock_system).us - start) / ROUNDS;
        printf("rules: one user through the whole default set: %.1f us (aim: 50 us)\n", us);
        return 0;
}
