/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Release: a person lets go what a brake holds, or drops it, by the control socket or in the console. */

#include "app/flow/wiring.h"
#include "engine/brakes/brakes.h"

/* The alarm ends, the brake is off, and what it holds goes on (`drop`: is forgotten). `by`: for the log; the
 * audit log is the caller's. Return: how many changes that were, or -errno. Any thread; it blocks. */
int release_brake(Wiring *w, Brake brake, bool drop, const char *by);
