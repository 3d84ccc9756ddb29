/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Say: how a step writes into the report
 *
 * A step says one sentence about what it found, adds details, and at most one error from the catalogue. All
 * texts are copied into the run's arena.
 */

#include "engine/steps/steps.h"

/* The step's status and its sentence. */
void step_say(Run *run, Result status, const char *format, ...) __attribute__((format(printf, 3, 4)));
void step_detail(Run *run, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * The run's error: a code of the catalogue, and what exactly happened here (NULL: the catalogue's reason says
 * it all). Also sets the step's status (failure, or skipped for what is not in scope) and its sentence.
 * Returns how, so that a step can end with `return step_fail(run, STEP_E_PARK, "...", ...)`.
 */
int step_fail(Run *run, int how, const char *code, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* An error that does not end the run: the report carries it, the step is a warning. */
void step_warn(Run *run, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Attribute Info rows from an object: what it has now beside what it had before (may be NULL). */
void step_attributes(Run *run, const Object *now, const Object *before, const char *data_source);

/* Values for people: at most this many bytes each. */
#define STEP_TEXT_MAX 4096
