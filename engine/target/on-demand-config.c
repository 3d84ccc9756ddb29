/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/target/on-demand.h"

#include <string.h>

const ConfigField on_demand_fields[] = {
        { .name = "ask",
          .type = CONFIG_BOOL,
          .offset = offsetof(OnDemandConfig, ask),
          .fallback = "true",
          .help = "ask its provisioning on demand for what only it may write (5 requests in 10 seconds); "
                  "false: "
                  "that is left to its regular cycle" },
        { .name = "job",
          .type = CONFIG_TEXT,
          .offset = offsetof(OnDemandConfig, job),
          .help = "the id of its synchronization job; without it the tenant's only one" },
        { .name = "timeout",
          .type = CONFIG_DURATION,
          .offset = offsetof(OnDemandConfig, timeout_us),
          .fallback = "60s",
          .min = 1,
          .max = 600,
          .help = "how long it may take for one object" },
        { 0 },
};

int on_demand_check(const OnDemandConfig *c, const ConfigDoc *doc, const char *prefix, Diag *diag)
{
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_#";
        size_t n = c->job ? strlen(c->job) : 0;
        char path[64];

        if (!c->job || (n && n <= 200 && strspn(c->job, allowed) == n))
                return 0;
        snprintf(path, sizeof(path), "%s.job", prefix);
        diag_add_at(
                diag, doc ? config_mark(doc, path) : (DiagMark){ 0 },
                "%s: \"%s\" is not the id of a synchronization job, such as AD2AADProvisioning.<tenant>.<id>",
                path, c->job);
        return CONFIG_E_INVALID;
}
