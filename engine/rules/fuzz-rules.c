/* SPDX-License-Identifier: Apache-2.0 */

/* Any text as a rule file: findings or a set that can be used, never a crash. */

#include "engine/rules/fixture.h"
#include "engine/rules/rules-internal.h"
#include "engine/rules/rules-yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        static const char *const attributes[] = {
                "cn=x",
                "mail=a@b",
                "objectGUID:x=33221100554477668899aabbccddeeff",
                "userAccountControl:i=514",
                "proxyAddresses:l=SMTP:a@b|smtp:c@d",
                NULL,
        };
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        RulesFile file = { .name = "fuzz.yaml", .text = (const char *)data, .n = n };
        const RuleSet *set;
        PackReader reader;

        /* What the store keeps of the last flow. */
        unpack_init(&reader, data, n);
        flowed_unpack(&reader, a);
        if (rules_load_text(a, &file, 1, &set, &diag))
                return 0;
        fixture_run(set, fixture_object(a, "user", "CN=x,DC=y", attributes), NULL, a, &diag);
        return 0;
}
