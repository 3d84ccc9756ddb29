/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Owner: asked to write what only it may write
 *
 *      plan --> target-owner --ours: disable, revoke--> Graph
 *                    '-------- theirs: all else ------> the owner, then read back through Graph
 *
 * Objects that another synchronization owns take a disable through Graph, and nothing else. For the rest the
 * owner is asked: Entra Connect for one object by its single object sync, for many by one cycle
 * (owner-command.c); Cloud Sync by provisionOnDemand of its job (on-demand.h). What it wrote is believed only
 * when Entra ID shows it.
 *
 * An owner is slow (seconds for an object) and limits how often it is asked. So nobody waits for it in line:
 * whoever comes while it is at work is told when to come again, and who comes again may find its values
 * there.
 */

#include "base/config.h"
#include "base/str.h"
#include "engine/target/target.h"

typedef struct Owner Owner;
typedef struct OwnerAsk OwnerAsk;
typedef struct OwnerConfig OwnerConfig;
typedef struct OwnerOps OwnerOps;
typedef struct OwnerWays OwnerWays;

enum {
        OWNER_E_BASE_ = 1880, /* within ERROR_BASE_TARGET */

        OWNER_E_UNREACHABLE, /* it could not be asked, or did not answer in time */
        OWNER_E_THROTTLED,   /* it was asked too often */
        OWNER_E_FAILED,      /* it cannot do it for this object; the diag has its code and reason */
};

struct OwnerConfig {
        ConfigList command; /* program and arguments: const char *; none: it is not asked */
        int64_t timeout_us;
        int64_t pace_us;
        int64_t cycle_above;
};

extern const ConfigField owner_fields[];

/* Return: 0, CONFIG_E_INVALID. */
int owner_check(const OwnerConfig *c, const ConfigDoc *doc, const char *prefix, Diag *diag);

/* What is known about an owner, and how it is to be treated. */
struct OwnerWays {
        const char *name;             /* "Entra Connect" */
        const char *failed;           /* codes of the catalogue: it cannot do it for this object */
        const char *disagrees;        /* it has, and Entra ID does not show it */
        const char *busy, *throttled; /* for people: why it is not asked now; it said so itself */
        size_t at_once;               /* requests under way together */
        size_t links;                 /* members that one request names; 0: they come with the object */
        size_t slots;                 /* so many requests leave in `window_us` at most; 0: no limit */
        int64_t window_us;
        int64_t throttled_us;    /* after "throttled", if it names no time itself */
        int64_t shows_within_us; /* what it has written is seen by then */
};

/* One request about one object. */
struct OwnerAsk {
        Call *call; /* its dn is the object; the deadline is to be set */
        const char *type;
        const Op *const *links; /* of this request; each has link_dn and link_type */
        size_t n_links;
        /* Filled. */
        OwnerReport said; /* its report, for ours, in the call's arena */
        Mono left;        /* when the request left, or later; 0: it did not */
        Mono retry_at;    /* with OWNER_E_THROTTLED or _UNREACHABLE; 0: it names no time */
};

struct OwnerOps {
        const char *name;
        const OwnerWays *ways;
        int (*sync)(Owner *o, OwnerAsk *ask, Diag *diag); /* from `at_once` threads */
        int (*cycle)(Owner *o, Diag *diag); /* begins one; does not wait for it. NULL: it has its own */
        Owner *(*free)(Owner *o);
};

struct Owner {
        const OwnerOps *ops;
};

extern const OwnerWays owner_connect;

/*
 * By a program, called with `sync --dn DN` and `cycle` behind its own arguments. The first prints the JSON of
 * Invoke-ADSyncSingleObjectSync. The configuration is borrowed. Return: 0.
 */
int owner_command_new(Owner **ret_owner, const OwnerConfig *config);

/* What the JSON says, as OwnerNotes. Return: 0, OWNER_E_THROTTLED, OWNER_E_FAILED, OWNER_E_UNREACHABLE (it is
 * no answer). Hostile input. */
int owner_parse(const char *data, size_t n, Arena *a, OwnerReport *ret_said, Diag *diag);

/*
 * Its parts, which Cloud Sync's answer has too (owner-answer.c): a note with `status`, one for each of
 * provisioningSteps with what its open `details` hold, one for each of modifiedProperties. A text that may be
 * shown, or "".
 */
struct json_t;
OwnerReport owner_report(const struct json_t *o, const char *status, Arena *a);
const char *owner_text(const struct json_t *o, const char *key, Arena *a);
bool owner_is_throttled(const char *code, const char *reason);

/*
 * The decorator. Operations that carry `owner` go to the owner, the others to `next`; both are taken. Nothing
 * of the owner's is done in a call that may not ask (Call.may_ask). apply answers TARGET_E_OWNER_BUSY or
 * _AWAY with retry_at for what must come again. Return: 0.
 */
int target_owner_new(Target **ret_target, Target *next, Owner *owner, const OwnerConfig *config,
                     const Clock *clock);
