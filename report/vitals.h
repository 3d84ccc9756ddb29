/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Vitals: how the service is, at one moment, and how the last hour was
 *
 * Plain facts, filled by app/ and shown by the console, `sosync top` and /metrics, which therefore cannot
 * disagree. Texts live as long as the arena they were given.
 *
 * A Pulse is the last hour in points of ten seconds. Time is an argument; it has one thread.
 */

#include "queue/queue.h"

typedef struct Pulse Pulse;
typedef struct PulsePoint PulsePoint;
typedef struct Vitals Vitals;
typedef struct VitalsAlarm VitalsAlarm;
typedef struct VitalsBrake VitalsBrake;
typedef struct VitalsBudget VitalsBudget;
typedef struct VitalsSource VitalsSource;

/* Of Graph's limits that are ours: how much of the bucket is in use, and until when nothing may leave. */
struct VitalsBudget {
        double used;     /* 0..1 */
        int64_t hold_us; /* left of a hold; 0: none */
        uint64_t n_granted, n_waited;
};

/* A directory, and its feed. */
struct VitalsSource {
        const char *name, *base;
        bool ok;         /* it can be used */
        const char *why; /* not ok: what it said */

        bool watches;         /* registered, and all that was due has been handed over */
        bool elsewhere;       /* another node of a cluster does it */
        int64_t unwatched_us; /* so long nobody has, as far as is known here; 0: somebody does */
        const char *state;    /* "watching" "catching up" "standing by" ... */
        const char *server, *text;
        int64_t proof_us; /* since the last proof of life */
        bool paused;      /* the queue is full */
        uint64_t n_seen, n_queued, n_out_of_scope, n_urgent;
        uint64_t n_unread;                     /* brought, and nothing in it that anybody reads */
        uint64_t n_lookouts, n_lookout_urgent; /* other controllers that are watched; changes they brought */
};

/* More of something than is believable: what would do more of it is parked, until a person releases it. */
struct VitalsBrake {
        const char *name;   /* "disable": `sosync queue release --brake disable` */
        const char *effect; /* "accounts turned off" */
        const char *code;   /* of the error catalogue: the reason of what it holds */
        bool on;
        Wall since;
        int64_t limit, window_us;
        bool counted; /* false: too much waits to be looked through */
        size_t n_held;
};

/* Something that needs a person, and has been told to whoever is told. */
struct VitalsAlarm {
        const char *kind, *name; /* "brake" "disable" */
        const char *text;        /* hostile */
        Wall since;
};

struct Vitals {
        Wall now, started;
        bool staging;
        const char *tenant, *rules_version;

        const VitalsSource *sources; /* in the order of the configuration */
        size_t n_sources;
        bool target_ok;
        const char *target_why; /* not ok: what it said */

        /* The flag of the regular cycle; NULL: there is none. */
        const char *flag_state, *flag_text;
        const char *stuck; /* a run that does not end, and at which step it stands, or reports that cannot
                            * be written; NULL: none */
        const char *flag_alarm; /* a person must look; the code. NULL: fine */

        bool queue_ok; /* could be read */
        QueueStats queue;

        const VitalsBrake *brakes; /* all there are, on or off */
        size_t n_brakes;
        const VitalsAlarm *alarms; /* those that are open, oldest first */
        size_t n_alarms;

        bool has_budget;
        VitalsBudget reads, writes;
        uint64_t n_throttled;

        Wall certificate_end; /* the earliest of the credentials' certificates; 0: there is none */
        uint64_t n_in_work;
};

size_t vitals_waiting(const Vitals *v); /* ready and leased, all lanes */
size_t vitals_parked(const Vitals *v);

/* What a brake that is on does: "holds 4 changes". */
const char *vitals_held(Arena *a, const VitalsBrake *b);

/* Can it do its work? If not, *ret_why says in a few words what is missing. For /readyz. */
bool vitals_ready(const Vitals *v, const char **ret_why);

/* One sentence on the whole, the worst first: what somebody wants to know who looks once. `ret_good`: all is
 * well. */
const char *vitals_sentence(Arena *a, const Vitals *v, bool *ret_good);

/* -- the last hour ------------------------------------------------------------------------------------- */

#define PULSE_STEP_MS ((int64_t)10000)
#define PULSE_POINTS  360

struct PulsePoint {
        Wall at;                /* end of its ten seconds; 0: not known */
        int32_t p50_ms, p99_ms; /* change to cloud; -1: nothing was exported */
        uint32_t waiting[_LANE_N];
        uint32_t n_runs, n_failures;
        float used_reads, used_writes; /* of the budget */
        bool hold;
};

struct Pulse {
        PulsePoint points[PULSE_POINTS]; /* a ring */
        size_t next;
};

void pulse_add(Pulse *p, const PulsePoint *point);

/* Oldest first, known ones only. Returns how many. */
size_t pulse_read(const Pulse *p, PulsePoint ret_points[PULSE_POINTS]);
