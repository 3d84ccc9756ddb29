/* SPDX-License-Identifier: Apache-2.0 */

/* The kinds of jobs: one line each. */

#include "app/job/kinds.h"

const JobKind *const job_kinds[] = {
        &job_backup,         &job_below,
        &job_compare,        &job_containers,
        &job_filter,         &job_reconcile,
        &job_revert,         &job_rules_activate,
        &job_rules_catch_up, &job_rules_diff,
        &job_rules_history,  &job_rules_known,
        &job_scheduler,      NULL,
};
