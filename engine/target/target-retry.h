/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The clockwork of target-retry, apart from it so that tests need not wait. */

#include "engine/target/graph.h"

/* Back-off before the n-th repetition (n = 1, 2, ...): doubling from 50 ms, with jitter of half of it. */
int64_t retry_delay(unsigned n, uint64_t random);

/* `wait` sleeps so many microseconds and returns true if it was stopped. NULL: really. */
int target_retry_with(Target **ret_target, Target *next, const Clock *clock,
                      bool (*wait)(void *context, int64_t us), void *context);
