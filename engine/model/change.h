/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Change: an object has changed
 *
 * It says *that*, not *what*: the run reads the object afresh, so duplicates and reordering are harmless and
 * changes of one object merge while they wait. What is kept is who it is, where it rang, and since when.
 *
 * The identity of an object is (source, GUID): GUIDs of one forest are unique, two forests' may collide.
 */

#include "base/clock.h"
#include "engine/model/value.h"

typedef struct Change Change;
typedef struct Version Version;

/* In the order of their rights: a lower number overtakes. By weight, see queue/queue.h. */
typedef enum Lane {
        LANE_URGENT,
        LANE_NORMAL,
        LANE_RECONCILE,
        _LANE_N,
} Lane;

typedef unsigned LaneSet; /* 1u << Lane */

#define LANE_SET(lane) (1u << (lane))
#define LANES_ALL      ((1u << _LANE_N) - 1)

typedef enum ChangeKind {
        CHANGE_UPSERT,  /* added or changed, seen by the feed */
        CHANGE_GONE,    /* deleted: a tombstone was seen; recorded and reported, never exported */
        CHANGE_LINK,    /* references that waited are ready: only these edges, no read, no rules */
        CHANGE_REQUEST, /* a person asked for it (sosync sync) */
        CHANGE_DUE,     /* a date has come at which a rule may give another value */
        CHANGE_DRIFT,   /* somebody changed it in the cloud: a whole run, also if the source is as before */
        _CHANGE_KIND_N,
} ChangeKind;

/*
 * What a read must be at least as new as. A read from the same server that shows a lower number is older than
 * the event and proves nothing (decisions.md 6).
 */
struct Version {
        ObjectId server; /* invocationId of the DC; zero: not known */
        uint64_t number; /* uSNChanged, or 0 */
};

struct Change {
        ObjectId id;
        uint16_t source;  /* index of the source in the configuration; 0 is the first */
        uint8_t kind;     /* ChangeKind */
        uint8_t lane;     /* Lane */
        bool staging;     /* CHANGE_REQUEST: plan and commit, export nothing */
        bool revoke;      /* urgent rule says: revoke the sessions when this turns the account off */
        uint8_t released; /* brakes (1u << Brake) that a person has released for this change */
        Version version;
        Wall changed;   /* whenChanged as the DC says it; 0: not known. Second granularity */
        Wall seen;      /* by the feed; of merged changes, the first */
        const char *dn; /* as the feed saw it: a hint for people and for the first scope check */
        const char *by; /* CHANGE_REQUEST: who asked; else NULL */
};

const char *lane_name(Lane lane);
bool lane_parse(const char *s, Lane *ret_lane);
const char *change_kind_name(ChangeKind kind);

/*
 * The later of two waiting changes to one object swallows the earlier: the kind whose run does the work of
 * both (table in this folder's README), first seen, higher lane (the lower number), newer version of the same
 * server, `revoke` and `released` of either. `staging` only if both are: what must be exported is not held
 * back by a wish to see a plan.
 */
void change_merge(Change *into, const Change *later);

void change_pack(PackWriter *w, const Change *c);
void change_unpack(PackReader *r, Arena *a, Change *ret_change);
