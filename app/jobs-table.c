/* SPDX-License-Identifier: Apache-2.0 */

/* The kinds of jobs: one line each. */

#include "app/job-kinds.h"

const JobKind *const job_kinds[] = {
        &job_backup, &job_containers, &job_filter, &job_reconcile, &job_scheduler, NULL,
};
