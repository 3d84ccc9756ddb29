/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JobSweep: the sweep of one source as a part of a job
 *
 * Both jobs that compare a directory with what is known do it so: two connections, since a listing and a read
 * cannot share one, and the configuration that is in force when it begins.
 */

#include "app/flow/connector.h"
#include "app/job/jobs.h"
#include "app/reconcile/sweep.h"

/*
 * `how`: what is swept (dn, everything, feed_watches); all else is filled in. `run`: reconcile_run,
 * containers_work. Return: as `run`.
 */
int job_sweep(Job *job, const Connector *c, const Sweep *how,
              int (*run)(Sweep *sweep, SweepResult *ret_result, Diag *diag), SweepResult *ret_result,
              Diag *diag);

/* Sweep.progress of a job, which is its context. */
bool job_sweep_progress(void *context, const char *phase, uint64_t done, uint64_t total);

/* The numbers of a sweep, and its result as a job's. */
json_t *job_sweep_json(const SweepResult *result);
int job_sweep_result(int r);
