/* SPDX-License-Identifier: Apache-2.0 */

/* Step 5: is the object of a type that is synchronized? */

#include "engine/steps/internal.h"

int step_object_type(Run *run)
{
        Value classes = object_get(run->entry.object, "objectClass");

        run->type = scope_type_of(classes);
        run->outcome.source.type = run->type;
        step_detail(run, "objectClass", "%s", value_text(run->arena, classes, 1024));
        if (!*run->type || !scope_has_type(run_connector(run)->scope, run->type) ||
            !rules_knows_type(run->config->rules, run->type))
                return step_fail(run, STEP_E_SKIP, "ObjectTypeNotInScope",
                                 "objects of type %s are not synchronized",
                                 *run->type ? run->type : "unknown");
        step_say(run, RESULT_SUCCESS, "The object is of type %s.", run->type);
        return 0;
}
