/* SPDX-License-Identifier: Apache-2.0 */

/* What becomes of one object, in one line: who may not join what the rules find. */

#include "app/rules/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char rules_text[] = "rules:\n"
                                 "  - name: In\n"
                                 "    direction: Inbound\n"
                                 "    source_type: user\n"
                                 "    target_type: person\n"
                                 "    link: Provision\n"
                                 "    precedence: 100\n"
                                 "    flows:\n"
                                 "      - {target: cn, source: cn}\n"
                                 "  - name: Out\n"
                                 "    direction: Outbound\n"
                                 "    source_type: person\n"
                                 "    target_type: user\n"
                                 "    link: Provision\n"
                                 "    precedence: 200\n"
                                 "    flows:\n"
                                 "      - {target: displayName, source: cn}\n";

static const Object *object(Arena *a, uint8_t id, const char *dn)
{
        ObjectBuilder b;

        object_build(&b, a);
        object_add(&b, "cn", value_string(dn + strlen("CN=")));
        return object_finish(&b, &(ObjectId){ { id } }, "user", dn);
}

/* Of CN=Eve in the directory "corp", where the person whom it would be has these objects. */
static const char *verdict(Arena *a, const RuleInput *inputs, size_t n)
{
        const RulesFile file = { .name = "explain.yaml", .text = rules_text, .n = sizeof(rules_text) - 1 };
        RulesKnown known = { .inputs = arena_memdup(a, inputs, n * sizeof(*inputs)), .n_inputs = n };
        Look look = { .arena = a, .object = object(a, 1, "CN=Eve"), .connector = "corp" };
        const RuleSet *rules;
        Explain e;

        assert_int_equal(rules_load_text(a, &file, 1, &rules, NULL), 0);
        explain_object(&e, rules, &look, &known, NULL, (Wall){ 0 }, a);
        return e.verdict;
}

static void test_newcomer(void **state)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const RuleInput eve = { .connector = "corp", .object = object(a, 1, "CN=Eve") };
        const RuleInput ada = { .connector = "corp", .object = object(a, 2, "CN=Ada") };
        const RuleInput box = { .connector = "res", .object = object(a, 2, "CN=Box") };

        /* Another directory's object is the same person; so is what has been joined before. */
        assert_string_equal(verdict(a, &box, 1), "Goes to Entra ID as a user");
        assert_string_equal(verdict(a, (RuleInput[]){ ada, eve }, 2), "Goes to Entra ID as a user");
        assert_string_equal(verdict(a, (RuleInput[]){ box, ada }, 2),
                            "Waits for a person (AmbiguousJoin): it is the same person as CN=Ada, and in one "
                            "directory they are two");
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_newcomer),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
