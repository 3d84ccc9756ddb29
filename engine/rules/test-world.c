/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/rules/test-world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

int world_setup(void **state)
{
        _cleanup_(cleanup_free) char *path = NULL, *text = NULL;
        const char *folder = getenv("RULES_DATA"); /* set by meson.build */
        World *w = calloc(1, sizeof(*w));

        w->a = arena_new(0);
        *state = w;
        if (asprintf(&path, "%s/test-flow.yaml", folder ? folder : ".") < 0 ||
            str_read_file(path, (size_t)1 << 20, &text, NULL))
                return -1;
        w->set = fixture_rules(w->a, text, &w->diag);
        if (!w->set)
                print_error("%s\n", diag_text(&w->diag));
        return w->set ? 0 : -1;
}

int world_teardown(void **state)
{
        World *w = *state;

        arena_free(w->a);
        diag_deinit(&w->diag);
        free(w);
        return 0;
}

RuleInput input_of(World *w, const char *connector, uint16_t source, const char *const *attributes)
{
        return (RuleInput){
                .object = fixture_object(w->a, "user", "CN=x", attributes),
                .connector = connector,
                .source = source,
                .parameters = fixture_parameters,
                .n_parameters = n_fixture_parameters,
        };
}

const FlowedObject *inbound(World *w, const RuleInput *inputs, size_t n)
{
        return inbound_again(w, inputs, n, NULL);
}

const FlowedObject *inbound_again(World *w, const RuleInput *inputs, size_t n, const FlowedObject *before)
{
        const FlowedObject *mv = NULL;

        if (rules_inbound(w->set, "person", inputs, n, before, fixture_now, w->a, &mv, &w->diag))
                fail_msg("%s", diag_text(&w->diag));
        return mv;
}

void assert_value(World *w, const FlowedObject *o, const char *name, const char *value, const char *rule)
{
        const FlowedValue *v = flowed_find(o, name);

        assert_string_equal(fixture_text(w->a, o, name), value);
        if (rule)
                assert_string_equal(v->rule, rule);
        else
                assert_null(v);
}
