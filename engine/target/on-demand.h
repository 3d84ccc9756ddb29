/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * On demand: Cloud Sync, asked for one object
 *
 *      find    the synchronization job, and the rules of its schema: once, and again when it is gone
 *      POST    /servicePrincipals/{id}/synchronization/jobs/{job}/provisionOnDemand
 *              {"parameters":[{"ruleId","subjects":[{"objectId": DN, "objectTypeName": "user" | "group",
 *               "links":{"members":[{"objectId": DN, "objectTypeName"}, ... at most 5]}}]}]}
 *      answer  {"key": JSON text {"result","details"}, "value": JSON text {"provisioningSteps", ...}}
 *
 * The service does not apply the job's scope to what it is asked for this way (how-to-on-demand-provision),
 * so whoever asks has decided that the object is in scope: steps 1 to 6. It takes 5 requests in 10 seconds
 * (synchronization-synchronizationjob-provisionondemand); the limit is its own, and a 429 of it holds nothing
 * else. Its regular cycle runs every 2 minutes and carries what it was not asked for.
 *
 * An answer is hostile until parsed.
 */

#include "engine/target/owner.h"

#include <jansson.h>

typedef struct OnDemandConfig OnDemandConfig;
typedef struct OnDemandDomain OnDemandDomain;
typedef struct OnDemandJob OnDemandJob;

#define ON_DEMAND_JOBS_MAX 16

/* Cloud Sync has a job for each domain. */
struct OnDemandDomain {
        const char *base; /* DN: for what is below it; the innermost counts */
        const char *job;  /* id */
};

struct OnDemandConfig {
        bool ask;
        const char *job; /* id; NULL: the tenant's only one, or as `jobs` say */
        ConfigList jobs; /* OnDemandDomain */
        int64_t timeout_us;
};

extern const ConfigField on_demand_fields[];

/* Return: 0, CONFIG_E_INVALID. */
int on_demand_check(const OnDemandConfig *c, const ConfigDoc *doc, const char *prefix, Diag *diag);

struct OnDemandJob {
        const char *principal, *id;
        const char *user_rule, *group_rule; /* NULL: it does not synchronize these */
};

/*
 * `wanted`: the id, NULL: the only one. `graph` is the target of target_graph_new(), no decorator. Texts in
 * the call's arena. Return: 0, TARGET_E_NOT_FOUND (none, none of that name, or several and none is named: the
 * diag says which), TARGET_E_REFUSED (a permission is missing), TARGET_E_*.
 */
int on_demand_find(Target *graph, Call *call, const char *wanted, OnDemandJob *ret_job, Diag *diag);

/* Which job is for an object: its number, from 0, and the id (NULL: the tenant's only one). False: none is.
 */
bool on_demand_job_for(const OnDemandConfig *c, const char *dn, Arena *a, size_t *ret_number,
                       const char **ret_id);

/* Is there a job for what is below `base`, or for a part of it? Also if none is named: the tenant's only one.
 */
bool on_demand_has_job(const OnDemandConfig *c, const char *base);

/* Both are borrowed. Return: 0. */
int on_demand_new(Owner **ret_owner, Target *graph, const OnDemandConfig *config);

extern const OwnerWays owner_cloud_sync;

/* What an answer says, as owner_parse(). Return: 0, OWNER_E_THROTTLED, OWNER_E_FAILED,
 * OWNER_E_UNREACHABLE (no agent is there, or it is no answer). */
int on_demand_parse(const json_t *answer, Arena *a, OwnerReport *ret_said, Diag *diag);
