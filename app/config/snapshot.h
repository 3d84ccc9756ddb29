/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Snapshot: the configuration that is in force, and its change at a reload
 *
 * Threads take a reference for as long as they use it (a worker: for one run), so a reload swaps the pointer
 * and the old one goes when the last run that holds it ends.
 */

#include "app/config/config.h"

#include <pthread.h>

typedef struct Snapshot {
        pthread_mutex_t lock; /* protects config */
        Config *config;
} Snapshot;

void snapshot_init(Snapshot *s, Config *config); /* takes the reference */
void snapshot_deinit(Snapshot *s);
Config *snapshot_get(Snapshot *s);               /* a reference of the caller's own */
void snapshot_swap(Snapshot *s, Config *config); /* takes the reference */
