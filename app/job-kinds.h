/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The kinds of jobs: arguments and result of each. The function of a kind is in job-<name>.c. */

#include "app/jobs.h"

extern const JobKind job_backup; /* {"folder": absolute path} -> {"bytes"} */
