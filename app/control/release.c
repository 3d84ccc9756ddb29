/* SPDX-License-Identifier: Apache-2.0 */

#include "app/control/release.h"

#include "app/flow/brake-store.h"

int release_brake(Wiring *w, Brake brake, bool drop, const char *by)
{
        const char *name = brake_name(brake);
        Wall now = clock_wall(w->clock);
        int n;

        /* Before the counters: in a cluster whoever reads them first closes the alarm silently. */
        alarms_clear(&w->alarms, "brake", name, drop ? "its changes were dropped" : "it was released", now);
        n = brake_store_release(&w->shared.brakes, brake, drop, now);
        if (n < 0) {
                alarms_raise(&w->alarms, "brake", name, "it could not be released", now);
                return n;
        }
        log_warning(&w->log, drop ? "a brake's changes were dropped" : "a brake was released",
                    LOG_STR("brake", name), LOG_STR("by", by), LOG_INT("changes", n));
        return n;
}
