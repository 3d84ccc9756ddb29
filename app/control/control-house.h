/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * ControlHouse: a control socket for tests and fuzzers
 *
 * A real service's wiring over a state folder of its own, which goes when the program ends; without feed,
 * workers and jobs: what is asked for is read, judged, and answered. It is made with the first connection.
 * One thread.
 */

#include "app/job/jobs.h"

/* Before the first connection: it has these kinds of jobs. */
void control_house_jobs(const JobKind *const *kinds);

/* A connection to it. */
int control_house_connect(void);

/* Once, at the end, if threads may still be at work: they are waited for. */
void control_house_end(void);
