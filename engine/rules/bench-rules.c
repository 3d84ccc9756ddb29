/* SPDX-License-Identifier: Apache-2.0 */

/* One user through the whole shipped set: join, inbound, outbound. The aim is 50 us (design, "speed"). */

#include "base/clock.h"
#include "engine/rules/fixture.h"

#include <inttypes.h>

int main(void)
{
        enum {
                ROUNDS = 20000
        };
        _cleanup_(arena_freep) Arena *config = arena_new(0);
        _cleanup_(arena_freep) Arena *run = arena_new(ARENA_LIMIT_RUN);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const RuleSet *set;
        const Object *o;
        int64_t start;
        double us;

        if (rules_load(config, NULL, &set, &diag)) {
                fprintf(stderr, "%s\n", diag_text(&diag));
                return 1;
        }
        o = fixture_object(config, "user", "CN=Ada Lovelace,OU=corp,DC=corp,DC=contoso,DC=test", fixture_ada);
        start = clock_mono(&clock_system).us;
        for (int i = 0; i < ROUNDS; i++) {
                FixtureResult f = fixture_run(set, o, NULL, run, &diag);

                if (f.r || !f.target || f.target->n_values < 30) {
                        fprintf(stderr, "%s\n", f.r ? diag_text(&diag) : f.target ? "too few values" : f.why);
                        return 1;
                }
                arena_reset(run);
        }
        us = (double)(clock_mono(&clock_system).us - start) / ROUNDS;
        printf("rules: one user through the whole default set: %.1f us (aim: 50 us)\n", us);
        return 0;
}
