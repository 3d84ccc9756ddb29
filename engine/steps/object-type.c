/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Step 5: is the object of a type that is synchronized?
 *
 * One whose type is none any more, but whose cloud object is known, has its last word (ou.c).
 */

#include "engine/steps/internal.h"

static int judge_outsider(Run *run)
{
        const char *cloud_type;
        bool may_be;
        int r = run_may_be_in_cloud(run, &may_be, &cloud_type);

        if (r)
                return r;
        if (!may_be)
                return step_fail(run, STEP_E_SKIP, "ObjectTypeNotInScope",
                                 "objects of type %s are not synchronized",
                                 *run->type ? run->type : "unknown");
        run->leaving = true;
        step_say(run, RESULT_WARNING,
                 "Objects of this type are not synchronized any more, but it is known in the cloud: only a "
                 "disabled account is exported.");
        return 0;
}

int step_object_type(Run *run)
{
        Value classes = object_get(run->entry.object, "objectClass");

        run->type = scope_type_of(classes);
        run->outcome.source.type = run->type;
        step_detail(run, "objectClass", "%s", value_text(run->arena, classes, 1024));
        if (!*run->type || !scope_has_type(run_connector(run)->scope, run->type) ||
            !rules_knows_type(run->config->rules, run->type))
                return judge_outsider(run);
        step_say(run, RESULT_SUCCESS, "The object is of type %s.", run->type);
        return 0;
}
