/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The kinds of jobs: arguments and result of each. The function of a kind is in job-<name>.c. */

#include "app/job/jobs.h"

/* "folder": rule files, absolute path; "version": one that was active; neither: what the configuration names.
 * job_rules_diff: -> app/rules/diff.h, "active", "candidate", "origin", "seconds"
 * job_rules_activate: also "expected": version, "how" -> {"version", "origin", "restart", "service"}
 * job_rules_history: {} -> {"activations": [...], "catchingUp"} */
extern const JobKind job_rules_diff, job_rules_activate, job_rules_history;
/* {} -> {"rules": {"version", "origin", "files": [{"name", "text": base64}]}}
 * {"connector": name, "id": GUID} -> {"known": app/rules/known.h}, or null */
extern const JobKind job_rules_known;
extern const JobKind job_rules_catch_up; /* {}: the service's own; does nothing if there is nothing to do */

extern const JobKind job_backup;    /* {"folder": absolute path} -> {"bytes"} */
extern const JobKind job_scheduler; /* {"SyncCycleEnabled": bool or nothing} -> as Get-ADSyncScheduler */
extern const JobKind job_compare;   /* {"ou": DN or null, "sample": N, "details": bool} -> numbers_of() in
                                       compare.c, "attributes", "failures", "details", "report" */
extern const JobKind job_reconcile; /* {"ou": DN or null, "all": bool} -> job_sweep_json, "below" ... */

extern const JobKind job_below; /* {"ou": DN} -> {"dns": [DN]}: what is in scope below it */

extern const JobKind job_containers; /* {} -> job_sweep_json: what was below containers that have moved */

extern const JobKind
        job_filter; /* {} -> nothing: the members of scope.group_filter, and of groups that rules name */

/* {"run" or "rules": first characters, "since": ms, "dryRun"} -> what was planned, and "left"; or {"do":
 * "list"}, {"do": "release", "dn"} */
extern const JobKind job_revert;
