/* SPDX-License-Identifier: Apache-2.0 */

/* `brakes:` of sosync.yaml. */

#include "engine/brakes/brakes.h"

#include <stddef.h>

#define END_OF_TABLE         \
        {                    \
                .name = NULL \
        }

#define LIMIT_FIELDS(variable, n, duration, what)            \
        static const ConfigField variable[] = {              \
                { .name = "limit",                           \
                  .type = CONFIG_INT,                        \
                  .offset = offsetof(BrakeLimit, limit),     \
                  .fallback = n,                             \
                  .min = 1,                                  \
                  .max = 1e9,                                \
                  .help = what },                            \
                { .name = "window",                          \
                  .type = CONFIG_DURATION,                   \
                  .offset = offsetof(BrakeLimit, window_us), \
                  .fallback = duration,                      \
                  .min = 60,                                 \
                  .max = 86400,                              \
                  .help = "... within so long" },            \
                END_OF_TABLE,                                \
        }

LIMIT_FIELDS(disable_fields, "25", "10m", "accounts turned off");
LIMIT_FIELDS(members_fields, "500", "10m", "members removed from groups");
LIMIT_FIELDS(create_fields, "100", "1h", "objects created");

static const ConfigField values_fields[] = {
        { .name = "share",
          .type = CONFIG_PERCENT,
          .offset = offsetof(BrakeLimits, share),
          .fallback = "2%",
          .help = "objects with a value cleared, of the known objects of their type" },
        { .name = "at_least",
          .type = CONFIG_INT,
          .offset = offsetof(BrakeLimits, of[BRAKE_VALUES].limit),
          .fallback = "20",
          .min = 1,
          .max = 1e9,
          .help = "... but always so many" },
        { .name = "window",
          .type = CONFIG_DURATION,
          .offset = offsetof(BrakeLimits, of[BRAKE_VALUES].window_us),
          .fallback = "1h",
          .min = 60,
          .max = 86400,
          .help = "... within so long" },
        END_OF_TABLE,
};

const ConfigField brake_fields[] = {
        { .name = "disable",
          .type = CONFIG_MAP,
          .fields = disable_fields,
          .offset = offsetof(BrakeLimits, of[BRAKE_DISABLE]),
          .help = "accounts turned off" },
        { .name = "members",
          .type = CONFIG_MAP,
          .fields = members_fields,
          .offset = offsetof(BrakeLimits, of[BRAKE_MEMBERS]),
          .help = "members removed from groups" },
        { .name = "values",
          .type = CONFIG_MAP,
          .fields = values_fields,
          .help = "objects with a value cleared" },
        { .name = "create",
          .type = CONFIG_MAP,
          .fields = create_fields,
          .offset = offsetof(BrakeLimits, of[BRAKE_CREATE]),
          .help = "objects created; raise it for a first load" },
        { .name = "off",
          .type = CONFIG_LIST,
          .item = CONFIG_TEXT,
          .offset = offsetof(BrakeLimits, off),
          .help = "brakes that are not wanted, by name" },
        END_OF_TABLE,
};

void brake_limits_check(BrakeLimits *l, Diag *diag)
{
        const char *const *off = l->off.items;

        l->off_set = 0;
        for (size_t i = 0; i < l->off.n_items; i++) {
                Brake brake;

                if (brake_parse(off[i], &brake))
                        l->off_set |= BRAKE_SET(brake);
                else
                        diag_add_at(diag, l->off.marks[i],
                                    "brakes.off: \"%s\" is not one of disable, members, values, create",
                                    off[i]);
        }
}
