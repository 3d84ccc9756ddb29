/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Store: the LMDB environment of the state folder
 *
 *      <path>/lock        flock for life, the owner's pid as text
 *      <path>/data.mdb    everything durable (queue/record.h)
 *      <path>/lock.mdb    LMDB's table of readers
 *      <path>/marks       what is in work (queue/marks.h)
 *
 * The map is address space for 64 GiB, once and for all: resizing a map under readers crashes them (tried
 * with LMDB 0.9.24). The limit on the file is ours.
 *
 * Readers: store_read() gives a snapshot, store_read_end() gives it back. Nobody keeps one while waiting for
 * anything, nor for longer than it takes to copy a page of rows: as long as a snapshot lives, no page that
 * was freed after it can be used again, and the file grows. Write transactions belong to commit.c.
 *
 * In this folder `rc` is LMDB's code, and `r` is ours; store_error() is the border.
 */

#include "base/diag.h"
#include "engine/space/space-records.h"
#include "queue/record.h"

#include <lmdb.h>
#include <pthread.h>

typedef struct Store Store;

#define STORE_MAP          ((size_t)64 << 30)
#define STORE_LIMIT        ((int64_t)32 << 30) /* 3,500,000 people, 9 kB each */
#define STORE_READERS_MAX  1024
#define STORE_READERS_KEPT 64

static_assert(STORE_MAP >> 30 == 64, "the map of the store wants an address space of 64 bits");

/* In the folder as long as a copy of another state into it is not whole (queue/state-copy.h). */
#define STORE_UNFINISHED "state-copy"

/* A disk with less than this is full: room for some hundred commits of what is in work. */
#define STORE_DISK_MIN ((uint64_t)64 << 20)

struct Store {
        char *path;
        int owner_fd;
        MDB_env *env;
        size_t page_size;

        MDB_dbi meta;
        MDB_dbi change;
        MDB_dbi due[_LANE_N][_ROW_CLASS_N];
        MDB_dbi position;
        MDB_dbi outcome;
        MDB_dbi space[SPACE_LAST + 1];
        MDB_dbi link[LINK_READY + 1];

        bool is_shared; /* a copy of a cluster's state (queue/shared.h); said before the tables are opened */
        MDB_dbi session, held, claim, rest, term, part;

        pthread_mutex_t lock;
        MDB_txn *readers[STORE_READERS_KEPT]; /* lock: at rest */
        size_t n_readers;                     /* lock */
};

/*
 * Take the folder and open the environment; the tables are opened by store_open_tables() in a write
 * transaction of commit.c.
 * Return: 0, QUEUE_E_GONE, QUEUE_E_STALE, -errno; the diag says what and where.
 */
int store_open(Store *s, const char *path, size_t map, Diag *diag);
int store_open_tables(Store *s, MDB_txn *txn, bool create); /* LMDB's code */

/*
 * Only to look, also beside the process that owns the folder. Return: 0, -ENOENT, -errno; the diag says what
 * and where. store_close() in any case.
 */
int store_open_to_look(Store *s, const char *path, Diag *diag);

/* The folder's lock, for who replaces the file. Return: 0, QUEUE_E_GONE, -errno. store_close() in any case.
 */
int store_lock_folder(Store *s, const char *path, Diag *diag);
void store_close(Store *s);     /* also of a store that is half open */
void store_close_env(Store *s); /* for store-open.c */

int store_read(Store *s, MDB_txn **ret_txn); /* Return: 0, -errno */
void store_read_end(Store *s, MDB_txn *txn);

/*
 * Who looks from outside (`sosync queue check`) and is killed leaves its snapshot in LMDB's table, and no
 * page that was freed after it could be used again as long as this process lives. Some microseconds; any
 * thread.
 */
void store_forget_dead(Store *s);

/* LMDB's code as -errno; 0 stays 0. */
int store_error(int rc);

/* Bytes of the file that hold data: what has been freed may be used again and does not count. */
int store_used(Store *s, uint64_t *ret_used); /* Return: 0, -errno */
uint64_t store_file_bytes(Store *s);
bool store_disk_is_full(Store *s);
bool store_may_grow(Store *s);

/*
 * A compact copy of what is durable now, as the bytes of a file, in pieces of at most so many. `sink`: 0 goes
 * on; anything else ends it, and is returned. The snapshot is held as long as it takes.
 */
typedef int (*StoreSinkFn)(void *context, const uint8_t *data, size_t n);
int store_copy_out(Store *s, size_t piece, StoreSinkFn sink, void *context);

/* Rows by key; rc as LMDB gives it. `change` of a key as it is in the transaction. */
int store_get(MDB_txn *txn, MDB_dbi dbi, const void *key, size_t n_key, MDB_val *ret_val);

static inline MDB_val store_val(const void *data, size_t n)
{
        /* LMDB takes keys and values through a pointer that is not const, and does not write to them. */
        return (MDB_val){ .mv_size = n, .mv_data = (void *)(uintptr_t)data };
}
