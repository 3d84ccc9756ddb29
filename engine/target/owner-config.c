/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/target/owner.h"

const ConfigField owner_fields[] = {
        { .name = "command",
          .type = CONFIG_LIST,
          .item = CONFIG_TEXT,
          .offset = offsetof(OwnerConfig, command),
          .help = "program and arguments that ask Entra Connect; called with sync --dn DN, and with cycle. "
                  "None: what it owns is left to its regular cycle" },
        { .name = "timeout",
          .type = CONFIG_DURATION,
          .offset = offsetof(OwnerConfig, timeout_us),
          .fallback = "60s",
          .min = 1,
          .max = 600,
          .help = "how long the single object sync of one object may take" },
        { .name = "pace",
          .type = CONFIG_DURATION,
          .offset = offsetof(OwnerConfig, pace_us),
          .fallback = "2s",
          .min = 0.01,
          .max = 600,
          .help = "rest between two of them; after \"throttled\" it is 5 minutes" },
        { .name = "cycle_above",
          .type = CONFIG_INT,
          .offset = offsetof(OwnerConfig, cycle_above),
          .fallback = "20",
          .min = 1,
          .max = 1000,
          .help = "so many objects may wait for it; above that one delta cycle is started instead" },
        { 0 },
};

int owner_check(const OwnerConfig *c, const ConfigDoc *doc, const char *prefix, Diag *diag)
{
        const char *const *words = c->command.items;

        if (c->command.n_items && !c->command.n_refused && words[0][0] != '/') {
                diag_add_at(diag, c->command.marks[0],
                            "%s.command: \"%s\" is not the whole path of a program", prefix, words[0]);
                return CONFIG_E_INVALID;
        }
        return 0;
}
