/* SPDX-License-Identifier: Apache-2.0 */

/* Filters: what matches, what an index finds, and what is refused with which words */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "answer.h"
#include "filter.h"
#include "mem.h"

typedef struct Case Case;

struct Case {
        const char *text;
        const char *expected; /* "match", "no", or the message */
        bool advanced;
        bool indexed;
};

static const Case cases[] = {
        { .text = "displayName eq 'ada'", .expected = "match" },
        { .text = "displayName eq 'ADA' and accountEnabled eq true", .expected = "match" },
        { .text = "displayName eq 'x' or accountEnabled eq true", .expected = "match" },
        { .text = "(displayName eq 'x' or displayName eq 'Ada') and accountEnabled eq false",
          .expected = "no" },
        { .text = "onPremisesImmutableId eq 'q+/='", .expected = "match", .indexed = true },
        { .text = "onPremisesImmutableId eq 'Q+/='", .expected = "no", .indexed = true },
        { .text = "onPremisesImmutableId in ('x','q+/=') and accountEnabled eq true",
          .expected = "match",
          .indexed = true },
        { .text = "accountEnabled eq true and mail eq 'ADA@x.test'", .expected = "match", .indexed = true },
        { .text = "mail eq 'ada@x.test' or accountEnabled eq true", .expected = "match" },
        { .text = "proxyAddresses/any(a:a eq 'smtp:ada@x.test')", .expected = "match", .indexed = true },
        { .text = "mail eq 'nobody@x.test' or proxyAddresses/any(a:a eq 'smtp:ada@x.test')",
          .expected = "match",
          .indexed = true },
        { .text = "mail eq 'nobody@x.test' or proxyAddresses/any(a:a eq 'smtp:nobody@x.test')",
          .expected = "no",
          .indexed = true },
        { .text = "proxyAddresses/any(a:startswith(a,'SMTP:bob'))", .expected = "no" },
        { .text = "proxyAddresses/$count eq 0", .expected = "no", .advanced = true },
        { .text = "otherMails/$count eq 0", .expected = "match", .advanced = true },
        { .text = "not(displayName eq 'bob')", .expected = "match", .advanced = true },
        { .text = "displayName ne 'ada'", .expected = "no", .advanced = true },
        { .text = "jobTitle eq null", .expected = "match" },
        { .text = "jobTitle ge 'a'", .expected = "no" },
        { .text = "displayName ge 'a' and displayName le 'b'", .expected = "match" },
        { .text = "endswith(mail,'X.TEST')", .expected = "match", .advanced = true },
        { .text = "onPremisesExtensionAttributes/extensionAttribute1 eq 'one'", .expected = "match" },
        { .text = "onPremisesExtensionAttributes/extensionAttribute2 eq 'one'", .expected = "no" },
        { .text = "createdDateTime ge 2026-01-01T00:00:00Z", .expected = "match", .advanced = true },
        { .text = "displayName eq 'it''s'", .expected = "no" },

        { .text = "", .expected = "Invalid filter clause: Syntax error at position 0 in ''." },
        { .text = "displayName",
          .expected = "Invalid filter clause: Syntax error at position 11 in 'displayName'." },
        { .text = "displayName eq 'a' bob",
          .expected = "Invalid filter clause: Syntax error at position 19 in 'displayName eq 'a' bob'." },
        { .text = "(displayName eq 'a'",
          .expected = "Invalid filter clause: Syntax error at position 19 in '(displayName eq 'a''." },
        { .text = "mail in ('a'",
          .expected = "Invalid filter clause: Syntax error at position 12 in 'mail in ('a''." },
        { .text = "nick eq 'a'",
          .expected = "Invalid filter clause: Could not find a property named 'nick' on type "
                      "'microsoft.graph.user'." },
        { .text = "displayName ne 'ada'",
          .expected = "Unsupported or invalid query filter clause specified for property 'displayName' of "
                      "resource 'User'." },
        { .text = "aboutMe eq 'x'",
          .advanced = true,
          .expected = "Unsupported or invalid query filter clause specified for property 'aboutMe' of "
                      "resource 'User'." },
        { .text = "accountEnabled eq 'true'",
          .expected = "Invalid filter clause: A binary operator with incompatible types was detected. Found "
                      "operand types "
                      "'Edm.Boolean' and 'Edm.String' for operator kind 'Equal'." },
};

static Object *make_user(Store *store)
{
        static const char *const text =
                "{\"displayName\":\"Ada\",\"accountEnabled\":true,\"onPremisesImmutableId\":\"q+/=\","
                "\"mail\":\"ada@x.test\",\"proxyAddresses\":[\"SMTP:ada@x.test\"],"
                "\"createdDateTime\":\"2026-08-22T10:00:00Z\","
                "\"onPremisesExtensionAttributes\":{\"extensionAttribute1\":\"one\"}}";
        Object *user = store_create(store, &schema_user, "00000000-0000-4000-8000-000000000001");
        json_t *values = json_loads(text, 0, NULL), *v;
        const char *key;

        json_object_foreach(values, key, v) store_set(store, user, schema_find(&schema_user, key), v);
        json_decref(values);
        return user;
}

static void test_cases(void **state)
{
        Store store;
        Object *user;

        store_init(&store);
        user = make_user(&store);
        for (size_t i = 0; i < ARRAY_LENGTH(cases); ++i) {
                _cleanup_(answer_deinit) Answer answer = { 0 };
                _cleanup_(filter_freep) Filter *filter = NULL;
                _cleanup_(links_deinit) Links found = { 0 };
                bool match;

                if (!filter_parse(&filter, &schema_user, cases[i].text, cases[i].advanced, &answer)) {
                        assert_string_equal(answer.message.data, cases[i].expected);
                        continue;
                }
                match = filter_match(filter, user);
                assert_string_equal(match ? "match" : "no", cases[i].expected);
                assert_int_equal(filter_candidates(filter, &store, &found), cases[i].indexed);
                assert_int_equal(cases[i].indexed && match, links_has(&found, user));
        }
        store_deinit(&store);
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_cases) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
