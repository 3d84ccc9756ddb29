/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cloud: target-mem with the properties of Graph that it has not
 *
 *  1. It is heard: each request that had an effect becomes a line of what was seen, grouped as Graph takes
 *     them (a create with its values, all values of one object, twenty members).
 *  2. It lags: a read shows what was there some time ago (cloud_lag).
 *  3. It has a budget: a throttled call holds what comes after it, and the lower lanes may have to wait.
 */

#include "engine/target/target-mem.h"

struct Scene;

Target *cloud_new(struct Scene *s); /* owns its target-mem */
Target *cloud_mem(Target *t);       /* to plant, and to look */

void cloud_estate(Target *t, bool on_premises_sync);
void cloud_tenant(Target *t, const char *id); /* it is this one's from now on */
/* The tenant hears of the regular cycle; from then on, of each. */
void cloud_heard(Target *t, Wall at);
bool cloud_hears(Target *t);
void cloud_lag(Target *t, int64_t ms, bool index,
               bool reads);             /* index: only looks by anchor; reads: not writes of links */
void cloud_hold(Target *t, int64_t ms); /* no budget for that long, but for the urgent lane */

/* Somebody has written past the engine: not heard, but remembered for reads that lag; `old`: always there. */
void cloud_touched(Target *t, const ObjectId *id, bool old);

unsigned cloud_reads(Target *t); /* since this was asked last */
