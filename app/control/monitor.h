/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Monitor: the service looked at, for people and for Prometheus
 *
 * Gathers the vitals of all rooms, and keeps the pulse of the last hour: every ten seconds a point, whose
 * latencies are those of the runs that ended in them. Console, `sosync top`, /metrics and /readyz all look
 * through it, and therefore agree.
 *
 * monitor_tick() is called once a second by the main loop. The others may be called from any thread; they
 * read the queue's counts, which is a short read transaction, and every few seconds, while a brake is on,
 * what it holds.
 */

#include "app/flow/feeder.h"
#include "app/flow/metrics.h"
#include "app/flow/wiring.h"

#include <jansson.h>

typedef struct Monitor Monitor;

struct Monitor {
        Wiring *wiring;
        Feeder *feeders; /* one for each connector */
        Wall started;

        pthread_mutex_t lock; /* protects what follows */
        Pulse pulse;
        Mono pulse_at;                       /* of the next point */
        uint64_t latencies[HISTOGRAM_N + 1]; /* as they were at the last one, all lanes */
        uint64_t n_runs, n_failures;
        Mono certificate_at; /* when the certificates are looked at again */
        Wall certificate_end;
        BrakeView brakes; /* as they were looked at last */
        Mono brakes_at;   /* when what they hold is counted again */
};

/* `feeders` are prepared: one for each connector. */
void monitor_init(Monitor *m, Wiring *w, Feeder *feeders);
void monitor_deinit(Monitor *m);

void monitor_tick(Monitor *m);

void monitor_vitals(Monitor *m, Arena *a, Vitals *ret_vitals);
size_t monitor_pulse(Monitor *m, PulsePoint ret_points[PULSE_POINTS]);
void monitor_metrics(Monitor *m, Str *out);

/* Vitals and the newest point of the pulse as JSON, for the control socket. New reference. */
json_t *monitor_json(Monitor *m);
