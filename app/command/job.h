/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CommandJob: have a job done, by the service if one runs, else by this command
 *
 * Shows the progress while it lasts. A command that is interrupted takes its job with it.
 */

#include "app/job/jobs.h"

/*
 * `arguments` is taken over. Return: the exit status; with `*ret_result` (owned by the caller) when the job
 * was done, also if it has findings (EXIT_OBJECT); NULL: it failed, and why has been said.
 */
int command_job(const char *config_path, const char *kind, json_t *arguments, json_t **ret_result);
