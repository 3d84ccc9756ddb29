/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Replica: what reads see, a while behind what was written
 *
 *      write -> [Store] -- change, due in delay --> [......] -- due --> [Store of the replica] -> read
 *
 * Graph answers reads from replicas: what was just written, a new object included, is not there yet, and an
 * object that the replica does not have gets 404 from a write too (errors.md: Request_ResourceNotFound).
 * Every change of the store is recorded and played again when it is due, one by one, so that generations and
 * pages are those of the store and a delta query sees the same sequence, later.
 *
 * Uniqueness is judged by the store itself, as in Graph: a second create conflicts with an object that no
 * read shows.
 */

#include <stdbool.h>
#include <stdint.h>

#include "store.h"

typedef struct Replica Replica;
typedef struct ReplicaRecord ReplicaRecord;

struct Replica {
        bool on;
        int64_t delay_us;
        int64_t now_us; /* of the request in work */
        Store store;
        ReplicaRecord *records; /* from first on; in the order of due times */
        size_t first, n, size;
};

/* Begins with a copy of the store. A delay of 0 ends it: what waits is seen at once. */
void replica_set(Replica *replica, Store *of, int64_t delay_us);
void replica_deinit(Replica *replica);

/* The time has come to this. */
void replica_advance(Replica *replica, int64_t now_us);

/* A change of the store (store.c) */
void replica_note(Replica *replica, const StoreChange *change);
