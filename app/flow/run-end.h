/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Run end: what the result of a run means to the queue
 *
 *      done, nothing to do, not ours --> ack       by the object's fault --> retry with back-off, then park
 *      a person is needed            --> park      by another's fault    --> retry or release; no try counted
 */

#include "app/flow/worker.h"
#include "engine/steps/steps.h"

/* A cause that is not the object's: a circuit sees to it. */
bool run_is_scope_failure(const Run *run);

/* Another run has the metaverse object, for as long as its calls may take, or rules that have just become
 * active are still applied: it is looked at again in a moment. */
bool run_waits_its_turn(const Run *run);

/* The next run of the object goes on where this one has stopped: who waits for an outcome waits for that one.
 */
bool run_goes_on(const Run *run);

/* A report for every event that was ours; what the feed brought and nobody asked for is only counted. */
bool run_is_worth_a_report(const Run *run);

/*
 * Hand it over, with all that the run leaves behind. The outcome may change: it is tried again, or parked.
 * Return: 0, QUEUE_E_GONE (the lease is not ours any more), another QUEUE_E_* or -errno: it could not be
 * stored, and the lease is kept.
 */
int run_end(WorkerShared *s, Run *run, const Lease *lease);

/* Milliseconds until the next try: 1 s, doubling to 15 minutes, a quarter up or down. `random`: any number.
 */
int64_t run_backoff_ms(unsigned tries, uint64_t random);

/* How long an object rests after a run that read it for so long. 0: not at all. */
int64_t run_rest_ms(int64_t read_us, size_t n_links, bool wrote, int64_t waited_ms);
