/* SPDX-License-Identifier: Apache-2.0 */

/* Step 4: could the connector account read the object? The read itself was made before the first step. */

#include "engine/steps/internal.h"

int step_access(Run *run)
{
        char guid[GUID_TEXT_MAX];

        step_detail(run, "read in", "%lld.%03lld ms", (long long)(run->read_us / 1000),
                    (long long)(run->read_us % 1000));
        if (run->read_why)
                diag_set(&run->diag, "%s", run->read_why);
        if (run->read_result)
                return run_source_failed(run, run->read_result);

        step_detail(run, "objectGUID", "%s", guid_format(&run->key.id, guid));
        step_detail(run, "uSNChanged", "%llu", (unsigned long long)run->entry.version.number);
        run_say_ahead(run);
        step_say(run, RESULT_SUCCESS, "The object was read with %zu attributes.",
                 run->entry.object->n_attributes);
        return 0;
}
