/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Owner: asked to write what only it may write
 *
 *      plan --> target-owner --ours: disable, revoke--> Graph
 *                    '-------- theirs: all else ------> the owner (Entra Connect), then read back through
 * Graph
 *
 * Objects that Entra Connect synchronizes take a disable through Graph, and nothing else. For the rest the
 * owner is asked: for one object by its single object sync, for many by one cycle. What it wrote is believed
 * only when Entra ID shows it.
 *
 * The owner is slow (seconds for an object), does one thing at a time, and limits how often it is asked
 * (learn.microsoft.com, "Single Object Sync": retry after 5 minutes). So nobody waits for it in line: whoever
 * comes while it is at work is told when to come again, and who comes again may find its values there.
 */

#include "base/config.h"
#include "engine/target/target.h"

typedef struct Owner Owner;
typedef struct OwnerConfig OwnerConfig;
typedef struct OwnerOps OwnerOps;

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

struct OwnerOps {
        const char *name;
        /* `*ret_said`: its report, for ours, in the arena. */
        int (*sync)(Owner *o, const char *dn, Arena *a, const char **ret_said, Diag *diag);
        int (*cycle)(Owner *o, Diag *diag); /* begins one; does not wait for it */
        Owner *(*free)(Owner *o);
};

struct Owner {
        const OwnerOps *ops;
};

/*
 * By a program, called with `sync --dn DN` and `cycle` behind its own arguments. The first prints the JSON of
 * Invoke-ADSyncSingleObjectSync. The configuration is borrowed. Return: 0.
 */
int owner_command_new(Owner **ret_owner, const OwnerConfig *config);

/* What the JSON says, in one line: "success; SourceImport: success; Export: success". Return: 0,
 * OWNER_E_THROTTLED, OWNER_E_FAILED, OWNER_E_UNREACHABLE (it is no answer). Hostile input. */
int owner_parse(const char *data, size_t n, Arena *a, const char **ret_said, Diag *diag);

/*
 * The decorator. Operations that carry `owner` go to the owner, one object at a time, the others to `next`;
 * both are taken. Nothing of the owner's is done in a call that may not ask (Call.may_ask).
 * apply answers TARGET_E_THROTTLED with retry_at for what must come again. Return: 0.
 */
int target_owner_new(Target **ret_target, Target *next, Owner *owner, const OwnerConfig *config,
                     const Clock *clock);
