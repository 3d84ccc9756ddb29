/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Brakes: more than is believable waits for a person
 *
 *      plan --effects--> brakes_take() --0--> export, then brakes_give_back() what had no effect
 *                              '------brakes that refuse--> the change is parked, one alarm goes out
 *
 *      disable   accounts turned off               25 in 10 minutes
 *      members   members removed from groups      500 in 10 minutes
 *      values    objects with a value cleared     2 % of the known objects of the type, at least 20, an hour
 *      create    objects created                  100 in an hour
 *
 * A brake is off or on. The effect that would be one too many puts it on, and it stays on until a person says
 * `sosync queue release --brake NAME`: a script that turns off ten thousand accounts must not be let through
 * twenty-five at a time. What that person let through carries the brake's bit (Change.released) and is not
 * counted. A plan with several effects is taken whole or not at all.
 *
 * Where several processes share the counters (a cluster), who takes or gives back works on what is stored,
 * and stores it before anything leaves, by compare-and-set (app/flow/brake-store.h): three nodes let through
 * what one would.
 *
 * A window is divided into slots; a slot counts until the whole of it is out of the window, so a window never
 * holds more than its limit. Times are wall times, for they outlive a restart; a clock that was set back
 * keeps what it has counted for at most one window.
 *
 * brakes_* may be called from any thread.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/pack.h"

#include <pthread.h>

typedef struct BrakeLimit BrakeLimit;
typedef struct BrakeLimits BrakeLimits;
typedef struct BrakeStatus BrakeStatus;
typedef struct BrakeWindow BrakeWindow;
typedef struct Brakes Brakes;
typedef struct Effects Effects;

/* Numbers are on disk (as bits of Change.released): append only. */
typedef enum Brake {
        BRAKE_DISABLE,
        BRAKE_MEMBERS,
        BRAKE_VALUES,
        BRAKE_CREATE,
        _BRAKE_N,
} Brake;

typedef unsigned BrakeSet; /* 1u << Brake */

#define BRAKE_SET(brake) (1u << (brake))

/* Objects are counted by what they are in the cloud. */
typedef enum BrakeType {
        BRAKE_USER,
        BRAKE_GROUP,
        _BRAKE_TYPE_N,
} BrakeType;

struct BrakeLimit {
        int64_t limit;
        int64_t window_us;
};

/* `brakes:` of the configuration. */
struct BrakeLimits {
        BrakeLimit of[_BRAKE_N]; /* of BRAKE_VALUES: at least so many */
        double share;            /* BRAKE_VALUES: of the known objects of a type, 0..1 */
        ConfigList off;          /* const char *: names of brakes that are not wanted */
        BrakeSet off_set;        /* filled by brake_limits_check() */
};

extern const ConfigField brake_fields[];

/* Findings go into the diag. */
void brake_limits_check(BrakeLimits *l, Diag *diag);

/* What a plan would do, or has done. */
struct Effects {
        BrakeType type;
        uint32_t n[_BRAKE_N];
};

#define BRAKE_SLOTS 30

struct BrakeWindow {
        int64_t first;               /* number of the oldest slot, in slots since 1970 */
        uint32_t slots[BRAKE_SLOTS]; /* slots[i % BRAKE_SLOTS] of slot number i */
        int64_t slot_ms;             /* length of a slot when they were counted; 0: empty */
};

struct Brakes {
        pthread_mutex_t lock; /* protects what follows */
        BrakeWindow windows[_BRAKE_N][_BRAKE_TYPE_N];
        BrakeSet on;
        Wall since[_BRAKE_N]; /* on since */
        int64_t known[_BRAKE_TYPE_N];
        bool stored; /* there was something to unpack */
};

struct BrakeStatus {
        bool off; /* by configuration */
        bool on;
        Wall since;
        int64_t used, limit; /* of BRAKE_VALUES: of the type that is nearer to its limit */
        int64_t window_us;
};

void brakes_init(Brakes *b);
void brakes_deinit(Brakes *b);

/*
 * May this be done? Counts it if so. `released`: brakes that a person has released for this change.
 * `*ret_tripped`: those that this call has put on. Returns the brakes that refuse; 0: go on.
 */
BrakeSet brakes_take(Brakes *b, const BrakeLimits *l, const Effects *e, BrakeSet released, Wall now,
                     BrakeSet *ret_tripped);

/* Would brakes_take() count any of it? */
bool brakes_count(const BrakeLimits *l, const Effects *e, BrakeSet released);

/* It was taken at `taken`, and has not been done. `released` as at the take. False: it moved no counter. */
bool brakes_give_back(Brakes *b, const BrakeLimits *l, const Effects *e, BrakeSet released, Wall taken);

/* An object of the type has become known (+1), or was forgotten (-1: app/flow/forget.h). */
void brakes_know(Brakes *b, BrakeType type, int64_t n);

/* A person has decided: these are off again, and their windows empty. Returns those that were on. */
BrakeSet brakes_release(Brakes *b, BrakeSet brakes);

void brakes_status(Brakes *b, const BrakeLimits *l, Wall now, BrakeStatus ret_status[_BRAKE_N]);

/* For the store. Unpacking what cannot be read leaves it empty. Return: 0, PACK_E_CORRUPT, PACK_E_NEWER. */
void brakes_pack(Brakes *b, PackWriter *w);
int brakes_unpack(Brakes *b, const void *data, size_t n);

const char *brake_name(Brake brake);                    /* "disable" */
bool brake_parse(const char *name, Brake *ret_brake);   /* false: there is none of this name */
const char *brake_code(Brake brake);                    /* "BrakeDisable": of the error catalogue */
const char *brake_effect(Brake brake);                  /* "accounts turned off" */
bool brake_of_code(const char *code, Brake *ret_brake); /* false: not a brake's */
int64_t brake_limit(const Brakes *b, const BrakeLimits *l, Brake brake, BrakeType type);
