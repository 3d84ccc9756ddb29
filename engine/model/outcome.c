/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/model/outcome.h"

/* The first four are Graph's own spelling, enumeration by enumeration. */

static const char *const result_names[] = {
        [RESULT_SUCCESS] = "success",
        [RESULT_FAILURE] = "failure",
        [RESULT_SKIPPED] = "skipped",
        [RESULT_WARNING] = "warning",
};

static const char *const action_names[] = {
        [ACTION_OTHER] = "other",     [ACTION_CREATE] = "create", [ACTION_DELETE] = "delete",
        [ACTION_DISABLE] = "disable", [ACTION_UPDATE] = "update", [ACTION_STAGED_DELETE] = "stagedDelete",
};

static const char *const step_type_names[] = {
        [STEP_TYPE_IMPORT] = "import",
        [STEP_TYPE_SCOPING] = "scoping",
        [STEP_TYPE_MATCHING] = "matching",
        [STEP_TYPE_PROCESSING] = "processing",
        [STEP_TYPE_REFERENCE_RESOLUTION] = "referenceResolution",
        [STEP_TYPE_EXPORT] = "export",
};

static const char *const error_category_names[] = {
        [ERROR_CATEGORY_FAILURE] = "failure",
        [ERROR_CATEGORY_NON_SERVICE_FAILURE] = "nonServiceFailure",
        [ERROR_CATEGORY_SUCCESS] = "success",
};

static const char *const disposition_names[_DISPOSITION_N] = {
        [DISPOSITION_DONE] = "exported", [DISPOSITION_NO_CHANGE] = "no change",
        [DISPOSITION_STAGED] = "staged", [DISPOSITION_OUT_OF_SCOPE] = "out of scope",
        [DISPOSITION_RETRY] = "retry",   [DISPOSITION_PARKED] = "parked",
};

#define NAME_OF(names, i) ((unsigned)(i) < N_ELEMENTS(names) ? (names)[(i)] : "unknownFutureValue")

const char *result_name(Result r)
{
        return NAME_OF(result_names, r);
}

const char *action_name(Action a)
{
        return NAME_OF(action_names, a);
}

const char *step_type_name(StepType t)
{
        return NAME_OF(step_type_names, t);
}

const char *error_category_name(ErrorCategory c)
{
        return NAME_OF(error_category_names, c);
}

const char *disposition_name(Disposition d)
{
        return NAME_OF(disposition_names, d);
}
